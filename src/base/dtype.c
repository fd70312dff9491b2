/* dtype.c - see dtype.h. */
#include "base/dtype.h"

#include "base/err.h"

#include <math.h>

static const struct {
    const char *name;
    size_t size;
} types[MIX_DTYPES] = {
    [MIX_F32] = {"F32", 4},        [MIX_BF16] = {"BF16", 2}, [MIX_F16] = {"F16", 2},
    [MIX_F8E4M3] = {"F8_E4M3", 1}, [MIX_I32] = {"I32", 4},   [MIX_I64] = {"I64", 8},
    [MIX_U8] = {"U8", 1},
};

size_t mix_dtype_size(enum mix_dtype t)
{
    return types[t].size;
}

const char *mix_dtype_name(enum mix_dtype t)
{
    return types[t].name;
}

_Bool mix_dtype_parse(const char *name, enum mix_dtype *t)
{
    for (int i = 0; i < MIX_DTYPES; i++)
        if (strcmp(name, types[i].name) == 0) {
            *t = (enum mix_dtype)i;
            return 1;
        }
    return 0;
}

static float f16_to_f32(uint16_t h)
{
    int exponent = h >> 10 & 31, mantissa = h & 1023;
    float v = exponent == 0    ? ldexpf((float)mantissa, -24)
              : exponent == 31 ? (mantissa ? NAN : INFINITY)
                               : ldexpf((float)(mantissa + 1024), exponent - 25);

    return h & 0x8000 ? -v : v;
}

int mix_dtype_convert(void *dst, enum mix_dtype to, const void *src, enum mix_dtype from, size_t n)
{
    float *f = dst;
    uint16_t *b = dst;
    const uint16_t *h = src;

    if (to == from && (to == MIX_F32 || to == MIX_BF16)) {
        memcpy(dst, src, n * types[to].size);
    } else if (to == MIX_F32 && from == MIX_BF16) {
        for (size_t i = 0; i < n; i++)
            f[i] = mix_bf16_to_f32(h[i]);
    } else if (to == MIX_BF16 && from == MIX_F32) {
        for (size_t i = 0; i < n; i++)
            b[i] = mix_f32_to_bf16(((const float *)src)[i]);
    } else if (to == MIX_F32 && from == MIX_F16) {
        for (size_t i = 0; i < n; i++)
            f[i] = f16_to_f32(h[i]);
    } else if (to == MIX_BF16 && from == MIX_F16) {
        for (size_t i = 0; i < n; i++)
            b[i] = mix_f32_to_bf16(f16_to_f32(h[i]));
    } else {
        return MIX_FAIL(MIX_EINPUT, "no conversion from %s to %s", types[from].name,
                        types[to].name);
    }
    return MIX_OK;
}
