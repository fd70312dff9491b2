/* idle.c - see idle.h. */
#include "idle.h"

#include "base/err.h"
#include "base/rng.h"

#include <string.h>
#include <time.h>

int idle_open(struct idle *x, struct mix_comm *comm, struct mix_dev *dev,
              const struct mix_plan *want, mix_exchange_watch_fn *watch, void *ctx)
{
    int rc = MIX_OK, world = mix_comm_size(comm), etp = want->numeric.etp ? want->numeric.etp : 1;

    *x = (struct idle){.dev = dev, .me = mix_comm_rank(comm)};
    MIX_CHECK(world <= IDLE_RANKS, "%d ranks", world);
    x->plan = (struct mix_plan){
        .numeric = want->numeric,
        .world = world,
        .domains = world / want->domain_size,
        .domain_size = want->domain_size,
        .dp = world,
        .ep = world / etp,
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
                                         .type = (enum mix_dtype)want->numeric.dtype,
                                         .hidden = IDLE_HIDDEN,
                                         .k = IDLE_K,
                                         .max_owned = IDLE_OWNED,
                                         .max_rows = IDLE_OWNED * IDLE_K * world,
                                         .watch = watch,
                                         .watch_ctx = ctx};

    x->plan.numeric.tp = 1;
    x->plan.numeric.etp = etp;
    for (int m = 0; m < world; m++)
        x->tokens[m] = IDLE_OWNED;
    TRY(mix_homes_identity(&x->homes, 1, IDLE_EXPERTS, x->plan.ep));
    x->locals = mix_homes_local(&x->homes, 0, x->me / etp, NULL);
    TRY(mix_exchange_open(&x->exchange, &config));
out:
    return rc;
}

static int run(void *ctx, float *out, const void *x, const int *first)
{
    struct idle *idle = ctx;

    (void)x;
    idle->running = true;
    nanosleep(&(struct timespec){.tv_nsec = 50000}, NULL); /* ticks closer than 20 us are none */
    mix_dev_tick(idle->dev);
    idle->running = false;
    memset(out, 0, sizeof *out * (size_t)first[idle->locals] * IDLE_HIDDEN);
    return MIX_OK;
}

int idle_step(struct idle *idle, int step)
{
    int rc = MIX_OK;
    static float x[IDLE_OWNED * IDLE_HIDDEN], y[IDLE_OWNED * IDLE_HIDDEN],
        weight[IDLE_OWNED * IDLE_K];
    static int32_t expert[IDLE_OWNED * IDLE_K];
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
        expert[t * IDLE_K] = (int32_t)(word[0] % IDLE_EXPERTS);
        expert[t * IDLE_K + 1] =
            (int32_t)((word[0] % IDLE_EXPERTS + 1 + word[1] % (IDLE_EXPERTS - 1)) % IDLE_EXPERTS);
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
