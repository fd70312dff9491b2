/* workload.c - the mean step of a job, by hand. */
#include "plan/workload.h"

#include "tap.h"

#include <math.h>
#include <string.h>

static bool near(double x, double want)
{
    return fabs(x - want) <= 1e-9 * fmax(1, fabs(want));
}

static void lengths(void)
{
    struct mix_lengths l = {0};

    mix_lengths_add(&l, 3, 5);
    mix_lengths_add(&l, 1, 0);
    ok(l.sampled == 2 && l.prompt == 4 && l.answer == 5 && l.prompt2 == 10 && l.both == 15 &&
           l.answer2 == 25 && l.longest == 8,
       "sums of two rows");
    ok(l.prompt_bin[1] == 1 && l.prompt_bin[0] == 1 && l.answer_bin[2] == 1 && l.answer_bin[0] == 1,
       "and their bins");
    mix_lengths_add(&l, INT64_MAX / 4, 0);
    ok(l.prompt_bin[MIX_LENGTH_BINS - 1] == 1, "the last bin is open");
}

/* Rows of 100 + 11 tokens. */
static void steady(void)
{
    static const struct {
        const char *what;
        int64_t rows, replicas, kv;
        int seqs, tokens;
        double prompt, decode, steps, running;
    } cases[] = {
        /* r = 22 / 11 = 2 rows a step: 200 + 20 tokens */
        {"sequences decide", 1000, 1, 1 << 20, 22, 2048, 200, 20, 500, 22},
        /* r = 110 / 110 = 1 */
        {"the step's tokens decide", 1000, 1, 1 << 20, 256, 110, 100, 10, 1000, 256},
        {"two replicas", 1000, 2, 1 << 20, 22, 2048, 200, 20, 250, 22},
        /* a token of an answer meets 100 + 11 / 2 keys: 1160.5 tokens are 11 sequences */
        {"pages decide", 1000, 1, 11 * 211 / 2, 22, 2048, 100 * 1160 / 1160.5, 10 * 1160 / 1160.5,
         1000 * 1160.5 / 1160, 11 * 1160 / 1160.5},
        {"fewer rows than sequences", 11, 1, 1 << 20, 22, 2048, 100, 10, 11, 11},
        {"more replicas than rows", 1, 4, 1 << 20, 22, 2048, 100 / 11.0, 10 / 11.0, 11, 1},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mix_lengths l = mix_lengths_of(cases[i].rows, 100, 11);
        struct mix_workload_limits limits = {.replicas = cases[i].replicas,
                                             .seqs = cases[i].seqs,
                                             .tokens = cases[i].tokens,
                                             .kv_tokens = cases[i].kv};
        struct mix_workload w;

        mix_workload_take(&l, &limits, &w);
        ok(near(w.mixed.prompt, cases[i].prompt) && near(w.mixed.decode, cases[i].decode) &&
               near(w.steps, cases[i].steps) && near(w.seqs, cases[i].running),
           "%s: %g + %g tokens a step, %g steps, %g sequences", cases[i].what, w.mixed.prompt,
           w.mixed.decode, w.steps, w.seqs);
        ok(near(w.mixed.context, 105.5) && near(w.mixed.prompt_context, 50) &&
               near(w.decode.decode, cases[i].running) && near(w.decode.samples, w.seqs),
           "a token meets 105.5 keys, one of a prompt 50");
    }
}

static void long_prompt(void)
{
    struct mix_lengths l = mix_lengths_of(10, 100, 1);
    struct mix_workload_limits limits = {.replicas = 1, .seqs = 8, .tokens = 40, .kv_tokens = 9999};
    struct mix_workload w;

    mix_workload_take(&l, &limits, &w);
    ok(near(w.prefill_steps, 3) && near(w.prefill.prompt, 100 / 3.0) && w.prefill.decode == 0,
       "a prompt of 100 tokens takes three steps of 40");
    ok(near(w.mixed.prompt, 40) && w.mixed.decode == 0 && near(w.steps, 25),
       "answers of one token are prefill alone");
    l = (struct mix_lengths){.rows = 5};
    mix_workload_take(&l, &limits, &w);
    ok(isfinite(w.steps) && w.mixed.prompt > 0 && isfinite(w.mixed.context),
       "lengths that nobody knows are finite");
}

/* Two kinds of rows: contexts are means over tokens, not over rows. */
static void mixture(void)
{
    struct mix_lengths l = {.rows = 2};
    struct mix_workload w;

    mix_lengths_add(&l, 10, 3);
    mix_lengths_add(&l, 30, 1);
    mix_workload_take(&l, &(struct mix_workload_limits){1, 256, 2048, 1 << 20}, &w);
    ok(near(w.mixed.context, 11.5), "only the first row decodes: 2 tokens, 11.5 keys (%g)",
       w.mixed.context);
    ok(near(w.mixed.prompt_context, (100 + 900) / 2.0 / 40), "prompts by their squares");
}

static void names(void)
{
    int wrong = 0;

    for (int i = 0; i < MIX_OBJECTIVES; i++)
        wrong += mix_objective_parse(mix_objective_name(i)) != i;
    ok(wrong == 0 && mix_objective_parse("speed") == -1 &&
           strcmp(mix_objective_name(99), "unknown") == 0,
       "objectives by name");
}

int main(void)
{
    lengths();
    steady();
    long_prompt();
    mixture();
    names();
    return tap_done();
}
