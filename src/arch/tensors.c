/* tensors.c - see tensors.h.  The table, and what follows from it. */
#include "arch/tensors.h"

#include "base/dtype.h"

#include <stdio.h>
#include <string.h>

/* Sizes that a shape can have. */
enum size {
    NONE, /* the second size of a vector */
    HIDDEN,
    VOCAB,
    HEAD,
    Q_ROWS,  /* all heads */
    KV_ROWS, /* all kv heads */
    O_COLS,  /* all heads' values */
    Q_RANK,
    KV_RANK,
    KV_DOWN_ROWS,
    KV_UP_ROWS,
    INNER,
    EXPERTS,
    MOE_INNER,
    SHARED_INNER,
};

/* How it is split, and along which dimension. */
enum cut {
    WHOLE,
    VOCAB_ROWS,
    HEAD_ROWS,
    KV_HEAD_ROWS,
    HEAD_COLS,
    INNER_ROWS,
    INNER_COLS,
    EXPERT_ROWS,
    EXPERT_COLS,
};

static const struct {
    enum mix_tensor_split split;
    int axis;
} cuts[] = {
    [WHOLE] = {MIX_SPLIT_WHOLE, 0},           [VOCAB_ROWS] = {MIX_SPLIT_VOCAB, 0},
    [HEAD_ROWS] = {MIX_SPLIT_HEADS, 0},       [HEAD_COLS] = {MIX_SPLIT_HEADS, 1},
    [KV_HEAD_ROWS] = {MIX_SPLIT_KV_HEADS, 0}, [INNER_ROWS] = {MIX_SPLIT_INNER, 0},
    [INNER_COLS] = {MIX_SPLIT_INNER, 1},      [EXPERT_ROWS] = {MIX_SPLIT_EXPERT, 0},
    [EXPERT_COLS] = {MIX_SPLIT_EXPERT, 1},
};

/* Where it stands: once, or once a layer (of a kind), or once an expert. */
enum place { FRONT, LAYER, DENSE, MOE, EXPERT, BACK };

enum {
    QWEN = 1 << MIX_QWEN3_MOE,
    DEEP = 1 << MIX_DEEPSEEK_V3,
    BOTH = QWEN | DEEP,
    FP8 = 1 << 8, /* has scales in an FP8 model */
};

