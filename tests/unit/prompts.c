/* prompts.c - input files: written, read back in other blocks, their hash, refusals.
 * Files that h5py wrote are in tests/io/h5py.c. */
#include "io/prompts.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/str.h"
#include "io/columns.h"
#include "scratch.h"
#include "tap.h"

#include <math.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

static const char *const param[] = {"temperature", "max_tokens", "top_p"};

enum { PARAMS = 3, TOKENS = 30 };

static uint32_t draw(uint32_t a, uint32_t b, uint32_t below)
{
    uint32_t out[4];

    mix_philox(out, (const uint32_t[4]){a, b, 0, 0}, (const uint32_t[2]){42, 0});
    return out[0] % below;
}

/* ---- rows that are a function of their number ---- */

struct rows { /* a block that a test fills in */
    struct mix_prompt_block b;
    struct mix_str text;
};

static void make_rows(struct rows *r, enum mix_prompt_kind kind, int64_t first, int64_t n,
                      bool columns)
{
    struct mix_prompt_block *b = &r->b;
    size_t room = (size_t)n + 1, *at = calloc(2 * room, sizeof *at);

    *r = (struct rows){.b = {.first = first, .rows = n, .kind = kind, .params = PARAMS}};
    b->param_name = param;
    b->param = calloc(PARAMS, sizeof *b->param);
    b->param[0] = calloc(room, sizeof(double));
    b->param[1] = calloc(room, sizeof(double));
    b->text = calloc(room, sizeof *b->text);
    b->text_len = calloc(room, sizeof *b->text_len);
    b->custom_id = calloc(room, sizeof *b->custom_id);
    b->tokens = calloc(room * TOKENS, sizeof *b->tokens);
    b->offset = calloc(room, sizeof *b->offset);
    if (columns) {
        mix_columns_create(&b->columns);
        mix_columns_add(b->columns, "answer", MIX_COLUMN_TEXT);
        mix_columns_add(b->columns, "level", MIX_COLUMN_INT);
    }
    for (int64_t i = 0; i < n; i++) {
        uint32_t row = (uint32_t)(first + i);
        int count = (int)draw(row, 1, TOKENS);

        at[2 * i] = r->text.len;
        if (row % 5)
            mix_str_addf(&r->text, "question %u: caf\xC3\xA9 \xF0\x9F\x98\x80 %*u", row,
                         (int)draw(row, 2, 200), row);
        b->text_len[i] = r->text.len - at[2 * i];
        mix_str_add(&r->text, "", 1);
        at[2 * i + 1] = r->text.len;
        mix_str_addf(&r->text, "id-%u", row);
        mix_str_add(&r->text, "", 1);
        b->param[0][i] = row % 3 ? row / 4.0 : NAN;
        b->param[1][i] = row % 2 ? row : NAN;
        b->offset[i + 1] = b->offset[i] + count;
        for (int k = 0; k < count; k++)
            b->tokens[b->offset[i] + k] = (int32_t)(row * 31 + (uint32_t)k);
        if (columns) {
            char answer[16];

            snprintf(answer, sizeof answer, "%u", row % 7);
            mix_columns_append_empty(b->columns);
            mix_columns_set_text(b->columns, 0, i, answer, strlen(answer));
            mix_columns_set_int(b->columns, 1, i, row);
        }
    }
    for (int64_t i = 0; i < n; i++) {
        b->text[i] = r->text.s + at[2 * i];
        b->custom_id[i] = r->text.s + at[2 * i + 1];
    }
    free(at);
}

static void free_rows(struct rows *r)
{
    for (int i = 0; i < PARAMS; i++)
        free(r->b.param[i]);
    free(r->b.param);
    free(r->b.text);
    free(r->b.text_len);
    free(r->b.custom_id);
    free(r->b.tokens);
    free(r->b.offset);
    mix_columns_destroy(r->b.columns);
    mix_str_fini(&r->text);
}

static int write_rows(const char *path, enum mix_prompt_kind kind, int64_t n, int64_t block,
                      bool columns)
{
    struct mix_prompts_writer *w = NULL;
    struct rows r = {0};
    struct mix_prompts_schema s = {
        .kind = kind, .param = param, .params = PARAMS, .custom_id = true};
    int rc;

    make_rows(&r, kind, 0, 0, columns);
    s.columns = r.b.columns;
    rc = mix_prompts_create(&w, path, &s);
    free_rows(&r);
    for (int64_t at = 0; rc == MIX_OK && at < n; at += block) {
        make_rows(&r, kind, at, n - at < block ? n - at : block, columns);
        rc = mix_prompts_append(w, &r.b);
        free_rows(&r);
    }
    rc = rc ? rc : mix_prompts_finish(w);
    mix_prompts_destroy(w);
    return rc;
}

