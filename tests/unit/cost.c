/* cost.c - each term of the model alone, on paper machines where a second is a unit.
 *
 * A paper machine is infinitely fast but for what is looked at; the numbers expected
 * were made by hand from the formulas of plan/cost.h. */
#include "plan/cost.h"

#include "cost_fixture.h"
#include "plan_fixture.h"
#include "tap.h"

#include <math.h>

static struct mix_arch arch;

static bool near(double x, double want)
{
    return fabs(x - want) <= 1e-9 * fmax(1, fabs(want));
}

static const struct mix_layout whole = {1, 1, 1, 1, 1, MIX_EXCHANGE_TP};

/* 6 tokens of prompts that meet 5 keys, 4 sequences that meet 10; 4 rows for the head. */
static const struct mix_cost_step step = {6, 6, 5, 4, 10, 4};

static void formulas(void)
{
    ok(near(mix_cost_touched(4, 1, 2), 4 * (1 - 0.75 * 0.75)), "touched: 2 tokens of 1 of 4");
    ok(near(mix_cost_touched(128, 8, 0), 0) && near(mix_cost_touched(3, 2, 1), 2) &&
           near(mix_cost_touched(2, 8, 1), 2),
       "none, one token's, no more than there are");
    ok(fabs(mix_cost_touched(128, 8, 32) - 112) < 1, "of 128, 32 tokens touch 112");
    ok(near(mix_cost_busiest(8, 2, 100, 1, 8), 200), "one part has all copies");
    /* mean 100, variance 100 x 1/2 x 6/7, reach sqrt(2 ln 2) */
    ok(near(mix_cost_busiest(8, 2, 100, 2, 4), 100 + sqrt(2 * log(2)) * sqrt(100 * 0.5 * 6 / 7)),
       "the busiest of two halves");
    ok(near(mix_cost_busiest(8, 2, 1, 8, 1), 1), "no more copies than tokens");
    ok(near(mix_cost_busiest(4, 4, 10, 2, 2), 20), "all experts: everybody the same");
    ok(near(mix_cost_chance(4, 2, 2), 5 / 6.0) && near(mix_cost_chance(4, 2, 1), 0.5) &&
           near(mix_cost_chance(64, 8, 64), 1) && near(mix_cost_chance(4, 2, 3), 1) &&
           near(mix_cost_chance(4, 2, 0), 0),
       "one of some experts is among a token's: 5 of 6 pairs of 4 have one of 2");
}

/* Products with one matrix: 2 x rows x in x out operations, and 2 bytes a number. */
static void products(void)
{
    struct mix_machine m = paper();
    struct mix_cost_model c = cost_model(&arch, &m, whole, 1);
    struct mix_cost t;
    double qkv = 8 * (16 + 16), o = 16 * 8; /* numbers, of 2 layers */

    m.rate[MIX_MACHINE_BF16][MIX_WORK_DENSE].speed[0] = 1;
    mix_cost_step(&c, &step, &t);
    ok(near(t.products, 2 * (2 * 10 * (qkv + o))), "attention's operations: %g", t.products);
    ok(near(t.part[MIX_COST_ATTENTION], t.products), "and nothing else there");
    ok(near(t.part[MIX_COST_EXPERTS], 2 * 10 * 3 * 8 * 12), "the dense block's");
    ok(near(t.part[MIX_COST_HEAD], 2 * 4 * 8 * 10), "the head's, of 4 rows");
    ok(near(t.bound[MIX_BOUND_OPERATIONS], t.total) &&
           mix_cost_bound_of(&t) == MIX_BOUND_OPERATIONS,
       "operations are what bounds it");
    c.layout.tp = c.layout.dp = 2;
    mix_cost_step(&c, &step, &t);
    ok(near(t.products, 2 * (2 * 10 * (qkv + o) / 2)), "tp 2 has half");
    c.layout.tp = 4; /* 2 kv heads: one each, twice; heads 1 */
    mix_cost_step(&c, &step, &t);
    ok(near(t.products, 2 * (2 * 10 * (8 * (4 + 8) + 4 * 8))), "tp 4 has a kv head on two ranks");

    m = paper();
    m.rate[MIX_MACHINE_BF16][MIX_WORK_DENSE].bandwidth = 1;
    c.layout = whole;
    mix_cost_step(&c, &step, &t);
    ok(near(t.products, 2 * 2 * (qkv + o)) && mix_cost_bound_of(&t) == MIX_BOUND_MEMORY,
       "bytes of weights: %g", t.products);
    c.dense_bytes = 0.5;
    mix_cost_step(&c, &step, &t);
    ok(near(t.products, 2 * 0.5 * (qkv + o)), "of half a byte each");
    m = paper();
    m.rate[MIX_MACHINE_BF16][MIX_WORK_DENSE].launch = 1;
    mix_cost_step(&c, &step, &t);
    ok(near(t.total, 2 * 2 + 2 + 1) && near(t.bound[MIX_BOUND_LAUNCH], t.total),
       "launches: 2 a layer for attention, 2 for the dense block, 1 for the head");
    m = paper();
    m.rate[MIX_MACHINE_BF16][MIX_WORK_ATTENTION].each = 1;
    mix_cost_step(&c, &(struct mix_cost_step){.prompt = 12, .chunk = 4, .decode = 7}, &t);
    ok(near(t.core, 2 * (3 + 7)) && near(t.bound[MIX_BOUND_LAUNCH], t.total),
       "sequences: 3 prompts and 7 that generate, in 2 layers (%g)", t.core);
    mix_cost_step(&c, &(struct mix_cost_step){0}, &t);
    ok(t.total == 0, "no tokens, no time");
}

