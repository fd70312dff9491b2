/* sbatch.h - a batch script that runs a plan under Slurm.  Pure. */
#ifndef MIX_CLI_SBATCH_H
#define MIX_CLI_SBATCH_H

#include "cli/options.h"
#include "plan/plan.h"

struct mix_sbatch {
    const struct mix_options *o;
    const struct mix_plan *plan;
    int nodes, each;
    bool gpus;
    double seconds; /* predicted */
};

/* Append it.  Its time limit is half more than predicted and half an hour; a job that is stopped
 * by time is put in the queue again and goes on. */
int mix_sbatch(const struct mix_sbatch *s, struct mix_str *out);

#endif
