/* share.h - which part of every weight a rank holds.
 *
 * Heads, the inner dimension of dense blocks and the vocabulary are split over tp;
 * experts' inner dimension over etp; part i of p of X is [X i / p, X (i + 1) / p).
 * Fewer kv heads than tp ranks are replicated: a rank holds the kv head that its
 * heads use.  Router, norms and whatever is not named here: whole on every rank.
 *
 * Pure; not collective. */
#ifndef MIX_MODEL_SHARE_H
#define MIX_MODEL_SHARE_H

#include "arch/arch.h"
#include "plan/plan.h"

struct mix_share {
    int tp, tp_i, etp, etp_i;
    struct mix_part heads, kv_heads;
    struct mix_part inner, moe_inner; /* of a dense block; of an expert */
    struct mix_part vocab;
};

/* The share of a world rank.  MIX_EFIT, saying which number does not divide, where a layout cannot
 * be. */
int mix_share_of(struct mix_share *s, const struct mix_arch *arch, const struct mix_plan *plan,
                 int rank);

#endif
