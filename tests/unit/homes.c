/* homes.c - the identity against its formula and the tree of sums, tables good and bad, choices. */
#include "plan/homes.h"

#include "base/err.h"
#include "base/log.h"
#include "tap.h"

#include <string.h>

static int power_of_two(int experts)
{
    int p = 1;

    while (p < experts)
        p *= 2;
    return p;
}

/* ---- the identity */

static void counts(void)
{
    static const struct {
        int experts, ep, local[8];
    } cases[] = {
        {6, 4, {2, 2, 2, 0}},
        {6, 2, {4, 2}},
        {6, 1, {6}},
        {8, 4, {2, 2, 2, 2}},
        {4, 8, {1, 0, 1, 0, 1, 0, 1, 0}}, /* more homes than experts */
        {1, 4, {1, 0, 0, 0}},
        {1, 1, {1}},
        {8, 3, {3, 3, 2}},
        {5, 3, {3, 2, 0}}, /* of 8 leaves */
        {3, 2, {2, 1}},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mix_homes h = {0};
        bool good = mix_homes_identity(&h, 2, cases[i].experts, cases[i].ep) == MIX_OK;
        int most = 0;

        for (int l = 0; good && l < 2; l++)
            for (int n = 0; n < cases[i].ep; n++) {
                good &= mix_homes_local(&h, l, n, NULL) == cases[i].local[n];
                most = most > cases[i].local[n] ? most : cases[i].local[n];
            }
        ok(good && mix_homes_most_local(&h) == most, "%d experts over %d homes", cases[i].experts,
           cases[i].ep);
        mix_homes_fini(&h);
    }
}

/* One home each, at e * ep / P, and every function agrees on it. */
static bool follows(const struct mix_homes *h, int layers, int experts, int ep)
{
    int p = power_of_two(experts);
    int32_t local[300];

    if (h->layers != layers || h->experts != experts || h->ep != ep || h->most != 1)
        return false;
    for (int l = 0; l < layers; l++) {
        int all = 0;

        for (int e = 0; e < experts; e++)
            for (int i = 0; i < ep; i++)
                if (mix_homes_at(h, l, e, i) != (e * ep / p == i))
                    return false;
        for (int i = 0; i < ep; i++) {
            int n = mix_homes_local(h, l, i, local);

            if (n != mix_homes_local(h, l, i, NULL))
                return false;
            for (int j = 0; j < n; j++)
                if (local[j] * ep / p != i || (j > 0 && local[j] <= local[j - 1]))
                    return false;
            all += n;
        }
        if (all != experts)
            return false;
    }
    return true;
}

static void formula(void)
{
    static const int many[] = {1, 2, 3, 5, 6, 7, 8, 9, 16, 17, 60, 64, 72, 127, 128, 129, 256};
    bool good = true;

    for (size_t i = 0; i < sizeof many / sizeof many[0]; i++)
        for (int ep = 1; ep <= 20; ep++) {
            struct mix_homes h = {0};

            good &= mix_homes_identity(&h, 3, many[i], ep) == MIX_OK && follows(&h, 3, many[i], ep);
            mix_homes_fini(&h);
        }
    ok(good, "expert e is at home at e ep / P, for 17 numbers of experts and 20 of homes");
}

/* Both: a rank's experts are all that a subtree of the P leaves has, and so are those of any 2, 4,
 * ... neighbours that a domain may be made of. */
static void subtrees(void)
{
    bool good = true;

    for (int experts = 1; experts <= 130; experts++)
        for (int ep = 1; ep <= 16; ep *= 2)
            for (int domain = 1; domain <= ep; domain *= 2) {
                struct mix_homes h = {0};
                int p = power_of_two(experts), leaves = p * domain / ep;

                if (leaves < 1)
                    continue;
                good &= mix_homes_identity(&h, 1, experts, ep) == MIX_OK;
                for (int e = 0; good && e < experts; e++)
                    for (int i = 0; i < ep; i++)
                        if (mix_homes_at(&h, 0, e, i))
                            good &= e / leaves == i / domain;
                mix_homes_fini(&h);
            }
    ok(good, "the experts of a rank and of a domain are a subtree of the sum");
}

/* ---- tables */

enum { LAYERS = 2, EXPERTS = 3, EP = 4, MOST = 3 };

static const int32_t table[LAYERS][EXPERTS][MOST] = {{{0, 2, -1}, {1, -1, -1}, {1, 2, 3}},
                                                     {{3, -1, -1}, {0, 1, -1}, {0, -1, -1}}};

