/* results_limits.c - result files that are damaged, on full disks, or long. */
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "io/results.h"
#include "scratch.h"
#include "tap.h"

#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

/* n entries, about 600 bytes each. */
static int append_many(struct mix_results *r, int64_t n)
{
    struct mix_result e[100];
    static char text[100][400];
    static int32_t tokens[100];
    int rc = MIX_OK;

    for (int64_t at = 0; at < n; at += 100) {
        int some = n - at < 100 ? (int)(n - at) : 100;

        for (int i = 0; i < some; i++) {
            int len = snprintf(text[i], sizeof text[i], "%0*" PRId64, 300, at + i);

            tokens[i] = (int32_t)(at + i) % 1000;
            e[i] = (struct mix_result){.row = at + i,
                                       .text = text[i],
                                       .text_len = (size_t)len,
                                       .tokens = tokens,
                                       .tokens_count = i,
                                       .finish_reason = "length",
                                       .error = ""};
        }
        TRY(mix_results_append(r, e, some, NULL, NULL));
    }
out:
    return rc;
}

static int write_many(const char *path, int64_t n)
{
    struct mix_results *r = NULL;
    int rc;

    TRY(mix_results_create(&r, path, &(struct mix_results_schema){0}));
    TRY(append_many(r, n));
    TRY(mix_results_finish(r, NULL, 0));
out:
    mix_results_destroy(r);
    return rc;
}

static bool whole(const char *path, int64_t want)
{
    int64_t n = -1;

    return mix_results_verify(path, &n) == MIX_OK && n == want;
}

/* ---- damage ---- */

static char *slurp(const char *path, size_t *n)
{
    FILE *f = fopen(path, "rb");
    char *s;

    fseek(f, 0, SEEK_END);
    *n = (size_t)ftell(f);
    rewind(f);
    s = malloc(*n + 1);
    *n = fread(s, 1, *n, f);
    fclose(f);
    return s;
}

static void damage(void)
{
    enum { ENTRIES = 300 };
    size_t n;
    char *bytes;
    int wrong = 0, tries = 0;
    struct mix_results *r = NULL;
    struct mix_results_file *f = NULL;
    int64_t entries;

    ok(write_many(scratch("a.h5"), ENTRIES) == MIX_OK && whole(scratch("a.h5"), ENTRIES),
       "%d entries are whole", ENTRIES);
    bytes = slurp(scratch("a.h5"), &n);
    mix_log_level(MIX_LOG_SILENT);
    for (size_t cut = 0; cut < n; cut += n / 60 + 1, tries++) {
        scratch_write("b.h5", bytes, cut);
        wrong += whole(scratch("b.h5"), ENTRIES);
    }
    ok(wrong == 0, "a file cut at %d places is never whole", tries);

    wrong = tries = 0;
    for (size_t sector = 0; sector < n; sector += 512) {
        static const char zeros[512];
        char kept[512];
        size_t len = n - sector < 512 ? n - sector : 512;

        memcpy(kept, bytes + sector, len);
        if (memcmp(kept, zeros, len) == 0)
            continue;
        memset(bytes + sector, 0, len);
        scratch_write("b.h5", bytes, n);
        wrong += whole(scratch("b.h5"), ENTRIES);
        tries++;
        memcpy(bytes + sector, kept, len);
    }
    ok(wrong == 0, "with one of %d sectors zeroed it is never whole", tries);

    ok(mix_results_create(&r, scratch("b.h5"), &(struct mix_results_schema){0}) == MIX_OK &&
           append_many(r, 5000) == MIX_OK,
       "a file is begun");
    mix_results_destroy(r);
    ok(mix_results_verify(scratch("b.h5"), &entries) == MIX_EINPUT &&
           strstr(mix_err_last(), "not a finished"),
       "and given up: it is not whole, and the line says so");
    scratch_write("b.h5", "hello", 5);
    ok(mix_results_verify(scratch("b.h5"), &entries) == MIX_EINPUT &&
           strstr(mix_err_last(), "b.h5") && strstr(mix_err_last(), "5 bytes"),
       "a text file is not a result file");
    ok(mix_results_open(&f, scratch("b.h5")) == MIX_EINPUT && strstr(mix_err_last(), "b.h5") &&
           strstr(mix_err_last(), "signature"),
       "and cannot be opened as one");
    ok(mix_results_verify(scratch("none.h5"), &entries) == MIX_EINPUT &&
           strstr(mix_err_last(), "none.h5") && strstr(mix_err_last(), "No such file"),
       "a file that is not there");
    ok(mix_results_verify(scratch_folder, &entries) == MIX_EINPUT &&
           strstr(mix_err_last(), "folder"),
       "a folder");
    mix_log_level(MIX_LOG_INFO);
    free(bytes);
}

