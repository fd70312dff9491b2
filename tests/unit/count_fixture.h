/* count_fixture.h - meshes, steps with random routing, and tables of homes, for counting traffic.
 */
#ifndef MIX_TESTS_COUNT_FIXTURE_H
#define MIX_TESTS_COUNT_FIXTURE_H

#include "base/rng.h"
#include "exchange/count.h"

#include <stdlib.h>
#include <string.h>

enum { RANKS = 16, HIDDEN = 10 };

static inline struct mix_plan mesh(int exchange, int etp, int ep, int edp, int domain_size,
                                   int wire)
{
    int world = etp * ep * edp;

    return (struct mix_plan){.numeric = {.tp = 1, .etp = etp, .wire = wire},
                             .world = world,
                             .domains = world / domain_size,
                             .domain_size = domain_size,
                             .dp = world,
                             .ep = ep,
                             .edp = edp,
                             .exchange = exchange};
}

static inline uint32_t draw(int a, int b, int c)
{
    uint32_t out[4];

    mix_philox(out, (uint32_t[]){(uint32_t)a, (uint32_t)b, (uint32_t)c, 0}, (uint32_t[]){3, 14});
    return out[0];
}

/* ---- a step of a copy */

struct step {
    struct mix_count_step s;
    int tokens[RANKS];
    int32_t *expert[RANKS];
    const int32_t *borrowed[RANKS];
};

/* Each token goes to k different experts of the layer, all equally likely. */
static inline void make_step(struct step *x, const struct mix_plan *plan, int experts, int k,
                             int seed, const int *tokens)
{
    int size = plan->numeric.etp * plan->ep;

    *x = (struct step){.s = {.layer = 0, .hidden = HIDDEN, .k = k, .type = MIX_F32}};
    for (int m = 0; m < size; m++) {
        x->tokens[m] = tokens[m];
        x->borrowed[m] = x->expert[m] = calloc((size_t)(tokens[m] * k + 1), sizeof(int32_t));
        for (int t = 0; t < tokens[m]; t++) {
            uint8_t taken[256] = {0};

            for (int j = 0, n = 0; j < k; n++) {
                int e = (int)(draw(seed * RANKS + m, t, n) % (uint32_t)experts);

                if (!taken[e])
                    x->expert[m][t * k + j++] = e;
                taken[e] = 1;
            }
        }
    }
    x->s.tokens = x->tokens;
    x->s.expert = x->borrowed;
}

static inline void drop_step(struct step *x)
{
    for (int m = 0; m < RANKS; m++)
        free(x->expert[m]);
}

static inline struct mix_exchange_traffic
counted(const struct mix_plan *plan, const struct mix_homes *homes, const struct step *x, int rank)
{
    struct mix_exchange_traffic t = {0};

    if (mix_exchange_count(plan, homes, &x->s, rank, &t) != MIX_OK)
        memset(&t, 0xFF, sizeof t);
    return t;
}

#define T(...) ((struct mix_exchange_traffic){__VA_ARGS__})

static inline bool same(struct mix_exchange_traffic a, struct mix_exchange_traffic b)
{
    return memcmp(&a, &b, sizeof a) == 0;
}

/* Identity, or a table in which every expert has one to three homes at random. */
static inline int make_homes(struct mix_homes *h, int experts, int ep, int seed)
{
    int32_t table[64][3];

    if (seed == 0)
        return mix_homes_identity(h, 1, experts, ep);
    for (int e = 0; e < experts; e++) {
        int n = 0;

        table[e][1] = table[e][2] = -1;
        for (int i = 0; i < ep && n < 3; i++)
            if (draw(90 + seed, e, i) % 4 == 0)
                table[e][n++] = i;
        if (n == 0)
            table[e][0] = (int32_t)(draw(91 + seed, e, 0) % (uint32_t)ep);
    }
    return mix_homes_set(h, 1, experts, ep, 3, table[0]);
}

#endif
