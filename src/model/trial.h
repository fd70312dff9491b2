/* trial.h - a layout that a planner has ranked, opened with made-up weights, taking a job's steps.
 *
 * A job is rows of one length; a trial takes its mean step (plan/workload.h), over and
 * over, with tokens that spread over the experts.
 *
 * Collective on all ranks. */
#ifndef MIX_MODEL_TRIAL_H
#define MIX_MODEL_TRIAL_H

#include "comm/comm.h"
#include "dev/dev.h"
#include "plan/search.h"

struct mix_trial_config {
    struct mix_comm *comm;
    struct mix_group *world; /* all ranks */
    struct mix_dev *dev;
    const struct mix_topo *topo;
    const struct mix_arch *arch;
    const struct mix_machine *machine; /* that predicts */
    const char *dtype;                 /* as the option */
    int domain_size;
};

struct mix_trial {
    struct mix_plan plan;
    struct mix_cost_step step; /* of a replica */
    int32_t rank;              /* the planner's, from 0 */
    double steps;              /* of the whole job */
    double predicted;          /* seconds of a step */
    double told[MIX_COST_PARTS];
};

/* The `best` of the layouts that fit a job of such rows and, of the others, as many as make `most`,
 * drawn by chance but always the same: *count of them, of *fit.  The caller frees *trials.  If
 * nothing fits, both are 0. */
int mix_trial_choose(struct mix_trial **trials, int *count, int *fit,
                     const struct mix_trial_config *config, int prompt, int answer, int best,
                     int most);

/* Open, take steps for about so many seconds (at least three steps), close.  *median: of the steps'
 * seconds, each as long as its slowest rank's.  spent: where the mean rank's time of a step went.
 */
int mix_trial_run(const struct mix_trial *t, const struct mix_trial_config *config, double seconds,
                  double *median, double spent[MIX_COST_PARTS]);

#endif
