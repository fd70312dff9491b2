/* exchange_world.h - a step of one copy of the experts as all of its ranks know it, and what must
 * come out of it: tokens, weights, routing and homes follow from a seed.  For exchange.c alone. */
#ifndef MIX_TESTS_EXCHANGE_WORLD_H
#define MIX_TESTS_EXCHANGE_WORLD_H

#include "base/dtype.h"
#include "base/rng.h"
#include "plan/homes.h"
#include "plan/plan.h"

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { HIDDEN = 12, MOST_EXPERTS = 12, OWNED = 12, RANKS = 8, TOKENS = OWNED * RANKS };

static int seed = 20261124;
static uint32_t mesh_number; /* no two meshes see the same steps */

/* ---- everything from a seed */

static uint32_t draw(uint32_t stream, uint32_t a, uint32_t b)
{
    uint32_t word[4], counter[4] = {a, b, stream, mesh_number}, key[2] = {(uint32_t)seed, 0};

    mix_philox(word, counter, key);
    return word[0];
}

static float number(uint32_t stream, uint32_t a, uint32_t b)
{
    return (float)((double)draw(stream, a, b) * 0x1p-31 - 1.0);
}

enum spread { IDENTITY, SHUFFLED, TWO_HOMES, SPREADS };
static const char *const spread_names[] = {"identity", "shuffled", "two homes"};

/* One step of one copy, as all of its ranks know it. */
struct world_step {
    struct mix_plan plan;
    struct mix_homes homes;
    enum mix_dtype type, wire;
    int experts, k, copy_size, copy; /* copy: which one is mine */
    uint32_t round;
    int tokens[RANKS], first[RANKS + 1];
    float given[TOKENS][HIDDEN]; /* x[1], x[0] are the token's number in digits of 8 */
    float x[TOKENS][HIDDEN];     /* the same as experts meet it */
    int32_t expert[TOKENS * MOST_EXPERTS];
    float weight[TOKENS * MOST_EXPERTS];
    unsigned char seen[MOST_EXPERTS][TOKENS];
    bool strange;                             /* a row came that no token has */
    int landed, computed, returned, nearness; /* pieces, stages, stages; domains from mine */
    bool disorder;
};

static float rounded(float x, enum mix_dtype type)
{
    return type == MIX_BF16 ? mix_bf16_to_f32(mix_f32_to_bf16(x)) : x;
}

/* What slice s of expert e makes of a number. */
static float slice(int e, int s, int c, float x)
{
    return x * number(1, (uint32_t)(e * 8 + s), (uint32_t)c);
}

/* What eight bits make of a row of one block: 3 bits of mantissa, at least 2^-9, and the smallest
 * power of two as scale for which 448 is enough. */
static void narrow_row(float *y, const float *x)
{
    float most = 0, scale = 1;

    for (int c = 0; c < HIDDEN; c++)
        most = fmaxf(most, fabsf(x[c]));
    while (most > 448 * scale)
        scale *= 2;
    while (most > 0 && most <= 448 * scale / 2)
        scale /= 2;
    for (int c = 0; c < HIDDEN; c++) {
        int e;
        float step;

        frexpf(x[c] / scale, &e);
        step = ldexpf(1, e - 4 < -9 ? -9 : e - 4);
        y[c] = nearbyintf(x[c] / scale / step) * step * scale;
    }
}

static void route(struct world_step *w, int t, int among)
{
    int left[MOST_EXPERTS], n = among;

    for (int e = 0; e < among; e++)
        left[e] = e;
    for (int j = 0; j < w->k; j++, n--) {
        uint32_t a = w->round * 16 + (uint32_t)w->copy;
        int at = (int)(draw(2, a, (uint32_t)(t * MOST_EXPERTS + j)) % (uint32_t)n);

        w->expert[t * w->k + j] = left[at];
        w->weight[t * w->k + j] = number(3, a, (uint32_t)(t * MOST_EXPERTS + j));
        memmove(left + at, left + at + 1, sizeof *left * (size_t)(n - at - 1));
    }
}

/* Round 0 has no token at all, 1 everything for the first experts, 2 a single owner, others are
 * random. */
static void make_step(struct world_step *w, uint32_t round)
{
    int among = round == 1                                 ? w->k
                : round % 5 == 3 && w->k <= w->experts / 2 ? w->experts / 2
                                                           : w->experts;

    w->round = round;
    for (int m = 0; m < w->copy_size; m++) {
        uint32_t x = draw(4, round * 16 + (uint32_t)w->copy, (uint32_t)m);

        w->tokens[m] = round == 0   ? 0
                       : round == 2 ? (m == w->copy_size / 2 ? OWNED : 0)
                       : x % 4 == 0 ? 0
                                    : (int)(x / 4 % (OWNED + 1));
        w->first[m + 1] = w->first[m] + w->tokens[m];
    }
    for (int t = 0; t < w->first[w->copy_size]; t++) {
        route(w, t, among);
        for (int c = 0; c < HIDDEN; c++)
            w->given[t][c] =
                c > 1
                    ? rounded(number(5, round * 16 + (uint32_t)w->copy, (uint32_t)(t * HIDDEN + c)),
                              w->type)
                    : (float)(c ? t / 8 : t % 8);
        memcpy(w->x[t], w->given[t], sizeof w->x[t]);
        if (w->plan.numeric.dispatch == MIX_F8E4M3)
            narrow_row(w->x[t], w->given[t]);
    }
    memset(w->seen, 0, sizeof w->seen);
    w->strange = w->disorder = false;
    w->landed = w->computed = w->returned = w->nearness = 0;
}