static void attention(void)
{
    struct mix_machine m = paper();
    struct mix_cost_model c = cost_model(&arch, &m, whole, 1);
    struct mix_cost t;

    m.rate[MIX_MACHINE_BF16][MIX_WORK_ATTENTION].speed[0] = 1;
    mix_cost_step(&c, &step, &t);
    ok(near(t.core, 2 * 4 * (4 * 10 + 6 * 5) * 4 * 4) && near(t.core, t.total),
       "queries against keys, keys against values: %g", t.core);
    m = paper();
    m.rate[MIX_MACHINE_BF16][MIX_WORK_ATTENTION].bandwidth = 1;
    mix_cost_step(&c, &step, &t);
    ok(near(t.core, 2 * (4 * 10 + 6) * 2 * 2 * 4 * 2.0), "bytes of keys and values: %g", t.core);
}

/* DeepSeek-V3's attention with small sizes: latents 6 + 2, queries 5, heads of 3 + 2 and 4. */
static void latents(void)
{
    struct mix_machine m = paper();
    struct mix_cost_model c = cost_model(&arch, &m, whole, 1);
    struct mix_cost t;

    arch.family = MIX_DEEPSEEK_V3;
    arch.q_lora_rank = 5;
    arch.kv_lora_rank = 6;
    arch.qk_rope_dim = 2;
    arch.qk_nope_dim = 3;
    arch.head_dim = 5;
    arch.v_dim = 4;
    arch.kv_heads = 4;
    m.rate[MIX_MACHINE_BF16][MIX_WORK_DENSE].speed[0] = 1;
    mix_cost_step(&c, &step, &t);
    ok(near(t.products, 2 * 2 * 10 * (8.0 * (5 + 8) + 5 * 20 + 6 * 4 * 7 + 16 * 8)),
       "down, up, out: %g", t.products);
    c.layout.tp = 2;
    mix_cost_step(&c, &step, &t);
    ok(near(t.products, 2 * 2 * 10 * (8.0 * (5 + 8) + 5 * 20 + 6 * 4 * 7 + 16 * 8) / 2),
       "down on owned tokens, the rest by heads");
    m = paper();
    c.layout = whole;
    m.rate[MIX_MACHINE_BF16][MIX_WORK_ATTENTION].speed[0] = 1;
    mix_cost_step(&c, &step, &t);
    ok(near(t.core, 2 * (2 * 4 * 10 * 4 * (8 + 6) + 2 * 6 * 5 * 4.0 * (5 + 4))),
       "generated tokens meet latents, prompts heads: %g", t.core);
    m = paper();
    m.rate[MIX_MACHINE_BF16][MIX_WORK_ATTENTION].bandwidth = 1;
    c.layout.tp = 2;
    mix_cost_step(&c, &step, &t);
    ok(near(t.core, 2 * (4 * 10 + 6) * 8 * 2.0), "every rank of tp reads all latents");
    arch = small_arch();
}

