/* swiglu.h - the gate of a feed-forward block.
 *
 *   y[i][c] = silu(x[i][c]) * x[i][inner + c],   silu(v) = v / (1 + exp(-v))
 *
 * x holds gate and up side by side, as one product gives them; fp32 inside, y
 * fp32 or rounded to bf16.  rows may be 0.  (Shazeer, arXiv 2002.05202.) */
#ifndef MIX_KERN_SWIGLU_H
#define MIX_KERN_SWIGLU_H

#include "base/dtype.h"

#ifdef __cplusplus
extern "C" {
#endif

struct mix_dev;

struct mix_swiglu {
    void *y;             /* [rows][inner], type */
    const float *x;      /* [rows][2 inner] */
    enum mix_dtype type; /* MIX_F32 or MIX_BF16 */
    int rows, inner;
};

int mix_swiglu_cpu(struct mix_dev *dev, const struct mix_swiglu *a);

#ifdef __cplusplus
}
#endif
#endif
