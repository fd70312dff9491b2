/* sum_cpu.c - sum on the cpu backend. */
#include "kernels/sum.h"

#include "base/err.h"
#include "kernels/simd.h"
#include "kernels/team.h"

enum { BLOCK = 1024 }; /* numbers that one row of the team does: 4 KiB of running sums in L1 */

MIX_SIMD static void add(float *restrict y, const float *restrict x, int n)
{
#pragma omp simd
    for (int i = 0; i < n; i++)
        y[i] += x[i];
}

static void blocks(const void *args, long first, long last)
{
    const struct mix_sum *a = args;
    float sum[BLOCK];

    for (long b = first; b < last; b++) {
        size_t at = (size_t)b * BLOCK;
        int n = a->n - at < BLOCK ? (int)(a->n - at) : BLOCK;

        for (int i = 0; i < n; i++)
            sum[i] = a->part[0][at + (size_t)i];
        for (int p = 1; p < a->parts; p++)
            add(sum, a->part[p] + at, n);
        add(a->y + at, sum, n);
    }
}

int mix_sum_cpu(struct mix_dev *dev, const struct mix_sum *a)
{
    if (a->parts < 1)
        return MIX_FAIL(MIX_EBUG, "a sum of %d parts", a->parts);
    mix_team_rows(dev, (long)((a->n + BLOCK - 1) / BLOCK), (double)BLOCK * (a->parts + 1), blocks,
                  a);
    return MIX_OK;
}
