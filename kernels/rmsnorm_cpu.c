/* rmsnorm_cpu.c - rmsnorm on the cpu backend. */
#include "kernels/rmsnorm.h"

#include "base/err.h"
#include "kernels/simd.h"
#include "kernels/team.h"

#include <math.h>

enum { LANES = 32 }; /* partial sums: the contract */

MIX_SIMD static float sum_squares(const float *x, int dim)
{
    float lane[LANES] = {0};
    int c = 0;

    for (; c + LANES <= dim; c += LANES)
#pragma omp simd
        for (int i = 0; i < LANES; i++)
            lane[i] += x[c + i] * x[c + i];
    for (int i = 0; c + i < dim; i++)
        lane[i] += x[c + i] * x[c + i];
    return mix_tree_sum(lane, LANES);
}

MIX_SIMD static void scale_f32(float *y, const float *x, const float *w, float scale, int dim)
{
#pragma omp simd
    for (int c = 0; c < dim; c++)
        y[c] = x[c] * scale * w[c];
}

MIX_SIMD static void scale_bf16(uint16_t *y, const float *x, const float *w, float scale, int dim)
{
#pragma omp simd
    for (int c = 0; c < dim; c++)
        y[c] = mix_f32_to_bf16(x[c] * scale * w[c]);
}

static void rows(const void *args, long first, long last)
{
    const struct mix_rmsnorm *a = args;

    for (long t = first; t < last; t++) {
        const float *x = a->x + (size_t)t * (size_t)a->dim;
        float scale = 1.0f / sqrtf(sum_squares(x, a->dim) / (float)a->dim + a->eps);

        if (a->type == MIX_BF16)
            scale_bf16((uint16_t *)a->y + (size_t)t * (size_t)a->dim, x, a->w, scale, a->dim);
        else
            scale_f32((float *)a->y + (size_t)t * (size_t)a->dim, x, a->w, scale, a->dim);
    }
}

int mix_rmsnorm_cpu(struct mix_dev *dev, const struct mix_rmsnorm *a)
{
    if (a->type != MIX_F32 && a->type != MIX_BF16)
        return MIX_FAIL(MIX_EBUG, "rmsnorm to type %s", mix_dtype_name(a->type));
    mix_team_rows(dev, a->tokens, 2.0 * a->dim, rows, a);
    return MIX_OK;
}
