/* jsonl.c - files of lines: rows by number, ends of lines, hashes, trouble with files. */
#include "text/jsonl.h"

#include "base/busy.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/str.h"
#include "scratch.h"
#include "tap.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

static struct mix_jsonl *open_text(const char *text, size_t n)
{
    struct mix_jsonl *j = NULL;

    scratch_write("f.jsonl", text, n);
    if (mix_jsonl_open(&j, scratch("f.jsonl")) != MIX_OK)
        printf("# %s\n", mix_err_last());
    return j;
}

/* A prompt that is the row's number, and a line of about `length` bytes. */
static void add_row(struct mix_str *s, int row, size_t length, const char *end)
{
    mix_str_addf(s, "{\"custom_id\": \"%d\", \"body\": {\"prompt\": \"", row);
    for (size_t i = 0; i < length; i++)
        mix_str_add(s, "x", 1);
    mix_str_addf(s, "\"}}%s", end);
}

/* Do rows [first, first + n) carry their numbers? */
static bool right_rows(struct mix_jsonl *j, int64_t first, int64_t n)
{
    struct mix_jsonl_row *rows = calloc((size_t)n + 1, sizeof *rows);
    bool right = mix_jsonl_read(j, first, n, NULL, 0, rows) == MIX_OK;

    for (int64_t i = 0; right && i < n; i++) {
        right = rows[i].custom_id && atoll(rows[i].custom_id) == first + i && !rows[i].error;
        mix_jsonl_row_fini(&rows[i]);
    }
    free(rows);
    return right;
}

static int count_tells(void *ctx)
{
    return ++*(int *)ctx < 4 ? MIX_OK : MIX_ECOMM;
}

/* A long file does not keep others waiting without a word. */
static void long_file(void)
{
    struct mix_str s = {0};
    struct mix_jsonl *j = NULL;
    int told = 0;

    for (int i = 0; i < 3; i++)
        add_row(&s, i, 900000, "\n");
    mix_busy_set(count_tells, &told, 0);
    j = open_text(s.s, s.len);
    ok(j && told == 3, "a file of 2.7 MB: told %d times", told);
    mix_jsonl_close(j);
    ok(mix_jsonl_open(&j, scratch("f.jsonl")) == MIX_ECOMM, "nobody to tell: no use going on");
    mix_busy_set(NULL, NULL, 0);
    mix_str_fini(&s);
}

static void random_access(void)
{
    enum { ROWS = 3000 };
    struct mix_str s = {0};
    struct mix_jsonl *j;
    unsigned seed = 4;
    bool right = true;
    size_t *place = calloc(ROWS + 1, sizeof *place);
    uint64_t hash;

    for (int i = 0; i < ROWS; i++) { /* some lines are longer than the buffer's megabyte */
        place[i] = s.len;
        add_row(&s, i, i % 1000 == 500 ? 1500000 : (size_t)rand_r(&seed) % 900,
                i % 3 ? "\n" : "\r\n");
    }
    place[ROWS] = s.len;
    j = open_text(s.s, s.len);
    ok(j && mix_jsonl_rows(j) == ROWS, "%d rows", ROWS);
    ok(right_rows(j, 0, ROWS), "all at once");
    for (int i = 0; i < 60; i++) {
        int64_t first = rand_r(&seed) % ROWS, n = rand_r(&seed) % 20;
        right &= right_rows(j, first, n > ROWS - first ? ROWS - first : n);
    }
    ok(right, "any rows in any order");
    for (int first = 0; first < ROWS; first += 100)
        right &= right_rows(j, first, 100);
    ok(right, "shard after shard");
    for (int i = 0; right && i < 60; i++) {
        int first = rand_r(&seed) % ROWS, n = rand_r(&seed) % (ROWS - first + 1);
        right = mix_jsonl_hash(j, first, n, &hash) == MIX_OK &&
                hash == mix_hash(s.s + place[first], place[first + n] - place[first]);
    }
    ok(right, "the hash of any rows is that of their bytes");
    ok(right_rows(j, ROWS, 0), "no rows at the end");
    mix_log_level(MIX_LOG_SILENT);
    ok(mix_jsonl_read(j, ROWS, 1, NULL, 0, NULL) == MIX_EBUG &&
           mix_jsonl_read(j, -1, 1, NULL, 0, NULL) == MIX_EBUG &&
           mix_jsonl_hash(j, 1, INT64_MAX, &hash) == MIX_EBUG,
       "rows that are not there");
    mix_log_level(MIX_LOG_ERROR);
    mix_jsonl_close(j);
    mix_str_fini(&s);
    free(place);
}