static void router(void)
{
    struct mix_machine m = paper();
    struct mix_cost_model c = cost_model(&arch, &m, whole, 1);
    struct mix_cost t;

    m.rate[MIX_MACHINE_F32][MIX_WORK_DENSE].speed[0] = 1;
    mix_cost_step(&c, &step, &t);
    ok(near(t.part[MIX_COST_ROUTER], 2 * 10 * 8 * 3) && near(t.total, t.part[MIX_COST_ROUTER]),
       "the router in fp32, one layer");
    c.layout.tp = 2;
    mix_cost_step(&c, &step, &t);
    ok(near(t.part[MIX_COST_ROUTER], 2 * 5 * 8 * 3), "of owned tokens");
}

static void experts(void)
{
    struct mix_machine m = paper();
    struct mix_cost_model c = cost_model(&arch, &m, whole, 1);
    struct mix_cost t;
    double one = 3 * 8 * 5, busy; /* numbers of an expert */

    m.rate[MIX_MACHINE_BF16][MIX_WORK_EXPERTS].speed[0] = 1;
    mix_cost_step(&c, &step, &t);
    ok(near(t.part[MIX_COST_EXPERTS], 2 * 10 * 2 * one) && near(t.total, 2 * 10 * 2 * one),
       "operations of 20 copies: %g", t.part[MIX_COST_EXPERTS]);
    c.layout = (struct mix_layout){1, 2, 1, 2, 1, MIX_EXCHANGE_EP};
    mix_cost_step(&c, &step, &t);
    busy = mix_cost_busiest(3, 2, 20, 2, 2);
    ok(near(t.part[MIX_COST_EXPERTS], 2 * 20 * one) &&
           near(t.part[MIX_COST_WAITING], 2 * (busy - 20) * one),
       "over two ranks as many, and waiting for the one with %g of 40", busy);
    c.layout = (struct mix_layout){1, 5, 5, 1, 1, MIX_EXCHANGE_TP};
    mix_cost_step(&c, &step, &t);
    ok(near(t.part[MIX_COST_EXPERTS], 2 * 100 * one / 5) && near(t.part[MIX_COST_WAITING], 0),
       "over five slices of five times the tokens as many, and no waiting");
    c.layout = whole;
    m = paper();
    m.rate[MIX_MACHINE_BF16][MIX_WORK_EXPERTS].bandwidth = 1;
    mix_cost_step(&c, &(struct mix_cost_step){.decode = 2, .samples = 2, .context = 1}, &t);
    ok(near(t.total, 3 * (1 - 1 / 9.0) * one * 2), "bytes of the experts that 2 tokens touch: %g",
       t.total);
    c.expert_bytes = 1;
    mix_cost_step(&c, &(struct mix_cost_step){.decode = 1, .samples = 1, .context = 1}, &t);
    ok(near(t.total, 2 * one), "one token touches two, of one byte a number");
    m = paper();
    m.rate[MIX_MACHINE_BF16][MIX_WORK_EXPERTS] =
        (struct mix_rate){.bandwidth = FAST, .points = 2, .rows = {1, 11}, .speed = {1, 11}};
    mix_cost_step(&c, &step, &t);
    ok(fabs(t.total - 2 * 10 * 2 * one / (20 / (3 * (1 - pow(1 / 3.0, 10))))) < 1e-6,
       "at the speed of an expert's rows: %g", t.total);
    c.expert_rows = 1.5;
    c.expert_speed = 4;
    mix_cost_step(&c, &step, &t);
    ok(fabs(t.total - 2 * 10 * 2 * one / (1.5 * 20 / (3 * (1 - pow(1 / 3.0, 10)))) / 4) < 1e-6,
       "or four times that of half more rows: %g", t.total);
    arch.shared_experts = 2;
    m = paper();
    m.rate[MIX_MACHINE_BF16][MIX_WORK_DENSE].speed[0] = 1;
    mix_cost_step(&c, &step, &t);
    ok(near(t.part[MIX_COST_EXPERTS], 2 * 10 * (3 * 8 * 12 + 3 * 8 * 10)), "shared experts");
    arch = small_arch();
}

