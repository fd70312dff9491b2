/* combine.h - the weighted sum of a token's experts, in a stated order.
 *
 *   y[t] (+)= tree over expert ids of  weight[t][j] * x[row[t][j]]
 *
 * The tree is the binary tree over expert ids 0 .. P - 1, P = experts rounded up
 * to a power of two: two neighbours (2i, 2i + 1) are added at every level, absent
 * leaves are skipped.  So the sum of a token does not depend on the order in
 * which its k experts are listed, nor on where they were computed.  Each product
 * is rounded before it is added (no fma across the weight).
 *
 * k is at most 64.  row[t][j] < 0: that expert is not here; it is absent.  A token with none is a
 * sum of zero. */
#ifndef MIX_KERN_COMBINE_H
#define MIX_KERN_COMBINE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mix_dev;

struct mix_combine {
    float *y;              /* [tokens][dim] */
    const float *x;        /* [..][dim] outputs of experts, unweighted */
    const int32_t *row;    /* [tokens][k] rows of x, or -1 */
    const int32_t *expert; /* [tokens][k] ids, all different in a token */
    const float *weight;   /* [tokens][k] */
    int tokens, k, dim;
    int experts;       /* of the layer */
    bool add;          /* y += the sum; else y = the sum */
    const int32_t *to; /* [tokens] token t's sum is y[to[t]]; NULL: y[t] */
};

int mix_combine_cpu(struct mix_dev *dev, const struct mix_combine *a);

#ifdef __cplusplus
}
#endif
#endif