static float before(const struct world_step *w, int t, int c)
{
    return number(6, w->round * 16 + (uint32_t)w->copy, (uint32_t)(t * HIDDEN + c));
}

static int owner_of(const struct world_step *w, int t)
{
    int m = 0;

    while (w->first[m + 1] <= t)
        m++;
    return m;
}

static int home_of(const struct world_step *w, int t, int e)
{
    return mix_homes_choose(&w->homes, &w->plan, 0, e, w->copy * w->copy_size + owner_of(w, t));
}

/* ---- what must come out */

/* A sum over the experts [low, low + width) by the tree; *any: is there one? */
struct leaves {
    float value[16];
    bool there[16];
};

static float tree(const struct leaves *x, int low, int width, bool *any)
{
    bool a = false, b = false;
    volatile float left, right;

    if (width == 1) {
        *any = x->there[low];
        return x->value[low];
    }
    left = tree(x, low, width / 2, &a);
    right = tree(x, low + width / 2, width / 2, &b);
    *any = a || b;
    return a && b ? left + right : a ? left : b ? right : 0;
}

/* Experts one by one: slices in rank order, rounded, weighted, by the tree. */
static float of_experts(const struct world_step *w, int t, int c)
{
    struct leaves x = {0};
    bool any;

    for (int j = 0; j < w->k; j++) {
        int e = w->expert[t * w->k + j];
        volatile float sum = slice(e, 0, c, w->x[t][c]);

        for (int s = 1; s < w->plan.numeric.etp; s++)
            sum = sum + slice(e, s, c, w->x[t][c]);
        x.there[e] = true;
        x.value[e] = w->weight[t * w->k + j] * rounded(sum, w->wire);
    }
    return tree(&x, 0, 16, &any);
}

/* What is at one home: slice by slice weighted, by the tree, rounded; then the slices in rank
 * order. */
static float of_home(const struct world_step *w, int t, int c, int h, enum mix_dtype wire,
                     bool *any)
{
    volatile float sum = 0;

    for (int s = 0; s < w->plan.numeric.etp; s++) {
        struct leaves x = {0};
        float share;

        for (int j = 0; j < w->k; j++) {
            int e = w->expert[t * w->k + j];

            x.there[e] = home_of(w, t, e) == h;
            x.value[e] = w->weight[t * w->k + j] * slice(e, s, c, w->x[t][c]);
        }
        share = rounded(tree(&x, 0, 16, any), wire);
        sum = s ? sum + share : share;
    }
    return sum;
}

/* All homes by the tree, each of them rounded, also those that have nothing. */
static float of_homes(const struct world_step *w, int t, int c)
{
    struct leaves homes = {0};
    bool any;

    for (int h = 0; h < w->plan.ep; h++) {
        homes.there[h] = true;
        homes.value[h] = of_home(w, t, c, h, w->wire, &any);
    }
    return tree(&homes, 0, 16, &any);
}

/* The homes of a domain by the tree, rounded; then the domains by the tree. */
static float of_domains(const struct world_step *w, int t, int c)
{
    struct leaves domains = {0};
    int each =
        w->copy_size > w->plan.domain_size ? w->plan.domain_size / w->plan.numeric.etp : w->plan.ep;
    bool any;

    for (int d = 0; d < w->plan.ep / each; d++) {
        struct leaves homes = {0};

        for (int h = 0; h < each; h++)
            homes.value[h] = of_home(w, t, c, d * each + h, MIX_F32, &homes.there[h]);
        domains.value[d] = rounded(tree(&homes, 0, 16, &domains.there[d]), w->wire);
    }
    return tree(&domains, 0, 16, &any);
}

static float stated(const struct world_step *w, int t, int c)
{
    return w->plan.exchange == MIX_EXCHANGE_TP      ? of_homes(w, t, c)
           : w->plan.exchange == MIX_EXCHANGE_FUSED ? of_domains(w, t, c)
                                                    : of_experts(w, t, c);
}

/* The same in double, and what 1e-5 of all terms is. */
static double exactly(const struct world_step *w, int t, int c, double *near)
{
    double sum = before(w, t, c);

    *near = 1e-5 * fabs(sum);
    for (int j = 0; j < w->k; j++)
        for (int s = 0; s < w->plan.numeric.etp; s++) {
            double term =
                (double)w->weight[t * w->k + j] * slice(w->expert[t * w->k + j], s, c, w->x[t][c]);

            sum += term;
            *near += 1e-5 * fabs(term);
        }
    return sum;
}

#endif
