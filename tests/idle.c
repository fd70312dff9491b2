/* idle.c - see idle.h. */
#include "idle.h"

#include "base/err.h"
#include "base/rng.h"

#include <string.h>

enum { HIDDEN = 512, EXPERTS = 16, K = 2 };

int idle_open(struct idle *x, struct mix_comm *comm, struct mix_dev *dev,
              const struct mix_plan *want, mix_exchange_watch_fn *watch, void *ctx)
{
    int rc = MIX_OK, world = mix_comm_size(comm);

    *x = (struct idle){.me = mix_comm_rank(comm)};
    MIX_CHECK(world <= IDLE_RANKS, "%d ranks", world);
    x->plan = (struct mix_plan){
        .numeric = {.tp = 1, .etp = 1, .dtype = MIX_F32, .wire = MIX_F32, .dispatch = MIX_F32},
        .world = world,
        .domains = world / want->domain_size,
        .domain_size = want->domain_size,
        .dp = world,
        .ep = world,
        .edp = 1,
        .exchange = want->exchange,
        .chunks = want->chunks,
        .chunk_bytes = want->chunk_bytes,
        .depth = want->depth,
    };
    struct mix_exchange_config config = {.dev = dev,
                                         .comm = comm,
                                         .plan = &x->plan,
                                         .homes = &x->homes,
                                         .type = MIX_F32,
                                         .hidden = HIDDEN,
                                         .k = K,
                                         .max_owned = IDLE_OWNED,
                                         .max_rows = IDLE_OWNED * K * world,
                                         .watch = watch,
                                         .watch_ctx = ctx};

    for (int m = 0; m < world; m++)
        x->tokens[m] = IDLE_OWNED;
    TRY(mix_homes_identity(&x->homes, 1, EXPERTS, world));
    x->locals = mix_homes_local(&x->homes, 0, x->me, NULL);
    TRY(mix_exchange_open(&x->exchange, &config));
out:
    return rc;
}

static int run(void *ctx, float *out, const void *x, const int *first)
{
    const struct idle *idle = ctx;

    memcpy(out, x, sizeof *out * (size_t)first[idle->locals] * HIDDEN);
    return MIX_OK;
}

int idle_step(struct idle *idle, int step)
{
    int rc = MIX_OK;
    static float x[IDLE_OWNED * HIDDEN], y[IDLE_OWNED * HIDDEN], weight[IDLE_OWNED * K];
    static int32_t expert[IDLE_OWNED * K];
    struct mix_exchange_step s = {.x = x,
                                  .expert = expert,
                                  .weight = weight,
                                  .tokens = idle->tokens,
                                  .run = run,
                                  .ctx = idle};

    for (int t = 0; t < IDLE_OWNED; t++) {
        uint32_t word[4], key[2] = {1};
        uint32_t counter[4] = {(uint32_t)t, (uint32_t)step, (uint32_t)idle->me};

        mix_philox(word, counter, key);
        expert[t * K] = (int32_t)(word[0] % EXPERTS);
        expert[t * K + 1] = (int32_t)((word[0] % EXPERTS + 1 + word[1] % (EXPERTS - 1)) % EXPERTS);
    }
    TRY(mix_exchange_start(idle->exchange, &s));
    TRY(mix_exchange_finish(idle->exchange, y));
out:
    return rc;
}

void idle_close(struct idle *x)
{
    mix_exchange_close(x->exchange);
    mix_homes_fini(&x->homes);
}
