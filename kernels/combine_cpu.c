/* combine_cpu.c - combine on the cpu backend.
 *
 * With the experts of a token sorted by id, the tree needs no leaves for absent
 * ones: two neighbours in the list meet at the level of the highest bit in which
 * their ids differ, and of two such boundaries the lower level is added first.  A
 * stack does that in k steps: before the next leaf is pushed across a boundary,
 * everything that meets below that boundary's level is merged.  The merges of a
 * token are listed once and done on blocks of columns that stay in L1.
 *
 * The product and the sum are leaf functions of their own that the compiler does
 * not see into, so it cannot contract them to an fma, whatever the flags. */
#include "kernels/combine.h"

#include "base/err.h"
#include "kernels/simd.h"
#include "kernels/team.h"

#include <stddef.h>
#include <string.h>

enum {
    MAX_K = 64,    /* experts of a token */
    BLOCK = 256,   /* columns done together: 1 KiB for each partial sum */
    MAX_DEPTH = 33 /* partial sums alive: one a level of 32-bit ids, and the newest */
};

MIX_SIMD static void multiply(float *restrict y, const float *restrict x, float w, int n)
{
#pragma omp simd
    for (int c = 0; c < n; c++)
        y[c] = w * x[c];
}

MIX_SIMD static void add(float *restrict y, const float *restrict x, int n)
{
#pragma omp simd
    for (int c = 0; c < n; c++)
        y[c] += x[c];
}

/* One leaf of a token, and how many merges of the two topmost sums follow its push. */
struct leaf {
    const float *x;
    float weight;
    int32_t expert;
    int merges;
};

/* The leaves of a token in order of id, with their merges; returns how many. */
static int plan(struct leaf *leaf, const struct mix_combine *a, long t)
{
    const int32_t *row = a->row + (size_t)t * (size_t)a->k;
    int n = 0, depth = 0;
    uint32_t boundary[MAX_DEPTH]; /* boundary[d]: ids differ so between sums d and d + 1 */

    for (int j = 0; j < a->k; j++) {
        int32_t id = a->expert[(size_t)t * (size_t)a->k + (size_t)j];
        int at = n;

        if (row[j] < 0)
            continue;
        for (; at > 0 && leaf[at - 1].expert > id; at--)
            leaf[at] = leaf[at - 1];
        leaf[at].x = a->x + (size_t)row[j] * (size_t)a->dim;
        leaf[at].weight = a->weight[(size_t)t * (size_t)a->k + (size_t)j];
        leaf[at].expert = id;
        n++;
    }
    /* A boundary is below another if its highest bit is: compared as numbers, because on the
     * stack the highest bits fall from bottom to top and differ from each other. */
    for (int i = 0; i < n; i++) {
        uint32_t next =
            i + 1 < n ? (uint32_t)leaf[i].expert ^ (uint32_t)leaf[i + 1].expert : UINT32_MAX;

        leaf[i].merges = 0;
        while (depth > 0 && boundary[depth - 1] < next) {
            leaf[i].merges++;
            depth--;
        }
        if (i + 1 < n)
            boundary[depth++] = next;
    }
    return n;
}

static void rows(const void *args, long first, long last)
{
    const struct mix_combine *a = args;
    float stack[MAX_DEPTH][BLOCK];
    struct leaf leaf[MAX_K];

    for (long t = first; t < last; t++) {
        int n = plan(leaf, a, t);

        for (int c = 0; c < a->dim; c += BLOCK) {
            float *y = a->y + (size_t)(a->to ? a->to[t] : t) * (size_t)a->dim + c;
            int width = a->dim - c < BLOCK ? a->dim - c : BLOCK, depth = 0;

            if (n == 0)
                memset(stack[0], 0, sizeof stack[0]);
            for (int i = 0; i < n; i++) {
                multiply(stack[depth++], leaf[i].x + c, leaf[i].weight, width);
                for (int m = 0; m < leaf[i].merges; m++, depth--)
                    add(stack[depth - 2], stack[depth - 1], width);
            }
            if (a->add)
                add(y, stack[0], width);
            else
                memcpy(y, stack[0], (size_t)width * sizeof *y);
        }
    }
}

int mix_combine_cpu(struct mix_dev *dev, const struct mix_combine *a)
{
    if (a->k < 0 || a->k > MAX_K)
        return MIX_FAIL(MIX_EBUG, "combine: %d experts a token, at most %d", a->k, MAX_K);
    mix_team_rows(dev, a->tokens, (double)a->dim * (a->k + 1), rows, a);
    return MIX_OK;
}
