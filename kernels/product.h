/* product.h - matrix products with packed weights, one or many at once.
 *
 *   y[i][n] = sum_k x[i][k] * w_g[n][k]        for rows i in [first[g], first[g + 1])
 *
 * Operands are fp32 or bf16, sums are fp32.  A group is one weight with the rows
 * that meet it: a dense layer has one group, a layer of experts one per local
 * expert, of which many may be empty.
 *
 * Batch invariance: y[i] is the same bits whatever the other rows, their number, the
 * other groups, and the number of threads: every output is a sum over k of its own,
 * whose order depends on the instruction set alone.  On cpu that is one chain over rising
 * k for bf16 (pairs of k where the processor multiplies pairs), and chains of MIX_CHAIN,
 * added in order, for fp32.  A library may be used only if it is found to keep rows
 * apart (oneDNN for bf16 on cpus with matrix units); mix_product_selftest says whether a
 * shape is invariant.
 *
 * Weights are packed once and belong to the device that packed them. */
#ifndef MIX_KERN_PRODUCT_H
#define MIX_KERN_PRODUCT_H

#include "base/dtype.h"

#include <stdbool.h>
#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

enum { MIX_CHAIN = 512 }; /* fp32 products that are summed before they are added to the rest */

struct mix_dev;
struct mix_packed; /* one weight in the backend's own layout; opaque */

struct mix_product {
    float *y;                          /* [rows][n] */
    const void *x;                     /* [rows][k], type of the weights */
    const struct mix_packed *const *w; /* [groups], all of one n, k and type */
    const int *first;                  /* [groups + 1] rows of each group, host memory, rising */
    int groups;
};

/* Pack w, [n][k] row by row in host memory (the form of safetensors), of the given type: MIX_F32 or
 * MIX_BF16.  w may be freed afterwards. */
int mix_product_pack_cpu(struct mix_dev *dev, struct mix_packed **packed, const void *w,
                         enum mix_dtype type, int n, int k);
void mix_product_release_cpu(struct mix_dev *dev, struct mix_packed *packed); /* NULL is allowed */

/* Device bytes that pack will allocate for such a weight, exactly. */
size_t mix_product_bytes_cpu(enum mix_dtype type, int n, int k);

int mix_product_cpu(struct mix_dev *dev, const struct mix_product *a);

/* *invariant: are the rows of products of this type and shape bit-equal for every number of rows,
 * here? */
int mix_product_selftest_cpu(struct mix_dev *dev, enum mix_dtype type, int n, int k,
                             bool *invariant);

#ifdef __cplusplus
}
#endif
#endif
