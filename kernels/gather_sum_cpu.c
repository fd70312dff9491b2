/* gather_sum_cpu.c - gather_sum on the cpu backend.
 *
 * A row's groups come in order, so the tree needs no leaves for absent ones: as in combine_cpu.c,
 * two neighbours among those present meet at the highest bit in which their numbers differ, and
 * before a group is pushed on the stack, everything that meets below that bit is merged. */
#include "kernels/gather_sum.h"

#include "base/err.h"
#include "kernels/simd.h"
#include "kernels/team.h"

#include <stdint.h>
#include <string.h>

enum {
    BLOCK = 512,   /* columns done together: 2 KiB a running sum, in L1 */
    MAX_DEPTH = 17 /* running sums of 65536 groups */
};

MIX_SIMD static void add(float *restrict y, const float *restrict x, int n)
{
#pragma omp simd
    for (int i = 0; i < n; i++)
        y[i] += x[i];
}

MIX_SIMD static void add_wide(float *restrict y, const uint16_t *restrict x, int n)
{
#pragma omp simd
    for (int i = 0; i < n; i++)
        y[i] += mix_bf16_to_f32(x[i]);
}

MIX_SIMD static void widen(float *restrict y, const uint16_t *restrict x, int n)
{
#pragma omp simd
    for (int i = 0; i < n; i++)
        y[i] = mix_bf16_to_f32(x[i]);
}

MIX_SIMD static void narrow(uint16_t *restrict y, const float *restrict x, int n)
{
#pragma omp simd
    for (int i = 0; i < n; i++)
        y[i] = mix_f32_to_bf16(x[i]);
}

/* Columns [c, c + n) of a part: to top, or added to it. */
static void take(float *top, const void *part, enum mix_dtype type, int c, int n, bool first)
{
    const float *f32 = part;
    const uint16_t *bf16 = part;

    if (type == MIX_F32 && first)
        memcpy(top, f32 + c, (size_t)n * sizeof *top);
    else if (type == MIX_F32)
        add(top, f32 + c, n);
    else if (first)
        widen(top, bf16 + c, n);
    else
        add_wide(top, bf16 + c, n);
}

/* The sum of columns [c, c + n) of a row's parts, in stack[0]. */
static void sum(const struct mix_gather_sum *a, const void *const *at, int c, int n,
                float stack[][BLOCK])
{
    uint32_t boundary[MAX_DEPTH]; /* boundary[d]: the groups' numbers differ so between d, d + 1 */
    int depth = 0, newest = 0;

    for (int g = 0; g < a->parts / a->run; g++) {
        const void *const *part = at + (size_t)g * (size_t)a->run;
        bool first = true;

        for (int p = 0; p < a->run; p++) {
            if (!part[p])
                continue;
            if (first && depth) {
                uint32_t differ = (uint32_t)newest ^ (uint32_t)g;

                for (; depth > 1 && boundary[depth - 2] < differ; depth--)
                    add(stack[depth - 2], stack[depth - 1], n);
                boundary[depth - 1] = differ;
            }
            depth += first;
            take(stack[depth - 1], part[p], a->x_type, c, n, first);
            first = false;
            newest = g;
        }
    }
    for (; depth > 1; depth--)
        add(stack[depth - 2], stack[depth - 1], n);
    if (!depth)
        memset(stack[0], 0, (size_t)n * sizeof stack[0][0]);
}

static void rows(const void *args, long first, long last)
{
    const struct mix_gather_sum *a = args;
    float stack[MAX_DEPTH][BLOCK];

    for (long i = first; i < last; i++)
        for (int c = 0; c < a->dim; c += BLOCK) {
            size_t to = (size_t)i * (size_t)a->dim + (size_t)c;
            int n = a->dim - c < BLOCK ? a->dim - c : BLOCK;

            sum(a, a->at + (size_t)i * (size_t)a->parts, c, n, stack);
            if (a->y_type == MIX_BF16)
                narrow((uint16_t *)a->y + to, stack[0], n);
            else if (a->add)
                add((float *)a->y + to, stack[0], n);
            else
                memcpy((float *)a->y + to, stack[0], (size_t)n * sizeof(float));
        }
}

int mix_gather_sum_cpu(struct mix_dev *dev, const struct mix_gather_sum *a)
{
    size_t all = (size_t)a->rows * (size_t)(a->parts < 0 ? 0 : a->parts), present = 0;

    if (a->run < 1 || a->parts < 1 || a->parts % a->run || a->parts / a->run > 65536)
        return MIX_FAIL(MIX_EBUG, "a sum of %d parts in groups of %d", a->parts, a->run);
    if ((a->x_type != MIX_F32 && a->x_type != MIX_BF16) ||
        (a->y_type != MIX_F32 && (a->y_type != MIX_BF16 || a->add)))
        return MIX_FAIL(MIX_EBUG, "a sum of %s %s %s", mix_dtype_name(a->x_type),
                        a->add ? "added to" : "as", mix_dtype_name(a->y_type));
    for (size_t i = 0; i < all; i++)
        present += a->at[i] != NULL;
    if (a->rows)
        mix_team_rows(dev, a->rows, a->dim * (1 + (double)present / a->rows), rows, a);
    return MIX_OK;
}