static bool same_number(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

static bool same_rows(const struct mix_prompt_block *x, const struct mix_prompt_block *y)
{
    bool same = x->rows == y->rows && x->kind == y->kind && x->params == y->params;
    struct mix_str a = {0}, b = {0};

    for (int64_t i = 0; same && i < x->rows; i++) {
        same &= strcmp(x->custom_id[i], y->custom_id[i]) == 0;
        if (x->kind == MIX_PROMPT_TOKENS)
            same &= x->offset[i] == y->offset[i] && x->offset[i + 1] == y->offset[i + 1] &&
                    (x->offset[i] == x->offset[i + 1] ||
                     memcmp(x->tokens + x->offset[i], y->tokens + x->offset[i],
                            (size_t)(x->offset[i + 1] - x->offset[i]) * 4) == 0);
        else
            same &= x->text_len[i] == y->text_len[i] && strcmp(x->text[i], y->text[i]) == 0;
        for (int p = 0; p < 2; p++)
            same &= same_number(x->param[p][i], y->param[p][i]);
        same &= isnan(x->param[2][i]);
        for (int c = 0; c < mix_columns_count(y->columns); c++) {
            mix_str_clear(&a);
            mix_str_clear(&b);
            same &= mix_columns_json(x->columns, c, i, &a) == MIX_OK &&
                    mix_columns_json(y->columns, c, i, &b) == MIX_OK && strcmp(a.s, b.s) == 0;
        }
    }
    mix_str_fini(&a);
    mix_str_fini(&b);
    return same;
}

static bool holds(const char *path, enum mix_prompt_kind kind, int64_t n, int64_t block,
                  bool columns)
{
    struct mix_prompts *p = NULL;
    bool good = mix_prompts_open(&p, path, param, PARAMS) == MIX_OK && mix_prompts_rows(p) == n &&
                mix_prompts_kind(p) == kind && mix_prompts_have_custom_id(p) &&
                mix_prompts_have_param(p, 2) &&
                mix_columns_count(mix_prompts_columns(p)) == (columns ? 2 : 0);

    for (int64_t at = 0; good && at < n; at += block) {
        struct mix_prompt_block *b = NULL;
        int64_t some = n - at < block ? n - at : block;
        struct rows r;

        make_rows(&r, kind, at, some, columns);
        good = mix_prompts_read(p, at, some, &b) == MIX_OK && same_rows(b, &r.b);
        mix_prompt_block_destroy(b);
        free_rows(&r);
    }
    mix_prompts_close(p);
    return good;
}

/* ---- the tests ---- */

static void round_trips(void)
{
    static const int64_t rows[] = {0, 1, 2, 1000, 1024, 3000};
    static const char *const kinds[] = {"text", "tokens", "messages"};

    for (int kind = 0; kind < 3; kind++)
        for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
            bool columns = i % 2;
            ok(write_rows(scratch("p.h5"), kind, rows[i], 700, columns) == MIX_OK &&
                   holds(scratch("p.h5"), kind, rows[i], 333, columns),
               "%d rows of %s%s come back", (int)rows[i], kinds[kind],
               columns ? " with columns" : "");
        }
}

static uint64_t hash_rows(const char *path, int64_t first, int64_t n)
{
    struct mix_prompts *p = NULL;
    struct mix_prompt_block *b = NULL;
    uint64_t h = 0;

    if (mix_prompts_open(&p, path, param, PARAMS) != MIX_OK ||
        mix_prompts_read(p, first, n, &b) != MIX_OK || mix_prompt_block_hash(b, &h) != MIX_OK)
        h = 0;
    mix_prompt_block_destroy(b);
    mix_prompts_close(p);
    return h;
}

static uint64_t hash_of(struct rows *r)
{
    uint64_t h = 0;

    return mix_prompt_block_hash(&r->b, &h) == MIX_OK ? h : 0;
}

static void hashes(void)
{
    struct rows r, other;
    uint64_t h, same;

    write_rows(scratch("a.h5"), MIX_PROMPT_TEXT, 500, 500, true);
    write_rows(scratch("b.h5"), MIX_PROMPT_TEXT, 700, 13, true);
    h = hash_rows(scratch("a.h5"), 100, 300);
    ok(h && h == hash_rows(scratch("b.h5"), 100, 300),
       "the hash is that of the rows, not the file");
    ok(h != hash_rows(scratch("a.h5"), 101, 300) && h != hash_rows(scratch("a.h5"), 100, 299),
       "other rows, another hash");

    make_rows(&r, MIX_PROMPT_TEXT, 0, 20, true);
    make_rows(&other, MIX_PROMPT_TEXT, 0, 20, true);
    h = hash_of(&r);
    other.b.first = 77;
    ok(h == hash_of(&other), "where the rows are does not matter");
    other.b.param[0][7] += 1;
    ok(h != hash_of(&other), "a parameter does");
    other.b.param[0][7] = r.b.param[0][7];
    other.b.custom_id[3] = "x";
    ok(h != hash_of(&other), "a custom_id does");
    other.b.custom_id[3] = r.b.custom_id[3];
    mix_columns_set_int(other.b.columns, 1, 19, -1);
    ok(h != hash_of(&other), "a column does");
    mix_columns_set_int(other.b.columns, 1, 19, 19);
    same = hash_of(&other);
    other.b.text[1] = other.b.text[2];
    ok(h == same && h != hash_of(&other), "a text does");
    free_rows(&r);
    free_rows(&other);
}

