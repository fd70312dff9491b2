/* rope.h - what happens to queries, keys and values before attention (GQA).
 *
 *   q, k     normed over head_dim per head (Qwen3: rmsnorm.h's formula), if weights are given
 *   q, k     rotated: pairs (d, d + head_dim / 2), angle = position * theta^(-2 d / head_dim)
 *   k, v     written to their pages, rounded to the cache's type
 *
 * The rotation is in the half-split form of the published Hugging Face models (Su et al.,
 * arXiv 2104.09864).  head_dim is even and at most 512; tokens may be 0.
 * cos and sin come from a table in fp32, made once in double precision. */
#ifndef MIX_KERN_ROPE_H
#define MIX_KERN_ROPE_H

#include "kernels/pages.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mix_dev;

struct mix_rope {
    float *q;             /* [tokens][heads][head_dim] */
    struct mix_kv kv;     /* where keys and values of this layer go */
    const float *qkv;     /* [tokens][heads + 2 kv_heads][head_dim]: queries, keys, values */
    const float *q_norm;  /* [head_dim], NULL: none */
    const float *k_norm;  /* [head_dim], NULL: none */
    const float *cos_sin; /* [positions][head_dim / 2][2] */
    struct mix_paging at;
    int tokens, heads;
    float eps;
};

/* Fill cos_sin for positions [0, positions). */
void mix_rope_table(float *cos_sin, int positions, int head_dim, double theta);

int mix_rope_cpu(struct mix_dev *dev, const struct mix_rope *a);

#ifdef __cplusplus
}
#endif
#endif
