/* fp8.h - rows as 8-bit floats with a scale for every 128 numbers, and back.
 *
 *   x = code * 2^scale      code e4m3 (OCP OFP8: 4 bits of exponent, 3 of mantissa, no infinity)
 *
 * A block of 128 numbers of a row (the last may be shorter) has the smallest power of two as its
 * scale with which its largest magnitude is at most 448; codes are rounded to nearest, ties to
 * even, zeros keep their sign.  A block of zeros has the scale 2^0.  The scale is a power of two,
 * so that every value is a bf16 (and fp32) number exactly: a row that has been through here once
 * goes again without loss, and whoever does not send it so computes with the same numbers.  For
 * the same reason scales end at 2^-124 (the least code, 2^-9, is then bf16's least number, 2^-133)
 * and at 2^119 (448 is then 1.75 * 2^127; what is larger becomes that).  A block with a NaN or
 * infinity is all NaN.
 *
 * A packed row is [dim] codes, then [ceil(dim / 128)] int8 scales, then zeros up to a multiple of 4
 * bytes, so that numbers of four bytes may follow: mix_fp8_row bytes.  What is
 * unpacked has been packed here.
 * Source of format: OCP 8-bit Floating Point Specification 1.0. */
#ifndef MIX_KERN_FP8_H
#define MIX_KERN_FP8_H

#include "base/dtype.h"

#include <stddef.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mix_dev;

enum { MIX_FP8_BLOCK = 128 };

static inline size_t mix_fp8_row(int dim)
{
    return ((size_t)dim + (size_t)((dim + MIX_FP8_BLOCK - 1) / MIX_FP8_BLOCK) + 3) / 4 * 4;
}

struct mix_fp8_pack {
    void *y;               /* [rows] of mix_fp8_row(dim) bytes, one after the other */
    const void *const *at; /* [rows] device addresses of [dim] x_type */
    enum mix_dtype x_type; /* MIX_F32 or MIX_BF16 */
    int rows, dim;
};

struct mix_fp8_unpack {
    void *y;               /* [rows][dim] y_type */
    const void *x;         /* [rows] of mix_fp8_row(dim) bytes, one after the other ... */
    const void *const *at; /* ... or, if not NULL, [rows] device addresses of such rows */
    enum mix_dtype y_type; /* MIX_F32 or MIX_BF16 */
    int rows, dim;
};

int mix_fp8_pack_cpu(struct mix_dev *dev, const struct mix_fp8_pack *a);
int mix_fp8_unpack_cpu(struct mix_dev *dev, const struct mix_fp8_unpack *a);

#ifdef __cplusplus
}
#endif
#endif
