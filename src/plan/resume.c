/* resume.c - see resume.h. */
#include "plan/resume.h"

#include "base/err.h"

#include <string.h>

/* What the numeric part would be if this job began now with its pins, where it has any. */
static void as_if_new(const struct mix_plan_input *in, const struct mix_plan *stored,
                      struct mix_plan *now)
{
    const struct mix_plan_pins *p = &in->pins;
    const struct mix_plan_kernels *k;
    struct mix_plan_numeric *n = &now->numeric;

    *now = *stored;
    if (p->tp)
        n->tp = p->tp;
    if (p->etp)
        n->etp = p->etp;
    if (p->dtype && !strcmp(p->dtype, "float32"))
        n->dtype = n->kv_dtype = MIX_F32;
    if (p->dtype && !strcmp(p->dtype, "bfloat16"))
        n->dtype = n->kv_dtype = MIX_BF16;
    if (stored->numeric.dispatch != MIX_F8E4M3)
        n->dispatch = n->dtype;
    if (p->wire_dtype && !strcmp(p->wire_dtype, "fp8"))
        n->dispatch = MIX_F8E4M3;
    k = n->dtype == MIX_BF16 ? &in->bf16 : &in->f32;
    n->invariant = k->invariant;
    memset(n->device, 0, sizeof n->device);
    strncpy(n->device, in->device, sizeof n->device - 1);
    memset(n->kernels, 0, sizeof n->kernels);
    strncpy(n->kernels, k->describe, sizeof n->kernels - 1);
}

/* Do replicas of tp ranks, and copies of the experts, tile the ranks of every node? */
static int check_ranks(const struct mix_plan_input *in, const struct mix_plan *stored)
{
    const struct mix_topo *t = in->topo;
    int tp = stored->numeric.tp, etp = stored->numeric.etp, each = in->pins.domain_size, n = tp;

    while (n % etp)
        n += tp;
    for (int i = 0; i < t->ranks; i++) {
        int m = each ? each : t->rank[i].local_ranks;

        if (m % n)
            return MIX_FAIL(MIX_EFIT,
                            "this job was begun with tp %d and etp %d, and its results depend on "
                            "that: the %d ranks of %s %s do not divide into groups of %d and %d; "
                            "%d, %d, %d, ... on each node do",
                            tp, etp, m, each ? "a domain on" : "node", t->rank[i].host, tp, etp, n,
                            2 * n, 3 * n);
    }
    return MIX_OK;
}

int mix_plan_resume(const struct mix_plan_input *in, const struct mix_plan *stored,
                    struct mix_plan *plan, struct mix_str *why)
{
    struct mix_plan_input keep = *in;
    struct mix_plan now;
    const char *difference;
    int rc = MIX_OK;

    as_if_new(in, stored, &now);
    difference = mix_plan_numeric_difference(&now, stored);
    if (difference) {
        rc = MIX_FAIL(
            MIX_EINPUT,
            "this job was begun with another numeric plan, its rows would not be the same: "
            "%s; go on as it was, or start anew with another --output",
            difference);
        goto out;
    }
    TRY(check_ranks(in, stored));
    keep.pins.tp = stored->numeric.tp;
    keep.pins.etp = stored->numeric.etp;
    keep.pins.dtype = stored->numeric.dtype == MIX_BF16 ? "bfloat16" : "float32";
    keep.keep = &stored->numeric;
    keep.pins.max_model_len = stored->max_model_len;
    TRY(mix_plan_search(&keep, &now, why));
    MIX_CHECK(mix_plan_numeric_difference(&now, stored) == NULL, "a resume changes the plan: %s",
              mix_plan_numeric_difference(&now, stored));
    *plan = now;
out:
    return rc;
}
