/* results.c - result files: round trips, equal bytes, permutations; see also results_limits.c. */
#include "io/results.h"

#include "base/err.h"
#include "base/log.h"
#include "base/rng.h"
#include "base/str.h"
#include "io/columns.h"
#include "scratch.h"
#include "tap.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- entries as a function of a seed ---- */

struct set {
    int n;
    struct mix_result *entry;
    struct mix_columns *columns;
    struct mix_str text; /* all strings, one after the other */
    int32_t *tokens;
};

static uint32_t draw(uint32_t seed, uint32_t a, uint32_t b, uint32_t below)
{
    uint32_t out[4];

    mix_philox(out, (const uint32_t[4]){a, b, 0, 0}, (const uint32_t[2]){seed, 0});
    return out[0] % below;
}

enum { LONGEST = 300, TOKENS = 40 };

static const char *make_text(uint32_t seed, uint32_t i, char buf[LONGEST * 4 + 1], size_t *len)
{
    static const char *const letter[] = {"a",  "\n", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80",
                                         "\"", "\\", " "};
    size_t n = draw(seed, i, 0, 5) ? draw(seed, i, 1, LONGEST) : 0, at = 0;

    for (uint32_t k = 0; k < n; k++) {
        const char *l = letter[draw(seed, i, 2 + k, 8)];

        memcpy(buf + at, l, strlen(l));
        at += strlen(l);
    }
    buf[at] = '\0';
    *len = at;
    return buf;
}

static void make_set(struct set *s, int n, uint32_t seed, bool custom_id, bool columns)
{
    static char buf[LONGEST * 4 + 1];
    size_t *start = calloc((size_t)n + 1, sizeof *start), len;

    *s = (struct set){.n = n};
    s->entry = calloc((size_t)n + 1, sizeof *s->entry);
    s->tokens = calloc((size_t)n * TOKENS + 1, sizeof *s->tokens);
    mix_columns_create(&s->columns);
    if (columns) {
        mix_columns_add(s->columns, "topic", MIX_COLUMN_TEXT);
        mix_columns_add(s->columns, "answer", MIX_COLUMN_INT);
        mix_columns_add(s->columns, "weight", MIX_COLUMN_FLOAT);
        mix_columns_add(s->columns, "hard", MIX_COLUMN_BOOL);
    }
    for (int i = 0; i < n; i++) {
        uint32_t u = (uint32_t)i;

        start[i] = s->text.len;
        make_text(seed, u, buf, &len);
        mix_str_add(&s->text, buf, len + 1);
        mix_str_addf(&s->text, "id-%d", i);
        mix_str_add(&s->text, "", 1);
    }
    for (int i = 0; i < n; i++) {
        uint32_t u = (uint32_t)i;
        struct mix_result *e = &s->entry[i];

        e->row = i / 2;
        e->sample = i % 2;
        e->text = s->text.s + start[i];
        e->text_len = strlen(e->text);
        e->custom_id = custom_id ? e->text + e->text_len + 1 : NULL;
        e->tokens = s->tokens + (size_t)i * TOKENS;
        e->tokens_count = (int32_t)draw(seed, u, 1000, TOKENS);
        for (int k = 0; k < e->tokens_count; k++)
            s->tokens[i * TOKENS + k] = (int32_t)draw(seed, u, 2000 + (uint32_t)k, 150000);
        e->finish_reason = draw(seed, u, 1001, 2) ? "stop" : "length";
        e->error = draw(seed, u, 1002, 10) ? "" : "the prompt is too long";
        e->prompt_tokens = (int32_t)draw(seed, u, 1003, 1000);
        e->completion_tokens = e->tokens_count;
        if (!columns)
            continue;
        mix_columns_append_empty(s->columns);
        mix_columns_set_int(s->columns, mix_columns_find(s->columns, "answer"), i, i - 3);
        if (i % 3)
            mix_columns_set_float(s->columns, mix_columns_find(s->columns, "weight"), i, i / 8.0);
        mix_columns_set_int(s->columns, mix_columns_find(s->columns, "hard"), i, i % 2);
        mix_columns_set_text(s->columns, mix_columns_find(s->columns, "topic"), i, e->text,
                             e->text_len / 2);
    }
    free(start);
}

static void free_set(struct set *s)
{
    free(s->entry);
    free(s->tokens);
    mix_columns_destroy(s->columns);
    mix_str_fini(&s->text);
}

static struct mix_results_schema schema_of(const struct set *s)
{
    return (struct mix_results_schema){.custom_id = s->n && s->entry[0].custom_id,
                                       .columns = s->columns};
}

static const struct mix_results_run run[] = {{"plan", "{\"tp\": 2}"}, {"command", "mixserve run"}};