static const struct entry {
    const char *name; /* in a layer after "model.layers.L.", of an expert after "mlp.experts.E." */
    enum size rows, columns;
    enum cut cut;
    enum place place;
    int who;
} table[MIX_TENSOR_ROLES] = {
    [MIX_EMBED] = {"model.embed_tokens.weight", VOCAB, HIDDEN, VOCAB_ROWS, FRONT, BOTH},

    [MIX_ATTN_NORM] = {"input_layernorm.weight", HIDDEN, NONE, WHOLE, LAYER, BOTH},
    [MIX_Q] = {"self_attn.q_proj.weight", Q_ROWS, HIDDEN, HEAD_ROWS, LAYER, BOTH | FP8},
    [MIX_K] = {"self_attn.k_proj.weight", KV_ROWS, HIDDEN, KV_HEAD_ROWS, LAYER, QWEN | FP8},
    [MIX_V] = {"self_attn.v_proj.weight", KV_ROWS, HIDDEN, KV_HEAD_ROWS, LAYER, QWEN | FP8},
    [MIX_Q_NORM] = {"self_attn.q_norm.weight", HEAD, NONE, WHOLE, LAYER, QWEN},
    [MIX_K_NORM] = {"self_attn.k_norm.weight", HEAD, NONE, WHOLE, LAYER, QWEN},
    [MIX_Q_DOWN] = {"self_attn.q_a_proj.weight", Q_RANK, HIDDEN, WHOLE, LAYER, DEEP | FP8},
    [MIX_Q_LATENT_NORM] = {"self_attn.q_a_layernorm.weight", Q_RANK, NONE, WHOLE, LAYER, DEEP},
    [MIX_Q_UP] = {"self_attn.q_b_proj.weight", Q_ROWS, Q_RANK, HEAD_ROWS, LAYER, DEEP | FP8},
    [MIX_KV_DOWN] = {"self_attn.kv_a_proj_with_mqa.weight", KV_DOWN_ROWS, HIDDEN, WHOLE, LAYER,
                     DEEP | FP8},
    [MIX_KV_LATENT_NORM] = {"self_attn.kv_a_layernorm.weight", KV_RANK, NONE, WHOLE, LAYER, DEEP},
    [MIX_KV_UP] = {"self_attn.kv_b_proj.weight", KV_UP_ROWS, KV_RANK, HEAD_ROWS, LAYER, DEEP | FP8},
    [MIX_O] = {"self_attn.o_proj.weight", HIDDEN, O_COLS, HEAD_COLS, LAYER, BOTH | FP8},
    [MIX_FFN_NORM] = {"post_attention_layernorm.weight", HIDDEN, NONE, WHOLE, LAYER, BOTH},

    [MIX_GATE] = {"mlp.gate_proj.weight", INNER, HIDDEN, INNER_ROWS, DENSE, BOTH | FP8},
    [MIX_UP] = {"mlp.up_proj.weight", INNER, HIDDEN, INNER_ROWS, DENSE, BOTH | FP8},
    [MIX_DOWN] = {"mlp.down_proj.weight", HIDDEN, INNER, INNER_COLS, DENSE, BOTH | FP8},

    [MIX_ROUTER] = {"mlp.gate.weight", EXPERTS, HIDDEN, WHOLE, MOE, BOTH},
    [MIX_ROUTER_BIAS] = {"mlp.gate.e_score_correction_bias", EXPERTS, NONE, WHOLE, MOE, DEEP},
    [MIX_SHARED_GATE] = {"mlp.shared_experts.gate_proj.weight", SHARED_INNER, HIDDEN, WHOLE, MOE,
                         DEEP | FP8},
    [MIX_SHARED_UP] = {"mlp.shared_experts.up_proj.weight", SHARED_INNER, HIDDEN, WHOLE, MOE,
                       DEEP | FP8},
    [MIX_SHARED_DOWN] = {"mlp.shared_experts.down_proj.weight", HIDDEN, SHARED_INNER, WHOLE, MOE,
                         DEEP | FP8},
    [MIX_EXPERT_GATE] = {"gate_proj.weight", MOE_INNER, HIDDEN, EXPERT_ROWS, EXPERT, BOTH | FP8},
    [MIX_EXPERT_UP] = {"up_proj.weight", MOE_INNER, HIDDEN, EXPERT_ROWS, EXPERT, BOTH | FP8},
    [MIX_EXPERT_DOWN] = {"down_proj.weight", HIDDEN, MOE_INNER, EXPERT_COLS, EXPERT, BOTH | FP8},

    [MIX_LAST_NORM] = {"model.norm.weight", HIDDEN, NONE, WHOLE, BACK, BOTH},
    [MIX_HEAD] = {"lm_head.weight", VOCAB, HIDDEN, VOCAB_ROWS, BACK, BOTH},
};

static int size_of(const struct mix_arch *a, enum size size)
{
    bool mla = a->family == MIX_DEEPSEEK_V3;

    switch (size) {
    case NONE:
        return 1;
    case HIDDEN:
        return a->hidden;
    case VOCAB:
        return a->vocab;
    case HEAD:
        return a->head_dim;
    case Q_ROWS:
        return a->heads * a->head_dim;
    case KV_ROWS:
        return a->kv_heads * a->head_dim;
    case O_COLS:
        return a->heads * (mla ? a->v_dim : a->head_dim);
    case Q_RANK:
        return a->q_lora_rank;
    case KV_RANK:
        return a->kv_lora_rank;
    case KV_DOWN_ROWS:
        return a->kv_lora_rank + a->qk_rope_dim;
    case KV_UP_ROWS:
        return a->heads * (a->qk_nope_dim + a->v_dim);
    case INNER:
        return a->inner;
    case EXPERTS:
        return a->experts;
    case MOE_INNER:
        return a->moe_inner;
    case SHARED_INNER:
        return a->shared_experts * a->moe_inner;
    }
    return 0;
}

/* ---- which there are */

static bool present(const struct mix_arch *a, enum mix_tensor_role role)
{
    bool latent_q = a->family == MIX_DEEPSEEK_V3 && a->q_lora_rank > 0;

    if (!(table[role].who & 1 << a->family))
        return false;
    switch (role) {
    case MIX_Q:
        return !latent_q;
    case MIX_Q_DOWN:
    case MIX_Q_LATENT_NORM:
    case MIX_Q_UP:
        return latent_q;
    case MIX_SHARED_GATE:
    case MIX_SHARED_UP:
    case MIX_SHARED_DOWN:
        return a->shared_experts > 0;
    case MIX_HEAD:
        return !a->tied;
    default:
        return true;
    }
}