struct moved {
    const char *what;
    struct mix_layout l;
    double inside, between, rounds_inside, rounds_between; /* bytes to all peers */
};

/* 10 tokens a rank, rows of 8 numbers. */
static void moves(const struct moved *x, int domain, int chunks)
{
    struct mix_machine m = paper();
    struct mix_cost_model c = cost_model(&arch, &m, x->l, domain);
    struct mix_cost_links l;
    double inside = 0, between = 0, seconds = 0;

    c.chunks = chunks;
    slow(&m.link[MIX_LINK_INSIDE]);
    slow(&m.link[MIX_LINK_BETWEEN]);
    mix_cost_exchange(&c, 10, 1, &l);
    ok(near(l.inside, x->inside + x->rounds_inside) &&
           near(l.between, x->between + x->rounds_between) &&
           near(l.latency, x->rounds_inside + x->rounds_between),
       "%s: %g s inside, %g s between, of these %g s latency", x->what, l.inside, l.between,
       l.latency);
    for (int p = 0; p < MIX_PHASES; p++) {
        inside += l.sent[p][MIX_LINK_INSIDE];
        between += l.sent[p][MIX_LINK_BETWEEN];
        seconds += l.seconds[p][MIX_LINK_INSIDE] + l.seconds[p][MIX_LINK_BETWEEN];
    }
    ok(near(inside, x->inside) && near(between, x->between), "which are as many bytes");
    ok(near(seconds, l.inside + l.between), "and by phase as many seconds");
}

/* Copies of 4 experts on 4 ranks in domains of 2. */
static void exchanges(void)
{
    static const struct moved cases[] = {
        /* out 10 x (8 x 2 + 2 x 8) to 1 and 2 others; back 10 x 8 x 2 */
        {"tp", {1, 4, 1, 4, 1, MIX_EXCHANGE_TP}, 320 + 160, 2 * (320 + 160), 2, 2},
        /* counts 4; 10 x 2 / 4 = 5 rows to each: 80 out, 80 back */
        {"ep", {1, 4, 1, 4, 1, MIX_EXCHANGE_EP}, 4 + 80 + 80, 2 * (4 + 80 + 80), 3, 3},
        /* each row to both slices: 10 rows to each rank, fp32 back */
        {"ep in slices",
         {1, 4, 2, 2, 1, MIX_EXCHANGE_EP},
         8 + 160 + 320,
         2 * (8 + 160 + 320),
         3,
         3},
        /* rail: counts 8, 10 rows out, and back; inside counts 4, 10 rows out, and back in fp32 */
        {"hybrid", {1, 4, 1, 4, 1, MIX_EXCHANGE_HYBRID}, 4 + 160 + 320, 8 + 160 + 160, 3, 3},
        {"hybrid in slices",
         {1, 4, 2, 2, 1, MIX_EXCHANGE_HYBRID},
         8 + 320 + 640,
         8 + 160 + 160,
         3,
         3},
        {"hybrid inside", {1, 4, 1, 2, 2, MIX_EXCHANGE_HYBRID}, 8 + 160 + 320, 0, 3, 0},
        {"a copy on one rank", {1, 4, 1, 1, 4, MIX_EXCHANGE_EP}, 0, 0, 0, 0},
        /* rail: 10 rows of 16 + 4 out, 16 back; inside each of two ranks' places: 5 rows'
         * numbers, 10 heads, 5 parts in fp32 */
        {"mixserve",
         {1, 4, 1, 4, 1, MIX_EXCHANGE_MIXSERVE},
         2 * (5 * 16 + 10 * 4) + 2 * 5 * 32,
         10 * 20 + 10 * 16,
         2,
         2},
        /* 25/3 rows of 16 + 16 out */
        {"fused",
         {1, 4, 1, 4, 1, MIX_EXCHANGE_FUSED},
         2 * (5 * 16 + 25 / 3.0 * 16) + 2 * 5 * 32,
         25 / 3.0 * 32 + 25 / 3.0 * 16,
         2,
         2},
        /* every rank has a slice of every row's */
        {"fused in slices",
         {1, 4, 2, 2, 1, MIX_EXCHANGE_FUSED},
         2 * 25 / 3.0 * 32 + 2 * 25 / 3.0 * 32,
         25 / 3.0 * 32 + 25 / 3.0 * 16,
         2,
         2},
    };

    arch.experts = 4;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        moves(&cases[i], 2, 0);
    arch = small_arch();
}

