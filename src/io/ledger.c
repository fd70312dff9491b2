/* ledger.c - see ledger.h. */
#include "io/ledger.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { HEAD = 8, MOST_PAYLOAD = 4096 };

static const uint64_t most_ledger = UINT64_C(1) << 30; /* 5 million records */

static const char *const kind_name[MIX_LEDGER_KINDS] = {
    [MIX_LEDGER_PIECE] = "piece",
    [MIX_LEDGER_SHARD] = "shard",
};

struct mix_ledger {
    char *path;
    int fd;
    uint64_t end; /* of the last whole record */
};

static void put32(unsigned char *p, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        p[i] = (unsigned char)(v >> 8 * i);
}

static uint32_t get32(const unsigned char *p)
{
    return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24;
}

/* The checksum covers the length too: a wrong length must not pass for another record. */
static uint32_t checksum(const unsigned char *record, uint32_t payload)
{
    unsigned char covered[4 + MOST_PAYLOAD];

    memcpy(covered, record, 4);
    memcpy(covered + 4, record + HEAD, payload);
    return mix_crc32c(covered, 4 + (size_t)payload);
}

/* ---- one record */

static bool in_bounds(const struct mix_ledger_record *r)
{
    size_t n = strnlen(r->file, sizeof r->file);

    return (unsigned)r->kind < MIX_LEDGER_KINDS && r->first >= 0 && r->last >= r->first && n > 0 &&
           n < sizeof r->file && !memchr(r->file, '/', n) && mix_utf8_valid(r->file, n, NULL) &&
           r->bytes <= INT64_MAX && r->attempt >= 1;
}

static int encode(struct mix_str *out, const struct mix_ledger_record *r)
{
    unsigned char head[HEAD] = {0};
    char plan[17], *payload = NULL;
    json_t *root = NULL;
    int rc;

    MIX_CHECK(in_bounds(r), "ledger record of rows %" PRId64 " to %" PRId64 " is out of bounds",
              r->first, r->last);
    snprintf(plan, sizeof plan, "%016" PRIx64, r->plan);
    root = json_pack("{s:s, s:I, s:I, s:s, s:I, s:i, s:s}", "kind", kind_name[r->kind], "first",
                     (json_int_t)r->first, "last", (json_int_t)r->last, "file", r->file, "bytes",
                     (json_int_t)r->bytes, "attempt", (int)r->attempt, "plan", plan);
    payload = root ? json_dumps(root, JSON_COMPACT) : NULL;
    MIX_CHECK(payload && strlen(payload) <= MOST_PAYLOAD, "cannot write a ledger record as JSON");

    put32(head, (uint32_t)strlen(payload));
    TRY(mix_str_add(out, head, HEAD));
    TRY(mix_str_add(out, payload, strlen(payload)));
    put32(head + 4, checksum((unsigned char *)out->s, (uint32_t)strlen(payload)));
    memcpy(out->s + 4, head + 4, 4);
out:
    json_decref(root);
    free(payload);
    return rc;
}

static bool parse_hex(const char *s, uint64_t *v)
{
    if (strlen(s) != 16 || strspn(s, "0123456789abcdef") != 16)
        return false;
    *v = strtoull(s, NULL, 16);
    return true;
}

/* False if the payload is none of ours, although it is whole. */
static bool decode(struct mix_ledger_record *r, const char *payload, size_t n)
{
    const char *kind, *file, *plan;
    json_int_t first, last, bytes, attempt;
    json_t *root = json_loadb(payload, n, JSON_REJECT_DUPLICATES, NULL);
    bool good = root && json_unpack(root, "{s:s, s:I, s:I, s:s, s:I, s:I, s:s}", "kind", &kind,
                                    "first", &first, "last", &last, "file", &file, "bytes", &bytes,
                                    "attempt", &attempt, "plan", &plan) == 0;

    if (good) {
        *r = (struct mix_ledger_record){
            .kind = MIX_LEDGER_KINDS, .first = first, .last = last, .bytes = (uint64_t)bytes};
        for (int k = 0; k < MIX_LEDGER_KINDS; k++)
            if (strcmp(kind, kind_name[k]) == 0)
                r->kind = (enum mix_ledger_kind)k;
        r->attempt = attempt >= 1 && attempt <= INT32_MAX ? (int32_t)attempt : 0;
        good = strlen(file) < sizeof r->file && parse_hex(plan, &r->plan);
        if (good)
            memcpy(r->file, file, strlen(file) + 1);
        good = good && in_bounds(r);
    }
    json_decref(root);
    return good;
}