/* 1, or with its scales 2, or 0. */
static int files_of(const struct mix_arch *a, enum mix_tensor_role role)
{
    return present(a, role) ? 1 + (a->fp8_block && table[role].who & FP8) : 0;
}

static int count_place(const struct mix_arch *a, enum place place)
{
    int n = 0;

    for (int r = 0; r < MIX_TENSOR_ROLES; r++)
        n += table[r].place == place ? files_of(a, (enum mix_tensor_role)r) : 0;
    return n;
}

static int blocks(int n, int block)
{
    return (n + block - 1) / block;
}

static void describe(const struct mix_arch *a, enum mix_tensor_role role, bool scale, int layer,
                     int expert, struct mix_tensor_spec *t)
{
    const struct entry *e = &table[role];

    *t = (struct mix_tensor_spec){
        .role = role,
        .scale = scale,
        .fp8 = !scale && a->fp8_block && e->who & FP8,
        .layer = e->place == FRONT || e->place == BACK ? -1 : layer,
        .expert = e->place == EXPERT ? expert : -1,
        .rank = e->columns == NONE ? 1 : 2,
        .shape = {size_of(a, e->rows), size_of(a, e->columns)},
        .split = cuts[e->cut].split,
        .axis = cuts[e->cut].axis,
        .unit = 1,
    };
    t->whole = t->shape[t->axis];
    if (t->split == MIX_SPLIT_HEADS)
        t->unit = t->whole / a->heads;
    if (t->split == MIX_SPLIT_KV_HEADS)
        t->unit = t->whole / a->kv_heads;
    if (scale)
        for (int d = 0; d < 2; d++)
            t->shape[d] = blocks(t->shape[d], a->fp8_block);
}

static void name(struct mix_tensor_spec *t)
{
    const char *end = table[t->role].name, *scale = t->scale ? "_scale_inv" : "";

    if (t->layer < 0)
        snprintf(t->name, sizeof t->name, "%s", end);
    else if (t->expert < 0)
        snprintf(t->name, sizeof t->name, "model.layers.%d.%s%s", t->layer, end, scale);
    else
        snprintf(t->name, sizeof t->name, "model.layers.%d.mlp.experts.%d.%s%s", t->layer,
                 t->expert, end, scale);
}

/* Of a layer without experts and of one with them. */
static void count_layer(const struct mix_arch *a, int n[2])
{
    n[0] = count_place(a, LAYER) + count_place(a, DENSE);
    n[1] = count_place(a, LAYER) + count_place(a, MOE) + a->experts * count_place(a, EXPERT);
}

int mix_tensors_count(const struct mix_arch *a)
{
    int n = count_place(a, FRONT) + count_place(a, BACK), layer[2];

    count_layer(a, layer);
    for (int l = 0; l < a->layers; l++)
        n += layer[a->moe[l]];
    return n;
}

/* The i-th of a place. */
static void pick(const struct mix_arch *a, enum place place, int i, int layer, int expert,
                 struct mix_tensor_spec *t)
{
    for (int r = 0; r < MIX_TENSOR_ROLES; r++) {
        int n = table[r].place == place ? files_of(a, (enum mix_tensor_role)r) : 0;
        if (i < n) {
            describe(a, (enum mix_tensor_role)r, i == 1, layer, expert, t);
            return;
        }
        i -= n;
    }
}

static void pick_in_layer(const struct mix_arch *a, int layer, int i, struct mix_tensor_spec *t)
{
    enum place block = a->moe[layer] ? MOE : DENSE;
    int own = count_place(a, LAYER), one = count_place(a, block);

    if (i < own)
        pick(a, LAYER, i, layer, -1, t);
    else if (i < own + one)
        pick(a, block, i - own, layer, -1, t);
    else
        pick(a, EXPERT, (i - own - one) % count_place(a, EXPERT), layer,
             (i - own - one) / count_place(a, EXPERT), t);
}

void mix_tensors_at(const struct mix_arch *a, int i, struct mix_tensor_spec *t)
{
    int front = count_place(a, FRONT), layer = 0, n[2];

    count_layer(a, n);
    if (i < front) {
        pick(a, FRONT, i, -1, -1, t);
    } else {
        i -= front;
        for (; layer < a->layers && i >= n[a->moe[layer]]; layer++)
            i -= n[a->moe[layer]];
        if (layer < a->layers)
            pick_in_layer(a, layer, i, t);
        else
            pick(a, BACK, i, -1, -1, t);
    }
    name(t);
}

