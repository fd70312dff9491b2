/* convert.c - see convert.h. */
#include "engine/convert.h"

#include "base/err.h"
#include "engine/export.h"
#include "engine/import.h"
#include "io/kind.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

static bool ends_in(const char *path, const char *const *suffix)
{
    size_t n = strlen(path);

    for (; *suffix; suffix++) {
        size_t m = strlen(*suffix);
        if (n > m && strcasecmp(path + n - m, *suffix) == 0)
            return true;
    }
    return false;
}

static int check_ways(const char *in, const char *out, enum mix_kind kind, bool to_lines)
{
    struct stat a, b;

    if (kind == MIX_KIND_LINES && to_lines)
        return MIX_FAIL(MIX_EUSAGE, "%s is JSON lines already; call the output .h5", in);
    if (kind != MIX_KIND_LINES && !to_lines)
        return MIX_FAIL(MIX_EUSAGE, "%s is HDF5 already; call the output .jsonl", in);
    if (stat(out, &b) != 0)
        return MIX_OK;
    if (stat(in, &a) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
        return MIX_FAIL(MIX_EUSAGE, "%s and %s are the same file", in, out);
    if (!to_lines && !S_ISREG(b.st_mode))
        return MIX_FAIL(MIX_EUSAGE, "%s is there and is no regular file, which HDF5 needs", out);
    return MIX_OK;
}

int mix_convert(const char *in, const char *out, int64_t *rows)
{
    static const char *const hdf5[] = {".h5", ".hdf5", NULL}, *const lines[] = {".jsonl", ".ndjson",
                                                                                NULL};
    int rc;
    enum mix_kind kind;
    bool to_lines = ends_in(out, lines) || strncmp(out, "/dev/", 5) == 0;

    if (!to_lines && !ends_in(out, hdf5))
        return MIX_FAIL(MIX_EUSAGE, "%s: the name says what to make: end it in .h5 or .jsonl", out);
    TRY(mix_kind_of(in, &kind));
    TRY(check_ways(in, out, kind, to_lines));
    if (kind == MIX_KIND_LINES)
        TRY(mix_import_prompts(in, out, rows));
    else if (kind == MIX_KIND_PROMPTS)
        TRY(mix_export_prompts(in, out, rows));
    else
        TRY(mix_export_results(in, out, rows));
out:
    return rc;
}
