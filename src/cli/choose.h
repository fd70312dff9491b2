/* choose.h - which plan a run takes: the job's own, or the best on a machine.
 *
 * A new job of several ranks that leaves a choice measures the machine first, with all
 * ranks at work (model/gauge.h); the plan then belongs to the job, and who goes on with
 * it, or gives --machine, or pins all there is to choose, measures nothing. */
#ifndef MIX_CLI_CHOOSE_H
#define MIX_CLI_CHOOSE_H

#include "cli/decide.h"
#include "plan/search.h"

/* Rank 0's: what is to be planned. */
struct mix_choose {
    const struct mix_decide *known;
    struct mix_plan_input in;
    struct mix_plan stored; /* of a job that goes on */
    bool resumed;
    bool measure; /* is the machine to be measured? */
    struct mix_machine machine;
    struct mix_lengths lengths;
    char f32[200], bf16[200];
};

/* Look at the kernels, the machine's file, the job and its rows.  Rank 0 alone; not collective. */
int mix_choose_init(struct mix_choose *c, const struct mix_decide *known,
                    const struct mix_job *job);

/* The machine, measured by all ranks.  Collective on all ranks. */
int mix_choose_measure(struct mix_machine *m, const struct mix_decide *known);

/* The plan, with lines in the log.  Rank 0 alone; not collective. */
int mix_choose_plan(struct mix_choose *c, struct mix_plan *plan);

/* What the options pin. */
struct mix_plan_pins mix_choose_pins(const struct mix_options *o);

#endif
