/* rmsnorm.h - root mean square normalisation of rows.
 *
 *   y[t][c] = x[t][c] / sqrt(mean_c(x[t][c]^2) + eps) * w[c]
 *
 * The sum of squares is taken in fp32 and in the order given below, so that
 * backends can be compared: 32 partial sums, lane c % 32, then a tree.  y is
 * fp32 or rounded to bf16; an fp32 y may be x itself.  tokens may be 0. */
#ifndef MIX_KERN_RMSNORM_H
#define MIX_KERN_RMSNORM_H

#include "base/dtype.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mix_dev;

struct mix_rmsnorm {
    void *y;             /* [tokens][dim], type */
    const float *x;      /* [tokens][dim] */
    const float *w;      /* [dim] */
    enum mix_dtype type; /* MIX_F32 or MIX_BF16 */
    int tokens, dim;
    float eps;
};

int mix_rmsnorm_cpu(struct mix_dev *dev, const struct mix_rmsnorm *a);

#ifdef __cplusplus
}
#endif
#endif
