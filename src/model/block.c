/* block.c - what every block is made of: norm, product, feed-forward, home.
 *
 * A block's tokens come from their owners (norm) and its results go back to them
 * (home); between the two every rank of the replica works on all tokens with its
 * own slices. */
#include "base/err.h"
#include "model/state.h"

void *mix_block_mine(const struct mix_model *m)
{
    size_t first = (size_t)mix_owners_first(m->owners);

    return (char *)m->act.normed + first * (size_t)m->arch->hidden * mix_dtype_size(m->type);
}

int mix_block_norm(struct mix_model *m, const float *weight)
{
    int rc = MIX_OK;
    void *mine = mix_block_mine(m);
    struct mix_rmsnorm norm = {
        .y = mine,
        .x = m->act.x,
        .w = weight,
        .type = m->type,
        .tokens = mix_owners_mine(m->owners),
        .dim = m->arch->hidden,
        .eps = m->arch->rms_eps,
    };

    TRY(m->kern->rmsnorm(m->dev, &norm));
    TRY(mix_owners_gather(m->owners, m->act.normed, mine,
                          (size_t)m->arch->hidden * mix_dtype_size(m->type)));
out:
    return rc;
}

int mix_block_product(struct mix_model *m, float *y, const void *x, const struct mix_packed *weight,
                      int rows)
{
    int first[2] = {0, rows};
    const struct mix_packed *w[1] = {weight};
    struct mix_product product = {.y = y, .x = x, .w = w, .first = first, .groups = 1};

    return m->kern->product(m->dev, &product);
}

int mix_block_feed_forward(struct mix_model *m, int layer, float *y, const void *x,
                           const int *first)
{
    int rc = MIX_OK;
    const struct mix_layer_weights *w = &m->weights.layer[layer];
    struct mix_product in = {
        .y = m->act.gate_up,
        .x = x,
        .w = (const struct mix_packed *const *)w->gate_up,
        .first = first,
        .groups = w->blocks,
    };
    struct mix_swiglu gate = {
        .y = m->act.inner,
        .x = m->act.gate_up,
        .type = m->type,
        .rows = first[w->blocks],
        .inner = m->arch->moe[layer] ? m->share.moe_inner.count : m->share.inner.count,
    };
    struct mix_product out_of = {
        .y = y,
        .x = m->act.inner,
        .w = (const struct mix_packed *const *)w->down,
        .first = first,
        .groups = w->blocks,
    };

    TRY(m->kern->product(m->dev, &in));
    TRY(m->kern->swiglu(m->dev, &gate));
    TRY(m->kern->product(m->dev, &out_of));
out:
    return rc;
}

int mix_block_home(struct mix_model *m)
{
    return mix_owners_home(m->owners, m->act.x, m->act.partial, m->act.room, m->arch->hidden);
}
