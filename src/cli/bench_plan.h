/* bench_plan.h - layouts of one model on the ranks at hand, each predicted and then run.
 *
 * Three jobs: long prompts, long answers, even.  For each the layouts that fit are ranked as
 * the planner ranks them; all of them, or the best and some drawn from the rest, are opened
 * one after the other with weights from a seed and take the job's mean step; in three
 * passes, because what disturbs a machine lasts longer than a layout's turn.
 *
 * Collective on all ranks. */
#ifndef MIX_CLI_BENCH_PLAN_H
#define MIX_CLI_BENCH_PLAN_H

#include "model/trial.h"

enum { MIX_BENCH_JOBS = 3, MIX_BENCH_LAYOUTS = 40, MIX_BENCH_PASSES = 3 };

struct mix_bench_layout {
    struct mix_layout layout;
    int rank;                       /* the planner's, from 0 */
    double steps;                   /* of the job */
    double predicted, measured;     /* seconds of a step; the slowest rank's; the middle pass */
    double pass[MIX_BENCH_PASSES];  /* measured in each */
    double told[MIX_COST_PARTS];    /* predicted, by part */
    double spent[MIX_COST_PARTS];   /* measured, mean over ranks */
    double tokens, decode, context; /* of a replica's step */
};

struct mix_bench_job {
    const char *name;
    int fit, count; /* layouts that fit; of them measured */
    struct mix_bench_layout run[MIX_BENCH_LAYOUTS];
};

/* Job i of MIX_BENCH_JOBS; step_s: time for the steps of a layout in a pass, about. */
int mix_bench_job(struct mix_bench_job *job, const struct mix_trial_config *config, double step_s,
                  int i);

#endif
