/* block_dense.c - a feed-forward block without experts.
 *
 *   x += down(silu(gate(norm(x))) * up(norm(x)))
 *
 * Every rank of the replica computes its part of the inner dimension for all
 * tokens of the step. */
#include "base/err.h"
#include "model/state.h"

int mix_block_dense(struct mix_model *m, int layer)
{
    int rc = MIX_OK;
    int first[2] = {0, m->step->tokens};

    TRY(mix_block_norm(m, m->weights.layer[layer].block_norm));
    TRY(mix_block_feed_forward(m, layer, m->act.partial, m->act.normed, first));
    TRY(mix_block_home(m));
    mix_model_charge(m, &m->times.experts);
out:
    return rc;
}
