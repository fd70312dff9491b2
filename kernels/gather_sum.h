/* gather_sum.h - rows summed from parts that lie here and there, in a stated order.
 *
 *   y[i] = (y[i] +) tree over groups of ((at[i][0] + at[i][1]) + ...)
 *
 * As sum.h, row by row and with absent parts: consecutive parts are groups of `run`, summed in
 * order; the groups' sums are added by the binary tree of combine.h over the group's number.
 * An absent part (NULL) is skipped, and so is a group without parts, so that the bits are those of
 * a tree that never had them.  A row without any part is a sum of zero.  Sums are fp32; y is
 * rounded once, to nearest, ties to even, if it is bf16. */
#ifndef MIX_KERN_GATHER_SUM_H
#define MIX_KERN_GATHER_SUM_H

#include "base/dtype.h"

#include <stdbool.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mix_dev;

struct mix_gather_sum {
    void *y;                       /* [rows][dim] y_type */
    const void *const *at;         /* [rows][parts] device addresses of [dim] x_type, or NULL */
    enum mix_dtype y_type, x_type; /* MIX_F32 or MIX_BF16 */
    int rows, dim;
    int parts, run; /* parts is a multiple of run, at least 1, at most 65536 groups */
    bool add;       /* y += the sum (y_type MIX_F32); else y = the sum */
};

int mix_gather_sum_cpu(struct mix_dev *dev, const struct mix_gather_sum *a);

#ifdef __cplusplus
}
#endif
#endif
