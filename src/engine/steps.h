/* steps.h - which steps a run took, and how long the planner says that they take.
 *
 * Every rank adds up what its replica had in each step, apart by the tokens of all who
 * stepped together: a step of a thousand tokens and one of ten are no two steps of their
 * mean.  Replicas that step together count the same steps, also those in which one of
 * them had nothing.
 *
 * Pure; not collective (report.h gathers). */
#ifndef MIX_ENGINE_STEPS_H
#define MIX_ENGINE_STEPS_H

#include "model/model.h"
#include "plan/cost.h"

#include <stdint.h>

enum { MIX_STEP_SIZES = 24 }; /* 1, 2 to 3, 4 to 7, ... tokens */

struct mix_steps_sum { /* over the steps of one size; doubles alone, to be added up over ranks */
    double steps;
    double prompt, prompts, prompt_keys; /* tokens of prompts, in so many pieces; keys they met */
    double decode, decode_keys;          /* sequences that took their next token; keys they met */
    double samples;
};

struct mix_steps { /* begins as {0} */
    struct mix_steps_sum size[MIX_STEP_SIZES];
    struct mix_steps_sum now; /* the step that has not ended */
};

/* My replica's part of a step. */
void mix_steps_begin(struct mix_steps *s, const struct mix_step *step);

/* The step had so many tokens, over all who stepped together.  0: there was none. */
void mix_steps_end(struct mix_steps *s, int64_t tokens);

/* What a mean rank spends and sends in all steps; sum: over the steps of all replicas. */
void mix_steps_cost(const struct mix_steps_sum sum[MIX_STEP_SIZES], int replicas,
                    const struct mix_cost_model *m, struct mix_cost *all);

#endif
