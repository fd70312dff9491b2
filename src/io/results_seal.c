/* results_seal.c - a checksum of a result file's bytes, in front of what HDF5 reads.
 *
 * HDF5 leaves a file's first bytes to the user if asked to (the user block), and
 * starts behind them.  The seal is one line of text there, written after the
 * file was closed.  It is looked at before HDF5 is: on a damaged file HDF5 1.10
 * may loop for ever or read beyond its memory (seen with a zeroed sector). */
#include "io/results_form.h"

#include "base/busy.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { STEP = 64 << 10 };

/* The seal that the file at fd should have. */
static int make_seal(int fd, const char *path, uint64_t bytes, char seal[MIX_RESULTS_SEAL])
{
    int rc = MIX_OK;
    struct mix_hasher *h = NULL;
    char *buf = NULL;

    TRY(mix_hasher_create(&h));
    TRY(mix_calloc(&buf, 1, STEP, "a checksum"));
    for (uint64_t at = MIX_RESULTS_SEAL; at < bytes;) {
        size_t n = bytes - at < STEP ? (size_t)(bytes - at) : STEP;

        TRY(mix_file_pread(fd, path, buf, n, at));
        mix_hasher_add(h, buf, n);
        at += n;
        TRY(mix_busy());
    }
    memset(seal, 0, MIX_RESULTS_SEAL);
    snprintf(
        seal, MIX_RESULTS_SEAL,
        "mixserve results, an HDF5 file; the %llu bytes behind the first %d have XXH3 %016llx\n",
        (unsigned long long)(bytes - MIX_RESULTS_SEAL), MIX_RESULTS_SEAL,
        (unsigned long long)mix_hasher_value(h));
out:
    free(buf);
    mix_hasher_destroy(h);
    return rc;
}

int mix_results_seal(const char *path)
{
    int rc = MIX_OK, fd = open(path, O_RDWR | O_CLOEXEC);
    uint64_t bytes;
    char seal[MIX_RESULTS_SEAL];

    if (fd < 0) {
        rc = mix_file_error(errno, true, "open", path);
        goto out;
    }
    TRY(mix_file_size(path, &bytes));
    MIX_CHECK(bytes >= MIX_RESULTS_SEAL, "%s has %llu bytes", path, (unsigned long long)bytes);
    TRY(make_seal(fd, path, bytes, seal));
    TRY(mix_file_pwrite(fd, path, seal, sizeof seal, 0));
out:
    if (fd >= 0 && close(fd) != 0 && rc == MIX_OK)
        rc = mix_file_error(errno, true, "close", path);
    return rc;
}

int mix_results_check_seal(const char *path)
{
    int rc = MIX_OK, fd = -1;
    uint64_t bytes;
    char want[MIX_RESULTS_SEAL], found[MIX_RESULTS_SEAL];

    TRY(mix_file_open(path, &fd, &bytes));
    if (bytes < MIX_RESULTS_SEAL) {
        rc = MIX_FAIL(MIX_EINPUT, "%s: not a finished result file: it has %llu bytes", path,
                      (unsigned long long)bytes);
        goto out;
    }
    TRY(mix_file_pread(fd, path, found, sizeof found, 0));
    if (found[0] == '\0') {
        rc = MIX_FAIL(MIX_EINPUT, "%s: not a finished result file: it has no seal", path);
        goto out;
    }
    TRY(make_seal(fd, path, bytes, want));
    if (memcmp(found, want, sizeof want) != 0)
        rc = MIX_FAIL(MIX_EINPUT,
                      "%s: damaged, or changed since it was finished: its bytes do not "
                      "have the checksum in its first line",
                      path);
out:
    if (fd >= 0)
        close(fd);
    return rc;
}
