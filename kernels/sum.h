/* sum.h - the sum of partial results in rank order.
 *
 *   y[i] = y[i] + ((part[0][i] + part[1][i]) + ...)
 *
 * The partials are summed among themselves first, in the order given, and the
 * sum is added to y once, so that the result does not depend on who holds y. */
#ifndef MIX_KERN_SUM_H
#define MIX_KERN_SUM_H

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mix_dev;

struct mix_sum {
    float *y;                 /* [n] */
    const float *const *part; /* [parts] pointers to [n] */
    int parts;                /* at least 1 */
    size_t n;
};

int mix_sum_cpu(struct mix_dev *dev, const struct mix_sum *a);

#ifdef __cplusplus
}
#endif
#endif
