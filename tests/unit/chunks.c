/* chunks.c - when a step's rows are cut, on paper machines. */
#include "plan/chunks.h"

#include "cost_fixture.h"
#include "tap.h"

/* Two domains of two ranks, whole experts; a byte to the other domain takes a second. */
static const struct mix_arch arch = {.family = MIX_QWEN3_MOE,
                                     .hidden = 128,
                                     .layers = 1,
                                     .experts = 16,
                                     .top_k = 4,
                                     .moe_inner = 32,
                                     .moe = {true}};
static const struct mix_layout fused = {1, 4, 1, 4, 1, MIX_EXCHANGE_FUSED};
static const struct mix_cost_step large = {.prompt = 256}, small = {.decode = 4};

static double operations(double tokens)
{
    return 2.0 * tokens * arch.top_k * 3 * arch.hidden * arch.moe_inner;
}

struct setting {
    double work;            /* of `large`: experts, as a share of its wire */
    double launch, latency; /* seconds: of a product, of a message */
    bool shared;            /* do ranks share cores? */
};

static struct mix_plan_candidate choose(const struct setting *s, const struct mix_plan_pins *pins,
                                        struct mix_layout layout)
{
    struct mix_machine m = paper();
    struct mix_cost_model c = cost_model(&arch, &m, layout, 2);
    struct mix_plan_candidate x = {.layout = layout,
                                   .work = {.mixed = large, .prefill = large, .decode = small},
                                   .chunks = 99,
                                   .chunk_bytes = 99};
    struct mix_rate *experts = &m.rate[MIX_MACHINE_BF16][MIX_WORK_EXPERTS];
    double wire = 2 * mix_cost_stage_bytes(&c, large.prompt);

    m.shared = s->shared;
    slow(&m.link[MIX_LINK_BETWEEN]);
    m.link[MIX_LINK_BETWEEN].latency = m.link[MIX_LINK_BETWEEN].seconds[0] = s->latency;
    experts->speed[0] = operations(large.prompt) / (s->work * wire);
    experts->launch = s->launch;
    mix_chunks_choose(pins, &c, &x);
    return x;
}

static void asked(void)
{
    struct setting s = {.work = 1};
    struct mix_plan_pins none = {0}, three = {.chunks = 3}, turn = {.in_turn = true};
    struct mix_plan_candidate c = choose(&s, &three, fused);
    struct mix_layout hybrid = fused;

    ok(c.chunks == 3 && c.chunk_bytes == 0, "as many as asked for, of any size");
    c = choose(&s, &turn, fused);
    ok(c.chunks == 0 && c.chunk_bytes == 0, "none if nothing may overlap");
    hybrid.exchange = MIX_EXCHANGE_HYBRID;
    c = choose(&s, &none, hybrid);
    ok(c.chunks == 0 && c.chunk_bytes == 0, "hybrid has none");
    c = (struct mix_plan_candidate){.layout = fused};
    mix_chunks_choose(&none, NULL, &c);
    ok(c.chunks == MIX_CHUNKS && c.chunk_bytes == MIX_CHUNK_BYTES, "without a machine, a guess");
}

/* Its pieces are what comes from a domain. */
static void mixserve_alone(void)
{
    struct setting s = {.work = 1};
    struct mix_plan_pins none = {0}, three = {.chunks = 3};
    struct mix_layout mixserve = fused;
    struct mix_plan_candidate c;

    mixserve.exchange = MIX_EXCHANGE_MIXSERVE;
    c = choose(&s, &none, mixserve);
    ok(c.chunks == 1, "mixserve has one, even if cuts cost nothing: %d", c.chunks);
    c = choose(&s, &three, mixserve);
    ok(c.chunks == 3, "or as many as asked for");
    c = (struct mix_plan_candidate){.layout = mixserve};
    mix_chunks_choose(&none, NULL, &c);
    ok(c.chunks == 1, "one without a machine");
}

static void chosen(void)
{
    static const struct mix_plan_pins none;
    struct setting s = {.work = 1};
    struct mix_plan_candidate c = choose(&s, &none, fused);
    double bytes = (arch.hidden * 2.0 + arch.top_k * 8) * large.prompt, wire = 2 * bytes;

    ok(c.chunks == 8, "cuts that cost nothing: the most, %d", c.chunks);
    ok(mix_plan_chunks(c.chunks, c.chunk_bytes, (int64_t)bytes * 4 / 256) == 1,
       "but generated tokens alone in one");
    s.latency = wire;
    c = choose(&s, &none, fused);
    ok(c.chunks <= 1, "with long latencies no message more: %d", c.chunks);
    s.latency = 0;
    s.launch = wire;
    c = choose(&s, &none, fused);
    ok(mix_plan_chunks(c.chunks, c.chunk_bytes, (int64_t)bytes) == 0,
       "with long launches no stage more: %d of %d", c.chunks, c.chunk_bytes);

    s = (struct setting){.work = 0.04};
    c = choose(&s, &none, fused);
    ok(c.chunks > 1, "little work is hidden, too: %d", c.chunks);
    /* Of the wire: 1 + 0.5 + 0.3 alone, in one chunk 0.5 + 2 x 0.3 + 0.5, a ninth less; with work
     * eight times as long 1 + 4 + 2.4, and 4 + 4.8 + 0.5. */
    s = (struct setting){.work = 0.5, .launch = 0.15 * wire};
    c = choose(&s, &none, fused);
    ok(c.chunks == 1, "what gains a little: %d", c.chunks);
    s.shared = true;
    c = choose(&s, &none, fused);
    ok(c.chunks == 0, "what gains less than it loses where work takes longer: %d", c.chunks);

    s = (struct setting){.work = 1, .latency = 0.01 * wire};
    c = choose(&s, &none, fused);
    ok(mix_plan_chunks(c.chunks, c.chunk_bytes, (int64_t)bytes) > 1 &&
           mix_plan_chunks(c.chunks, c.chunk_bytes, (int64_t)bytes * 4 / 256) <= 1,
       "large steps in %d chunks of at least %d bytes, small ones in one", c.chunks, c.chunk_bytes);
}

int main(void)
{
    asked();
    mixserve_alone();
    chosen();
    return tap_done();
}
