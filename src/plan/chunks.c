/* chunks.c - see chunks.h. */
#include "plan/chunks.h"

#include <math.h>
#include <stdint.h>

enum { MOST = 8, STEPS = 3, SPEEDS = 2, CASES = STEPS * SPEEDS };

/* Where ranks share the cores of a node, work inside a domain takes as long as the formulae say, or
 * so many times as long: small products, ranks that take turns on a core (docs/exchange.md has what
 * was measured). More work is more that chunks hide, and more that each of them costs. */
static const double times_as_long[SPEEDS] = {1, 8};

struct choice {
    int cases;                        /* of steps at a speed: */
    double seconds[CASES][MOST + 1];  /* of a layer in so many chunks, or INFINITY */
    double best[CASES], bytes[CASES]; /* the least of these; what is cut */
};

/* The same links between domains, everything else slower. */
static struct mix_machine slower(const struct mix_machine *machine, double times)
{
    struct mix_machine m = *machine;
    struct mix_link *inside = &m.link[MIX_LINK_INSIDE];

    for (int t = 0; t < MIX_MACHINE_TYPES; t++)
        for (int w = 0; w < MIX_WORKS; w++) {
            struct mix_rate *r = &m.rate[t][w];

            r->launch *= times;
            r->bandwidth /= times;
            for (int i = 0; i < r->points; i++)
                r->speed[i] /= times;
        }
    inside->latency *= times;
    for (int i = 0; i < inside->points; i++)
        inside->seconds[i] *= times;
    return m;
}

/* One case more, in at most so many chunks. */
static void add(struct choice *k, const struct mix_cost_model *model,
                const struct mix_cost_step *step, int most)
{
    struct mix_cost_model m = *model;
    double tokens = step->prompt + step->decode;
    int at = k->cases++;

    k->bytes[at] = mix_cost_stage_bytes(model, tokens / model->layout.tp);
    k->best[at] = INFINITY;
    m.chunk_bytes = 0;
    for (int n = 0; n <= MOST; n++) {
        m.chunks = n;
        k->seconds[at][n] = n > most ? INFINITY : mix_cost_experts(&m, tokens);
        k->best[at] = fmin(k->best[at], k->seconds[at][n]);
    }
}

/* How much longer the steps take than each at its best, at every speed, all together. */
static double regret(const struct choice *k, int chunks, int32_t chunk_bytes)
{
    double sum = 0;

    for (int i = 0; i < k->cases; i++)
        sum +=
            k->seconds[i][mix_plan_chunks(chunks, chunk_bytes, (int64_t)k->bytes[i])] / k->best[i];
    return sum;
}

/* The fewest and largest chunks of those that are as good: sizes at which some step has one more.
 */
static void least(const struct choice *k, struct mix_plan_candidate *c)
{
    double best = regret(k, 0, 0);

    for (int chunks = 1; chunks <= MOST; chunks++)
        for (int s = 0; s < STEPS; s++)
            for (int n = chunks; n > 0; n--) {
                int32_t bytes = (int32_t)fmin(k->bytes[s] / n, INT32_MAX);
                double now = regret(k, chunks, bytes), more = now - best;

                if (!(more <= 1e-9) ||
                    (more > -1e-9 && (chunks > c->chunks || bytes < c->chunk_bytes)))
                    continue;
                best = fmin(best, now);
                c->chunks = chunks;
                c->chunk_bytes = bytes;
            }
}

void mix_chunks_choose(const struct mix_plan_pins *pins, const struct mix_cost_model *model,
                       struct mix_plan_candidate *c)
{
    struct choice k = {0};
    struct mix_cost_model m;
    /* a piece of mixserve is all that a domain sends, as in the paper */
    int most = c->layout.exchange == MIX_EXCHANGE_MIXSERVE ? 1 : MOST;

    c->chunks = c->chunk_bytes = 0;
    if (!mix_exchange_chunked(c->layout.exchange) || pins->in_turn)
        return;
    if (pins->chunks || !model) {
        c->chunks = pins->chunks ? pins->chunks : most < MIX_CHUNKS ? most : MIX_CHUNKS;
        c->chunk_bytes = pins->chunks ? 0 : MIX_CHUNK_BYTES;
        return;
    }
    m = *model;
    for (int i = 0; i < (model->machine->shared ? SPEEDS : 1); i++) {
        struct mix_machine machine = slower(model->machine, times_as_long[i]);

        m.machine = &machine;
        add(&k, &m, &c->work.mixed, most);
        add(&k, &m, &c->work.prefill, most);
        add(&k, &m, &c->work.decode, 1); /* in no more messages than hybrid needs */
    }
    least(&k, c);
}