static void good_table(void)
{
    int32_t mine[LAYERS][EXPERTS][MOST], local[EXPERTS] = {7, 7, 7};
    struct mix_homes h = {0};
    bool good = true;

    memcpy(mine, table, sizeof mine);
    ok(mix_homes_set(&h, LAYERS, EXPERTS, EP, MOST, &mine[0][0][0]) == MIX_OK &&
           h.layers == LAYERS && h.experts == EXPERTS && h.ep == EP && h.most == MOST,
       "a table of up to three homes");
    memset(mine, 0x55, sizeof mine); /* it was copied */
    ok(memcmp(h.home, table, sizeof table) == 0, "is copied");
    for (int l = 0; l < LAYERS; l++)
        for (int e = 0; e < EXPERTS; e++)
            for (int i = 0; i < EP; i++)
                good &= mix_homes_at(&h, l, e, i) ==
                        (table[l][e][0] == i || table[l][e][1] == i || table[l][e][2] == i);
    ok(good, "says which are homes");
    ok(mix_homes_local(&h, 0, 2, local) == 2 && local[0] == 0 && local[1] == 2 && local[2] == 7,
       "experts 0 and 2 are at home at 2, in rising order, and no more is written");
    ok(mix_homes_local(&h, 1, 2, NULL) == 0 && mix_homes_local(&h, 1, 0, NULL) == 2,
       "layers differ");
    ok(mix_homes_most_local(&h) == 2, "two at most");
    mix_homes_fini(&h);
    ok(!h.home, "nothing is left");
    mix_homes_fini(&h);
}

static void bad_tables(void)
{
    static const struct {
        int32_t homes[MOST];
        const char *what;
    } cases[] = {
        {{4, -1, -1}, "a home that is ep"},
        {{0, 4, -1}, "a second home that is ep"},
        {{-1, -1, -1}, "no home"},
        {{-2, -1, -1}, "a home below -1"},
        {{1, -2, -1}, "a second one below -1"},
        {{0, 2, INT32_MIN}, "the smallest number"},
        {{INT32_MAX, -1, -1}, "the largest"},
        {{1, 1, -1}, "a home named twice"},
        {{0, 2, 0}, "the first and the last are one"},
        {{2, 1, -1}, "homes that fall"},
        {{-1, 1, -1}, "homes after the end"},
        {{0, -1, 1}, "a home after the end"},
    };

    mix_log_level(MIX_LOG_SILENT);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool good = true;

        for (int at = 0; at < LAYERS * EXPERTS; at++) { /* wherever it is */
            int32_t mine[LAYERS * EXPERTS][MOST];
            struct mix_homes h = {.layers = -7};

            memcpy(mine, table, sizeof mine);
            memcpy(mine[at], cases[i].homes, sizeof mine[at]);
            good &= mix_homes_set(&h, LAYERS, EXPERTS, EP, MOST, mine[0]) == MIX_EINPUT;
            good &= h.layers == -7 && !h.home;
        }
        ok(good, "%s", cases[i].what);
    }
    {
        struct mix_homes h = {0};

        ok(mix_homes_set(&h, 1, 1, 1, 0, &table[0][0][0]) == MIX_EINPUT && !h.home,
           "room for no home");
    }
    mix_log_level(MIX_LOG_INFO);
}

/* ---- choices */

/* 16 ranks, two copies of 8 = etp x ep, domains of 4. */
static struct mix_plan mesh(int etp, int domain_size)
{
    return (struct mix_plan){.numeric = {.tp = 1, .etp = etp},
                             .world = 16,
                             .domains = 16 / domain_size,
                             .domain_size = domain_size,
                             .dp = 16,
                             .ep = 8 / etp,
                             .edp = 2};
}

