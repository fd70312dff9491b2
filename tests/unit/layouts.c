/* layouts.c - the space of layouts: complete, each with a reason, against loops of another form. */
#include "plan/layouts.h"

#include "base/err.h"
#include "base/log.h"
#include "plan_fixture.h"
#include "tap.h"

#include <stdlib.h>
#include <string.h>

static struct mix_arch arch;

/* Experts by home: e * ep / P counted one by one. */
static void homes(void)
{
    static const struct {
        int experts, ep, want[4];
    } cases[] = {{6, 4, {2, 2, 2, 0}}, {8, 4, {2, 2, 2, 2}}, {3, 2, {2, 1}}, {6, 3, {3, 3, 0}}};
    int wrong = 0;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int p = 0; p < cases[i].ep; p++)
            ok(mix_layout_locals(cases[i].experts, cases[i].ep, p) == cases[i].want[p],
               "%d experts over %d: part %d has %d", cases[i].experts, cases[i].ep, p,
               cases[i].want[p]);
    for (int experts = 1; experts < 70; experts++)
        for (int ep = 1; ep <= experts; ep++) {
            int at[70] = {0}, p = 1, most = 0;

            while (p < experts)
                p *= 2;
            for (int e = 0; e < experts; e++)
                at[e * ep / p]++;
            for (int i = 0; i < ep; i++) {
                wrong += mix_layout_locals(experts, ep, i) != at[i];
                most = at[i] > most ? at[i] : most;
            }
            wrong += mix_layout_locals_most(experts, ep) != most;
        }
    ok(wrong == 0, "as counted one by one, up to 69 experts (%d wrong)", wrong);
}

static void reasons(void)
{
    static const struct {
        int world, domain;
        struct mix_layout l;
        const char *says; /* NULL: it can be */
    } cases[] = {
        {8, 4, {1, 8, 1, 1, 8, MIX_EXCHANGE_TP}, NULL},
        {8, 4, {4, 2, 4, 2, 1, MIX_EXCHANGE_HYBRID}, NULL},
        {8, 4, {2, 4, 1, 2, 4, MIX_EXCHANGE_HYBRID}, NULL},
        {8, 4, {1, 8, 4, 1, 2, MIX_EXCHANGE_EP}, NULL},
        {8, 8, {8, 1, 1, 1, 8, MIX_EXCHANGE_TP}, "tp 8 does not split 4 heads and 2 kv heads"},
        {8, 4, {8, 1, 1, 1, 8, MIX_EXCHANGE_TP}, "tp 8 does not divide a domain of 4"},
        {8, 4, {1, 8, 8, 1, 1, MIX_EXCHANGE_TP}, "etp 8 does not divide a domain of 4"},
        {8, 8, {1, 8, 8, 1, 1, MIX_EXCHANGE_TP}, "etp 8 leaves ranks without a slice"},
        {8, 4, {1, 8, 1, 4, 2, MIX_EXCHANGE_TP}, "ep 4 is more than 3 experts"},
        {12, 4, {1, 12, 2, 3, 2, MIX_EXCHANGE_HYBRID}, "6 ranks over domains of 4"},
        {12, 4, {1, 12, 2, 3, 2, MIX_EXCHANGE_EP}, NULL},
        {8, 4, {1, 8, 1, 1, 8, MIX_EXCHANGE_EP}, NULL},
        {8, 4, {1, 8, 4, 2, 1, MIX_EXCHANGE_FUSED}, NULL},
        {8, 4, {1, 8, 1, 2, 4, MIX_EXCHANGE_MIXSERVE}, NULL},
        {12, 4, {1, 12, 2, 3, 2, MIX_EXCHANGE_MIXSERVE}, "mixserve needs copies of the experts"},
        {12, 4, {1, 12, 2, 3, 2, MIX_EXCHANGE_FUSED}, "fused needs copies of the experts"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mix_layouts s = {.arch = &arch, .world = cases[i].world, .domain = cases[i].domain};
        char why[MIX_LAYOUT_WHY] = "", name[96];
        const char *no = mix_layout_cannot(&s, &cases[i].l, why);

        mix_layout_name(&cases[i].l, name);
        ok(cases[i].says ? no && strstr(no, cases[i].says) : !no, "%s on %d ranks: %s", name,
           cases[i].world, no ? no : "can be");
    }
}

/* What an exchange needs besides the numbers of a layout. */
static void needs(void)
{
    static const struct {
        bool apart, narrow;
        const char *says[MIX_EXCHANGE_KINDS]; /* NULL: it can be */
    } cases[] = {
        {false, false, {NULL}},
        {true, false, {NULL, NULL, NULL, "share a node's memory", "share a node's memory"}},
        {false, true, {"eight bits", "eight bits", "eight bits", NULL, NULL}},
        {true,
         true,
         {"fused do, but need domains", "fused do, but need domains", "fused do, but need domains",
          "share a node's memory", "share a node's memory"}},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int x = 0; x < MIX_EXCHANGE_KINDS; x++) {
            struct mix_layouts s = {.arch = &arch,
                                    .world = 8,
                                    .domain = 4,
                                    .apart = cases[i].apart,
                                    .narrow = cases[i].narrow};
            struct mix_layout l = {1, 8, 4, 2, 1, x};
            char why[MIX_LAYOUT_WHY] = "";
            const char *no = mix_layout_cannot(&s, &l, why);

            ok(cases[i].says[x] ? no && strstr(no, cases[i].says[x]) : !no, "%s%s%s: %s",
               mix_exchange_kind_name(x), cases[i].apart ? ", domains over nodes" : "",
               cases[i].narrow ? ", fp8" : "", no ? no : "can be");
        }
}

static void twins(void)
{
    static const struct {
        struct mix_layout l;
        bool twin;
    } cases[] = {
        {{1, 8, 1, 1, 8, MIX_EXCHANGE_TP}, false},
        {{1, 8, 1, 1, 8, MIX_EXCHANGE_EP}, true},
        {{1, 8, 1, 1, 8, MIX_EXCHANGE_HYBRID}, true},
        {{1, 8, 2, 1, 4, MIX_EXCHANGE_EP}, false},
        {{1, 8, 2, 2, 2, MIX_EXCHANGE_HYBRID}, true},
        {{1, 8, 1, 8, 1, MIX_EXCHANGE_TP}, false},
        {{1, 8, 4, 2, 1, MIX_EXCHANGE_HYBRID}, false},
        {{1, 8, 1, 1, 8, MIX_EXCHANGE_FUSED}, true},
        {{1, 8, 2, 2, 2, MIX_EXCHANGE_FUSED}, true},
        {{1, 8, 4, 2, 1, MIX_EXCHANGE_FUSED}, false},
        {{1, 8, 4, 1, 2, MIX_EXCHANGE_MIXSERVE}, true},
        {{1, 8, 1, 8, 1, MIX_EXCHANGE_MIXSERVE}, false},
    };
    struct mix_layouts s = {.arch = &arch, .world = 8, .domain = 4};

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char name[96];

        mix_layout_name(&cases[i].l, name);
        ok(mix_layout_twin(&s, &cases[i].l) == cases[i].twin, "%s is %s", name,
           cases[i].twin ? "another's twin" : "one of its own");
        s.narrow = true;
        ok(!mix_layout_twin(&s, &cases[i].l), "and in eight bits of its own");
        s.narrow = false;
    }
}

