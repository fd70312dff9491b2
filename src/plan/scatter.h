/* scatter.h - everybody gets rank 0's plan.
 *
 * Collective on all ranks.  The only file of plan/ that communicates. */
#ifndef MIX_PLAN_SCATTER_H
#define MIX_PLAN_SCATTER_H

#include "comm/comm.h"
#include "plan/plan.h"

/* rc is how member 0 has got its plan: MIX_OK, or the code with which everybody now returns, after
 * member 0 has said why.  The others' rc is not looked at. */
int mix_plan_scatter(struct mix_group *world, struct mix_plan *plan, int rc);

#endif
