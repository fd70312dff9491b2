/* chunks.c - see chunks.h. */
#include "plan/chunks.h"

#include <math.h>
#include <stdint.h>

enum { MOST = 8, STEPS = 3 };

/* What the formulae cannot tell from nothing is no reason to cut: without chunks a step's products
 * are larger, and nothing has to be well timed. */
static const double doubt = 1.1;

struct choice {
    double seconds[STEPS][MOST + 1];  /* of a layer in so many chunks, with doubt; or INFINITY */
    double best[STEPS], bytes[STEPS]; /* the least of these; what is cut */
};

/* Beyond two chunks a step that one more has made slower is made slower by any more. */
static void try_step(struct choice *k, int s, const struct mix_cost_model *model,
                     const struct mix_cost_step *step)
{
    struct mix_cost_model m = *model;
    double tokens = step->prompt + step->decode;

    k->bytes[s] = mix_cost_stage_bytes(model, tokens / model->layout.tp);
    k->best[s] = INFINITY;
    m.chunk_bytes = 0;
    for (int n = 0; n <= MOST; n++) {
        bool worse = n > 2 && k->seconds[s][n - 1] > k->seconds[s][n - 2];

        m.chunks = n;
        k->seconds[s][n] = worse ? INFINITY : (n ? doubt : 1) * mix_cost_experts(&m, tokens);
        k->best[s] = fmin(k->best[s], k->seconds[s][n]);
    }
}

/* How much longer the steps take than each at its best, all together. */
static double regret(const struct choice *k, int chunks, int32_t chunk_bytes)
{
    double sum = 0;

    for (int s = 0; s < STEPS; s++)
        sum +=
            k->seconds[s][mix_plan_chunks(chunks, chunk_bytes, (int64_t)k->bytes[s])] / k->best[s];
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
    struct choice k;

    c->chunks = c->chunk_bytes = 0;
    if (!mix_exchange_chunked(c->layout.exchange) || pins->in_turn)
        return;
    if (pins->chunks || !model) {
        c->chunks = pins->chunks ? pins->chunks : MIX_CHUNKS;
        c->chunk_bytes = pins->chunks ? 0 : MIX_CHUNK_BYTES;
        return;
    }
    try_step(&k, 0, model, &c->work.mixed);
    try_step(&k, 1, model, &c->work.prefill);
    try_step(&k, 2, model, &c->work.decode);
    least(&k, c);
}
