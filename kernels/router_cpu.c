/* router_cpu.c - router on the cpu backend. */
#include "kernels/router.h"

#include "base/err.h"
#include "kernels/exp.h"
#include "kernels/simd.h"
#include "kernels/team.h"

#include <stdlib.h>

enum {
    LANES = 16,         /* partial sums of the softmax: the contract */
    MAX_EXPERTS = 1024, /* a row of probabilities on the stack */
};

/* p = exp(x - max x), unnormalised; returns their sum. */
MIX_SIMD static float exps(float *p, const float *x, int n)
{
    float lane[LANES] = {0}, max = x[0];
    int c = 0;

    for (int i = 1; i < n; i++)
        max = x[i] > max ? x[i] : max;
#pragma omp simd
    for (int i = 0; i < n; i++)
        p[i] = mix_exp(x[i] - max);
    for (; c + LANES <= n; c += LANES)
#pragma omp simd
        for (int i = 0; i < LANES; i++)
            lane[i] += p[c + i];
    for (int i = 0; c + i < n; i++)
        lane[i] += p[c + i];
    return mix_tree_sum(lane, LANES);
}

MIX_SIMD static void divide(float *p, float by, int n)
{
#pragma omp simd
    for (int i = 0; i < n; i++)
        p[i] = p[i] / by;
}

/* The k largest of p, largest first, ties to the lower id, NaNs last: insertion into a sorted
 * list, which most experts fail to enter at the first comparison. */
static void choose(int32_t *id, float *weight, const float *p, int n, int k)
{
    int have = 0;

    for (int e = 0; e < n; e++) {
        float v = p[e];
        int at = have;

        if (have == k && !(v > weight[k - 1]) && !(weight[k - 1] != weight[k - 1] && v == v))
            continue;
        if (have == k)
            at--;
        else
            have++;
        for (; at > 0 && (v > weight[at - 1] || (weight[at - 1] != weight[at - 1] && v == v));
             at--) {
            weight[at] = weight[at - 1];
            id[at] = id[at - 1];
        }
        weight[at] = v;
        id[at] = e;
    }
}

static void rows(const void *args, long first, long last)
{
    const struct mix_router *a = args;
    float p[MAX_EXPERTS];

    for (long t = first; t < last; t++) {
        float *weight = a->weight + (size_t)t * (size_t)a->k, sum = 0;

        divide(p, exps(p, a->logits + (size_t)t * (size_t)a->experts, a->experts), a->experts);
        choose(a->expert + (size_t)t * (size_t)a->k, weight, p, a->experts, a->k);
        if (!a->normalise)
            continue;
        for (int j = 0; j < a->k; j++)
            sum += weight[j];
        for (int j = 0; j < a->k; j++)
            weight[j] /= sum;
    }
}

int mix_router_cpu(struct mix_dev *dev, const struct mix_router *a)
{
    if (a->experts < 1 || a->experts > MAX_EXPERTS || a->k < 0 || a->k > a->experts)
        return MIX_FAIL(MIX_EBUG, "router: %d of %d experts (at most %d)", a->k, a->experts,
                        MAX_EXPERTS);
    mix_team_rows(dev, a->tokens, 8.0 * a->experts, rows, a);
    return MIX_OK;
}
