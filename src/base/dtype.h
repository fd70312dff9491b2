/* dtype.h - number types of weights and activations.  Any thread. */
#ifndef MIX_BASE_DTYPE_H
#define MIX_BASE_DTYPE_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#ifdef __cplusplus
extern "C" {
#endif

enum mix_dtype {
    MIX_F32,
    MIX_BF16,
    MIX_F16,
    MIX_F8E4M3,
    MIX_I32,
    MIX_I64,
    MIX_U8,
    MIX_DTYPES,
};

size_t mix_dtype_size(enum mix_dtype t);      /* bytes of one number */
const char *mix_dtype_name(enum mix_dtype t); /* "F32", "BF16": safetensors' names */
/* False if the name is not one of ours. */
_Bool mix_dtype_parse(const char *name, enum mix_dtype *t);

/* bfloat16 is the upper half of an fp32. */
static inline float mix_bf16_to_f32(uint16_t x)
{
    uint32_t bits = (uint32_t)x << 16;
    float f;

    memcpy(&f, &bits, sizeof f);
    return f;
}

/* Round to nearest, ties to even; a NaN stays one. */
static inline uint16_t mix_f32_to_bf16(float f)
{
    uint32_t bits;

    memcpy(&bits, &f, sizeof bits);
    if ((bits & 0x7FFFFFFFu) > 0x7F800000u)
        return (uint16_t)(bits >> 16 | 0x40);
    return (uint16_t)((bits + 0x7FFFu + (bits >> 16 & 1)) >> 16);
}

/* Copy n numbers from src (type from) to dst (type to): F32, BF16 and F16 in, F32 and BF16 out.
 * MIX_EINPUT for any other pair. */
int mix_dtype_convert(void *dst, enum mix_dtype to, const void *src, enum mix_dtype from, size_t n);

#ifdef __cplusplus
}
#endif
#endif
