/* jsonl.c - see jsonl.h. */
#include "text/jsonl.h"

#include "base/busy.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum {
    STRIDE = 256,     /* rows from one place that is kept to the next */
    BUFFER = 1 << 20, /* bytes read at once */
};

struct mix_jsonl {
    char *path;
    int fd;
    int64_t size; /* bytes, when it was opened */
    int64_t rows;
    int64_t *place; /* [places] where row STRIDE * i begins */
    size_t places, room;
    int64_t end;  /* behind the last row's line end */
    char *buffer; /* [BUFFER], the bytes [at, at + filled) of the file */
    int64_t at;
    size_t filled;
    int64_t next_row, next_place; /* where the last read stopped */
    struct mix_str line;          /* the line at hand */
};

/* The bytes of the file from place on: at least one before the file's end, else none. */
static int look(struct mix_jsonl *j, int64_t place, const char **bytes, size_t *n)
{
    int rc;

    if (place < j->at || place >= j->at + (int64_t)j->filled) {
        int64_t left = j->size - place;
        ssize_t got = 0;

        while (left > 0 &&
               (got = pread(j->fd, j->buffer, left < BUFFER ? (size_t)left : BUFFER, place)) < 0 &&
               errno == EINTR)
            ;
        j->filled = 0;
        if (got < 0)
            return MIX_FAIL(MIX_ESTORAGE, "read %s: %s", j->path, strerror(errno));
        if (left > 0 && got == 0)
            return MIX_FAIL(MIX_ESTORAGE, "read %s: it became shorter while it was read", j->path);
        j->at = place;
        j->filled = (size_t)got;
        if ((rc = mix_busy()) != MIX_OK)
            return rc;
    }
    *bytes = j->buffer + (place - j->at);
    *n = j->filled - (size_t)(place - j->at);
    return MIX_OK;
}

/* Of the line that begins at place: where the next line begins, and whether it is blank.  Its text,
 * without the line feed, goes to line, if that is not NULL; of a line that is too long for a row
 * only so much that this can be seen. */
static int pass_line(struct mix_jsonl *j, int64_t place, struct mix_str *line, int64_t *next,
                     bool *blank)
{
    int rc;

    *blank = true;
    for (;;) {
        const char *bytes, *end;
        size_t n, take;

        TRY(look(j, place, &bytes, &n));
        if (n == 0)
            break;
        end = memchr(bytes, '\n', n);
        take = end ? (size_t)(end - bytes) : n;
        for (size_t i = 0; *blank && i < take; i++)
            *blank = bytes[i] == ' ' || bytes[i] == '\t' || bytes[i] == '\r';
        if (line && line->len <= MIX_JSONL_LONGEST)
            TRY(mix_str_add(line, bytes, take));
        place += (int64_t)take + (end != NULL);
        if (end)
            break;
    }
    *next = place;
out:
    return rc;
}

static int scan(struct mix_jsonl *j)
{
    int rc;
    int64_t place = 0, next, row = 0;
    const char *bytes;
    size_t n;

    TRY(look(j, 0, &bytes, &n));
    if (n >= 3 && memcmp(bytes, "\xEF\xBB\xBF", 3) == 0)
        place = 3;
    j->end = place;
    for (; place < j->size; place = next, row++) {
        bool blank;

        if (row % STRIDE == 0) {
            TRY(mix_grow(&j->place, &j->room, j->places + 1, sizeof *j->place, "places of rows"));
            j->place[j->places++] = place;
        }
        TRY(pass_line(j, place, NULL, &next, &blank));
        if (!blank) {
            j->rows = row + 1;
            j->end = next;
        }
    }
out:
    return rc;
}

