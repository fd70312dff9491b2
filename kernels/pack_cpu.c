/* pack_cpu.c - pack on the cpu backend. */
#include "kernels/pack.h"

#include "base/err.h"
#include "kernels/simd.h"
#include "kernels/team.h"

#include <string.h>

/* Rounded as mix_f32_to_bf16 does, without its branch. */
MIX_SIMD static void narrow(uint16_t *restrict y, const float *restrict x, int n)
{
    const uint32_t *bits = (const uint32_t *)(const void *)x;

#pragma omp simd
    for (int i = 0; i < n; i++) {
        uint32_t b = bits[i], even = (b + 0x7FFFu + (b >> 16 & 1)) >> 16;

        y[i] = (uint16_t)((b & 0x7FFFFFFFu) > 0x7F800000u ? b >> 16 | 0x40 : even);
    }
}

MIX_SIMD static void widen(float *restrict y, const uint16_t *restrict x, int n)
{
    uint32_t *bits = (uint32_t *)(void *)y;

#pragma omp simd
    for (int i = 0; i < n; i++)
        bits[i] = (uint32_t)x[i] << 16;
}

static void rows(const void *args, long first, long last)
{
    const struct mix_pack *a = args;
    size_t x_row = (size_t)a->dim * mix_dtype_size(a->x_type);
    size_t y_row = (size_t)a->dim * mix_dtype_size(a->y_type);

    for (long i = first; i < last; i++) {
        const char *x =
            a->at ? a->at[i] : (const char *)a->x + (size_t)(a->from ? a->from[i] : i) * x_row;
        char *y = (char *)a->y + (size_t)(a->to ? a->to[i] : i) * y_row;

        if (a->x_type == a->y_type)
            memcpy(y, x, x_row);
        else if (a->x_type == MIX_F32)
            narrow((uint16_t *)(void *)y, (const float *)(const void *)x, a->dim);
        else
            widen((float *)(void *)y, (const uint16_t *)(const void *)x, a->dim);
    }
}

int mix_pack_cpu(struct mix_dev *dev, const struct mix_pack *a)
{
    if ((a->x_type != MIX_F32 && a->x_type != MIX_BF16) ||
        (a->y_type != MIX_F32 && a->y_type != MIX_BF16))
        return MIX_FAIL(MIX_EBUG, "pack: from %s to %s", mix_dtype_name(a->x_type),
                        mix_dtype_name(a->y_type));
    if (a->dim)
        mix_team_rows(dev, a->rows, (double)a->dim, rows, a);
    return MIX_OK;
}