/* Of fused, 5 of 6 tokens go to two experts, half of them to one. */
static void chunked(void)
{
    /* two rounds each way; inside the own domain's, and two */
    static const struct moved two = {"fused in two chunks",
                                     {1, 4, 1, 4, 1, MIX_EXCHANGE_FUSED},
                                     2 * (5 * 16 + 25 / 3.0 * 16) + 2 * 5 * 32,
                                     4 + 25 / 3.0 * 32 + 25 / 3.0 * 16,
                                     2 * 3,
                                     1 + 2 * 2};
    static const struct moved alone = {"fused, a rank a domain",
                                       {1, 4, 1, 4, 1, MIX_EXCHANGE_FUSED},
                                       0,
                                       3 * (4 + 5 * 32 + 5 * 16),
                                       0,
                                       1 + 3 * 2};
    static const struct moved inside = {"fused inside",
                                        {1, 4, 1, 2, 2, MIX_EXCHANGE_FUSED},
                                        10 * 5 / 6.0 * 16 + 10 * 16 + 10 * 5 / 6.0 * 32,
                                        0,
                                        2,
                                        0};

    arch.experts = 4;
    moves(&two, 2, 2);
    moves(&alone, 1, 3);
    moves(&inside, 2, 3);
    arch = small_arch();
}

/* Wire and work, each a unit a byte or an operation: 10 tokens a rank of four, in two domains. */
static void overlap(void)
{
    struct mix_machine m = paper();
    struct mix_cost_model c =
        cost_model(&arch, &m, (struct mix_layout){1, 4, 1, 4, 1, MIX_EXCHANGE_FUSED}, 2);
    struct mix_cost_stages s;
    struct mix_cost t;
    double wire = 400 + 4 + 5, one = 3 * 8 * 5, busy, more; /* of two chunks: five rounds */

    arch.experts = 4;
    c.chunks = 2;
    s = mix_cost_stages(&c, 10);
    ok(s.pieces == 2 && near(s.own, 0.5) && near(s.piece, 0.25), "half is the own domain's");
    ok(near(mix_cost_overlapped(&s, 10, 6), 11.5) && near(mix_cost_overlapped(&s, 6, 10), 11.5),
       "wire and a chunk's work, or work and a chunk's way back");
    slow(&m.link[MIX_LINK_BETWEEN]);
    m.rate[MIX_MACHINE_BF16][MIX_WORK_EXPERTS].speed[0] = 1;
    busy = mix_cost_busiest(4, 2, 40, 4, 1);
    more = 2 * (busy - 20) * one;
    mix_cost_step(&c, &step, &t);
    ok(near(t.part[MIX_COST_EXPERTS], 40 * one) && near(t.part[MIX_COST_BETWEEN], wire / 4) &&
           near(t.part[MIX_COST_WAITING], more),
       "under long work a quarter of the wire shows: %g s", t.part[MIX_COST_BETWEEN]);
    /* 25/3 rows of 32 out in two rounds, of 16 back, a count before */
    ok(near(t.phase[MIX_PHASE_COUNTS], (4 + 1) / 4.0) &&
           near(t.phase[MIX_PHASE_DISPATCH], (25 / 3.0 * 32 + 2) / 4) &&
           near(t.phase[MIX_PHASE_COMBINE], (25 / 3.0 * 16 + 2) / 4 + more),
       "of every phase; its end waits for the busiest rank");
    ok(near(t.bound[MIX_BOUND_LAUNCH] + t.bound[MIX_BOUND_BETWEEN], wire / 4) &&
           near(t.bound[MIX_BOUND_LAUNCH], 5 / 4.0),
       "and of its latencies");
    m.rate[MIX_MACHINE_BF16][MIX_WORK_EXPERTS].speed[0] = 100;
    mix_cost_step(&c, &step, &t);
    ok(near(t.part[MIX_COST_EXPERTS] + t.part[MIX_COST_BETWEEN], wire + 0.4 * one / 4) &&
           near(t.part[MIX_COST_WAITING], more / 100 / 4),
       "under a long wire a quarter of the work");
    ok(near(mix_cost_experts(&c, 10), t.total), "which is all that the layer takes");
    c.chunks = 0;
    mix_cost_step(&c, &step, &t);
    ok(near(t.part[MIX_COST_BETWEEN], wire - 4 - 3), "without chunks nothing is hidden");
    c.chunks = 2;
    c.chunk_bytes = 161; /* of 10 rows of 32 */
    ok(mix_cost_stages(&c, 10).pieces == 1 && mix_cost_stages(&c, 5).pieces == 0 &&
           near(mix_cost_stage_bytes(&c, 10), 320),
       "small steps are not cut");
    c.layout.exchange = MIX_EXCHANGE_HYBRID;
    ok(mix_cost_stages(&c, 1e6).pieces == 0 && mix_cost_stages(&c, 1e6).own == 1,
       "nor what hybrid sends");
    arch = small_arch();
}

