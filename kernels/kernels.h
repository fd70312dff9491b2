/* kernels.h - every operation of the forward pass, once per backend.
 *
 * The order is the order in which a token meets them.  Every backend has every
 * operation: there are no fallbacks, and tests/unit/tables.c looks for holes.
 * Launchers own nothing, allocate nothing, and are not collective. */
#ifndef MIX_KERN_KERNELS_H
#define MIX_KERN_KERNELS_H

#include "kernels/attention.h"
#include "kernels/combine.h"
#include "kernels/embed.h"
#include "kernels/fp8.h"
#include "kernels/gather_sum.h"
#include "kernels/pack.h"
#include "kernels/product.h"
#include "kernels/rmsnorm.h"
#include "kernels/rope.h"
#include "kernels/router.h"
#include "kernels/sum.h"
#include "kernels/swiglu.h"

struct mix_kernels {
    const char *name; /* as the device backend that it is for */
    int (*product_pack)(struct mix_dev *dev, struct mix_packed **packed, const void *w,
                        enum mix_dtype type, int n, int k);
    void (*product_release)(struct mix_dev *dev, struct mix_packed *packed);
    size_t (*product_bytes)(enum mix_dtype type, int n, int k);
    int (*product_selftest)(struct mix_dev *dev, enum mix_dtype type, int n, int k,
                            bool *invariant);
    size_t (*attention_scratch)(int tokens, int heads, int head_dim, int context, int threads);
    /* The constants and the instruction set that fix the bits, as text: "cpu avx512_bf16, products
     * avx512_bf16, chain 512, page 16, ...". */
    int (*describe)(enum mix_dtype type, char *text, size_t room);
    /* Does the hardware multiply bf16 itself?  (dtype auto) */
    bool (*has_bf16)(void);

    int (*embed)(struct mix_dev *dev, const struct mix_embed *a);
    int (*rmsnorm)(struct mix_dev *dev, const struct mix_rmsnorm *a);
    int (*product)(struct mix_dev *dev, const struct mix_product *a);
    int (*rope)(struct mix_dev *dev, const struct mix_rope *a);
    int (*attention)(struct mix_dev *dev, const struct mix_attention *a);
    int (*router)(struct mix_dev *dev, const struct mix_router *a);
    int (*pack)(struct mix_dev *dev, const struct mix_pack *a);
    int (*swiglu)(struct mix_dev *dev, const struct mix_swiglu *a);
    int (*combine)(struct mix_dev *dev, const struct mix_combine *a);
    int (*sum)(struct mix_dev *dev, const struct mix_sum *a);
    int (*gather_sum)(struct mix_dev *dev, const struct mix_gather_sum *a);
    int (*fp8_pack)(struct mix_dev *dev, const struct mix_fp8_pack *a);
    int (*fp8_unpack)(struct mix_dev *dev, const struct mix_fp8_unpack *a);
};

extern const struct mix_kernels mix_kernels_cpu;

/* The operations for a device, by its backend; never NULL for an open device. */
const struct mix_kernels *mix_kernels_of(const struct mix_dev *dev);

/* Bytes that a number of a large packed matrix takes. */
int mix_kernels_packed(const struct mix_kernels *k, enum mix_dtype type);

#endif