/* Write the entries order[0..n) (NULL: all, in order), cut into appends of random sizes. */
static int write_set(const char *path, const struct set *s, const int64_t *order, int n,
                     uint32_t cuts)
{
    struct mix_results *r = NULL;
    struct mix_results_schema schema = schema_of(s);
    struct mix_result *e = calloc((size_t)n + 1, sizeof *e);
    int64_t *col_row = calloc((size_t)n + 1, sizeof *col_row);
    int rc;

    for (int i = 0; i < n; i++) {
        col_row[i] = order ? order[i] : i;
        e[i] = s->entry[col_row[i]];
    }
    TRY(mix_results_create(&r, path, &schema));
    for (int at = 0; at < n;) {
        int step = cuts ? 1 + (int)draw(cuts, (uint32_t)at, 7, 700) : n;

        if (step > n - at)
            step = n - at;
        TRY(mix_results_append(r, e + at, step, s->columns, col_row + at));
        at += step;
    }
    TRY(mix_results_finish(r, run, 2));
out:
    mix_results_destroy(r);
    free(e);
    free(col_row);
    return rc;
}

static bool same_text(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

/* Is entry i of the block the entry k of the set? */
static bool same_entry(const struct mix_results_block *b, int64_t i, const struct set *s, int64_t k)
{
    const struct mix_result *x = &b->entry[i], *y = &s->entry[k];
    struct mix_str jx = {0}, jy = {0};
    bool same =
        x->row == y->row && x->sample == y->sample && x->text_len == y->text_len &&
        same_text(x->text, y->text) && x->tokens_count == y->tokens_count &&
        (x->tokens_count == 0 || memcmp(x->tokens, y->tokens, (size_t)x->tokens_count * 4) == 0) &&
        same_text(x->finish_reason, y->finish_reason) && same_text(x->error, y->error) &&
        x->prompt_tokens == y->prompt_tokens && x->completion_tokens == y->completion_tokens &&
        (y->custom_id ? x->custom_id && same_text(x->custom_id, y->custom_id) : !x->custom_id);

    for (int c = 0; same && c < mix_columns_count(s->columns); c++) {
        mix_str_clear(&jx);
        mix_str_clear(&jy);
        same = mix_columns_json(b->columns, c, i, &jx) == MIX_OK &&
               mix_columns_json(s->columns, c, k, &jy) == MIX_OK && same_text(jx.s, jy.s);
    }
    mix_str_fini(&jx);
    mix_str_fini(&jy);
    return same;
}

/* Does the file hold exactly the set, in order? */
static bool holds(const char *path, const struct set *s)
{
    struct mix_results_file *f = NULL;
    struct mix_results_block *b = NULL;
    bool good = mix_results_open(&f, path) == MIX_OK && mix_results_entries(f) == s->n;

    for (int at = 0; good && at < s->n; at += (int)b->n) {
        int n = s->n - at < 777 ? s->n - at : 777;

        mix_results_block_destroy(b);
        b = NULL;
        good = mix_results_read(f, at, n, &b) == MIX_OK && b->n == n;
        for (int i = 0; good && i < n; i++)
            good = same_entry(b, i, s, at + i);
        if (!good)
            break;
    }
    mix_results_block_destroy(b);
    mix_results_close(f);
    return good;
}

static bool same_bytes(const char *a, const char *b)
{
    char command[1200];

    snprintf(command, sizeof command, "cmp -s '%s' '%s'", a, b);
    return system(command) == 0;
}

static bool whole(const char *path, int64_t want)
{
    int64_t n = -1;

    return mix_results_verify(path, &n) == MIX_OK && n == want;
}

/* ---- the tests ---- */

static void round_trips(void)
{
    static const struct {
        int n;
        bool custom_id, columns;
    } cases[] = {{0, false, false},  {0, false, true},    {1, true, true},    {5, false, false},
                 {1023, true, true}, {1024, true, false}, {1025, true, true}, {5000, false, true}};

    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        struct set s;
        int n = cases[c].n;

        make_set(&s, n, 10 + (uint32_t)c, cases[c].custom_id, cases[c].columns);
        ok(write_set(scratch("a.h5"), &s, NULL, n, 0) == MIX_OK, "%d entries are written", n);
        ok(holds(scratch("a.h5"), &s), "%d entries come back", n);
        ok(whole(scratch("a.h5"), n), "%d entries are whole", n);
        ok(write_set(scratch("b.h5"), &s, NULL, n, 5) == MIX_OK &&
               same_bytes(scratch("a.h5"), scratch("b.h5")),
           "%d entries in other appends: the same bytes", n);
        free_set(&s);
    }
}