/* Every stage reads the weights that it touches, and launches its products. */
static void stages(void)
{
    struct mix_machine m = paper();
    struct mix_cost_model c =
        cost_model(&arch, &m, (struct mix_layout){1, 4, 1, 4, 1, MIX_EXCHANGE_FUSED}, 2);
    struct mix_cost_stages s;
    struct mix_cost t;
    double one = 3 * 8 * 5 * 2, busy, bytes[MIX_PHASES];

    arch.experts = 4;
    m.rate[MIX_MACHINE_BF16][MIX_WORK_EXPERTS].bandwidth = 1;
    mix_cost_step(&c, &step, &t);
    ok(near(t.part[MIX_COST_EXPERTS], one * (1 - pow(0.5, 40))), "once in one stage");
    c.chunks = 2;
    mix_cost_step(&c, &step, &t);
    ok(near(t.part[MIX_COST_EXPERTS], one * (1 - pow(0.5, 20) + 2 * (1 - pow(0.5, 10)))),
       "three times in three: %g s", t.part[MIX_COST_EXPERTS]);
    m = paper();
    m.rate[MIX_MACHINE_BF16][MIX_WORK_EXPERTS].launch = 1;
    mix_cost_step(&c, &step, &t);
    ok(near(t.part[MIX_COST_EXPERTS], 2 * 3), "with two launches each");
    m = paper();
    m.rate[MIX_MACHINE_BF16][MIX_WORK_MEMORY].bandwidth = 1;
    mix_cost_step(&c, &step, &t);
    /* 50/3 rows packed, and 20 sorted by expert; their results summed to as many parts, these to
     * 50/3 sums, and those added to 10 tokens */
    ok(near(t.part[MIX_COST_INSIDE],
            8 * (50 / 3.0 * 4 + 20 * 4 + 20 * (8 + 4) + 50 / 3.0 * 4 + 10 * 8)),
       "kernels copy as much as in one");
    busy = mix_cost_busiest(4, 2, 40, 4, 1);
    ok(near(t.part[MIX_COST_WAITING], 8 * (busy - 20) * (4 + 4)), "the busiest more");
    m.rate[MIX_MACHINE_BF16][MIX_WORK_MEMORY] =
        (struct mix_rate){.launch = 1, .bandwidth = FAST, .points = 1, .rows = {1}, .speed = {1}};
    s = mix_cost_stages(&c, 10);
    mix_cost_copied(&c, 10, 1, bytes);
    ok(near(mix_cost_copying(&c, &s, bytes), 2 * 3), "in two calls of each stage");
    arch = small_arch();
}

