/* swiglu_cpu.c - swiglu on the cpu backend. */
#include "kernels/swiglu.h"

#include "base/err.h"
#include "kernels/exp.h"
#include "kernels/simd.h"
#include "kernels/team.h"

static inline float gate(float v, float up)
{
    return v / (1.0f + mix_exp(-v)) * up;
}

MIX_SIMD static void row_f32(float *y, const float *x, const float *up, int inner)
{
#pragma omp simd
    for (int c = 0; c < inner; c++)
        y[c] = gate(x[c], up[c]);
}

MIX_SIMD static void row_bf16(uint16_t *y, const float *x, const float *up, int inner)
{
#pragma omp simd
    for (int c = 0; c < inner; c++)
        y[c] = mix_f32_to_bf16(gate(x[c], up[c]));
}

static void rows(const void *args, long first, long last)
{
    const struct mix_swiglu *a = args;
    size_t inner = (size_t)a->inner;

    for (long i = first; i < last; i++) {
        const float *x = a->x + (size_t)i * 2 * inner;

        if (a->type == MIX_BF16)
            row_bf16((uint16_t *)a->y + (size_t)i * inner, x, x + inner, a->inner);
        else
            row_f32((float *)a->y + (size_t)i * inner, x, x + inner, a->inner);
    }
}

int mix_swiglu_cpu(struct mix_dev *dev, const struct mix_swiglu *a)
{
    if (a->type != MIX_F32 && a->type != MIX_BF16)
        return MIX_FAIL(MIX_EBUG, "swiglu to type %s", mix_dtype_name(a->type));
    mix_team_rows(dev, a->rows, 4.0 * a->inner, rows, a);
    return MIX_OK;
}
