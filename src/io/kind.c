/* kind.c - see kind.h. */
#include "io/kind.h"

#include "base/err.h"
#include "io/file.h"
#include "io/h5.h"

#include <string.h>
#include <unistd.h>

/* HDF5's signature stands at the start, or behind a user block of 512, 1024, ... bytes. */
enum { LOOKED_AT = 4096 };

static bool has_signature(const char *head, size_t n)
{
    static const char signature[8] = "\x89HDF\r\n\x1a\n";

    for (size_t at = 0; at + sizeof signature <= n; at = at ? 2 * at : 512)
        if (memcmp(head + at, signature, sizeof signature) == 0)
            return true;
    return false;
}

static bool has_lines(const char *head, size_t n)
{
    static const char mark[3] = "\xEF\xBB\xBF"; /* what some editors put in front of UTF-8 */
    size_t i = n >= sizeof mark && memcmp(head, mark, sizeof mark) == 0 ? sizeof mark : 0;

    while (i < n && strchr(" \t\r\n", head[i]) && head[i])
        i++;
    return i == n || head[i] == '{';
}

static int look_inside(const char *path, enum mix_kind *kind)
{
    int rc;
    struct mix_h5 *file = NULL;
    H5I_type_t prompts, results;

    TRY(mix_h5_open(&file, path));
    TRY(mix_h5_kind(file, "/prompts", &prompts));
    TRY(mix_h5_kind(file, "/results", &results));
    if (prompts == H5I_BADID && results == H5I_BADID)
        rc = MIX_FAIL(MIX_EINPUT, "%s is HDF5, but has neither /prompts nor /results", path);
    else if (prompts != H5I_BADID && results != H5I_BADID)
        rc = MIX_FAIL(MIX_EINPUT, "%s has both /prompts and /results; put them into two files",
                      path);
    else
        *kind = prompts != H5I_BADID ? MIX_KIND_PROMPTS : MIX_KIND_RESULTS;
out:
    mix_h5_abandon(file);
    return rc;
}

int mix_kind_of(const char *path, enum mix_kind *kind)
{
    int rc, fd = -1;
    char head[LOOKED_AT];
    uint64_t bytes;
    size_t n;

    mix_h5_quiet();
    TRY(mix_file_open(path, &fd, &bytes));
    n = bytes < LOOKED_AT ? (size_t)bytes : LOOKED_AT;
    TRY(mix_file_pread(fd, path, head, n, 0));
    if (has_signature(head, n))
        rc = look_inside(path, kind);
    else if (has_lines(head, n))
        *kind = MIX_KIND_LINES;
    else
        rc = MIX_FAIL(MIX_EINPUT, "%s is neither HDF5 nor JSON lines", path);
out:
    if (fd >= 0)
        close(fd);
    return rc;
}