/* Bytes of each of 8 numbers, for 10 tokens of a rank of four in two domains; 2 experts a token. */
static void copied(void)
{
    static const struct {
        struct mix_layout l;
        double busy, forth, back;
    } cases[] = {
        /* packed, sorted; experts summed, rounded and widened, summed */
        {{1, 4, 2, 2, 1, MIX_EXCHANGE_TP}, 1, 10 * 4 + 40 * 4, 40 * 4 + 40 * (4 + 12 + 4)},
        /* put back in the wire type, widened, summed; busier experts have more to sort */
        {{1, 4, 1, 4, 1, MIX_EXCHANGE_EP}, 2, 20 * 4 + 40 * 4, 40 * 6 + 20 * (6 + 4)},
        /* put back; slices summed, rounded and widened, summed */
        {{1, 4, 2, 2, 1, MIX_EXCHANGE_EP}, 1, 20 * 4 + 40 * 4, 40 * (8 + 4) + 20 * (4 + 12 + 4)},
        /* packed twice; put back, slices summed, rounded, widened, summed */
        {{1, 4, 2, 2, 1, MIX_EXCHANGE_HYBRID},
         1,
         20 * 8 + 40 * 4,
         40 * (8 + 4) + 20 * (4 + 6 + 6 + 4)},
        /* 20 rows have 40 parts */
        {{1, 4, 2, 2, 1, MIX_EXCHANGE_MIXSERVE},
         1,
         20 * 4 + 40 * 4,
         40 * 4 + 40 * 8 + 20 * (2 + 6 + 4)},
        {{1, 4, 2, 2, 1, MIX_EXCHANGE_MIXSERVE},
         2,
         20 * 4 + 80 * 4,
         80 * 4 + 40 * 8 + 20 * (2 + 6 + 4)},
        /* 50/3 rows, a part of each from both ranks of a domain */
        {{1, 4, 2, 2, 1, MIX_EXCHANGE_FUSED},
         1,
         50 / 3.0 * 4 + 40 * 4,
         40 * 4 + 100 / 3.0 * 8 + 50 / 3.0 * (2 + 2)},
    };
    struct mix_machine m = paper();
    double bytes[MIX_PHASES];

    arch.experts = 4;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mix_cost_model c = cost_model(&arch, &m, cases[i].l, 2);

        mix_cost_copied(&c, 10, cases[i].busy, bytes);
        ok(near(bytes[MIX_PHASE_COUNTS], 0) &&
               near(bytes[MIX_PHASE_DISPATCH], 8 * cases[i].forth) &&
               near(bytes[MIX_PHASE_COMBINE], 8 * (cases[i].back + 10 * 8)),
           "%s, etp %d: %g and %g bytes are copied", mix_exchange_kind_name(cases[i].l.exchange),
           (int)cases[i].l.etp, bytes[MIX_PHASE_DISPATCH], bytes[MIX_PHASE_COMBINE]);
        c.dispatch_bytes = 1;
        mix_cost_copied(&c, 10, cases[i].busy, bytes);
        if (cases[i].l.exchange == MIX_EXCHANGE_FUSED)
            ok(near(bytes[MIX_PHASE_DISPATCH],
                    8 * (cases[i].forth - 50 / 3.0 + 100 / 3.0 * 3 + 10 * 6)),
               "rows of a byte are widened where they are needed");
        else if (cases[i].l.exchange == MIX_EXCHANGE_MIXSERVE)
            ok(near(bytes[MIX_PHASE_DISPATCH], 8 * (cases[i].forth - 20 + 40 * 3 + 10 * 6)),
               "so are those of mixserve");
        else
            ok(near(bytes[MIX_PHASE_DISPATCH], 8 * (cases[i].forth + 10 * 6)),
               "tokens have a byte's numbers however they travel");
    }
    arch = small_arch();
}

static void over_tp(void)
{
    struct mix_machine m = paper();
    struct mix_cost_model c =
        cost_model(&arch, &m, (struct mix_layout){2, 1, 2, 1, 1, MIX_EXCHANGE_TP}, 2);
    struct mix_cost t;
    double attention = 2 + 5 * 8 * 2 + 5 * 8 * 4, experts = 2 + 5 * (8 * 2 + 16) + 5 * 8 * 2;

    slow(&m.link[MIX_LINK_INSIDE]);
    mix_cost_step(&c, &step, &t);
    ok(near(t.part[MIX_COST_INSIDE], 2 * attention + attention + experts),
       "both layers gather and return, so do the dense block and the experts: %g",
       t.part[MIX_COST_INSIDE]);
    /* rows of 8 x 2 to the other, 5 columns of my 2 rows back, embeddings' parts of 5 tokens */
    ok(near(t.part[MIX_COST_HEAD], 1 + 2 * 8 * 2 + 1 + 2 * 5 * 4 + 1 + 5 * 8 * 4),
       "rows, logits and embeddings: %g", t.part[MIX_COST_HEAD]);
    ok(near(t.bound[MIX_BOUND_LAUNCH], 4 * 2 + 3) && mix_cost_bound_of(&t) == MIX_BOUND_INSIDE,
       "latencies apart");
}

