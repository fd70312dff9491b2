/* tensors.h - every tensor of a family: name, shape, and how it may be split.
 *
 * One table (tensors.c) says what the published files hold; from it come the
 * names that loading asks for, the sizes that the planner counts, and the check of
 * a folder.  Matrices are [out][in], row-major, as published.
 *
 * FP8 weights (mix_arch.fp8_block) have a second tensor, NAME_scale_inv, with one
 * scale for each block of fp8_block x fp8_block; slices of a weight may cut a
 * block, so the slice of the scales is the blocks it touches.
 *
 * Tensors that a folder has besides these (multi-token prediction) are none of
 * ours.  Names: transformers, models/qwen3_moe and models/deepseek_v3.
 *
 * Pure functions of mix_arch; any thread; not collective. */
#ifndef MIX_ARCH_TENSORS_H
#define MIX_ARCH_TENSORS_H

#include "arch/arch.h"

#include <stdbool.h>
#include <stdint.h>

enum mix_tensor_role {
    MIX_EMBED,
    MIX_ATTN_NORM, /* before attention: input_layernorm */
    /* qwen3_moe, and deepseek_v3 without q_lora_rank: Q */
    MIX_Q,
    MIX_K,
    MIX_V,
    MIX_Q_NORM,
    MIX_K_NORM,
    /* deepseek_v3: down to the latents, their norms, up to the heads */
    MIX_Q_DOWN,
    MIX_Q_LATENT_NORM,
    MIX_Q_UP,
    MIX_KV_DOWN, /* [kv_lora_rank + qk_rope_dim][hidden] */
    MIX_KV_LATENT_NORM,
    MIX_KV_UP, /* each head: qk_nope_dim rows of keys, then v_dim of values */
    MIX_O,
    MIX_FFN_NORM, /* before the feed-forward block: post_attention_layernorm */
    /* a dense layer */
    MIX_GATE,
    MIX_UP,
    MIX_DOWN,
    /* a layer with experts */
    MIX_ROUTER,
    MIX_ROUTER_BIAS,
    MIX_SHARED_GATE,
    MIX_SHARED_UP,
    MIX_SHARED_DOWN,
    MIX_EXPERT_GATE,
    MIX_EXPERT_UP,
    MIX_EXPERT_DOWN,
    MIX_LAST_NORM,
    MIX_HEAD, /* none if tied */
    MIX_TENSOR_ROLES,
};

/* Which mesh cuts a tensor, and where it may be cut. */
enum mix_tensor_split {
    MIX_SPLIT_WHOLE,    /* every rank has all of it */
    MIX_SPLIT_HEADS,    /* over tp, between heads */
    MIX_SPLIT_KV_HEADS, /* over tp: the kv heads that the rank's heads read; several may share one
                         */
    MIX_SPLIT_INNER,    /* over tp, anywhere: a dense block's inner dimension */
    MIX_SPLIT_VOCAB,    /* over tp, anywhere */
    MIX_SPLIT_EXPERT,   /* over etp, anywhere: an expert's inner dimension */
};

struct mix_tensor_spec {
    char name[96];
    enum mix_tensor_role role;
    bool scale;        /* the scales of this role's weight, not the weight */
    bool fp8;          /* a weight that has scales */
    int layer, expert; /* -1: none */
    int rank;          /* 1 or 2 */
    int shape[2];      /* [rank] */
    enum mix_tensor_split split;
    int axis;  /* the dimension that split cuts: 0 or 1 */
    int whole; /* numbers of the weight along axis (of a scale: of its weight) */
    int unit;  /* of which so many stay together: a head's */
};

/* ---- which there are: in the order embedding, layers, head */

int mix_tensors_count(const struct mix_arch *a);
void mix_tensors_at(const struct mix_arch *a, int i, struct mix_tensor_spec *t); /* i < count */

/* The tensor of a role; layer and expert are ignored where the role has none.  False if the model
 * has no such tensor: a router in a dense layer, the head of a tied model. */
bool mix_tensors_get(const struct mix_arch *a, enum mix_tensor_role role, bool scale, int layer,
                     int expert, struct mix_tensor_spec *t);

/* Numbers of all tensors, scales not counted: what a model's name calls its parameters. */
int64_t mix_tensors_parameters(const struct mix_arch *a);

/* ---- what a rank has of one */

/* Part i of p of t along t->axis, in t's own numbers (for scales: blocks).  p and i are those of
 * tp or etp, whichever t->split names; heads must be a multiple of tp (else parts are uneven). */
struct mix_part mix_tensors_part(const struct mix_arch *a, const struct mix_tensor_spec *t, int p,
                                 int i);

/* ---- is it what a file has? */

enum { MIX_TENSOR_WHY = 200 };

/* Compare with what was found: dtype (a safetensors name; NULL: there is no such tensor), rank,
 * shape [rank].  False with "expected BF16, F16 or F32 [96, 192], found F32 [96]" in why. */
bool mix_tensors_fits(const struct mix_tensor_spec *t, const char *dtype, int rank,
                      const uint64_t *shape, char why[MIX_TENSOR_WHY]);

#endif