bool mix_tensors_get(const struct mix_arch *a, enum mix_tensor_role role, bool scale, int layer,
                     int expert, struct mix_tensor_spec *t)
{
    enum place place = table[role].place;
    bool in_layer = place != FRONT && place != BACK;

    if (files_of(a, role) < 1 + scale || (in_layer && (layer < 0 || layer >= a->layers)) ||
        (place == DENSE && a->moe[layer]) ||
        ((place == MOE || place == EXPERT) && !a->moe[layer]) ||
        (place == EXPERT && (expert < 0 || expert >= a->experts)))
        return false;
    describe(a, role, scale, layer, expert, t);
    name(t);
    return true;
}

int64_t mix_tensors_parameters(const struct mix_arch *a)
{
    struct mix_tensor_spec t;
    int moe = 0;
    int64_t n = 0;

    for (int l = 0; l < a->layers; l++)
        moe += a->moe[l];
    for (int r = 0; r < MIX_TENSOR_ROLES; r++) {
        int64_t times = 1;
        if (!present(a, (enum mix_tensor_role)r))
            continue;
        switch (table[r].place) {
        case FRONT:
        case BACK:
            break;
        case LAYER:
            times = a->layers;
            break;
        case DENSE:
            times = a->layers - moe;
            break;
        case MOE:
            times = moe;
            break;
        case EXPERT:
            times = (int64_t)moe * a->experts;
            break;
        }
        describe(a, (enum mix_tensor_role)r, false, 0, 0, &t);
        n += times * t.shape[0] * t.shape[1];
    }
    return n;
}

/* ---- what a rank has of one */

/* The kv heads that heads [first, first + count) read. */
static struct mix_part kv_heads_of(const struct mix_arch *a, struct mix_part heads)
{
    int group = a->heads / a->kv_heads, first = heads.first / group;

    if (heads.count == 0)
        return (struct mix_part){first, 0};
    return (struct mix_part){first, (heads.first + heads.count - 1) / group - first + 1};
}

struct mix_part mix_tensors_part(const struct mix_arch *a, const struct mix_tensor_spec *t, int p,
                                 int i)
{
    struct mix_part part = {0, t->whole};
    int end;

    switch (t->split) {
    case MIX_SPLIT_WHOLE:
        break;
    case MIX_SPLIT_KV_HEADS:
        part = kv_heads_of(a, mix_split(a->heads, p, i));
        part.first *= t->unit;
        part.count *= t->unit;
        break;
    case MIX_SPLIT_HEADS:
    case MIX_SPLIT_INNER:
    case MIX_SPLIT_VOCAB:
    case MIX_SPLIT_EXPERT:
        part = mix_split(t->whole / t->unit, p, i);
        part.first *= t->unit;
        part.count *= t->unit;
        break;
    }
    if (t->scale) {
        end =
            part.count ? blocks(part.first + part.count, a->fp8_block) : part.first / a->fp8_block;
        part.first /= a->fp8_block;
        part.count = end - part.first;
    }
    return part;
}

/* ---- is it what a file has? */

static bool type_fits(const struct mix_tensor_spec *t, const char *dtype)
{
    enum mix_dtype d;

    if (!mix_dtype_parse(dtype, &d))
        return false;
    return t->fp8 ? d == MIX_F8E4M3 : d == MIX_BF16 || d == MIX_F16 || d == MIX_F32;
}

bool mix_tensors_fits(const struct mix_tensor_spec *t, const char *dtype, int rank,
                      const uint64_t *shape, char why[MIX_TENSOR_WHY])
{
    bool good = dtype && type_fits(t, dtype) && rank == t->rank;
    int n;

    for (int d = 0; good && d < rank; d++)
        good = shape[d] == (uint64_t)t->shape[d];
    if (good)
        return true;

    n = snprintf(why, MIX_TENSOR_WHY, "expected %s [%d", t->fp8 ? "F8_E4M3" : "BF16, F16 or F32",
                 t->shape[0]);
    if (t->rank == 2)
        n += snprintf(why + n, MIX_TENSOR_WHY - (size_t)n, ", %d", t->shape[1]);
    n += snprintf(why + n, MIX_TENSOR_WHY - (size_t)n, "], found %.20s%s",
                  dtype ? dtype : "nothing", dtype ? " [" : "");
    for (int d = 0; dtype && d < rank && n < MIX_TENSOR_WHY - 24; d++)
        n += snprintf(why + n, MIX_TENSOR_WHY - (size_t)n, "%s%llu", d ? ", " : "",
                      (unsigned long long)shape[d]);
    if (dtype)
        snprintf(why + n, MIX_TENSOR_WHY - (size_t)n, "]");
    return false;
}