/* ---- reading */

/* Is there a whole and right record at p?  Its payload's length, or -1. */
static long whole_record(const unsigned char *p, size_t left)
{
    uint32_t n;

    if (left < HEAD)
        return -1;
    n = get32(p);
    if (n == 0 || n > MOST_PAYLOAD || n > left - HEAD || get32(p + 4) != checksum(p, n))
        return -1;
    return (long)n;
}

static int parse(const struct mix_str *text, const char *path, struct mix_ledger_record **out,
                 size_t *count, size_t *end)
{
    struct mix_ledger_record *records = NULL;
    const unsigned char *p = (const unsigned char *)text->s;
    size_t at = 0, room = 0, n = 0;
    int rc = MIX_OK;
    long payload;

    while ((payload = whole_record(p + at, text->len - at)) >= 0) {
        TRY(mix_grow(&records, &room, n + 1, sizeof *records, "ledger records"));
        if (!decode(&records[n], text->s + at + HEAD, (size_t)payload)) {
            rc = MIX_FAIL(MIX_EINPUT,
                          "%s: record %zu is of another version of mixserve: go on with that one",
                          path, n);
            goto out;
        }
        n++;
        at += HEAD + (size_t)payload;
    }
    if (at < text->len) {
        /* A killed writer leaves less than it announced; anything else is damage. */
        bool torn = text->len - at < HEAD ||
                    (get32(p + at) <= MOST_PAYLOAD && get32(p + at) > text->len - at - HEAD);
        mix_log(torn ? MIX_LOG_DEBUG : MIX_LOG_WARN, "%s: %zu bytes after record %zu are %s", path,
                text->len - at, n,
                torn ? "a torn record" : "damaged; what they recorded is redone");
    }
    *out = records;
    *count = n;
    *end = at;
    records = NULL;
out:
    free(records);
    return rc;
}

int mix_ledger_read(const char *path, struct mix_ledger_record **records, size_t *count,
                    size_t *cut)
{
    struct mix_str text = {0};
    size_t end;
    int rc;

    TRY(mix_file_read(&text, path, most_ledger));
    TRY(parse(&text, path, records, count, &end));
    if (cut)
        *cut = text.len - end;
out:
    mix_str_fini(&text);
    return rc;
}

/* ---- writing */

int mix_ledger_open(struct mix_ledger **out, const char *path)
{
    struct mix_ledger_record *records = NULL;
    struct mix_ledger *l = NULL;
    struct mix_str text = {0};
    size_t count, end;
    int rc;

    TRY(mix_calloc(&l, 1, sizeof *l, "a ledger"));
    l->fd = -1;
    if (!(l->path = mix_strdup(path))) {
        rc = MIX_EFIT;
        goto out;
    }
    l->fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (l->fd < 0) {
        rc = mix_file_error(errno, true, "open", path);
        goto out;
    }
    TRY(mix_file_read(&text, path, most_ledger));
    TRY(parse(&text, path, &records, &count, &end));
    l->end = end;
    if (end < text.len && (ftruncate(l->fd, (off_t)end) != 0 || fsync(l->fd) != 0)) {
        rc = mix_file_error(errno, true, "cut", path);
        goto out;
    }
    TRY(mix_file_sync_folder(path));
    *out = l;
    l = NULL;
out:
    mix_ledger_close(l);
    mix_str_fini(&text);
    free(records);
    return rc;
}

void mix_ledger_close(struct mix_ledger *l)
{
    if (!l)
        return;
    if (l->fd >= 0)
        close(l->fd);
    free(l->path);
    free(l);
}

int mix_ledger_append(struct mix_ledger *l, const struct mix_ledger_record *record)
{
    struct mix_str bytes = {0};
    int rc;

    TRY(encode(&bytes, record));
    rc = mix_file_pwrite(l->fd, l->path, bytes.s, bytes.len, l->end);
    if (rc == MIX_OK && fdatasync(l->fd) != 0)
        rc = mix_file_error(errno, true, "sync", l->path);
    if (rc == MIX_OK)
        l->end += bytes.len;
    else if (ftruncate(l->fd, (off_t)l->end) != 0)
        /* What was written of it stays; the next record is written over it. */
        mix_log(MIX_LOG_DEBUG, "cut %s: %s", l->path, strerror(errno));
out:
    mix_str_fini(&bytes);
    return rc;
}