/* By hand: {etp, domain_size, homes..., owner, wanted}. */
static void choices(void)
{
    static const struct {
        int etp, domain_size;
        int32_t homes[4];
        int owner, want;
        const char *what;
    } cases[] = {
        {1, 4, {5, -1, -1, -1}, 0, 5, "one home, elsewhere"},
        {1, 4, {5, -1, -1, -1}, 12, 5, "one home, at hand"},
        {1, 4, {1, 5, -1, -1}, 0, 1, "the one in the owner's domain"},
        {1, 4, {1, 5, -1, -1}, 7, 5, "the same from the other domain"},
        {1, 4, {1, 5, -1, -1}, 8, 1, "the second copy's first domain"},
        {1, 4, {1, 5, -1, -1}, 15, 5, "the second copy's second domain"},
        {1, 4, {0, 3, 5, -1}, 0, 0, "two at hand, an even owner"},
        {1, 4, {0, 3, 5, -1}, 1, 3, "two at hand, an odd owner"},
        {1, 4, {0, 3, 5, -1}, 11, 3, "the same in the second copy"},
        {1, 4, {0, 3, 5, -1}, 6, 5, "and the one of the other domain"},
        {1, 4, {0, 1, 3, -1}, 2, 3, "three at hand, owner 2"},
        {1, 4, {0, 1, 3, -1}, 10, 1, "three at hand, owner 10"},
        {1, 4, {0, 1, 3, -1}, 4, 1, "none at hand: owner 4 mod 3"},
        {1, 4, {0, 1, 3, -1}, 5, 3, "none at hand: owner 5 mod 3"},
        {1, 4, {0, 1, 3, -1}, 6, 0, "none at hand: owner 6 mod 3"},
        {1, 4, {0, 1, 3, -1}, 13, 1, "none at hand in the second copy: 13 mod 3"},
        {2, 4, {1, 2, -1, -1}, 3, 1, "slices: home 1 is ranks 2 and 3"},
        {2, 4, {1, 2, -1, -1}, 4, 2, "slices: home 2 is ranks 4 and 5"},
        {2, 4, {1, 2, -1, -1}, 12, 2, "slices in the second copy"},
        {2, 4, {2, 3, -1, -1}, 1, 3, "slices: none at hand, an odd owner"},
        {4, 4, {0, 1, -1, -1}, 7, 1, "a domain is a home"},
        {1, 16, {2, 4, 6, 7}, 11, 7, "one domain: owner 11 mod 4"},
        {1, 1, {2, 4, -1, -1}, 4, 4, "domains of one rank: at home"},
        {1, 1, {2, 4, -1, -1}, 7, 4, "domains of one rank: 7 mod 2"},
        {1, 1, {2, 4, -1, -1}, 12, 4, "the second copy's own home"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mix_plan plan = mesh(cases[i].etp, cases[i].domain_size);
        struct mix_homes h = {0};
        int32_t two[2][2][4]; /* it is the last expert of the second layer */

        for (int j = 0; j < 4; j++)
            memcpy(two[j / 2][j % 2], cases[i].homes, sizeof two[0][0]);
        two[0][1][0] = two[1][0][0] = two[0][0][0] = 0;
        for (int j = 1; j < 4; j++)
            two[0][1][j] = two[1][0][j] = two[0][0][j] = -1;
        ok(mix_homes_set(&h, 2, 2, plan.ep, 4, &two[0][0][0]) == MIX_OK &&
               mix_homes_choose(&h, &plan, 1, 1, cases[i].owner) == cases[i].want,
           "%s", cases[i].what);
        mix_homes_fini(&h);
    }
}

/* Whatever the table and the mesh: it is a home, one at hand if there is one, and neighbours share
 * the homes evenly. */
static void any_choice(void)
{
    bool good = true;

    for (int etp = 1; etp <= 4; etp *= 2)
        for (int size = 4; size <= 16; size *= 2)
            for (int set = 1; set < 1 << (8 / etp); set++) {
                struct mix_plan plan = mesh(etp, size);
                int32_t homes[8], near[8];
                struct mix_homes h = {0};
                int n = 0;

                for (int i = 0; i < plan.ep; i++)
                    if (set >> i & 1)
                        homes[n++] = i;
                good &= mix_homes_set(&h, 1, 1, plan.ep, n, homes) == MIX_OK;
                for (int owner = 0; good && owner < 16; owner++) {
                    int nears = 0;

                    for (int i = 0; i < n; i++)
                        if ((owner / 8 * 8 + homes[i] * etp) / size == owner / size)
                            near[nears++] = homes[i];
                    good &= mix_homes_choose(&h, &plan, 0, 0, owner) ==
                            (nears ? near[owner % nears] : homes[owner % n]);
                }
                mix_homes_fini(&h);
            }
    ok(good, "every set of homes of three meshes in three sizes of domains");
}

int main(void)
{
    counts();
    formula();
    subtrees();
    good_table();
    bad_tables();
    choices();
    any_choice();
    return tap_done();
}