static void line_ends(void)
{
#define A "{\"custom_id\":\"0\",\"body\":{\"prompt\":\"\"}}"
#define B "{\"custom_id\":\"1\",\"body\":{\"prompt\":\"\"}}"
    static const struct {
        const char *text;
        int rows, good;
    } cases[] = {
        {"", 0, 0},
        {"\n", 0, 0},
        {"\n \r\n\t\n", 0, 0},
        {"\xEF\xBB\xBF", 0, 0},
        {A, 1, 1},
        {A "\n", 1, 1},
        {A "\r\n", 1, 1},
        {A "\n\n \n\r\n", 1, 1},
        {A "\n" B, 2, 2},
        {A "\r\n" B "\r\n", 2, 2},
        {"\xEF\xBB\xBF" A "\n" B "\n", 2, 2},
        {A "\n\n" B "\n", 3, 2},      /* the blank one is an error */
        {"\n" A, 2, 1},               /* so it is here */
        {A "\n\xEF\xBB\xBF" B, 2, 1}, /* a mark is skipped in front of the file only */
        {A B "\n", 1, 0},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mix_jsonl *j = open_text(cases[i].text, strlen(cases[i].text));
        struct mix_jsonl_row rows[4];
        int good = 0, n = j ? (int)mix_jsonl_rows(j) : -1;

        ok(n == cases[i].rows && mix_jsonl_read(j, 0, n, NULL, 0, rows) == MIX_OK,
           "file %zu has %d rows", i, cases[i].rows);
        for (int k = 0; k < n; k++) {
            good += !rows[k].error;
            mix_jsonl_row_fini(&rows[k]);
        }
        ok(good == cases[i].good, "%d of them good", cases[i].good);
        mix_jsonl_close(j);
    }
}

static void trouble(void)
{
    struct mix_jsonl *j = NULL;
    struct mix_jsonl_row rows[400];
    struct mix_str s = {0};
    uint64_t hash;
    int fd;

    mix_log_level(MIX_LOG_SILENT);
    ok(mix_jsonl_open(&j, scratch("none")) == MIX_EINPUT && !j &&
           strstr(mix_err_last(), "No such file"),
       "a missing file");
    ok(mix_jsonl_open(&j, scratch_folder) == MIX_EINPUT && !j, "a folder");
    ok(mkfifo(scratch("fifo"), 0600) == 0 && mix_jsonl_open(&j, scratch("fifo")) == MIX_EINPUT &&
           !j,
       "a pipe");
    for (int i = 0; i < 400; i++)
        add_row(&s, i, 10000, "\n");
    j = open_text(s.s, s.len);
    ok(truncate(scratch("f.jsonl"), 2000000) == 0 && right_rows(j, 0, 100),
       "a file that became shorter gives what it has");
    ok(mix_jsonl_read(j, 0, 400, NULL, 0, rows) == MIX_ESTORAGE &&
           strstr(mix_err_last(), "became shorter"),
       "and then fails");
    ok(mix_jsonl_hash(j, 0, 400, &hash) == MIX_ESTORAGE, "so does its hash");
    mix_jsonl_close(j);
    j = open_text("{}\n", 3);
    fd = open(scratch("f.jsonl"), O_WRONLY | O_APPEND);
    ok(fd >= 0 && write(fd, "{}\n", 3) == 3 && mix_jsonl_rows(j) == 1,
       "what is appended is not seen");
    close(fd);
    mix_jsonl_close(j);
    /* A line of 300 MB that takes no place on the disk. */
    scratch_write("f.jsonl", "", 0);
    ok(truncate(scratch("f.jsonl"), 300 << 20) == 0 &&
           mix_jsonl_open(&j, scratch("f.jsonl")) == MIX_OK && mix_jsonl_rows(j) == 1 &&
           mix_jsonl_read(j, 0, 1, NULL, 0, rows) == MIX_OK && rows[0].error &&
           strstr(rows[0].error, "134217728 bytes"),
       "a line of 300 MB is an error row");
    mix_jsonl_row_fini(&rows[0]);
    mix_jsonl_close(j);
    mix_jsonl_close(NULL);
    mix_str_fini(&s);
    mix_log_level(MIX_LOG_ERROR);
}

int main(void)
{
    scratch_begin();
    random_access();
    long_file();
    line_ends();
    trouble();
    scratch_end();
    return tap_done();
}
