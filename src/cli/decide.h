/* decide.h - what this run is to do: rank 0 looks at input, job and machine; all get the answer.
 *
 * Collective on all ranks. */
#ifndef MIX_CLI_DECIDE_H
#define MIX_CLI_DECIDE_H

#include "cli/options.h"
#include "comm/comm.h"
#include "dev/dev.h"
#include "engine/job.h"
#include "engine/rows.h"
#include "plan/plan.h"
#include "topo/machine.h"
#include "topo/topo.h"

#include <limits.h>

struct mix_decide { /* what is known */
    const struct mix_options *o;
    const bool *given;
    int argc;
    char **argv;
    struct mix_comm *comm;
    struct mix_group *world;
    struct mix_dev *dev;
    const struct mix_topo *topo;
    const struct mix_arch *arch;
};

struct mix_decision { /* plain data, the same on every rank */
    enum mix_job_state state;
    struct mix_plan plan;
    bool weighed;               /* was the plan chosen on a machine? */
    struct mix_machine machine; /* that one */
    struct mix_row_rules rules;
    int64_t rows;   /* of the input */
    int64_t failed; /* rows that are sealed with an error */
    int attempt;
    char folder[PATH_MAX]; /* OUT.h5.job */
};

/* On rank 0 *job is the open job, elsewhere NULL. */
int mix_decide(const struct mix_decide *known, struct mix_decision *decision, struct mix_job **job);

#endif
