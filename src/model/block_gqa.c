/* block_gqa.c - attention with grouped queries.
 *
 *   x += o(attention(rope(qkv(norm(x)))))
 *
 * Every rank of the replica computes its heads for all tokens of the step. */
#include "base/err.h"
#include "model/state.h"

#include <math.h>

static struct mix_paging paging(const struct mix_model *m)
{
    return (struct mix_paging){
        .first = m->act.first,
        .position = m->act.position,
        .table = m->act.page,
        .seqs = m->step->seqs,
        .table_stride = m->step->table_stride,
    };
}

int mix_block_gqa(struct mix_model *m, int layer)
{
    int rc = MIX_OK, tokens = m->step->tokens;
    const struct mix_layer_weights *w = &m->weights.layer[layer];
    struct mix_kv kv = mix_kv_layer(&m->kv, layer);
    struct mix_rope rope = {
        .q = m->act.q,
        .kv = kv,
        .qkv = m->act.qkv,
        .q_norm = w->q_norm,
        .k_norm = w->k_norm,
        .cos_sin = m->cos_sin,
        .at = paging(m),
        .tokens = tokens,
        .heads = m->share.heads.count,
        .eps = m->arch->rms_eps,
    };
    struct mix_attention attention = {
        .out = m->act.context,
        .q = m->act.q,
        .kv = kv,
        .at = paging(m),
        .scratch = m->act.scratch,
        .type = m->type,
        .tokens = tokens,
        .heads = m->share.heads.count,
        .scale = (float)(1.0 / sqrt(m->arch->head_dim)),
    };

    if (tokens == 0)
        goto out;
    TRY(mix_block_norm(m, w->attention_norm));
    TRY(mix_block_product(m, m->act.qkv, m->act.normed, w->qkv, tokens));
    TRY(m->kern->rope(m->dev, &rope));
    TRY(m->kern->attention(m->dev, &attention));
    TRY(mix_block_product(m, m->act.partial, m->act.context, w->o, tokens));
    TRY(mix_block_home(m));
    mix_model_charge(m, &m->times.attention);
out:
    return rc;
}