static void refusals(void)
{
    struct rows r;
    struct mix_prompts_writer *w = NULL;
    struct mix_prompts *p = NULL;
    struct mix_prompt_block *b = NULL;
    static const char *const taken[] = {"row", "text", "finish_reason", "logprobs", "top_p"};

    mix_log_level(MIX_LOG_SILENT);
    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++) {
        struct mix_columns *c = NULL;
        struct mix_prompts_schema s = {.kind = MIX_PROMPT_TEXT, .param = param, .params = PARAMS};

        mix_columns_create(&c);
        mix_columns_add(c, taken[i], MIX_COLUMN_INT);
        s.columns = c;
        ok(mix_prompts_create(&w, scratch("p.h5"), &s) == MIX_EINPUT &&
               strstr(mix_err_last(), taken[i]),
           "a column named %s is refused", taken[i]);
        mix_columns_destroy(c);
    }
    struct mix_prompts_schema s = {
        .kind = MIX_PROMPT_TEXT, .param = param, .params = PARAMS, .custom_id = true};
    make_rows(&r, MIX_PROMPT_TEXT, 1, 3, false);
    r.b.text[2] = "a\0b";
    r.b.text_len[2] = 3;
    ok(mix_prompts_create(&w, scratch("p.h5"), &s) == MIX_OK &&
           mix_prompts_append(w, &r.b) == MIX_EINPUT && strstr(mix_err_last(), "row 2"),
       "a NUL in a text is refused, the row named");
    r.b.kind = MIX_PROMPT_TOKENS;
    ok(mix_prompts_append(w, &r.b) == MIX_EBUG, "a block of another kind is a bug");
    mix_prompts_destroy(w);
    w = NULL;
    free_rows(&r);

    write_rows(scratch("p.h5"), MIX_PROMPT_TEXT, 5, 5, false);
    ok(mix_prompts_open(&p, scratch("p.h5"), param, PARAMS) == MIX_OK &&
           mix_prompts_read(p, 3, 3, &b) == MIX_EBUG &&
           mix_prompts_read(p, -1, 1, &b) == MIX_EBUG && !b,
       "rows that are not there are a bug");
    ok(mix_prompts_read(p, 5, 0, &b) == MIX_OK && b->rows == 0, "no rows are fine");
    mix_prompt_block_destroy(b);
    mix_prompts_close(p);
    p = NULL;
    ok(mix_prompts_open(&p, scratch("none.h5"), param, PARAMS) == MIX_EINPUT &&
           strstr(mix_err_last(), "none.h5") && strstr(mix_err_last(), "No such file") && !p,
       "a file that is not there");
    ok(mix_prompts_open(&p, "/dev/null", param, PARAMS) == MIX_EINPUT &&
           strstr(mix_err_last(), "not a regular file"),
       "a device");
    mix_log_level(MIX_LOG_INFO);
    mix_prompts_close(NULL);
    mix_prompts_destroy(NULL);
    mix_prompt_block_destroy(NULL);
}

static void full(void)
{
    struct rlimit old, tight;
    int good = 0, tries = 0;

    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &old);
    tight = old;
    mix_log_level(MIX_LOG_SILENT);
    for (rlim_t most = 0; most < 200000; most += 20000, tries++) {
        tight.rlim_cur = most;
        setrlimit(RLIMIT_FSIZE, &tight);
        good += write_rows(scratch("full.h5"), MIX_PROMPT_TEXT, 3000, 500, true) == MIX_ESTORAGE &&
                strstr(mix_err_last(), "full.h5");
    }
    setrlimit(RLIMIT_FSIZE, &old);
    mix_log_level(MIX_LOG_INFO);
    ok(good == tries, "a full disk: storage, the file named");
}

static void many(void)
{
    size_t few, lots;
    bool good = write_rows(scratch("a.h5"), MIX_PROMPT_TEXT, 5000, 1000, true) == MIX_OK &&
                holds(scratch("a.h5"), MIX_PROMPT_TEXT, 5000, 1000, true);

    few = mix_peak_rss();
    good = good && write_rows(scratch("b.h5"), MIX_PROMPT_TEXT, 100000, 1000, true) == MIX_OK &&
           holds(scratch("b.h5"), MIX_PROMPT_TEXT, 100000, 1000, true);
    lots = mix_peak_rss();
    ok(good, "100000 rows come back");
#ifdef __SANITIZE_ADDRESS__
    (void)few;
    (void)lots;
    tap_skip("memory does not grow with them", "the sanitizer keeps freed memory");
#else
    printf("# peak memory %zu MiB with 5000 rows, %zu MiB with 100000\n", few >> 20, lots >> 20);
    ok(lots - few < 24 << 20, "memory does not grow with them");
#endif
}

int main(void)
{
    scratch_begin();
    round_trips();
    hashes();
    refusals();
    full();
    many();
    scratch_end();
    return tap_done();
}
