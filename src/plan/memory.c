/* memory.c - see memory.h. */
#include "plan/memory.h"

#include "arch/tensors.h"
#include "plan/layouts.h"

#include <stdbool.h>

static int64_t largest_part(int64_t x, int p)
{
    return (x + p - 1) / p;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* ---- weights */

enum {
    PARTS = 64
}; /* of tp or etp; if there are more, the last, as large as any, stands for them */

/* Bytes of one rank's weights but experts, by part, and what a role's go to. */
struct dense {
    int64_t attention, dense, vocabulary, rest;
};

/* Numbers that part i of p has of a tensor. */
static int64_t numbers(const struct mix_memory_layout *l, const struct mix_tensor_spec *t, int p,
                       int i)
{
    int64_t n = t->shape[0];

    if (t->rank == 2)
        n *= t->shape[1];
    if (t->split == MIX_SPLIT_WHOLE)
        return n;
    return n / t->shape[t->axis] * mix_tensors_part(l->arch, t, p, i).count;
}

static bool once(enum mix_tensor_role role)
{
    return role == MIX_EMBED || role == MIX_LAST_NORM || role == MIX_HEAD;
}

static bool of_expert(enum mix_tensor_role role)
{
    return role == MIX_EXPERT_GATE || role == MIX_EXPERT_UP || role == MIX_EXPERT_DOWN;
}

/* A role's tensor and how many layers have one: layers are alike but for having experts. */
static int layers_with(const struct mix_arch *a, enum mix_tensor_role role,
                       struct mix_tensor_spec *t)
{
    int kind[2] = {0, 0}, some[2] = {-1, -1}, n = 0;

    if (once(role))
        return mix_tensors_get(a, role, false, 0, 0, t);
    for (int i = 0; i < a->layers; i++) {
        kind[a->moe[i]]++;
        some[a->moe[i]] = i;
    }
    for (int k = 0; k < 2; k++)
        if (kind[k] && mix_tensors_get(a, role, false, some[k], 0, t))
            n += kind[k];
    return n;
}

/* Where a role's bytes are counted, and what a number of it takes. */
static int64_t *part_of(struct dense *d, const struct mix_memory_layout *l,
                        enum mix_tensor_role role, double *bytes)
{
    *bytes = l->dense_bytes > 0 ? l->dense_bytes : l->packed;
    switch (role) {
    case MIX_EMBED: /* looked up, not multiplied: stays as it is */
        *bytes = (double)mix_dtype_size(l->dtype);
        return &d->vocabulary;
    case MIX_HEAD:
        return &d->vocabulary;
    case MIX_Q:
    case MIX_K:
    case MIX_V:
    case MIX_Q_DOWN:
    case MIX_Q_UP:
    case MIX_KV_DOWN:
    case MIX_KV_UP:
    case MIX_O:
        return &d->attention;
    case MIX_GATE:
    case MIX_UP:
    case MIX_DOWN:
    case MIX_SHARED_GATE:
    case MIX_SHARED_UP:
    case MIX_SHARED_DOWN:
        return &d->dense;
    default: /* norms, the router and its bias */
        *bytes = 4;
        return &d->rest;
    }
}

/* The part of p that place i stands for. */
static int stands_for(int i, int p)
{
    return i == PARTS - 1 ? p - 1 : i;
}

static int64_t rounded(double x)
{
    return (int64_t)(x + 0.5);
}

/* Every part of tp, without experts; of etp, one expert of every layer. */
static void count_parts(const struct mix_memory_layout *l, struct dense part[PARTS], int parts,
                        int64_t slice[PARTS], int slices)
{
    double bytes = l->expert_bytes > 0 ? l->expert_bytes : l->packed;

    for (int r = 0; r < MIX_TENSOR_ROLES; r++) {
        enum mix_tensor_role role = (enum mix_tensor_role)r;
        struct mix_tensor_spec t;
        int layers = layers_with(l->arch, role, &t);

        if (layers && of_expert(role))
            for (int i = 0; i < slices; i++)
                slice[i] += rounded(
                    (double)(numbers(l, &t, l->etp, stands_for(i, l->etp)) * layers) * bytes);
        for (int i = 0; i < parts && layers && !of_expert(role); i++) {
            double each;
            int64_t *at = part_of(&part[i], l, role, &each);

            *at += rounded((double)(numbers(l, &t, l->tp, stands_for(i, l->tp)) * layers) * each);
        }
    }
    for (int i = 0; i < parts && l->arch->tied; i++) { /* the head is the embedding, but packed */
        struct mix_tensor_spec t;

        mix_tensors_get(l->arch, MIX_EMBED, false, 0, 0, &t);
        part[i].vocabulary += numbers(l, &t, l->tp, stands_for(i, l->tp)) * l->packed;
    }
}

static int64_t all_of(const struct dense *d)
{
    return d->attention + d->dense + d->vocabulary + d->rest;
}

/* The rank with most: places in tp, etp and ep repeat after their least common multiple, which no
 * more than tp x etp x ep ranks cover; that many are looked at. */
static void count_weights(const struct mix_memory_layout *l, struct mix_memory *m)
{
    const struct mix_arch *a = l->arch;
    int parts = l->tp < PARTS ? l->tp : PARTS, slices = l->etp < PARTS ? l->etp : PARTS;
    int ep = l->ep ? l->ep : 1, period;
    struct dense part[PARTS] = {{0}};
    int64_t slice[PARTS] = {0}, most = -1;

    count_parts(l, part, parts, slice, slices);
    for (period = l->etp * ep; period % l->tp; period += l->etp * ep)
        ;
    for (int rank = 0; rank < period; rank++) {
        int t = rank % l->tp, e = rank % l->etp;
        const struct dense *d = &part[t < parts ? t : parts - 1];
        int64_t experts = slice[e < slices ? e : slices - 1] *
                          (a->experts ? mix_layout_locals(a->experts, ep, rank / l->etp % ep) : 0);

        if (all_of(d) + experts <= most)
            continue;
        most = all_of(d) + experts;
        m->attention = d->attention;
        m->dense = d->dense;
        m->vocabulary = d->vocabulary;
        m->rest = d->rest;
        m->experts = experts;
    }
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

/* ---- steps of the experts */

/* What meets where in a step, at most. */
struct meeting {
    int64_t tokens; /* of a replica */
    int64_t owned;  /* by one rank */
    int64_t copy;   /* ranks of a copy of the experts */
    int64_t all;    /* tokens of all of them */
    int64_t rows;   /* copies of tokens on one rank, if all go there */
    int64_t routed; /* of these, how many are computed at a time */
};

static struct meeting meet(const struct mix_memory_layout *l)
{
    int ep = l->ep ? l->ep : 1, k = l->arch->experts ? l->arch->top_k : 1;
    int locals = l->arch->experts ? mix_layout_locals_most(l->arch->experts, ep) : 0;
    struct meeting s = {.tokens = l->max_batched_tokens, .copy = (int64_t)l->etp * ep};

    s.owned = largest_part(s.tokens, l->tp);
    s.all = s.owned * s.copy;
    s.rows = s.all * (k < locals ? k : locals);
    s.routed = s.owned * l->etp < s.tokens ? s.owned * l->etp * k : s.tokens * k;
    return s;
}

/* The buffers of feed-forward blocks. */
static int64_t feed_forward_bytes(const struct mix_memory_layout *l, const struct meeting *s)
{
    const struct mix_arch *a = l->arch;
    int64_t wide = larger(s->tokens * largest_part(a->inner, l->tp),
                          s->routed * largest_part(a->moe_inner, l->etp));

    wide = larger(wide, s->owned * a->shared_experts * a->moe_inner);
    return wide * (8 + (int64_t)mix_dtype_size(l->dtype)) +
           s->owned * (a->hidden + a->experts + 2 * a->top_k) * 4;
}

/* ---- buffers of the exchanges: pointers to rows, and numbers of rows, take 8 and 4 bytes */

enum { AT = 8, NUMBER = 4 };

/* What leaves, and what comes if it cannot be read where it lies. */
static int64_t carrier(bool one_host, int64_t out, int64_t in)
{
    return one_host ? out : out + in;
}

/* exchange/experts.c: rows sorted by expert, some at a time, and their results. */
static int64_t experts_bytes(const struct mix_memory_layout *l, const struct meeting *s)
{
    int64_t chunk = s->routed < s->rows ? s->routed : s->rows,
            type = (int64_t)mix_dtype_size(l->dtype);

    return chunk * (l->arch->hidden * (type + 4) + 2 * AT + NUMBER) + s->rows * 2 * NUMBER;
}

/* exchange/copies.c: what comes back of my own tokens' copies. */
static int64_t copies_bytes(const struct mix_memory_layout *l, const struct meeting *s)
{
    int64_t narrow = l->wire == MIX_F32 ? 0 : (int64_t)mix_dtype_size(l->wire);

    return s->owned * l->arch->top_k * (l->arch->hidden * (4 + narrow) + AT + 3 * NUMBER);
}

/* exchange/hop.c: rows leave, others come, and each gives results of so many bytes and slices. */
static int64_t hop_bytes(const struct mix_memory_layout *l, bool one_host, int64_t rows,
                         int64_t come, int64_t slices, enum mix_dtype back_type)
{
    int64_t row = l->arch->hidden * (int64_t)mix_dtype_size(l->dtype);
    int64_t back = l->arch->hidden * (int64_t)mix_dtype_size(back_type);

    return carrier(one_host, rows * row, come * row) +
           carrier(one_host, come * back, rows * slices * back) + rows * 2 * NUMBER +
           come * NUMBER + larger(rows, come) * 2 * AT;
}

static int64_t tp_bytes(const struct mix_memory_layout *l, const struct meeting *s, bool one_host)
{
    int64_t hidden = l->arch->hidden, k = l->arch->top_k;
    int64_t token = hidden * (int64_t)mix_dtype_size(l->dtype) + k * 2 * NUMBER;
    int64_t back = hidden * (int64_t)mix_dtype_size(l->wire);

    return s->all * k * 5 * NUMBER + s->rows * (hidden * 4 + AT + NUMBER) +
           (l->wire == MIX_F32 ? 0 : 2 * s->all * hidden * 4) + experts_bytes(l, s) +
           carrier(one_host, s->owned * token, s->all * token) +
           carrier(one_host, s->all * back, s->all * back);
}

static int64_t exchange_bytes(const struct mix_memory_layout *l, const struct meeting *s)
{
    int64_t mine = s->owned * l->arch->top_k, relayed;
    bool one_host = !l->domain || s->copy <= l->domain;

    if (!l->arch->experts)
        return 0;
    if (l->exchange == MIX_EXCHANGE_TP)
        return tp_bytes(l, s, one_host);
    if (l->exchange == MIX_EXCHANGE_EP)
        return hop_bytes(l, one_host, mine, s->rows, l->etp, l->etp > 1 ? MIX_F32 : l->wire) +
               experts_bytes(l, s) + copies_bytes(l, s);
    relayed = (one_host ? 1 : largest_part(s->copy, l->domain)) * mine;
    return hop_bytes(l, one_host, mine, relayed, 1, l->wire) +
           hop_bytes(l, true, relayed, s->rows, l->etp, MIX_F32) + experts_bytes(l, s) +
           relayed * (l->arch->hidden * 4 + NUMBER) + copies_bytes(l, s);
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
    struct meeting s = meet(l);
    int64_t most;

    *m = (struct mix_memory){0};
    count_weights(l, m);
    m->kv_page = (int64_t)a->layers * kv_width(l) * l->page * (int64_t)mix_dtype_size(l->kv_dtype);
    most = larger(attention_bytes(l, s.tokens), feed_forward_bytes(l, &s));
    most = larger(most, head_bytes(l, s.owned)); /* these three share their memory */
    m->activations = step_bytes(l, s.tokens, s.owned) + most;
    m->exchange = exchange_bytes(l, &s);
}
