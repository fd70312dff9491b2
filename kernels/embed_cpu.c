/* embed_cpu.c - embed on the cpu backend. */
#include "kernels/embed.h"

#include "base/err.h"
#include "kernels/simd.h"
#include "kernels/team.h"

MIX_SIMD static void widen(float *y, const uint16_t *x, int n)
{
#pragma omp simd
    for (int c = 0; c < n; c++)
        y[c] = mix_bf16_to_f32(x[c]);
}

static void rows(const void *args, long first, long last)
{
    const struct mix_embed *a = args;
    size_t dim = (size_t)a->dim, size = mix_dtype_size(a->type);

    for (long t = first; t < last; t++) {
        float *y = a->y + (size_t)t * dim;
        int64_t row = (int64_t)a->id[t] - a->first;
        const char *x;

        if (row < 0 || row >= a->rows) {
            memset(y, 0, dim * sizeof *y);
            continue;
        }
        x = (const char *)a->table + (size_t)row * dim * size;
        if (a->type == MIX_BF16)
            widen(y, (const uint16_t *)x, a->dim);
        else
            memcpy(y, x, dim * sizeof *y);
    }
}

int mix_embed_cpu(struct mix_dev *dev, const struct mix_embed *a)
{
    if (a->type != MIX_F32 && a->type != MIX_BF16)
        return MIX_FAIL(MIX_EBUG, "embedding of type %s", mix_dtype_name(a->type));
    mix_team_rows(dev, a->tokens, a->dim, rows, a);
    return MIX_OK;
}
