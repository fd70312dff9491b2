/* sched.c - the scheduler alone: a fake model draws tokens as a pure function of the row, and
 * whatever the pool, the budget and the order, every row ends with the same tokens. */
#include "engine/sched.h"

#include "base/err.h"
#include "base/log.h"
#include "tap.h"

#include <stdlib.h>
#include <string.h>

enum { EOS = 999, MAX_ROWS = 300 };

struct job {
    int rows;
    int prompt[MAX_ROWS], most[MAX_ROWS];
    int stop_after[MAX_ROWS]; /* the fake model draws EOS then; -1: never */
    int nan_at[MAX_ROWS];     /* -1: never */
};

struct outcome {
    long steps, tokens, restarts;
    int ended, wrong;
    bool bad_batch;
    uint64_t hashes;
};

static int32_t draw(const struct job *j, int row, int drawn)
{
    if (drawn == j->nan_at[row])
        return -1;
    if (drawn == j->stop_after[row])
        return EOS;
    return (row * 31 + drawn * 7) % 900;
}

/* Keys and values as a fake cache: slot -> (row, position) of what was written there last. */
static bool check_batch(const struct mix_batch *b, const struct mix_sched_config *c, int (*kv)[2])
{
    for (int q = 0; q < b->seqs; q++) {
        const int32_t *table = b->table + q * b->table_stride;
        for (int t = b->first[q]; t < b->first[q + 1]; t++) {
            int at = table[b->position[t] / c->page] * c->page + b->position[t] % c->page;
            if (t > b->first[q] && b->position[t] != b->position[t - 1] + 1)
                return false;
            kv[at][0] = table[0]; /* the first page names the sequence while it runs */
            kv[at][1] = b->position[t];
        }
        /* Everything before must still be there. */
        for (int p = 0; p <= b->position[b->first[q + 1] - 1]; p++) {
            int at = table[p / c->page] * c->page + p % c->page;
            if (kv[at][0] != table[0] || kv[at][1] != p)
                return false;
        }
    }
    return b->tokens <= c->max_tokens && b->seqs <= c->max_seqs && b->hash != 0;
}

static struct outcome run(const struct job *j, const struct mix_sched_config *c)
{
    struct outcome o = {0};
    struct mix_sched *s = NULL;
    struct mix_finished f;
    struct mix_batch b;
    int(*kv)[2] = calloc((size_t)(c->pages * c->page), sizeof *kv);
    int32_t *ids = calloc((size_t)c->max_seqs, sizeof *ids);
    int32_t prompt[4096];
    bool *seen = calloc(MAX_ROWS, sizeof *seen);

    if (mix_sched_create(&s, c))
        abort();
    for (int r = 0; r < j->rows; r++) {
        for (int i = 0; i < j->prompt[r]; i++)
            prompt[i] = r;
        struct mix_sched_row row = {r, prompt, j->prompt[r], j->most[r], -r};
        if (mix_sched_add(s, &row))
            abort();
    }
    for (; o.steps < 1000000; o.steps++) {
        if (mix_sched_next(s, &b) || b.tokens == 0)
            break;
        o.tokens += b.tokens;
        o.hashes ^= b.hash;
        o.bad_batch |= !check_batch(&b, c, kv);
        for (int i = 0; i < b.samples; i++)
            ids[i] = draw(j, (int)b.row[i], b.drawn[i]);
        if (mix_sched_drawn(s, ids))
            break;
        while (mix_sched_finished(s, &f)) {
            int r = (int)f.row, want = j->most[r];
            const char *reason = "length"; /* not a number is seen before the end token */
            if (j->stop_after[r] >= 0 && j->stop_after[r] < want) {
                want = j->stop_after[r];
                reason = "stop";
            }
            if (j->nan_at[r] >= 0 && j->nan_at[r] < want + (reason[0] == 's')) {
                want = j->nan_at[r];
                reason = "numeric_error";
            }
            bool good = f.count == want && !strcmp(f.reason, reason) && !seen[r] && f.tag == -r &&
                        f.prompt_tokens == j->prompt[r];
            for (int i = 0; i < f.count && good; i++)
                good = f.tokens[i] == draw(j, r, i);
            seen[r] = true;
            o.ended++;
            o.wrong += !good;
        }
    }
    o.restarts = (long)mix_sched_stats(s).restarts;
    if (mix_sched_stats(s).pages_used != 0)
        o.wrong++;
    mix_sched_destroy(s);
    free(kv);
    free(ids);
    free(seen);
    return o;
}

static struct job even(int rows, int prompt, int most)
{
    struct job j = {.rows = rows};

    for (int r = 0; r < rows; r++) {
        j.prompt[r] = prompt;
        j.most[r] = most;
        j.stop_after[r] = j.nan_at[r] = -1;
    }
    return j;
}

