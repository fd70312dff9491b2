/* ledger.c - records survive, torn and damaged tails are cut at every byte and for every bit. */
#include "io/ledger.h"

#include "base/err.h"
#include "base/log.h"
#include "base/str.h"
#include "io/file.h"
#include "scratch.h"
#include "tap.h"

#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- a disk that can be told to refuse: these stand before libc's */

static long pwrite_room = -1; /* bytes that still fit; -1: any */
static int fdatasync_error, pread_error, syncs;

ssize_t pwrite(int fd, const void *src, size_t n, off_t at)
{
    if (pwrite_room == 0) {
        errno = ENOSPC;
        return -1;
    }
    if (pwrite_room > 0 && n > (size_t)pwrite_room)
        n = (size_t)pwrite_room;
    if (pwrite_room > 0)
        pwrite_room -= (long)n;
    return syscall(SYS_pwrite64, fd, src, n, at);
}

ssize_t pread(int fd, void *dst, size_t n, off_t at)
{
    if (pread_error) {
        errno = pread_error;
        return -1;
    }
    return syscall(SYS_pread64, fd, dst, n, at);
}

int fdatasync(int fd)
{
    syncs++;
    if (fdatasync_error) {
        errno = fdatasync_error;
        return -1;
    }
    return (int)syscall(SYS_fdatasync, fd);
}

enum { RECORDS = 5 };

static struct mix_ledger_record sample(int i)
{
    struct mix_ledger_record r = {
        .kind = i % 2 ? MIX_LEDGER_SHARD : MIX_LEDGER_PIECE,
        .first = i * 512LL,
        .last = i == 4 ? INT64_MAX : i * 512LL + 511,
        .bytes = i == 4 ? INT64_MAX : 1000u + (unsigned)i,
        .attempt = i + 1,
        .plan = i == 4 ? UINT64_MAX : (unsigned)i,
    };

    snprintf(r.file, sizeof r.file, "piece-1-0-%d.h5", i);
    return r;
}

static bool same(const struct mix_ledger_record *a, const struct mix_ledger_record *b)
{
    return a->kind == b->kind && a->first == b->first && a->last == b->last &&
           strcmp(a->file, b->file) == 0 && a->bytes == b->bytes && a->attempt == b->attempt &&
           a->plan == b->plan;
}

/* How many samples, in order, the ledger holds; -1 if it fails or holds anything else. */
static int prefix(const char *name, size_t *cut)
{
    struct mix_ledger_record *r = NULL;
    size_t n = 0;
    int good = mix_ledger_read(scratch(name), &r, &n, cut) == MIX_OK ? (int)n : -1;

    for (size_t i = 0; good >= 0 && i < n; i++) {
        struct mix_ledger_record want = sample((int)i);
        if (!same(&r[i], &want))
            good = -1;
    }
    free(r);
    return good;
}

/* The bytes of a ledger of RECORDS samples, and where each record ends. */
static struct mix_str content;
static size_t end[RECORDS + 1];

static void appending(void)
{
    struct mix_ledger *l = NULL;
    struct mix_ledger_record r;
    uint64_t bytes = 0;
    size_t cut = 99;
    bool good = true;

    ok(mix_ledger_open(&l, scratch("l")) == MIX_OK && prefix("l", &cut) == 0 && cut == 0,
       "a new ledger is there and empty");
    for (int i = 0; i < RECORDS; i++) {
        r = sample(i);
        good &= mix_ledger_append(l, &r) == MIX_OK && prefix("l", &cut) == i + 1 && cut == 0 &&
                mix_file_size(scratch("l"), &bytes) == MIX_OK;
        end[i + 1] = bytes;
    }
    ok(good && syncs == RECORDS, "each record can be read at once, and was synced once");
    mix_ledger_close(l);
    mix_ledger_close(NULL);
    ok(mix_file_read(&content, scratch("l"), 1 << 20) == MIX_OK && content.len == end[RECORDS] &&
           strstr(content.s + 8, "{\"kind\":\"piece\""),
       "a record is text that a person can read");

    ok(mix_ledger_open(&l, scratch("l")) == MIX_OK, "opened again");
    r = sample(RECORDS);
    ok(mix_ledger_append(l, &r) == MIX_OK && prefix("l", NULL) == RECORDS + 1,
       "it goes on after its last record");
    mix_ledger_close(l);
    ok(prefix("none", NULL) == -1, "no ledger is a failure, not an empty one");
    ok(mix_ledger_open(&l, scratch("none/l")) == MIX_ESTORAGE, "no folder for it");
}

static void bounds(void)
{
    struct mix_ledger *l = NULL;
    struct mix_ledger_record r[10];
    int refused = 0;

    for (int i = 0; i < 10; i++)
        r[i] = sample(1);
    r[0].kind = MIX_LEDGER_KINDS;
    r[1].first = -1;
    r[2].last = r[2].first - 1;
    r[3].file[0] = '\0';
    strcpy(r[4].file, "../x");
    memset(r[5].file, 'x', sizeof r[5].file);
    strcpy(r[6].file, "\xFF");
    r[7].bytes = (uint64_t)INT64_MAX + 1;
    r[8].attempt = 0;
    r[9].kind = (enum mix_ledger_kind) - 1;
    ok(mix_ledger_open(&l, scratch("b")) == MIX_OK, "a ledger for wrong records");
    for (int i = 0; i < 10; i++)
        refused += mix_ledger_append(l, &r[i]) == MIX_EBUG;
    ok(refused == 10 && prefix("b", NULL) == 0, "a record out of bounds is a bug and not written");
    memset(r[1].file, '"', sizeof r[1].file - 1); /* twice as long in JSON */
    r[1].file[sizeof r[1].file - 1] = '\0';
    r[1].first = 512;
    struct mix_ledger_record *got = NULL;
    size_t n = 0;
    ok(mix_ledger_append(l, &r[1]) == MIX_OK &&
           mix_ledger_read(scratch("b"), &got, &n, NULL) == MIX_OK && n == 1 &&
           same(&got[0], &r[1]),
       "the longest name, of characters that JSON escapes");
    free(got);
    mix_ledger_close(l);
}

