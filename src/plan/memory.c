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

static bool once(enum mix_tensor_role role)
{
    return role == MIX_EMBED || role == MIX_LAST_NORM || role == MIX_HEAD;
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

/* What is packed together (model/weights.h), and what its bytes are counted as. */
enum kind { ATTENTION, DENSE, VOCABULARY, REST, EXPERTS };

static const struct product {
    enum kind kind;
    int roles;
    enum mix_tensor_role role[3];
} products[] = {
    {ATTENTION, 3, {MIX_Q, MIX_K, MIX_V}},
    {ATTENTION, 1, {MIX_Q}}, /* of a model without keys of its own: latents */
    {ATTENTION, 1, {MIX_Q_DOWN}},
    {ATTENTION, 1, {MIX_Q_UP}},
    {ATTENTION, 1, {MIX_KV_DOWN}},
    {ATTENTION, 1, {MIX_KV_UP}},
    {ATTENTION, 1, {MIX_O}},
    {DENSE, 2, {MIX_GATE, MIX_UP}},
    {DENSE, 1, {MIX_DOWN}},
    {DENSE, 2, {MIX_SHARED_GATE, MIX_SHARED_UP}},
    {DENSE, 1, {MIX_SHARED_DOWN}},
    {REST, 1, {MIX_ROUTER}},
    {EXPERTS, 2, {MIX_EXPERT_GATE, MIX_EXPERT_UP}},
    {EXPERTS, 1, {MIX_EXPERT_DOWN}},
    {VOCABULARY, 1, {MIX_HEAD}},
};

static const enum mix_tensor_role plain[] = {
    MIX_ATTN_NORM,      MIX_Q_NORM,   MIX_K_NORM,      MIX_Q_LATENT_NORM,
    MIX_KV_LATENT_NORM, MIX_FFN_NORM, MIX_ROUTER_BIAS, MIX_LAST_NORM,
};

/* The part of p that place i stands for. */
static int stands_for(int i, int p)
{
    return i == PARTS - 1 ? p - 1 : i;
}

/* What part i of p has of a tensor: [*n][*k]. */
static void shape_of(const struct mix_memory_layout *l, const struct mix_tensor_spec *t, int p,
                     int i, int *n, int *k)
{
    int shape[2] = {t->shape[0], t->rank == 2 ? t->shape[1] : 1};

    if (t->split != MIX_SPLIT_WHOLE)
        shape[t->axis] = mix_tensors_part(l->arch, t, p, stands_for(i, p)).count;
    *n = shape[0];
    *k = shape[1];
}

static int64_t packed_bytes(const struct mix_memory_layout *l, enum kind kind, int n, int k)
{
    double other = kind == EXPERTS ? l->expert_bytes : l->dense_bytes;
    enum mix_dtype type = kind == REST ? MIX_F32 : l->dtype; /* the router */

    if (kind != REST && other > 0)
        return (int64_t)((double)n * k * other + 0.5);
    if (l->product_bytes)
        return (int64_t)l->product_bytes(type, n, k);
    return (int64_t)n * k * (kind == REST ? 4 : l->packed);
}

/* One product's matrices of part i, of all layers that have them. */
static int64_t product_of(const struct mix_memory_layout *l, const struct product *p,
                          const struct mix_tensor_spec *t, int layers, int parts, int i)
{
    int n = 0, k = 0;

    for (int r = 0; r < p->roles; r++) {
        int one;

        shape_of(l, &t[r], parts, i, &one, &k);
        n += one;
    }
    return layers * packed_bytes(l, p->kind, n, k);
}

static int64_t *part_of(struct dense *d, enum kind kind)
{
    return kind == ATTENTION    ? &d->attention
           : kind == DENSE      ? &d->dense
           : kind == VOCABULARY ? &d->vocabulary
                                : &d->rest;
}

/* Every part of tp, without experts; of etp, one expert of every layer. */
static void count_products(const struct mix_memory_layout *l, struct dense *part, int parts,
                           int64_t *slice, int slices)
{
    for (size_t j = 0; j < sizeof products / sizeof products[0]; j++) {
        const struct product *p = &products[j];
        struct mix_tensor_spec t[3], keys;
        int layers = layers_with(l->arch, p->role[0], &t[0]);

        if (!layers ||
            (p->role[0] == MIX_Q && (p->roles == 3) != (layers_with(l->arch, MIX_K, &keys) > 0)))
            continue;
        for (int r = 1; r < p->roles; r++)
            layers_with(l->arch, p->role[r], &t[r]);
        for (int i = 0; i < slices && p->kind == EXPERTS; i++)
            slice[i] += product_of(l, p, t, layers, l->etp, i);
        for (int i = 0; i < parts && p->kind != EXPERTS; i++)
            *part_of(&part[i], p->kind) += product_of(l, p, t, layers, l->tp, i);
    }
}

/* Norms and the like in fp32; the embedding, looked up as it is; a tied head, packed. */
static void count_plain(const struct mix_memory_layout *l, struct dense *part, int parts)
{
    struct mix_tensor_spec t;
    int n, k;

    for (size_t j = 0; j < sizeof plain / sizeof plain[0]; j++) {
        int layers = layers_with(l->arch, plain[j], &t);

        for (int i = 0; i < parts && layers; i++) {
            shape_of(l, &t, l->tp, i, &n, &k);
            part[i].rest += (int64_t)layers * n * k * 4;
        }
    }
    mix_tensors_get(l->arch, MIX_EMBED, false, 0, 0, &t);
    for (int i = 0; i < parts; i++) {
        shape_of(l, &t, l->tp, i, &n, &k);
        part[i].vocabulary += (int64_t)n * k * (int64_t)mix_dtype_size(l->dtype);
        if (l->arch->tied)
            part[i].vocabulary += packed_bytes(l, VOCABULARY, n, k);
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

    count_products(l, part, parts, slice, slices);
    count_plain(l, part, parts);
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

/* Bytes of a row to experts: its numbers; in eight bits one each, and a scale for every 128,
 * up to a multiple of four bytes. */
static int64_t dispatch_bytes(const struct mix_memory_layout *l)
{
    int hidden = l->arch->hidden;

    return l->dispatch == MIX_F8E4M3 ? (hidden + largest_part(hidden, 128) + 3) / 4 * 4
                                     : hidden * (int64_t)mix_dtype_size(l->dtype);
}

/* mixserve and fused: up to R rows of each rank of a copy for each of its d domains; what lands,
 * and a rank's parts of what its m ranks have, lie in shared memory. */
static int64_t relay_bytes(const struct mix_memory_layout *l, const struct meeting *s)
{
    bool fused = l->exchange == MIX_EXCHANGE_FUSED;
    int64_t width = fused ? l->arch->top_k : 1, rows = s->owned * (fused ? 1 : l->arch->top_k);
    int64_t d = !l->domain || s->copy <= l->domain ? 1 : largest_part(s->copy, l->domain);
    int64_t m = s->copy / d, hidden = l->arch->hidden, here = m * d * rows;
    int64_t row = dispatch_bytes(l) + (fused ? width * 2 * NUMBER : NUMBER);
    int64_t back = hidden * (int64_t)mix_dtype_size(l->wire);

    return (2 * d - 1) * rows * row + here * hidden * 4 + (2 * d - 1) * rows * back +
           s->rows * hidden * 4 + here * (width * 3 * NUMBER + NUMBER) + here * m * AT +
           experts_bytes(l, s) + (fused ? 0 : copies_bytes(l, s));
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
    if (l->exchange != MIX_EXCHANGE_HYBRID)
        return relay_bytes(l, s);
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
