/* router.h - which experts a token goes to (Qwen3: softmax, then the k largest).
 *
 *   p[t] = softmax(logits[t])                          in fp32 over all experts
 *   expert[t][0..k)  the k largest p, largest first, ties to the lower id
 *   weight[t][j] = p[expert[t][j]]  (/ their sum, if normalise)
 *
 * The sum of the softmax is taken in 16 partial sums, lane e % 16, then a tree.  NaNs come
 * last and stay NaN; all ids exist whatever the logits are.  tokens may be 0; k <=
 * experts <= 1024. */
#ifndef MIX_KERN_ROUTER_H
#define MIX_KERN_ROUTER_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mix_dev;

struct mix_router {
    int32_t *expert;     /* [tokens][k] */
    float *weight;       /* [tokens][k] */
    const float *logits; /* [tokens][experts] */
    int tokens, experts, k;
    bool normalise;
};

int mix_router_cpu(struct mix_dev *dev, const struct mix_router *a);

#ifdef __cplusplus
}
#endif
#endif