/* Records that end at or before byte at. */
static int whole_before(size_t at)
{
    int n = 0;

    while (n < RECORDS && end[n + 1] <= at)
        n++;
    return n;
}

static void torn(void)
{
    int wrong = 0, wrong_cut = 0, wrong_after = 0;
    size_t cut;

    for (size_t len = 0; len <= content.len; len++) {
        int want = whole_before(len);
        scratch_write("t", content.s, len);
        wrong += prefix("t", &cut) != want;
        wrong_cut += cut != len - end[want];
        /* A new attempt of the same name goes on behind the whole records. */
        if (len % 7 == 0 && want < RECORDS) {
            struct mix_ledger *l = NULL;
            struct mix_ledger_record r = sample(want);
            uint64_t bytes = 0;
            int rc = mix_ledger_open(&l, scratch("t"));
            rc = rc ? rc : mix_file_size(scratch("t"), &bytes);
            wrong_after += bytes != end[want];
            rc = rc ? rc : mix_ledger_append(l, &r);
            wrong_after += rc != MIX_OK || prefix("t", &cut) != want + 1 || cut != 0;
            mix_ledger_close(l);
        }
    }
    ok(wrong == 0, "cut at any byte it reads as the records before the cut");
    ok(wrong_cut == 0, "and says how many bytes are none");
    ok(wrong_after == 0, "and opened again it goes on from there");
}

static void damaged(void)
{
    int wrong = 0;
    size_t cut;

    for (size_t at = 0; at < content.len; at++) {
        int want = 0;
        while (end[want + 1] <= at)
            want++;
        for (int how = 0; how < 9; how++) {
            char change = how < 8 ? (char)(1 << how) : (char)0xFF;
            content.s[at] ^= change;
            scratch_write("d", content.s, content.len);
            wrong += prefix("d", &cut) != want;
            content.s[at] ^= change;
        }
    }
    ok(wrong == 0, "with any bit or byte flipped it reads as the records before");

    char zeros[4096] = {0};
    scratch_write("z", zeros, sizeof zeros);
    ok(prefix("z", &cut) == 0 && cut == sizeof zeros, "a file of zeros has no records");
    memset(zeros, 0xFF, sizeof zeros);
    scratch_write("z", zeros, sizeof zeros);
    ok(prefix("z", &cut) == 0 && cut == sizeof zeros, "nor has one of ones");
}

static void refused(void)
{
    struct mix_ledger *l = NULL;
    struct mix_ledger_record r = sample(0);
    int wrong = 0;
    size_t cut;

    ok(mix_ledger_open(&l, scratch("f")) == MIX_OK && mix_ledger_append(l, &r) == MIX_OK,
       "a ledger with a record");
    r = sample(1);
    for (long room = 0; room < 100; room += 9) {
        pwrite_room = room;
        wrong += mix_ledger_append(l, &r) != MIX_ESTORAGE;
        pwrite_room = -1;
        wrong += prefix("f", &cut) != 1 || cut != 0;
    }
    ok(wrong == 0 && strstr(mix_err_last(), "disk full"),
       "a disk that is full within a record leaves the records before");
    fdatasync_error = EIO;
    ok(mix_ledger_append(l, &r) == MIX_ESTORAGE && prefix("f", &cut) == 1,
       "a record that cannot be synced is none");
    fdatasync_error = 0;
    ok(mix_ledger_append(l, &r) == MIX_OK && prefix("f", &cut) == 2 && cut == 0,
       "and once there is room it is written");
    mix_ledger_close(l);
    pread_error = EIO;
    struct mix_ledger_record *got = NULL;
    size_t n;
    ok(mix_ledger_read(scratch("f"), &got, &n, NULL) == MIX_ESTORAGE && !got,
       "a disk that cannot be read is a failure");
    ok(mix_ledger_open(&l, scratch("f")) == MIX_ESTORAGE, "also for the writer");
    pread_error = 0;
}

/* A whole record that this version does not know must not be taken for a torn tail. */
static void foreign(void)
{
    struct mix_ledger_record *got = NULL;
    /* {"kind":"odd"}: length 14, CRC-32C of length and payload by a bitwise loop in Python. */
    static const unsigned char record[] = "\x0e\0\0\0\x37\x46\x0e\xc4"
                                          "{\"kind\":\"odd\"}";
    size_t n;

    scratch_write("o", record, sizeof record - 1);
    ok(mix_ledger_read(scratch("o"), &got, &n, NULL) == MIX_EINPUT &&
           strstr(mix_err_last(), "another version"),
       "a whole record of another version is refused");
}

int main(void)
{
    mix_log_level(MIX_LOG_SILENT);
    scratch_begin();
    appending();
    bounds();
    torn();
    damaged();
    refused();
    foreign();
    mix_str_fini(&content);
    scratch_end();
    return tap_done();
}
