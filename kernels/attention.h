/* attention.h - causal attention with grouped queries over KV pages.
 *
 *   out[t][h] = sum_p softmax_p(scale * q[t][h] . k[p][h / group]) v[p][h / group]
 *                                                         for p <= position[t]
 *
 * The context is cut into splits of MIX_SPLIT tokens; each gives a partial (largest
 * score, sum of exponentials, weighted values), and partials are merged in order of
 * context.  Everything is fp32.  The arithmetic of a token depends on its own position and
 * pages alone: not on the other tokens of the step, on how the prompt was cut into
 * chunks, or on the number of threads.
 *
 * Keys and values of the step's own tokens are in the pages already (rope.h). */
#ifndef MIX_KERN_ATTENTION_H
#define MIX_KERN_ATTENTION_H

#include "kernels/pages.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mix_dev;

struct mix_attention {
    void *out;      /* [tokens][heads][head_dim], type */
    const float *q; /* [tokens][heads][head_dim] */
    struct mix_kv kv;
    struct mix_paging at;
    void *scratch;       /* mix_attention_scratch_cpu bytes */
    enum mix_dtype type; /* MIX_F32 or MIX_BF16 */
    int tokens, heads;   /* heads: a multiple of kv.kv_heads; tokens: at least at.seqs, or 0 */
    float scale;         /* above 0 */
};

/* Bytes of scratch for steps of at most that many tokens and that much context. */
size_t mix_attention_scratch_cpu(int tokens, int heads, int head_dim, int context, int threads);

int mix_attention_cpu(struct mix_dev *dev, const struct mix_attention *a);

#ifdef __cplusplus
}
#endif
#endif
