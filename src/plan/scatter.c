/* scatter.c - rank 0 sends the plan, or the code of its failure, as bytes: all ranks are one
 * build. */
#include "plan/scatter.h"

#include "base/err.h"

int mix_plan_scatter(struct mix_group *world, struct mix_plan *plan, int rc)
{
    struct {
        int64_t rc;
        struct mix_plan plan;
    } letter = {.rc = rc};
    int sent;

    if (rc == MIX_OK && mix_group_rank(world) == 0)
        letter.plan = *plan;
    sent = mix_group_bcast(world, &letter, sizeof letter, 0);
    if (sent)
        return sent;
    if (letter.rc)
        return (int)letter.rc;
    *plan = letter.plan;
    return MIX_OK;
}
