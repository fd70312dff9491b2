/* resume.h - the plan of a job that goes on.
 *
 * The numeric part of the first plan stays, so that every row gets the bits that it
 * would have got; so does the longest row, which decides which rows are refused.
 * The placement is searched anew on the ranks that there are now.
 *
 * Pure. */
#ifndef MIX_PLAN_RESUME_H
#define MIX_PLAN_RESUME_H

#include "plan/search.h"

/* MIX_EFIT: these ranks cannot hold the stored numeric part; the numbers of ranks that can are
 * named.  MIX_EINPUT: a pin, the device or its kernels would change it; the difference is named. */
int mix_plan_resume(const struct mix_plan_input *in, const struct mix_plan *stored,
                    struct mix_plan *plan, struct mix_str *why);

#endif