static void run_texts(void)
{
    struct set s;
    struct mix_results_file *f = NULL;
    struct mix_results *r = NULL;
    struct mix_results_schema schema;
    struct mix_str text = {0}, big = {0};
    bool found = false;

    make_set(&s, 3, 1, false, false);
    ok(write_set(scratch("a.h5"), &s, NULL, 3, 0) == MIX_OK &&
           mix_results_open(&f, scratch("a.h5")) == MIX_OK &&
           mix_results_read_run(f, "plan", &text, &found) == MIX_OK && found &&
           strcmp(text.s, run[0].text) == 0,
       "a text of /run comes back");
    ok(mix_results_read_run(f, "nothing", &text, &found) == MIX_OK && !found,
       "one that is not there is an answer");
    mix_results_close(f);
    for (int i = 0; i < 20000; i++)
        mix_str_addf(&big, "line %d\n", i);
    schema = schema_of(&s);
    f = NULL;
    mix_str_clear(&text);
    ok(mix_results_create(&r, scratch("b.h5"), &schema) == MIX_OK &&
           mix_results_finish(r, (struct mix_results_run[]){{"log", big.s}, {"empty", ""}}, 2) ==
               MIX_OK &&
           whole(scratch("b.h5"), 0) && mix_results_open(&f, scratch("b.h5")) == MIX_OK &&
           mix_results_read_run(f, "log", &text, &found) == MIX_OK && found &&
           strcmp(text.s, big.s) == 0,
       "a text of %zu bytes comes back", big.len);
    mix_results_close(f);
    mix_results_destroy(r);
    mix_str_fini(&text);
    mix_str_fini(&big);
    free_set(&s);
}

static void nul_characters(void)
{
    struct mix_results *r = NULL;
    struct mix_results_file *f = NULL;
    struct mix_results_block *b = NULL;
    struct mix_results_schema schema = {0};
    struct mix_result e = {.text = "a\0b\0", .text_len = 4, .finish_reason = "stop", .error = ""};

    ok(mix_results_create(&r, scratch("a.h5"), &schema) == MIX_OK &&
           mix_results_append(r, &e, 1, NULL, NULL) == MIX_OK &&
           mix_results_finish(r, NULL, 0) == MIX_OK && whole(scratch("a.h5"), 1),
       "text with NUL characters is written");
    ok(mix_results_open(&f, scratch("a.h5")) == MIX_OK && mix_results_read(f, 0, 1, &b) == MIX_OK &&
           strcmp(b->entry[0].text, "a\xEF\xBF\xBD"
                                    "b\xEF\xBF\xBD") == 0,
       "each of them is U+FFFD in the file");
    mix_results_block_destroy(b);
    mix_results_close(f);
    mix_results_destroy(r);
}

static void shuffle(int64_t *order, int n, uint32_t seed)
{
    for (int i = 0; i < n; i++)
        order[i] = i;
    for (int i = n - 1; i > 0; i--) {
        int k = (int)draw(seed, (uint32_t)i, 3, (uint32_t)i + 1);
        int64_t x = order[i];

        order[i] = order[k];
        order[k] = x;
    }
}

/* Entries in finish order, cut into pieces; pieces gathered into shards in row order; shards
 * concatenated: the bytes of the file that was written in one go. */
static bool through_pieces(const struct set *s, int pieces, int shards, uint32_t seed)
{
    enum { MOST = 16 };
    int64_t *order = calloc((size_t)s->n + 1, sizeof *order);
    struct mix_results_pick *pick = calloc((size_t)s->n + 1, sizeof *pick);
    struct mix_results_file *f[MOST] = {NULL};
    struct mix_results *r = NULL;
    struct mix_results_schema schema;
    char name[32];
    int rc = MIX_OK;

    shuffle(order, s->n, seed);
    for (int p = 0; p < pieces; p++) {
        int from = s->n * p / pieces, to = s->n * (p + 1) / pieces;

        snprintf(name, sizeof name, "piece-%d.h5", p);
        TRY(write_set(scratch(name), s, order + from, to - from, seed + 1));
        TRY(mix_results_open(&f[p], scratch(name)));
        for (int i = from; i < to; i++)
            pick[order[i]] = (struct mix_results_pick){.file = p, .entry = i - from};
    }
    for (int k = 0; k < shards; k++) {
        int from = s->n * k / shards, to = s->n * (k + 1) / shards;

        snprintf(name, sizeof name, "shard-%d.h5", k);
        schema = mix_results_schema(f[0]);
        TRY(mix_results_create(&r, scratch(name), &schema));
        TRY(mix_results_gather(r, f, pick + from, to - from));
        TRY(mix_results_finish(r, NULL, 0));
        mix_results_destroy(r);
        r = NULL;
    }
    TRY(mix_results_create(&r, scratch("final.h5"), &schema));
    for (int k = 0; k < shards; k++) {
        struct mix_results_file *shard = NULL;

        snprintf(name, sizeof name, "shard-%d.h5", k);
        TRY(mix_results_open(&shard, scratch(name)));
        rc = mix_results_copy(r, shard, 0, mix_results_entries(shard));
        mix_results_close(shard);
        TRY(rc);
    }
    TRY(mix_results_finish(r, run, 2));
    TRY(write_set(scratch("whole.h5"), s, NULL, s->n, 0));
out:
    for (int p = 0; p < pieces; p++)
        mix_results_close(f[p]);
    mix_results_destroy(r);
    free(order);
    free(pick);
    return rc == MIX_OK && holds(scratch("final.h5"), s) && whole(scratch("final.h5"), s->n) &&
           same_bytes(scratch("final.h5"), scratch("whole.h5"));
}

