/* sum.h - the sum of partial results, in a stated order.
 *
 *   y[i] = (y[i] +) tree over groups of ((part[0][i] + part[1][i]) + ...)
 *
 * Consecutive parts are groups of `run` (the slices of an expert, in rank order); the
 * groups' sums are added by the binary tree of combine.h over the group's number, so
 * that partial sums over subtrees of experts give the bits of the sum over all.  One
 * group is a sum in rank order.  What is summed is added to y once. */
#ifndef MIX_KERN_SUM_H
#define MIX_KERN_SUM_H

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mix_dev;

struct mix_sum {
    float *y;                 /* [n] */
    const float *const *part; /* [parts] pointers to [n]; none is y */
    int parts, run;           /* parts is a multiple of run, at least 1, at most 65536 groups */
    bool add;                 /* y += the sum; else y = the sum */
    size_t n;
};

int mix_sum_cpu(struct mix_dev *dev, const struct mix_sum *a);

#ifdef __cplusplus
}
#endif
#endif