/* ---- full disks ---- */

static void full_by_limit(void)
{
    enum { ENTRIES = 5000 };
    struct rlimit old, tight;
    size_t n;
    int good = 0, tries = 0, named = 0;

    write_many(scratch("a.h5"), ENTRIES);
    free(slurp(scratch("a.h5"), &n));
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    tight = old;
    mix_log_level(MIX_LOG_SILENT);
    for (size_t most = 0; most < n; most += n / 40, tries++) {
        tight.rlim_cur = most;
        setrlimit(RLIMIT_FSIZE, &tight);
        good += write_many(scratch("full.h5"), ENTRIES) == MIX_ESTORAGE;
        named += strstr(mix_err_last(), "full.h5") != NULL;
        setrlimit(RLIMIT_FSIZE, &old);
        good -= whole(scratch("full.h5"), ENTRIES);
    }
    mix_log_level(MIX_LOG_INFO);
    ok(good == tries && named == tries,
       "%d files that may not grow: storage, the file named, never "
       "whole",
       tries);
    ok(write_many(scratch("full.h5"), ENTRIES) == MIX_OK && whole(scratch("full.h5"), ENTRIES),
       "then with room: whole");
}

static void full_disk(void)
{
    char command[1200];
    int good = 0;

    snprintf(command, sizeof command,
             "mkdir -p '%s' && mount -t tmpfs -o size=1m tmpfs '%s' 2>/dev/null", scratch("disk"),
             scratch("disk"));
    if (system(command) != 0) {
        tap_skip("a full disk", "only root can mount a tmpfs");
        return;
    }
    mix_log_level(MIX_LOG_SILENT);
    for (int i = 0; i < 3; i++) {
        good += write_many(scratch("disk/full.h5"), 20000) == MIX_ESTORAGE &&
                strstr(mix_err_last(), "disk/full.h5") && strstr(mix_err_last(), "No space left");
        good -= whole(scratch("disk/full.h5"), 20000);
    }
    mix_log_level(MIX_LOG_INFO);
    ok(good == 3, "a full disk: storage, the file and the cause named");
    snprintf(command, sizeof command, "umount '%s'", scratch("disk"));
    ok(system(command) == 0, "nothing holds the file open afterwards");
}

static void many(void)
{
    size_t few, lots;
    bool good = write_many(scratch("a.h5"), 10000) == MIX_OK && whole(scratch("a.h5"), 10000);

    few = mix_peak_rss();
    good = good && write_many(scratch("b.h5"), 100000) == MIX_OK && whole(scratch("b.h5"), 100000);
    lots = mix_peak_rss();
    ok(good, "100000 entries are written and whole");
#ifdef __SANITIZE_ADDRESS__
    (void)few;
    (void)lots;
    tap_skip("memory does not grow with them", "the sanitizer keeps freed memory");
#else
    printf("# peak memory %zu MiB with 10000 entries, %zu MiB with 100000\n", few >> 20,
           lots >> 20);
    ok(lots - few < 24 << 20, "memory does not grow with them");
#endif
}

int main(void)
{
    scratch_begin();
    damage();
    full_by_limit();
    full_disk();
    many();
    scratch_end();
    return tap_done();
}
