/* steps.c - what is added up of steps, and what they cost together. */
#include "engine/steps.h"

#include "plan_fixture.h"
#include "tap.h"

#include <math.h>

static bool near(double x, double want)
{
    return fabs(x - want) <= 1e-9 * fmax(1, fabs(want));
}

/* A chunk of three tokens after two, a sequence's token after nine, and one after none. */
static const int32_t position[] = {2, 3, 4, 9, 0}, first[] = {0, 3, 4, 5};
static const struct mix_step mixed = {
    .position = position, .first = first, .tokens = 5, .seqs = 3, .samples = 2};

static void sums(void)
{
    struct mix_steps s = {0};
    const struct mix_steps_sum *x = &s.size[2];

    mix_steps_begin(&s, &mixed);
    ok(x->steps == 0, "nothing counts before its end");
    mix_steps_end(&s, 7);
    ok(x->steps == 1 && x->samples == 2, "a step of 4 to 7 tokens");
    ok(x->prompt == 3 && x->prompts == 1 && x->prompt_keys == 3 + 4 + 5,
       "a chunk of a prompt: each token meets itself and those before it");
    ok(x->decode == 2 && x->decode_keys == 10 + 1, "two single tokens");
    mix_steps_end(&s, 4);
    ok(x->steps == 2 && x->prompt == 3 && x->decode == 2, "a step of others is one of no tokens");
    mix_steps_end(&s, 0);
    ok(x->steps == 2 && s.size[0].steps == 0, "none is none");
    mix_steps_end(&s, 1);
    mix_steps_end(&s, 3);
    mix_steps_end(&s, 8);
    mix_steps_end(&s, INT64_MAX);
    ok(s.size[0].steps == 1 && s.size[1].steps == 1 && s.size[3].steps == 1 &&
           s.size[MIX_STEP_SIZES - 1].steps == 1,
       "sizes are powers of two, the last has all that are larger");
}

/* Replicas of a small model, two of them or one, whose copies of experts span two domains. */
static void costs(void)
{
    struct mix_arch arch = small_arch();
    struct mix_machine machine;
    struct mix_plan plan = {.numeric = {.tp = 1, .etp = 1, .dtype = MIX_BF16, .wire = MIX_BF16},
                            .domain_size = 1,
                            .dp = 2,
                            .ep = 2,
                            .edp = 1,
                            .exchange = MIX_EXCHANGE_EP};
    struct mix_steps s = {0};
    struct mix_steps_sum both[MIX_STEP_SIZES];
    struct mix_cost_step step = {
        .prompt = 3, .chunk = 3, .prompt_context = 4, .decode = 2, .context = 5.5, .samples = 2};
    struct mix_cost one, all, large;
    struct mix_cost_model m;
    bool twice = true;

    mix_machine_preset(&machine, "h100");
    m = mix_cost_of_plan(&arch, &machine, &plan, 1, 2);
    mix_cost_step(&m, &step, &one);
    for (int i = 0; i < 3; i++) {
        mix_steps_begin(&s, &mixed);
        mix_steps_end(&s, 5);
    }
    mix_steps_cost(s.size, 1, &m, &all);
    for (int p = 0; p < MIX_COST_PARTS; p++)
        twice &= near(all.part[p], 3 * one.part[p]);
    ok(twice && one.total > 0 && near(all.total, 3 * one.total),
       "three steps take three times one");
    ok(one.phase[MIX_PHASE_COMBINE] > 0 &&
           near(all.phase[MIX_PHASE_COMBINE], 3 * one.phase[MIX_PHASE_COMBINE]),
       "in every phase of the exchange");
    ok(one.sent[MIX_PHASE_DISPATCH][MIX_LINK_BETWEEN] > 0 &&
           near(all.sent[MIX_PHASE_DISPATCH][MIX_LINK_BETWEEN],
                3 * one.sent[MIX_PHASE_DISPATCH][MIX_LINK_BETWEEN]),
       "and send three times as much");

    for (int i = 0; i < MIX_STEP_SIZES; i++) {
        const double *x = &s.size[i].steps;
        double *y = &both[i].steps;

        for (size_t j = 0; j < sizeof both[i] / sizeof both[i].steps; j++)
            y[j] = 2 * x[j];
    }
    mix_steps_cost(both, 2, &m, &all);
    ok(near(all.total, 3 * one.total), "two replicas that do the same are no longer at it");

    mix_steps_begin(&s, &mixed);
    mix_steps_end(&s, 1000);
    mix_steps_cost(s.size, 1, &m, &large);
    ok(near(large.total, 4 * one.total), "sizes add up");
    mix_steps_cost((struct mix_steps_sum[MIX_STEP_SIZES]){0}, 1, &m, &all);
    ok(all.total == 0, "no steps, no time");
}

int main(void)
{
    sums();
    costs();
    return tap_done();
}
