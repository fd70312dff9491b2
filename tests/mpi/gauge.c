/* gauge.c - rates of this machine: sane, equal on all ranks, in time, and with the model's sizes.
 */
#include "model/gauge.h"

#include "base/clock.h"
#include "base/err.h"
#include "kernels/kernels.h"
#include "rig.h"
#include "tap_mpi.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct mix_comm *comm;
static struct mix_group *world;
static struct mix_topo topo;
static struct mix_dev *dev;
static int me, ranks;

/* Bounds that no core of the next years breaks: 10 kflop/s to 1 Pflop/s, 1 MB/s to 10 TB/s. */
static bool sane(const struct mix_rate *r)
{
    bool good = r->points >= 1 && r->points <= MIX_MACHINE_POINTS && r->launch > 0 &&
                r->launch < 0.3 && r->bandwidth > 1e6 && r->bandwidth < 1e13;

    for (int i = 0; i < r->points; i++)
        good = good && r->speed[i] > 1e4 && r->speed[i] < 1e15 &&
               (i == 0 || r->rows[i] > r->rows[i - 1]);
    return good;
}

static struct mix_gauge_config config(const struct mix_arch *a)
{
    return (struct mix_gauge_config){.comm = comm,
                                     .world = world,
                                     .dev = dev,
                                     .topo = &topo,
                                     .arch = a,
                                     .domain_size = ranks,
                                     .links_s = 0.3,
                                     .rates_s = 2};
}

static void whole_machine(void)
{
    struct mix_gauge_config c = config(NULL);
    struct mix_gauge g = {0};
    int rc = mix_gauge_machine(&g, &c);
    bool good = true;
    size_t held = mix_dev_allocated(dev);

    ok_all(rc == MIX_OK, "the machine is measured");
    for (int t = 0; t < MIX_MACHINE_TYPES; t++)
        for (int w = 0; w < MIX_WORKS; w++) {
            const struct mix_rate *r = &g.machine.rate[t][w];

            good = good && sane(r);
            if (me == 0)
                printf("# %d threads, %s work %d: launch %.1f us, %.1f GB/s, %g rows %.2f to %g "
                       "rows %.1f "
                       "GF/s\n",
                       topo.rank[me].threads, t ? "bf16" : "f32", w, r->launch * 1e6,
                       r->bandwidth * 1e-9, r->rows[0], r->speed[0] * 1e-9, r->rows[r->points - 1],
                       r->speed[r->points - 1] * 1e-9);
        }
    ok_all(good, "its rates are sane");
    ok_all(same_everywhere(&g.machine, sizeof g.machine), "and the same on all ranks");
    ok_all(g.machine.shared && g.machine.ranks == ranks && g.machine.domain == ranks &&
               strcmp(g.machine.device, "cpu") == 0 && g.machine.memory > g.machine.reserved &&
               g.machine.reserved > 1e5,
           "ranks of this node share it");
    ok_all(g.rates_s < 40 && g.links_s < 20, "in about the time given: %.2f s of 2, %.2f s of 0.3",
           g.rates_s, g.links_s);
    ok_all(held == 0, "nothing stays allocated");
    /* A count of operations or calls that forgets the rows would make 256 of them 256 times slower.
     * (Faster than one they are only where one waits for memory: not under a sanitizer.) */
    for (int w = MIX_WORK_DENSE; w <= MIX_WORK_EXPERTS; w++) {
        const struct mix_rate *r = &g.machine.rate[MIX_MACHINE_F32][w];

        ok_all(r->speed[r->points - 1] > 0.4 * r->speed[0], "work %d: rows are counted", w);
    }
}

/* The mean over ranks that all multiply 64 rows at once, for 0.2 s. */
static double time_product(const struct mix_packed *packed, int n, int k)
{
    enum { ROWS = 64 };
    const struct mix_packed *const w[] = {packed};
    int first[2] = {0, ROWS}, calls = 0, rc;
    float *x = calloc((size_t)(ROWS * k), sizeof *x), *y = calloc((size_t)(ROWS * n), sizeof *y);
    struct mix_product p = {.y = y, .x = x, .w = w, .first = first, .groups = 1};
    double at, took;

    for (int i = 0; i < ROWS * k; i++)
        x[i] = (float)(i % 1000) * 1e-3F - 0.5F;
    mix_group_barrier(world);
    at = mix_now();
    do
        rc = mix_kernels_of(dev)->product(dev, &p);
    while (rc == MIX_OK && ++calls && mix_now() - at < 0.2);
    took = (mix_now() - at) / calls;
    mix_group_reduce_f64(world, &took, 1, MIX_SUM);
    free(x), free(y);
    return took / ranks;
}

/* A product timed here and now takes what the rates say, within a factor of 2: in one of five
 * tries, as the test must hold on a busy machine. */