static const int32_t eos[] = {EOS};

static void cases(void)
{
    static const struct {
        const char *what;
        int rows, prompt, most;
        struct mix_sched_config c;
    } cases[] = {
        {"one row", 1, 5, 4, {4, 8, 16, 4, 4, eos, 1}},
        {"a pool that holds a single row", 7, 9, 7, {4, 8, 16, 1, 16, eos, 1}},
        {"pages of one token", 7, 9, 7, {4, 8, 16, 16, 1, eos, 1}},
        {"a prompt of many chunks", 2, 100, 3, {2, 7, 128, 16, 16, eos, 1}},
        {"a budget of one token a sequence", 20, 3, 5, {4, 4, 8, 100, 2, eos, 1}},
        {"more rows than slots", 300, 4, 2, {16, 64, 32, 64, 16, eos, 1}},
        {"too few pages for all, many victims", 60, 8, 56, {16, 64, 64, 12, 8, eos, 1}},
        {"one token each", 300, 1, 1, {16, 16, 2, 16, 2, eos, 1}},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct job j = even(cases[i].rows, cases[i].prompt, cases[i].most);
        struct outcome o = run(&j, &cases[i].c), again = run(&j, &cases[i].c);
        ok(o.ended == j.rows && o.wrong == 0 && !o.bad_batch,
           "%s: %d rows in %ld steps, %ld restarts", cases[i].what, o.ended, o.steps, o.restarts);
        ok(o.hashes == again.hashes && o.steps == again.steps, "%s: the same steps again",
           cases[i].what);
    }
}

static void fuzz(void)
{
    unsigned seed = 20260801;
    int bad = 0, restarts = 0;

    srand(seed);
    for (int round = 0; round < 400; round++) {
        struct mix_sched_config c = {.page = 1 + rand() % 16, .eos = eos, .eos_count = 1};
        struct job j = {.rows = 1 + rand() % 60};
        c.max_len = 2 + rand() % 100;
        c.max_seqs = 1 + rand() % 20;
        c.max_tokens = c.max_seqs + rand() % 40;
        c.pages = (c.max_len + c.page - 1) / c.page + rand() % 30;
        for (int r = 0; r < j.rows; r++) {
            j.prompt[r] = 1 + rand() % (c.max_len - 1);
            j.most[r] = 1 + rand() % (c.max_len - j.prompt[r]);
            j.stop_after[r] = rand() % 3 ? -1 : rand() % c.max_len;
            j.nan_at[r] = rand() % 20 ? -1 : rand() % c.max_len;
        }
        struct outcome o = run(&j, &c);
        bad += o.ended != j.rows || o.wrong || o.bad_batch;
        restarts += o.restarts > 0;
    }
    ok(bad == 0 && restarts > 20, "400 random jobs (seed %u), %d of them with victims", seed,
       restarts);
}

/* Ten rows of 2,000 tokens while others are short: the short ones do not wait for the long. */
static void uneven(void)
{
    struct mix_sched_config c = {16, 32, 2100, 16 * 132, 16, eos, 1};
    struct job j = even(210, 10, 1);

    for (int r = 0; r < 10; r++)
        j.most[r] = 2000;
    struct outcome o = run(&j, &c);
    ok(o.ended == 210 && o.wrong == 0 && o.steps < 2100,
       "ten long rows and 200 short ones: %ld steps", o.steps);
}

static void misuse(void)
{
    struct mix_sched *s = NULL;
    struct mix_sched_config c = {4, 8, 64, 3, 16, eos, 1};
    struct mix_finished f;
    struct mix_batch b;
    int32_t prompt[64] = {0};

    mix_log_level(MIX_LOG_SILENT);
    ok(mix_sched_create(&s, &c) == MIX_EFIT, "a pool too small for one row is refused");
    c.pages = 4;
    ok(mix_sched_create(&s, &c) == MIX_OK, "one that just fits is not");
    struct mix_sched_row row = {0, prompt, 60, 5, 0};
    ok(mix_sched_add(s, &row) == MIX_EBUG, "a row longer than the length is a bug of the caller");
    row.max_tokens = 0;
    ok(mix_sched_add(s, &row) == MIX_EBUG, "so is one that asks for nothing");
    ok(mix_sched_next(s, &b) == MIX_OK && b.tokens == 0 && b.seqs == 0,
       "nothing to do is an answer");
    ok(!mix_sched_finished(s, &f), "and nothing has ended");
    mix_sched_destroy(s);
    mix_sched_destroy(NULL);
    mix_log_level(MIX_LOG_INFO);
}

int main(void)
{
    cases();
    fuzz();
    uneven();
    misuse();
    return tap_done();
}
