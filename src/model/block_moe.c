/* block_moe.c - a feed-forward block with experts.
 *
 *   x += sum_j weight_j * expert_j(norm(x))      over the top_k experts of each token
 *
 * The owner of a token routes it, in fp32 throughout: a near tie must not depend
 * on the operands' type.  The exchange does the rest. */
#include "base/clock.h"
#include "base/err.h"
#include "model/state.h"

struct experts {
    struct mix_model *m;
    int layer;
};

static int run_experts(void *ctx, float *out, const void *x, const int *first)
{
    const struct experts *e = ctx;

    return mix_block_feed_forward(e->m, e->layer, out, x, first);
}

static int norm(struct mix_model *m, void *y, enum mix_dtype type, const float *weight)
{
    struct mix_rmsnorm a = {
        .y = y,
        .x = m->act.x,
        .w = weight,
        .type = type,
        .tokens = mix_owners_mine(m->owners),
        .dim = m->arch->hidden,
        .eps = m->arch->rms_eps,
    };

    return m->kern->rmsnorm(m->dev, &a);
}

/* act.expert and act.weight of the tokens that I own. */
static int route(struct mix_model *m, const struct mix_layer_weights *w)
{
    int rc = MIX_OK, tokens = mix_owners_mine(m->owners);
    struct mix_router router = {
        .expert = m->act.expert,
        .weight = m->act.weight,
        .logits = m->act.router,
        .tokens = tokens,
        .experts = m->arch->experts,
        .k = m->arch->top_k,
        .normalise = m->arch->norm_topk_prob,
    };

    TRY(mix_block_product(m, m->act.router, m->act.normed_f32, w->router, tokens));
    TRY(m->kern->router(m->dev, &router));
out:
    return rc;
}

/* Charge the time since the last charge as the exchange has counted it. */
static void charge(struct mix_model *m, struct mix_exchange_times before)
{
    struct mix_exchange_times now = mix_exchange_times(m->exchange);

    m->times.experts += now.experts_s - before.experts_s;
    m->times.exchange_inside += now.inside_s - before.inside_s;
    m->times.exchange_between += now.between_s - before.between_s;
    m->times.waiting += now.wait_s - before.wait_s;
    m->mark = mix_now();
}

int mix_block_moe(struct mix_model *m, int layer)
{
    int rc = MIX_OK;
    const struct mix_layer_weights *w = &m->weights.layer[layer];
    struct mix_exchange_times before = mix_exchange_times(m->exchange);
    struct experts experts = {.m = m, .layer = layer};
    struct mix_exchange_step step = {
        .layer = layer,
        .x = m->type == MIX_F32 ? m->act.normed_f32 : m->act.normed,
        .expert = m->act.expert,
        .weight = m->act.weight,
        .tokens = m->copy_tokens,
        .run = run_experts,
        .ctx = &experts,
    };

    if (m->together == 0)
        goto out;
    TRY(norm(m, m->act.normed_f32, MIX_F32, w->block_norm));
    if (m->type != MIX_F32)
        TRY(norm(m, m->act.normed, m->type, w->block_norm));
    TRY(route(m, w));
    mix_model_charge(m, &m->times.router);
    TRY(mix_exchange_start(m->exchange, &step));
    TRY(mix_exchange_finish(m->exchange, m->act.x));
    charge(m, before);
out:
    return rc;
}