static void pieces_and_shards(void)
{
    static const struct {
        int n, pieces, shards;
    } cases[] = {{1, 1, 1}, {10, 3, 2}, {3000, 7, 3}, {3000, 1, 1}, {2049, 16, 1}, {7, 7, 7}};

    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        struct set s;

        make_set(&s, cases[c].n, 50 + (uint32_t)c, true, true);
        ok(through_pieces(&s, cases[c].pieces, cases[c].shards, 90 + (uint32_t)c),
           "%d entries through %d pieces and %d shards: the same bytes", cases[c].n,
           cases[c].pieces, cases[c].shards);
        free_set(&s);
    }
}

/* Long entries are flushed by bytes instead of by number. */
static void long_entries(void)
{
    struct set s;
    struct mix_results *r = NULL;
    struct mix_results_schema schema = {0};
    char *text = malloc(3 << 20);
    bool good = true;

    make_set(&s, 40, 3, false, false);
    memset(text, 'x', 3 << 20);
    for (int i = 0; i < s.n; i++) {
        s.entry[i].text = text + i;
        s.entry[i].text_len = (size_t)(3 << 20) - 1 - (size_t)i;
    }
    text[(3 << 20) - 1] = '\0';
    for (int cut = 0; cut < 2; cut++) {
        good &= mix_results_create(&r, scratch(cut ? "b.h5" : "a.h5"), &schema) == MIX_OK;
        for (int at = 0; at < s.n; at += cut ? 1 : s.n)
            good &= mix_results_append(r, s.entry + at, cut ? 1 : s.n, NULL, NULL) == MIX_OK;
        good &= mix_results_finish(r, NULL, 0) == MIX_OK;
        mix_results_destroy(r);
        r = NULL;
    }
    ok(good && whole(scratch("a.h5"), 40) && same_bytes(scratch("a.h5"), scratch("b.h5")),
       "40 texts of 3 MiB: whole, and the same bytes in one append and in 40");
    free(text);
    free_set(&s);
}

static void mismatches(void)
{
    struct set a, b;
    struct mix_results_file *f = NULL;
    struct mix_results *r = NULL;
    struct mix_results_schema schema;
    struct mix_result bad = {.finish_reason = "stop", .error = ""};

    make_set(&a, 4, 1, true, true);
    make_set(&b, 4, 1, true, false);
    write_set(scratch("a.h5"), &a, NULL, 4, 0);
    schema = schema_of(&b);
    mix_log_level(MIX_LOG_SILENT);
    ok(mix_results_open(&f, scratch("a.h5")) == MIX_OK &&
           mix_results_create(&r, scratch("b.h5"), &schema) == MIX_OK &&
           mix_results_copy(r, f, 0, 4) == MIX_EINPUT && strstr(mix_err_last(), "answer"),
       "other columns are refused, the column named");
    ok(mix_results_append(r, &bad, 1, NULL, NULL) == MIX_EBUG, "a missing custom_id is a bug");
    bad.custom_id = "x";
    bad.error = NULL;
    ok(mix_results_append(r, &bad, 1, NULL, NULL) == MIX_EBUG, "so is a missing error text");
    mix_results_destroy(r);
    r = NULL;
    schema.custom_id = false;
    ok(mix_results_create(&r, scratch("b.h5"), &schema) == MIX_OK &&
           mix_results_copy(r, f, 0, 4) == MIX_EINPUT,
       "a custom_id without a place is refused");
    ok(mix_results_copy(r, f, 3, 2) != MIX_OK, "entries that are not there");
    mix_results_destroy(r);
    mix_results_close(f);
    ok(mix_results_create(&r, scratch("no/such/folder.h5"), &schema) == MIX_ESTORAGE &&
           strstr(mix_err_last(), "No such file"),
       "a folder that is not there: storage, named");
    mix_log_level(MIX_LOG_INFO);
    mix_results_destroy(NULL);
    mix_results_close(NULL);
    mix_results_block_destroy(NULL);
    free_set(&a);
    free_set(&b);
}

int main(void)
{
    scratch_begin();
    round_trips();
    run_texts();
    nul_characters();
    pieces_and_shards();
    long_entries();
    mismatches();
    scratch_end();
    return tap_done();
}