int mix_jsonl_open(struct mix_jsonl **out, const char *path)
{
    int rc;
    struct stat st;
    struct mix_jsonl *j = NULL;

    TRY(mix_calloc(&j, 1, sizeof *j, "a JSONL file"));
    j->fd = -1;
    if (!(j->path = mix_strdup(path)))
        TRY(MIX_EFIT);
    TRY(mix_calloc(&j->buffer, BUFFER, 1, "a buffer"));
    j->fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (j->fd < 0)
        TRY(MIX_FAIL(MIX_EINPUT, "open %s: %s", path, strerror(errno)));
    if (fstat(j->fd, &st) != 0)
        TRY(MIX_FAIL(MIX_ESTORAGE, "stat %s: %s", path, strerror(errno)));
    if (!S_ISREG(st.st_mode))
        TRY(MIX_FAIL(MIX_EINPUT, "%s is no regular file; rows are read in any order", path));
    j->size = st.st_size;
    TRY(scan(j));
    *out = j;
    j = NULL;
out:
    mix_jsonl_close(j);
    return rc;
}

void mix_jsonl_close(struct mix_jsonl *j)
{
    if (!j)
        return;
    if (j->fd >= 0)
        close(j->fd);
    mix_str_fini(&j->line);
    free(j->path);
    free(j->place);
    free(j->buffer);
    free(j);
}

int64_t mix_jsonl_rows(const struct mix_jsonl *j)
{
    return j->rows;
}

/* Where a row begins; of the row behind the last: the end. */
static int find(struct mix_jsonl *j, int64_t row, int64_t *place)
{
    int rc = MIX_OK;
    int64_t at = row / STRIDE * STRIDE;
    bool blank;

    if (row == j->rows) {
        *place = j->end;
        return MIX_OK;
    }
    *place = j->place[row / STRIDE];
    if (j->next_row > at && j->next_row <= row) {
        at = j->next_row;
        *place = j->next_place;
    }
    for (; at < row; at++)
        TRY(pass_line(j, *place, NULL, place, &blank));
out:
    return rc;
}

int mix_jsonl_read(struct mix_jsonl *j, int64_t first, int64_t n, const char *const *names,
                   int count, struct mix_jsonl_row *rows)
{
    int rc;
    int64_t place, done = 0;
    bool blank;

    MIX_CHECK(first >= 0 && n >= 0 && first <= j->rows && n <= j->rows - first,
              "%lld rows from %lld of %lld", (long long)n, (long long)first, (long long)j->rows);
    TRY(find(j, first, &place));
    for (; done < n; done++) {
        mix_str_clear(&j->line);
        TRY(pass_line(j, place, &j->line, &place, &blank));
        if (j->line.len > MIX_JSONL_LONGEST)
            TRY(mix_jsonl_row_error(&rows[done], count, "the line has more than %d bytes",
                                    MIX_JSONL_LONGEST));
        else
            TRY(mix_jsonl_row_parse(&rows[done], j->line.s, j->line.len, names, count));
    }
    j->next_row = first + n;
    j->next_place = place;
    if (j->line.room > BUFFER) /* one long line shall not cost its size for ever */
        mix_str_fini(&j->line);
out:
    for (int64_t i = 0; rc && i < done; i++)
        mix_jsonl_row_fini(&rows[i]);
    return rc;
}

int mix_jsonl_hash(struct mix_jsonl *j, int64_t first, int64_t n, uint64_t *hash)
{
    int rc;
    int64_t place, end;
    struct mix_hasher *h = NULL;

    MIX_CHECK(first >= 0 && n >= 0 && first <= j->rows && n <= j->rows - first,
              "%lld rows from %lld of %lld", (long long)n, (long long)first, (long long)j->rows);
    TRY(mix_hasher_create(&h));
    TRY(find(j, first + n, &end));
    TRY(find(j, first, &place));
    while (place < end) {
        const char *bytes;
        size_t got;

        TRY(look(j, place, &bytes, &got));
        if ((int64_t)got > end - place)
            got = (size_t)(end - place);
        mix_hasher_add(h, bytes, got);
        place += (int64_t)got;
    }
    *hash = mix_hasher_value(h);
out:
    mix_hasher_destroy(h);
    return rc;
}
