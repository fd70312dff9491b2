/* fp8_cpu.c - rows to and from 8-bit floats on the cpu backend.
 *
 * All of it is arithmetic on the bits of fp32 numbers: the same on every machine, and no branches
 * in the loops. */
#include "kernels/fp8.h"

#include "base/err.h"
#include "kernels/simd.h"
#include "kernels/team.h"

#include <stdint.h>
#include <string.h>

#define INLINE static inline __attribute__((always_inline))

enum {
    MIN_SCALE = -124, /* the step of the smallest codes, 2^(scale - 9), is a bf16 number */
    MAX_SCALE = 119,  /* 448 * 2^scale is one */
    NAN_CODE = 0x7F
};

/* Bits of fp32 numbers. */
enum {
    MAGNITUDE = 0x7FFFFFFF,
    INFINITE = 0x7F800000,
    LARGEST = 0x43E00000,        /* 448 */
    SMALLEST_NORMAL = 0x3C800000 /* 2^-6 */
};

INLINE uint32_t bits_of(float f)
{
    uint32_t b;

    memcpy(&b, &f, sizeof b);
    return b;
}

INLINE float of_bits(uint32_t b)
{
    float f;

    memcpy(&f, &b, sizeof f);
    return f;
}

INLINE float power_of_two(int e)
{
    return of_bits((uint32_t)(127 + e) << 23);
}

INLINE float load(const void *x, const enum mix_dtype type, int i)
{
    return type == MIX_F32 ? ((const float *)x)[i] : mix_bf16_to_f32(((const uint16_t *)x)[i]);
}

/* The code of x * inverse.  Above 2^-6, three bits of mantissa stay and the exponent's bias is 7;
 * below, codes are multiples of 2^-9, which is what a sum with 2^14 rounds to. */
INLINE uint8_t encode(float x, float inverse)
{
    uint32_t b = bits_of(x * inverse), size = b & MAGNITUDE, normal, tiny;

    size = size < LARGEST ? size : LARGEST;
    normal = ((size + 0x7FFFF + (size >> 20 & 1)) >> 20) - ((127 - 7) << 3);
    tiny = bits_of(of_bits(size) + 0x1p14f) - bits_of(0x1p14f);
    return (uint8_t)((b >> 24 & 0x80) | (size < SMALLEST_NORMAL ? tiny : normal));
}

INLINE float decode(uint8_t code, float scale)
{
    uint32_t size = code & 0x7F, sign = (uint32_t)(code & 0x80) << 24;
    uint32_t normal = (size << 20) + ((127 - 7) << 23), tiny = bits_of((float)(int)size * 0x1p-9f);
    uint32_t b = size == NAN_CODE ? INFINITE | 0x400000 : size < 8 ? tiny : normal;

    return of_bits(b | sign) * scale;
}

/* The scale of a block by the bits of its largest magnitude, which is finite. */
static int scale_of(uint32_t most)
{
    int e = (int)(most >> 23) - 127, s = e - 8 + ((most & 0x7FFFFF) > (LARGEST & 0x7FFFFF));

    if (most == 0)
        return 0;
    return s < MIN_SCALE ? MIN_SCALE : s > MAX_SCALE ? MAX_SCALE : s;
}

INLINE void pack_row(uint8_t *y, const void *x, const enum mix_dtype type, int dim)
{
    for (int c = 0; c < dim; c += MIX_FP8_BLOCK) {
        int last = dim - c < MIX_FP8_BLOCK ? dim : c + MIX_FP8_BLOCK, s;
        uint32_t most = 0;
        float inverse;

#pragma omp simd reduction(max : most)
        for (int i = c; i < last; i++) {
            uint32_t size = bits_of(load(x, type, i)) & MAGNITUDE;

            most = size > most ? size : most;
        }
        s = most < INFINITE ? scale_of(most) : 0;
        y[dim + c / MIX_FP8_BLOCK] = (uint8_t)(int8_t)s;
        if (most >= INFINITE) {
            memset(y + c, NAN_CODE, (size_t)(last - c));
            continue;
        }
        inverse = power_of_two(-s);
#pragma omp simd
        for (int i = c; i < last; i++)
            y[i] = encode(load(x, type, i), inverse);
    }
}

MIX_SIMD static void pack_f32(uint8_t *restrict y, const float *restrict x, int dim)
{
    pack_row(y, x, MIX_F32, dim);
}

MIX_SIMD static void pack_bf16(uint8_t *restrict y, const uint16_t *restrict x, int dim)
{
    pack_row(y, x, MIX_BF16, dim);
}

MIX_SIMD static void unpack_f32(float *restrict y, const uint8_t *restrict x, int dim)
{
    for (int c = 0; c < dim; c += MIX_FP8_BLOCK) {
        int last = dim - c < MIX_FP8_BLOCK ? dim : c + MIX_FP8_BLOCK;
        float scale = power_of_two((int8_t)x[dim + c / MIX_FP8_BLOCK]);

#pragma omp simd
        for (int i = c; i < last; i++)
            y[i] = decode(x[i], scale);
    }
}

/* The lower half of every value is zero. */
MIX_SIMD static void unpack_bf16(uint16_t *restrict y, const uint8_t *restrict x, int dim)
{
    for (int c = 0; c < dim; c += MIX_FP8_BLOCK) {
        int last = dim - c < MIX_FP8_BLOCK ? dim : c + MIX_FP8_BLOCK;
        float scale = power_of_two((int8_t)x[dim + c / MIX_FP8_BLOCK]);

#pragma omp simd
        for (int i = c; i < last; i++)
            y[i] = (uint16_t)(bits_of(decode(x[i], scale)) >> 16);
    }
}

static void pack_rows(const void *args, long first, long last)
{
    const struct mix_fp8_pack *a = args;

    for (long i = first; i < last; i++) {
        uint8_t *y = (uint8_t *)a->y + (size_t)i * mix_fp8_row(a->dim);

        if (a->x_type == MIX_F32)
            pack_f32(y, a->at[i], a->dim);
        else
            pack_bf16(y, a->at[i], a->dim);
    }
}

static void unpack_rows(const void *args, long first, long last)
{
    const struct mix_fp8_unpack *a = args;

    for (long i = first; i < last; i++) {
        const uint8_t *x =
            a->at ? a->at[i] : (const uint8_t *)a->x + (size_t)i * mix_fp8_row(a->dim);
        size_t to = (size_t)i * (size_t)a->dim;

        if (a->y_type == MIX_F32)
            unpack_f32((float *)a->y + to, x, a->dim);
        else
            unpack_bf16((uint16_t *)a->y + to, x, a->dim);
    }
}

int mix_fp8_pack_cpu(struct mix_dev *dev, const struct mix_fp8_pack *a)
{
    if (a->x_type != MIX_F32 && a->x_type != MIX_BF16)
        return MIX_FAIL(MIX_EBUG, "fp8: from %s", mix_dtype_name(a->x_type));
    mix_team_rows(dev, a->rows, (double)a->dim, pack_rows, a);
    return MIX_OK;
}

int mix_fp8_unpack_cpu(struct mix_dev *dev, const struct mix_fp8_unpack *a)
{
    if (a->y_type != MIX_F32 && a->y_type != MIX_BF16)
        return MIX_FAIL(MIX_EBUG, "fp8: to %s", mix_dtype_name(a->y_type));
    mix_team_rows(dev, a->rows, (double)a->dim, unpack_rows, a);
    return MIX_OK;
}
