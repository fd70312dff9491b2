/* explain.h - a plan in ten lines, for the log and for `plan`.  Pure. */
#ifndef MIX_PLAN_EXPLAIN_H
#define MIX_PLAN_EXPLAIN_H

#include "plan/search.h"

/* Append the lines.  why: those of the search, or NULL. */
int mix_plan_explain(const struct mix_plan_input *in, const struct mix_plan *plan, const char *why,
                     struct mix_str *out);

#endif
