/* sum_cpu.c - sum on the cpu backend.
 *
 * The tree over groups is a binary counter: the sum of group g is pushed on a stack,
 * and merged with the one below once for every one bit at the end of g. */
#include "kernels/sum.h"

#include "base/err.h"
#include "kernels/simd.h"
#include "kernels/team.h"

#include <string.h>

enum {
    BLOCK = 512,   /* numbers that one row of the team does: 2 KiB a running sum, in L1 */
    MAX_DEPTH = 17 /* running sums of 65536 groups */
};

MIX_SIMD static void add(float *restrict y, const float *restrict x, int n)
{
#pragma omp simd
    for (int i = 0; i < n; i++)
        y[i] += x[i];
}

/* The sum of n numbers from at on, in stack[0]. */
static void sum(const struct mix_sum *a, size_t at, int n, float stack[][BLOCK])
{
    int depth = 0;

    for (int g = 0; g < a->parts / a->run; g++) {
        const float *const *part = a->part + (long)g * a->run;
        float *top = stack[depth++];

        memcpy(top, part[0] + at, (size_t)n * sizeof *top);
        for (int p = 1; p < a->run; p++)
            add(top, part[p] + at, n);
        for (int bits = g; bits & 1; bits >>= 1, depth--)
            add(stack[depth - 2], stack[depth - 1], n);
    }
    for (; depth > 1; depth--)
        add(stack[depth - 2], stack[depth - 1], n);
}

static void blocks(const void *args, long first, long last)
{
    const struct mix_sum *a = args;
    float stack[MAX_DEPTH][BLOCK];

    for (long b = first; b < last; b++) {
        size_t at = (size_t)b * BLOCK;
        int n = a->n - at < BLOCK ? (int)(a->n - at) : BLOCK;

        sum(a, at, n, stack);
        if (a->add)
            add(a->y + at, stack[0], n);
        else
            memcpy(a->y + at, stack[0], (size_t)n * sizeof *a->y);
    }
}

int mix_sum_cpu(struct mix_dev *dev, const struct mix_sum *a)
{
    if (a->run < 1 || a->parts < 1 || a->parts % a->run || a->parts / a->run > 65536)
        return MIX_FAIL(MIX_EBUG, "a sum of %d parts in groups of %d", a->parts, a->run);
    mix_team_rows(dev, (long)((a->n + BLOCK - 1) / BLOCK), (double)BLOCK * (a->parts + 1), blocks,
                  a);
    return MIX_OK;
}