static void predicts(void)
{
    enum { N = 1024, K = 1024 };
    struct mix_arch a = {.family = MIX_QWEN3_MOE,
                         .hidden = K,
                         .layers = 2,
                         .heads = 4,
                         .kv_heads = 4,
                         .head_dim = 64,
                         .experts = 8,
                         .moe_inner = N / 2,
                         .moe = {true, true}};
    struct mix_gauge_config c = config(&a);
    struct mix_machine m = {.shared = true, .ranks = (int32_t)ranks};
    struct mix_packed *packed = NULL;
    float *w = calloc((size_t)N * K, sizeof *w);
    double took, told;
    bool good = false;

    for (int i = 0; i < N * K; i++)
        w[i] = (float)(i % 1000) * 1e-3F - 0.5F;
    ok_all(mix_kernels_of(dev)->product_pack(dev, &packed, w, MIX_F32, N, K) == MIX_OK, "a weight");
    for (int i = 0; i < 5 && !good; i++) {
        if (mix_gauge_rates(m.rate, &c) != MIX_OK)
            break;
        took = time_product(packed, N, K);
        told = mix_work_seconds(&m, MIX_MACHINE_F32, MIX_WORK_DENSE, ranks, 64, 2.0 * 64 * N * K,
                                4.0 * N * K);
        good = took < 2 * told && told < 2 * took;
        if (me == 0)
            printf("# 64 rows of 1024 x 1024: told %.0f us, took %.0f\n", told * 1e6, took * 1e6);
    }
    ok_all(good, "a product takes what the rates say");
    mix_kernels_of(dev)->product_release(dev, packed);
    free(w);
}

/* Models from the smallest there is to sizes that must be cut. */
static void sizes(void)
{
    static const struct {
        int hidden, heads, kv_heads, dim, experts, inner;
        enum mix_family family;
        const char *text;
    } table[] = {
        {16, 1, 1, 8, 1, 1, MIX_QWEN3_MOE, "hardly a model"},
        {60, 3, 1, 20, 3, 7, MIX_QWEN3_MOE, "odd sizes"},
        {16384, 128, 128, 192, 256, 8192, MIX_DEEPSEEK_V3, "weights larger than the room"},
    };

    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        struct mix_arch a = {.family = table[i].family,
                             .hidden = table[i].hidden,
                             .layers = 1,
                             .heads = table[i].heads,
                             .kv_heads = table[i].kv_heads,
                             .head_dim = table[i].dim,
                             .v_dim = 128,
                             .experts = table[i].experts,
                             .moe_inner = table[i].inner,
                             .moe = {true}};
        struct mix_gauge_config c = config(&a);
        struct mix_rate rate[MIX_MACHINE_TYPES][MIX_WORKS];
        bool good;

        c.rates_s = 0.1;
        good = mix_gauge_rates(rate, &c) == MIX_OK;
        for (int t = 0; t < MIX_MACHINE_TYPES; t++)
            for (int w = 0; w < MIX_WORKS; w++)
                good = good && sane(&rate[t][w]);
        ok_all(good && mix_dev_allocated(dev) == 0, "%s: sane", table[i].text);
    }
}

/* A small model takes steps; a large one is not made up for it. */
static void steps(void)
{
    struct mix_arch a = {.family = MIX_QWEN3_MOE,
                         .vocab = 100,
                         .hidden = 64,
                         .layers = 2,
                         .heads = 4,
                         .kv_heads = 2,
                         .head_dim = 16,
                         .experts = 8,
                         .top_k = 2,
                         .moe_inner = 32,
                         .rms_eps = 1e-6F,
                         .rope_theta = 1e4,
                         .max_positions = 4096,
                         .moe = {true, true}};
    struct mix_gauge_config c = config(&a);
    struct mix_gauge g = {0};
    bool good = true;

    c.steps_s = 0.3;
    ok_all(mix_gauge_machine(&g, &c) == MIX_OK, "with steps of a model");
    for (int t = 0; t < MIX_MACHINE_TYPES; t++) {
        const struct mix_whole *w = &g.machine.whole[t];

        good = good && w->points == 3 && w->tokens[0] >= 1 && w->tokens[0] < w->tokens[1] &&
               w->tokens[1] < w->tokens[2];
        for (int i = 0; i < w->points; i++) {
            good = good && w->times[i] > 0.05 && w->times[i] < 100;
            if (me == 0)
                printf("# %s, %.1f tokens: %.2f times the parts\n", t ? "bf16" : "f32",
                       w->tokens[i], w->times[i]);
        }
    }
    ok_all(good, "small, mixed and full ones, longer than their parts");
    ok_all(same_everywhere(&g.machine, sizeof g.machine), "the same on all ranks");
    ok_all(g.steps_s < 20 && mix_dev_allocated(dev) == 0, "in %.2f s of 0.3, and nothing stays",
           g.steps_s);
    a.experts = 512;
    a.moe_inner = 4096;
    c.rates_s = 0.1;
    ok_all(mix_gauge_machine(&g, &c) == MIX_OK && g.machine.whole[0].points == 0 &&
               g.machine.whole[1].points == 0,
           "layers that are too large to make up are left alone");
}

int main(void)
{
    int all[8] = {0, 1, 2, 3, 4, 5, 6, 7};

    if (rig_comm(&comm) != MIX_OK)
        return 1;
    me = mix_comm_rank(comm);
    ranks = mix_comm_size(comm);
    if (me)
        tap_mute();
    if (mix_group_open(&world, comm, "world", all, ranks) != MIX_OK ||
        mix_topo_gather(&topo) != MIX_OK ||
        mix_dev_open(&dev, "cpu", 0, topo.rank[me].threads) != MIX_OK)
        return 1;
#ifdef __SANITIZE_ADDRESS__ /* one row of one product takes longer than all is given */
    tap_skip("rates", "instrumented kernels have no rates");
    (void)whole_machine;
    (void)predicts;
    (void)sizes;
    (void)steps;
#else
    whole_machine();
    predicts();
    sizes();
    steps();
#endif
    mix_dev_close(dev);
    mix_topo_fini(&topo);
    mix_group_close(world);
    rig_comm_close(comm);
    return tap_done();
}
