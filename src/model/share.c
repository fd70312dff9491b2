/* share.c - see share.h. */
#include "model/share.h"

#include "base/err.h"

/* Can heads be cut so that every rank has whole groups of heads, or whole parts of one group? */
static int check(const struct mix_arch *arch, const struct mix_plan *plan)
{
    int rc = MIX_OK;
    int tp = plan->numeric.tp, etp = plan->numeric.etp;

    MIX_CHECK(tp >= 1 && etp >= 1 && plan->ep >= 1, "a plan of tp %d, etp %d, ep %d", tp, etp,
              plan->ep);
    if (arch->heads % tp)
        return MIX_FAIL(MIX_EFIT, "%d heads cannot be split over tp %d; choose a divisor",
                        arch->heads, tp);
    if (arch->kv_heads % tp && tp % arch->kv_heads)
        return MIX_FAIL(MIX_EFIT,
                        "%d kv heads cannot be split over tp %d, nor tp over them; choose another",
                        arch->kv_heads, tp);
    if (arch->vocab < tp || (arch->inner && arch->inner < tp) ||
        (arch->experts && arch->moe_inner < etp))
        return MIX_FAIL(MIX_EFIT, "tp %d, etp %d leave ranks without a part of the weights", tp,
                        etp);
out:
    return rc;
}

int mix_share_of(struct mix_share *s, const struct mix_arch *arch, const struct mix_plan *plan,
                 int rank)
{
    int rc = MIX_OK;
    struct mix_place place = mix_plan_place(plan, rank);
    int tp = plan->numeric.tp, etp = plan->numeric.etp, group, last;

    TRY(check(arch, plan));
    s->tp = tp;
    s->tp_i = place.tp_i;
    s->etp = etp;
    s->etp_i = place.etp_i;
    s->heads = mix_split(arch->heads, tp, place.tp_i);
    group = arch->heads / arch->kv_heads;
    last = (s->heads.first + s->heads.count - 1) / group;
    s->kv_heads.first = s->heads.first / group;
    s->kv_heads.count = last - s->kv_heads.first + 1;
    s->inner = mix_split(arch->inner, tp, place.tp_i);
    s->moe_inner = mix_split(arch->moe_inner, etp, place.etp_i);
    s->vocab = mix_split(arch->vocab, tp, place.tp_i);
out:
    return rc;
}
