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
    NAN_CODE = 0x7F,
    LANES = 16 /* maxima of a block, before there is one */
};

/* Bits of fp32 numbers. */
enum {
    MAGNITUDE = 0x7FFFFFFF,
    EXPONENT = 0x7F800000, /* also that of infinity */
    QUIET_NAN = 0x7FC00000,
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

/* The code of x * inverse.  With E the exponent, at least -6, codes are multiples of 2^(E - 3),
 * and so are the numbers from 2^(E + 20) on: the sum rounds, and counts them in its last bits. */
INLINE uint32_t encode(float x, float inverse)
{
    uint32_t b = bits_of(x * inverse), size = b & MAGNITUDE, e, steps;

    size = size < LARGEST ? size : LARGEST;
    e = size & EXPONENT;
    e = e > SMALLEST_NORMAL ? e : SMALLEST_NORMAL;
    steps = bits_of(of_bits(size) + of_bits(e + (20 << 23))) - (e + (20 << 23));
    return (b >> 24 & 0x80) | (((e - SMALLEST_NORMAL) >> 20) + steps);
}

/* The bits of code * scale; the other way round. */
INLINE uint32_t decode(uint32_t code, float scale)
{
    uint32_t size = code & 0x7F, e = (size & 0x78) > 8 ? size & 0x78 : 8;
    uint32_t base = SMALLEST_NORMAL + ((e - 8) << 20) + (20 << 23);
    float x = of_bits(base + size - (e - 8)) - of_bits(base);

    return bits_of(x * scale) | (code & 0x80) << 24 | (size == NAN_CODE ? QUIET_NAN : 0);
}

/* The scale of a block by the bits of its largest magnitude, which is finite. */
static int scale_of(uint32_t most)
{
    int e = (int)(most >> 23) - 127, s = e - 8 + ((most & 0x7FFFFF) > (LARGEST & 0x7FFFFF));

    if (most == 0)
        return 0;
    return s < MIN_SCALE ? MIN_SCALE : s > MAX_SCALE ? MAX_SCALE : s;
}

/* The bits of the largest magnitude of a block: NaNs are the largest. */
INLINE uint32_t largest(const float *x)
{
    uint32_t lane[LANES] = {0}, most = 0;

    for (int i = 0; i < MIX_FP8_BLOCK; i += LANES)
#pragma omp simd
        for (int l = 0; l < LANES; l++) {
            uint32_t size = bits_of(x[i + l]) & MAGNITUDE;

            lane[l] = size > lane[l] ? size : lane[l];
        }
    for (int l = 0; l < LANES; l++)
        most = lane[l] > most ? lane[l] : most;
    return most;
}

/* A block's codes; returns its scale.  Codes are narrowed last, and widened first: otherwise gcc
 * does parts of the arithmetic in bytes, and packs or unpacks each operand on its own. */
INLINE int8_t pack_block(uint8_t *restrict y, const float *restrict x)
{
    uint32_t most = largest(x), code[MIX_FP8_BLOCK];
    int s = most < EXPONENT ? scale_of(most) : 0;
    float inverse = power_of_two(-s);

    if (most >= EXPONENT) {
        memset(y, NAN_CODE, MIX_FP8_BLOCK);
        return 0;
    }
#pragma omp simd
    for (int i = 0; i < MIX_FP8_BLOCK; i++)
        code[i] = encode(x[i], inverse);
#pragma omp simd
    for (int i = 0; i < MIX_FP8_BLOCK; i++)
        y[i] = (uint8_t)code[i];
    return (int8_t)s;
}

INLINE void unpack_block(float *restrict y, const uint8_t *restrict x, int8_t s)
{
    uint32_t code[MIX_FP8_BLOCK];
    float scale = power_of_two(s);

#pragma omp simd
    for (int i = 0; i < MIX_FP8_BLOCK; i++)
        code[i] = x[i];
#pragma omp simd
    for (int i = 0; i < MIX_FP8_BLOCK; i++)
        y[i] = of_bits(decode(code[i], scale));
}

MIX_SIMD static void pack_f32(uint8_t *restrict y, int8_t *restrict scale, const float *restrict x,
                              int blocks)
{
    for (int b = 0; b < blocks; b++, x += MIX_FP8_BLOCK, y += MIX_FP8_BLOCK)
        scale[b] = pack_block(y, x);
}

MIX_SIMD static void pack_bf16(uint8_t *restrict y, int8_t *restrict scale,
                               const uint16_t *restrict x, int blocks)
{
    for (int b = 0; b < blocks; b++, x += MIX_FP8_BLOCK, y += MIX_FP8_BLOCK) {
        float wide[MIX_FP8_BLOCK];

#pragma omp simd
        for (int i = 0; i < MIX_FP8_BLOCK; i++)
            wide[i] = mix_bf16_to_f32(x[i]);
        scale[b] = pack_block(y, wide);
    }
}

MIX_SIMD static void unpack_f32(float *restrict y, const uint8_t *restrict x,
                                const int8_t *restrict scale, int blocks)
{
    for (int b = 0; b < blocks; b++, x += MIX_FP8_BLOCK, y += MIX_FP8_BLOCK)
        unpack_block(y, x, scale[b]);
}

MIX_SIMD static void unpack_bf16(uint16_t *restrict y, const uint8_t *restrict x,
                                 const int8_t *restrict scale, int blocks)
{
    for (int b = 0; b < blocks; b++, x += MIX_FP8_BLOCK, y += MIX_FP8_BLOCK) {
        float wide[MIX_FP8_BLOCK];

        unpack_block(wide, x, scale[b]);
#pragma omp simd
        for (int i = 0; i < MIX_FP8_BLOCK; i++)
            y[i] = (uint16_t)(bits_of(wide[i]) >> 16); /* the lower half is zero */
    }
}

static void pack(uint8_t *y, int8_t *scale, const void *x, enum mix_dtype type, int blocks)
{
    if (type == MIX_F32)
        pack_f32(y, scale, x, blocks);
    else
        pack_bf16(y, scale, x, blocks);
}

static void unpack(void *y, enum mix_dtype type, const uint8_t *x, const int8_t *scale, int blocks)
{
    if (type == MIX_F32)
        unpack_f32(y, x, scale, blocks);
    else
        unpack_bf16(y, x, scale, blocks);
}

/* The last block of a row is done with zeros behind it, which change no scale. */
static void pack_rows(const void *args, long first, long last)
{
    const struct mix_fp8_pack *a = args;
    size_t size = mix_dtype_size(a->x_type);
    int blocks = a->dim / MIX_FP8_BLOCK, whole = blocks * MIX_FP8_BLOCK, rest = a->dim - whole;
    size_t used = (size_t)a->dim + (size_t)blocks + (rest > 0);

    for (long i = first; i < last; i++) {
        uint8_t *y = (uint8_t *)a->y + (size_t)i * mix_fp8_row(a->dim), code[MIX_FP8_BLOCK];
        int8_t *scale = (int8_t *)y + a->dim;
        _Alignas(float) char x[MIX_FP8_BLOCK * sizeof(float)] = {0};

        pack(y, scale, a->at[i], a->x_type, blocks);
        if (rest) {
            memcpy(x, (const char *)a->at[i] + (size_t)whole * size, (size_t)rest * size);
            pack(code, scale + blocks, x, a->x_type, 1);
            memcpy(y + whole, code, (size_t)rest);
        }
        for (size_t end = used; end < mix_fp8_row(a->dim); end++)
            y[end] = 0;
    }
}

static void unpack_rows(const void *args, long first, long last)
{
    const struct mix_fp8_unpack *a = args;
    size_t size = mix_dtype_size(a->y_type);
    int blocks = a->dim / MIX_FP8_BLOCK, whole = blocks * MIX_FP8_BLOCK, rest = a->dim - whole;

    for (long i = first; i < last; i++) {
        const uint8_t *x =
            a->at ? a->at[i] : (const uint8_t *)a->x + (size_t)i * mix_fp8_row(a->dim);
        const int8_t *scale = (const int8_t *)x + a->dim;
        char *y = (char *)a->y + (size_t)i * (size_t)a->dim * size;
        uint8_t code[MIX_FP8_BLOCK] = {0};
        _Alignas(float) char value[MIX_FP8_BLOCK * sizeof(float)];

        unpack(y, a->y_type, x, scale, blocks);
        if (rest) {
            memcpy(code, x + whole, (size_t)rest);
            unpack(value, a->y_type, code, scale + blocks, 1);
            memcpy(y + (size_t)whole * size, value, (size_t)rest * size);
        }
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
