/* store_limits.c - many rows in little memory, and a disk that is full. */
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "filing.h"
#include "io/file.h"
#include "tap.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- memory */

#ifndef __SANITIZE_ADDRESS__

/* In a process of its own, so that it costs the next one nothing. */
static void write_prompts(int64_t rows)
{
    pid_t pid = fork();

    if (pid == 0) {
        filing_prompts("in.h5", rows, -1);
        _exit(0);
    }
    waitpid(pid, NULL, 0);
}

/* Peak memory of a process that does the whole job, KiB; -1 if it failed. */
static long peak(int64_t rows, int replicas)
{
    struct mix_job_identity id = filing_identity("out.h5", "in.h5", rows);
    int to_parent[2];
    long kib = -1;
    pid_t pid;

    write_prompts(rows);
    if (pipe(to_parent) || (pid = fork()) < 0)
        return -1;
    if (pid == 0) {
        mix_one_heap();
        if (filing_run(&id, replicas, &(struct filing_pace){2, 0, 0, 1}) == MIX_OK)
            kib = (long)(mix_peak_rss() / 1024);
        _exit(write(to_parent[1], &kib, sizeof kib) != sizeof kib);
    }
    if (read(to_parent[0], &kib, sizeof kib) != sizeof kib)
        kib = -1;
    waitpid(pid, NULL, 0);
    close(to_parent[0]);
    close(to_parent[1]);
    unlink(filing_path("out.h5"));
    unlink(filing_path("in.h5"));
    return kib;
}

/* Shards of at most 416 rows each time; the difference was 0.4 MiB.  Without limits to HDF5's
 * caches it is 25 MiB. */
static void flat_memory(void)
{
    long few = peak(10000, 6), many = peak(100000, 60);

    ok(few > 0 && many > 0 && many < few + 2048, "100,000 rows peak at %ld KiB, 10,000 at %ld KiB",
       many, few);
}

#else

static void flat_memory(void)
{
    tap_skip("100,000 rows", "the sanitizer keeps what was freed");
}

#endif

/* ---- disk */

/* The job on a disk of so many KiB; *more: then enlarge it and do it again. */
static int on_small_disk(long kib, int *more)
{
    enum { ROWS = 300 };
    struct mix_job_identity id = filing_identity("disk/out.h5", "in.h5", ROWS);
    struct filing_pace pace = {2, 7, 0, 1};
    struct mix_str got = {0}, want = {0};
    char size[32];
    int rc;

    snprintf(size, sizeof size, "size=%ldk", kib);
    if (mount("mix", filing_path("disk"), "tmpfs", 0, size))
        return -1;
    mix_log_level(MIX_LOG_SILENT);
    rc = filing_run(&id, 4, &pace);
    mix_log_level(MIX_LOG_ERROR);
    *more = 0;
    if (rc == MIX_ESTORAGE) {
        mount("mix", filing_path("disk"), "tmpfs", MS_REMOUNT, "size=64m");
        *more = filing_run(&id, 2, &pace);
        filing_expect(ROWS, -1, &want);
        if (*more == MIX_OK && (filing_dump(id.output, &got) || got.len != want.len ||
                                memcmp(got.s, want.s, want.len) != 0))
            *more = MIX_EBUG;
    }
    mix_str_fini(&got);
    mix_str_fini(&want);
    umount(filing_path("disk"));
    return rc;
}

static void full_disk(void)
{
    static const long kib[] = {40, 150, 400, 700, 1100, 1500};
    int full = 0, bad = 0, more;

    mkdir(filing_path("disk"), 0700);
    filing_prompts("in.h5", 300, -1);
    if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL)) {
        tap_skip("a full disk", "this user cannot mount");
        return;
    }
    for (size_t i = 0; i < sizeof kib / sizeof kib[0]; i++) {
        int rc = on_small_disk(kib[i], &more);

        if (rc == -1) {
            tap_skip("a full disk", "cannot mount a tmpfs");
            return;
        }
        full += rc == MIX_ESTORAGE;
        bad += (rc != MIX_OK && rc != MIX_ESTORAGE) || more != MIX_OK;
        if (rc != MIX_OK && rc != MIX_ESTORAGE)
            printf("# %ld KiB: code %d, %s\n", kib[i], rc, mix_err_last());
    }
    ok(bad == 0 && full >= 3,
       "full at %d of 6 moments: code 8, and with more room the job goes on to its end", full);
}

int main(void)
{
    filing_begin();
    flat_memory();
    full_disk();
    filing_end();
    return tap_done();
}
