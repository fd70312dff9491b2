/* memory.c - see memory.h. */
#include "plan/memory.h"

#include "arch/tensors.h"

static int64_t largest_part(int64_t x, int p)
{
    return (x + p - 1) / p;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* ---- weights */

/* Numbers that the last rank has of a tensor: no other has more. */
static int64_t numbers(const struct mix_memory_layout *l, const struct mix_tensor_spec *t)
{
    int p = t->split == MIX_SPLIT_EXPERT ? l->etp : l->tp;
    int64_t n = t->shape[0];

    if (t->rank == 2)
        n *= t->shape[1];
    if (t->split == MIX_SPLIT_WHOLE)
        return n;
    return n / t->shape[t->axis] * mix_tensors_part(l->arch, t, p, p - 1).count;
}

/* One tensor of a role in a layer, or all experts' together; 0 if the layer has none. */
static int64_t of_role(const struct mix_memory_layout *l, enum mix_tensor_role role, int layer)
{
    struct mix_tensor_spec t;

    if (!mix_tensors_get(l->arch, role, false, layer, 0, &t))
        return 0;
    return numbers(l, &t) * (t.split == MIX_SPLIT_EXPERT ? l->arch->experts : 1);
}

/* Where a role's bytes are counted, and what a number of it takes. */
static int64_t *part_of(struct mix_memory *m, const struct mix_memory_layout *l,
                        enum mix_tensor_role role, int *bytes)
{
    *bytes = l->packed;
    switch (role) {
    case MIX_EMBED: /* looked up, not multiplied: stays as it is */
        *bytes = (int)mix_dtype_size(l->dtype);
        return &m->vocabulary;
    case MIX_HEAD:
        return &m->vocabulary;
    case MIX_Q:
    case MIX_K:
    case MIX_V:
    case MIX_Q_DOWN:
    case MIX_Q_UP:
    case MIX_KV_DOWN:
    case MIX_KV_UP:
    case MIX_O:
        return &m->attention;
    case MIX_EXPERT_GATE:
    case MIX_EXPERT_UP:
    case MIX_EXPERT_DOWN:
        return &m->experts;
    case MIX_GATE:
    case MIX_UP:
    case MIX_DOWN:
    case MIX_SHARED_GATE:
    case MIX_SHARED_UP:
    case MIX_SHARED_DOWN:
        return &m->dense;
    default: /* norms, the router and its bias */
        *bytes = 4;
        return &m->rest;
    }
}

static bool once(enum mix_tensor_role role)
{
    return role == MIX_EMBED || role == MIX_LAST_NORM || role == MIX_HEAD;
}

static void count_weights(const struct mix_memory_layout *l, struct mix_memory *m)
{
    const struct mix_arch *a = l->arch;

    for (int r = 0; r < MIX_TENSOR_ROLES; r++) {
        enum mix_tensor_role role = (enum mix_tensor_role)r;
        int bytes;
        int64_t *part = part_of(m, l, role, &bytes);

        for (int layer = 0; layer < (once(role) ? 1 : a->layers); layer++)
            *part += of_role(l, role, layer) * bytes;
    }
    if (a->tied) /* the head is the embedding, but packed */
        m->vocabulary += of_role(l, MIX_EMBED, 0) * l->packed;
    /* cos and sin of half of the rotated dimensions, at every position */
    m->rest += (int64_t)l->max_model_len * 4 *
               (a->family == MIX_DEEPSEEK_V3 ? a->qk_rope_dim : a->head_dim);
    m->weights = m->attention + m->experts + m->dense + m->vocabulary + m->rest;
}

/* ---- keys, values, activations */

/* The kv heads that one rank's heads read: their part, or one that several ranks share. */
static int64_t kv_heads(const struct mix_memory_layout *l)
{
    return largest_part(l->arch->kv_heads, l->tp);
}

/* Values that attention keeps of a token in a layer. */
static int64_t kv_width(const struct mix_memory_layout *l)
{
    const struct mix_arch *a = l->arch;

    if (a->family == MIX_DEEPSEEK_V3) /* the latents, whole on every rank */
        return a->kv_lora_rank + a->qk_rope_dim;
    return 2 * kv_heads(l) * a->head_dim;
}

static int64_t attention_bytes(const struct mix_memory_layout *l, int64_t tokens)
{
    const struct mix_arch *a = l->arch;
    int64_t type = (int64_t)mix_dtype_size(l->dtype), heads = largest_part(a->heads, l->tp);
    int64_t q = heads * a->head_dim, out = q, latent = 0;

    if (a->family == MIX_DEEPSEEK_V3) {
        out = heads * a->v_dim;
        latent = a->q_lora_rank + a->kv_lora_rank + a->qk_rope_dim;
    }
    return tokens * (4 * (2 * q + latent + 2 * kv_heads(l) * a->head_dim) + type * out);
}

/* The buffers of feed-forward blocks; n tokens are routed together. */
static int64_t feed_forward_bytes(const struct mix_memory_layout *l, int64_t tokens, int64_t n,
                                  int64_t owned)
{
    const struct mix_arch *a = l->arch;
    int64_t wide = larger(tokens * largest_part(a->inner, l->tp),
                          n * a->top_k * largest_part(a->moe_inner, l->etp));

    wide = larger(wide, owned * a->shared_experts * a->moe_inner);
    return wide * (8 + (int64_t)mix_dtype_size(l->dtype)) +
           owned * (a->hidden + a->experts + 2 * a->top_k) * 4;
}

/* Rows sorted by expert and their results; with several ranks also what is gathered from and
 * summed for the others. */
static int64_t exchange_bytes(const struct mix_memory_layout *l, int64_t n, int64_t owned)
{
    const struct mix_arch *a = l->arch;
    int64_t type = (int64_t)mix_dtype_size(l->dtype), hidden = a->hidden, k = a->top_k;
    int64_t bytes = n * k * (hidden * (type + 4) + 8);

    if (l->etp > 1)
        bytes += n * (hidden * (type + 4) + k * 8) + (l->etp - 1) * owned * hidden * 4;
    return bytes;
}

static int64_t head_bytes(const struct mix_memory_layout *l, int64_t owned)
{
    int64_t rows =
        l->max_num_seqs < l->max_batched_tokens ? l->max_num_seqs : l->max_batched_tokens;
    int64_t mine = rows < owned ? rows : owned, vocab = l->arch->vocab, hidden = l->arch->hidden;
    int64_t type = (int64_t)mix_dtype_size(l->dtype);

    return mine * hidden * 4 + rows * hidden * type + rows * largest_part(vocab, l->tp) * 4 +
           (l->tp > 1 ? mine * vocab * 4 : 0);
}

static int64_t step_bytes(const struct mix_memory_layout *l, int64_t tokens, int64_t owned)
{
    int64_t hidden = l->arch->hidden, type = (int64_t)mix_dtype_size(l->dtype);
    int64_t table = (int64_t)l->max_num_seqs * largest_part(l->max_model_len, l->page);

    return owned * hidden * 4 + tokens * hidden * (type + 4) + (l->tp - 1) * owned * hidden * 4 +
           table * 4 + tokens * 12;
}

void mix_memory_count(const struct mix_memory_layout *l, struct mix_memory *m)
{
    const struct mix_arch *a = l->arch;
    int64_t tokens = l->max_batched_tokens, owned = largest_part(tokens, l->tp);
    int64_t together = owned * l->etp < tokens ? owned * l->etp : tokens, most;

    *m = (struct mix_memory){0};
    count_weights(l, m);
    m->kv_page = (int64_t)a->layers * kv_width(l) * l->page * (int64_t)mix_dtype_size(l->kv_dtype);
    most = larger(attention_bytes(l, tokens), feed_forward_bytes(l, tokens, together, owned));
    most = larger(most, head_bytes(l, owned)); /* these three share their memory */
    m->activations = step_bytes(l, tokens, owned) + most + exchange_bytes(l, together, owned);
}
