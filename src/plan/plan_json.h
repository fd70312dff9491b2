/* plan_json.h - a plan as text, for plan.json in a job's folder.
 *
 * What goes out comes in again, to the last member.  Reading trusts nothing: a
 * member that is missing, mistyped or out of range, or numbers that are no plan,
 * are MIX_EINPUT naming file and member.  Members that are not known are ignored.
 *
 * Not collective. */
#ifndef MIX_PLAN_PLAN_JSON_H
#define MIX_PLAN_PLAN_JSON_H

#include "base/str.h"
#include "plan/plan.h"

int mix_plan_to_json(const struct mix_plan *plan, struct mix_str *out); /* appends */
int mix_plan_from_json(struct mix_plan *plan, const char *text, size_t n, const char *file);

#endif
