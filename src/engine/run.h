/* run.h - the data path: shards in, steps, answers out, until all have left.
 *
 * Every rank runs the same loop.  Ranks of a replica agree once a step; leaders
 * talk to files and to rank 0 (leader.h); rank 0 keeps the desk (coordinator.h).
 * A rank without work takes part with zero tokens until all agree to leave.
 *
 * Collective on all ranks. */
#ifndef MIX_ENGINE_RUN_H
#define MIX_ENGINE_RUN_H

#include "arch/arch.h"
#include "comm/comm.h"
#include "engine/job.h"
#include "engine/progress.h"
#include "engine/steps.h"
#include "engine/store.h"
#include "model/model.h"
#include "plan/plan.h"

#include <stdbool.h>

struct mix_run_config {
    struct mix_comm *comm;
    struct mix_dev *dev;
    const struct mix_arch *arch;
    const struct mix_plan *plan;
    struct mix_model *model;
    struct mix_job *job;           /* rank 0, else NULL */
    struct mix_progress *progress; /* rank 0, else NULL */
    struct mix_store *store;       /* leaders, else NULL */
    int page;                      /* tokens of a KV page: kernels/pages.h */
    bool ignore_eos;
    double stop_at; /* by mix_now(); 0: no limit */
    double stall_s;
    int64_t max_errors; /* -1: any number */
};

/* What this rank did, for the report. */
struct mix_run_result {
    struct mix_counts counts;
    long steps;
    struct mix_steps taken;
    int64_t restarts, wasted_tokens;
    double sampling_s, idle_s, total_s;
};

/* MIX_OK: all rows have a result; MIX_EROWS: they have, too many are bad; MIX_ESTOPPED: stopped,
 * sealed, resumable: the same on every rank. Anything else is this rank's failure. */
int mix_run(const struct mix_run_config *config, struct mix_run_result *result);

#endif
