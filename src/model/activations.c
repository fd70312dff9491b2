/* activations.c - the layout of a step's buffers. */
#include "model/activations.h"

#include "base/err.h"
#include "kernels/kernels.h"
#include "model/arena.h"

#include <limits.h>

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

/* What the step itself brings, and what lives from block to block. */
static void lay_out_step(struct mix_activations *a, struct mix_arena *m,
                         const struct mix_arch *arch, const struct mix_share *s, size_t type)
{
    size_t tokens = (size_t)a->tokens, owned = (size_t)a->owned, hidden = (size_t)arch->hidden;

    a->id = mix_arena_take(m, tokens, sizeof *a->id);
    a->position = mix_arena_take(m, tokens, sizeof *a->position);
    a->first = mix_arena_take(m, (size_t)a->seqs + 1, sizeof *a->first);
    a->page = mix_arena_take(m, (size_t)a->table, sizeof *a->page);
    a->from = mix_arena_take(m, tokens, sizeof *a->from);
    a->x = mix_arena_take(m, owned * hidden, sizeof *a->x);
    a->normed = mix_arena_take(m, tokens * hidden, type);
    a->partial = mix_arena_take(m, tokens * hidden, sizeof *a->partial);
    a->room =
        mix_arena_take(m, (size_t)(s->tp > 1 ? s->tp - 1 : 0) * owned * hidden, sizeof *a->room);
}

static void lay_out_attention(struct mix_activations *a, struct mix_arena *m,
                              const struct mix_arch *arch, const struct mix_plan *plan,
                              const struct mix_share *s, size_t type)
{
    size_t tokens = (size_t)a->tokens, head_dim = (size_t)arch->head_dim;
    size_t heads = (size_t)s->heads.count, kv_heads = (size_t)s->kv_heads.count;
    const struct mix_kernels *kern = mix_kernels_of(a->dev);

    a->qkv = mix_arena_take(m, tokens * (heads + 2 * kv_heads) * head_dim, sizeof *a->qkv);
    a->q = mix_arena_take(m, tokens * heads * head_dim, sizeof *a->q);
    a->context = mix_arena_take(m, tokens * heads * head_dim, type);
    a->scratch =
        mix_arena_take(m,
                       kern->attention_scratch(a->tokens, s->heads.count, arch->head_dim,
                                               plan->max_model_len, mix_dev_threads(a->dev)),
                       1);
}

static void lay_out_feed_forward(struct mix_activations *a, struct mix_arena *m,
                                 const struct mix_arch *arch, const struct mix_share *s,
                                 size_t type)
{
    size_t tokens = (size_t)a->tokens, owned = (size_t)a->owned;
    size_t wide =
        larger(tokens * (size_t)s->inner.count, (size_t)a->routed * (size_t)s->moe_inner.count);

    a->gate_up = mix_arena_take(m, 2 * wide, sizeof *a->gate_up);
    a->inner = mix_arena_take(m, wide, type);
    a->normed_f32 = mix_arena_take(m, owned * (size_t)arch->hidden, sizeof *a->normed_f32);
    a->router = mix_arena_take(m, owned * (size_t)arch->experts, sizeof *a->router);
    a->expert = mix_arena_take(m, owned * (size_t)arch->top_k, sizeof *a->expert);
    a->weight = mix_arena_take(m, owned * (size_t)arch->top_k, sizeof *a->weight);
}

static void lay_out_head(struct mix_activations *a, struct mix_arena *m,
                         const struct mix_arch *arch, const struct mix_share *s, size_t type)
{
    size_t rows = (size_t)a->head_rows, hidden = (size_t)arch->hidden;
    size_t mine = a->head_rows < a->owned ? rows : (size_t)a->owned;

    a->sampled = mix_arena_take(m, mine * hidden, sizeof *a->sampled);
    a->head_normed = mix_arena_take(m, rows * hidden, type);
    a->slice = mix_arena_take(m, rows * (size_t)s->vocab.count, sizeof *a->slice);
    a->logits = mix_arena_take(m, s->tp > 1 ? mine * (size_t)arch->vocab : 0, sizeof *a->logits);
}

/* Count with no base, hand out pointers with one. */
static size_t lay_out(struct mix_activations *a, char *base, const struct mix_arch *arch,
                      const struct mix_plan *plan, const struct mix_share *s)
{
    size_t type = mix_dtype_size((enum mix_dtype)plan->numeric.dtype), shared, end;
    struct mix_arena m = {.base = base};

    lay_out_step(a, &m, arch, s, type);
    shared = m.used;
    lay_out_attention(a, &m, arch, plan, s, type);
    end = m.used;
    m.used = shared;
    lay_out_feed_forward(a, &m, arch, s, type);
    end = larger(end, m.used);
    m.used = shared;
    lay_out_head(a, &m, arch, s, type);
    return larger(end, m.used);
}

int mix_activations_init(struct mix_activations *out, struct mix_dev *dev,
                         const struct mix_arch *arch, const struct mix_plan *plan,
                         const struct mix_share *share)
{
    int rc = MIX_OK, tokens = plan->max_batched_tokens, seqs = plan->max_num_seqs;
    int each = (plan->max_model_len + MIX_PAGE - 1) / MIX_PAGE; /* pages of a sequence */
    struct mix_activations a = {
        .dev = dev,
        .tokens = tokens,
        .owned = (tokens + share->tp - 1) / share->tp,
        .seqs = seqs,
        .table = seqs * each,
        .head_rows = seqs < tokens ? seqs : tokens,
    };
    int64_t routed = (int64_t)a.owned * share->etp;

    routed = (routed < tokens ? routed : tokens) * (arch->experts ? arch->top_k : 1);
    MIX_CHECK(routed <= INT_MAX, "a plan of %d tokens a step, to %d experts each", tokens,
              arch->top_k);
    a.routed = (int)routed;

    MIX_CHECK(tokens > 0 && seqs > 0 && each > 0 && seqs <= INT_MAX / each,
              "a plan of %d tokens a step, %d sequences of %d tokens", tokens, seqs,
              plan->max_model_len);
    a.bytes = lay_out(&a, NULL, arch, plan, share);
    TRY(mix_dev_alloc(dev, &a.memory, a.bytes, "activations"));
    lay_out(&a, a.memory, arch, plan, share);
    *out = a;
out:
    return rc;
}

void mix_activations_fini(struct mix_activations *a)
{
    if (a->dev)
        mix_dev_release(a->dev, a->memory);
    *a = (struct mix_activations){0};
}