/* Five nested loops over all numbers find as many, for every world up to 16. */
static void complete(void)
{
    int wrong = 0, seen = 0;

    for (int world = 1; world <= 16; world++)
        for (int domain = 1; domain <= world; domain++) {
            struct mix_layouts s = {.arch = &arch, .world = world, .domain = domain};
            struct mix_layout *list = NULL;
            int n = 0, want = 0;

            if (world % domain)
                continue;
            for (int tp = 1; tp <= world; tp++)
                for (int etp = 1; etp <= world; etp++)
                    for (int ep = 1; ep <= world; ep++)
                        for (int edp = 1; edp <= world; edp++)
                            want += world % tp == 0 && domain % tp == 0 && domain % etp == 0 &&
                                            etp * ep * edp == world
                                        ? MIX_EXCHANGE_KINDS
                                        : 0;
            wrong += mix_layouts_list(&s, &list, &n) != MIX_OK || n != want;
            for (int i = 0; i < n; i++)
                wrong += list[i].tp * list[i].dp != world ||
                         list[i].etp * list[i].ep * list[i].edp != world;
            seen += n;
            free(list);
        }
    ok(wrong == 0 && seen > 1000, "every layout of up to 16 ranks (%d) is listed", seen);
}

static void misuse(void)
{
    struct mix_layouts s = {.arch = &arch, .world = 8, .domain = 3};
    struct mix_layout *list = NULL;
    int n = -1;

    mix_log_level(MIX_LOG_SILENT);
    ok(mix_layouts_list(&s, &list, &n) == MIX_EBUG && !list && n == -1,
       "domains that do not divide the world");
    s.world = 0;
    ok(mix_layouts_list(&s, &list, &n) == MIX_EBUG, "no ranks");
    mix_log_level(MIX_LOG_INFO);
}

int main(void)
{
    arch = small_arch();
    homes();
    reasons();
    needs();
    twins();
    complete();
    misuse();
    return tap_done();
}