/* Norms and the like: bytes moved. */
static void memory(void)
{
    struct mix_machine m = paper();
    struct mix_cost_model c = cost_model(&arch, &m, whole, 1);
    struct mix_cost t;

    m.rate[MIX_MACHINE_BF16][MIX_WORK_MEMORY].bandwidth = 1;
    mix_cost_step(&c, &step, &t);
    ok(near(t.part[MIX_COST_ATTENTION], 2 * (10 * 8 * 6 + 10 * (16 * 8 + 16 * 2.0))),
       "attention: norm, rotation, keys and values");
    ok(near(t.part[MIX_COST_ROUTER], 2 * 10 * 8 * 6 + 10 * 3 * 4), "norms, the largest of 3");
    ok(near(t.part[MIX_COST_EXPERTS], 10 * 12 * 10 + 20 * 5 * 10), "gates");
    /* 10 tokens packed, 20 rows sorted, their results summed, the sums rounded and added */
    ok(near(t.part[MIX_COST_INSIDE], 8 * (10 * 4 + 20 * 4 + 20 * 4 + 10 * (4 + 12 + 4 + 8))),
       "copying and summing");
    ok(near(t.part[MIX_COST_HEAD], 10 * 8 * 6 + 4 * 10 * 8), "embedding, drawing");
}

/* Ranks that share a node divide it. */
static void shared(void)
{
    struct mix_machine m = paper();
    struct mix_cost_model c = cost_model(&arch, &m, whole, 4);
    struct mix_cost t, u;

    m.shared = true;
    m.ranks = 2;
    m.rate[MIX_MACHINE_BF16][MIX_WORK_EXPERTS].speed[0] = 1;
    c.node = 2;
    mix_cost_step(&c, &step, &t);
    c.node = 4;
    mix_cost_step(&c, &step, &u);
    ok(near(u.total, 2 * t.total), "four ranks of a node measured with two are half as fast");
    m.shared = false;
    mix_cost_step(&c, &step, &u);
    ok(near(u.total, t.total), "devices of their own are not");
}

/* Steps that were run took longer than their parts. */
static void stretched(void)
{
    struct mix_machine m = paper();
    struct mix_cost_model c = cost_model(&arch, &m, whole, 1);
    struct mix_cost t, u;
    bool good = true;

    m.rate[MIX_MACHINE_BF16][MIX_WORK_DENSE].speed[0] = 1;
    m.rate[MIX_MACHINE_BF16][MIX_WORK_EXPERTS].speed[0] = 1;
    mix_cost_step(&c, &step, &t);
    m.whole[MIX_MACHINE_F32] = (struct mix_whole){.points = 1, .tokens = {1}, .times = {9}};
    m.whole[MIX_MACHINE_BF16] = (struct mix_whole){.points = 2, .tokens = {8, 12}, .times = {2, 4}};
    mix_cost_step(&c, &step, &u); /* of 10 tokens */
    for (int i = 0; i < MIX_COST_PARTS; i++)
        good = good && near(u.part[i], 3 * t.part[i]);
    for (int i = 0; i < MIX_BOUNDS; i++)
        good = good && near(u.bound[i], 3 * t.bound[i]);
    ok(good && near(u.total, 3 * t.total) && near(u.products, 3 * t.products),
       "all parts alike, by what was measured at so many tokens");
}

static void names(void)
{
    int holes = 0;

    for (int i = 0; i < MIX_COST_PARTS; i++)
        holes += !mix_cost_part_name((enum mix_cost_part)i);
    for (int i = 0; i < MIX_BOUNDS; i++)
        holes += !mix_cost_bound_name((enum mix_cost_bound)i);
    ok(holes == 0, "every part and bound has a name");
}

int main(void)
{
    arch = small_arch();
    formulas();
    products();
    attention();
    latents();
    router();
    experts();
    exchanges();
    chunked();
    overlap();
    stages();
    copied();
    over_tp();
    memory();
    shared();
    stretched();
    names();
    return tap_done();
}
