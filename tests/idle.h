/* idle.h - an exchange over all ranks whose experts do nothing, for tests of what moves when.
 *
 * They take a moment and tick, as kernels do.  As many tokens on every rank, random routings that
 * follow from the number of the step. */
#ifndef MIX_TESTS_IDLE_H
#define MIX_TESTS_IDLE_H

#include "exchange/exchange.h"

enum { IDLE_OWNED = 64, IDLE_RANKS = 16, IDLE_HIDDEN = 512, IDLE_EXPERTS = 16, IDLE_K = 2 };

struct idle {
    struct mix_plan plan; /* of open */
    struct mix_homes homes;
    struct mix_exchange *exchange;
    int tokens[IDLE_RANKS];
    struct mix_dev *dev;
    int me, locals;
    bool running; /* experts are */
};

/* want: exchange, domain_size, chunks, chunk_bytes, depth; numeric: etp (0: 1), dtype, wire,
 * dispatch (0: float32).  Collective on all ranks, at most IDLE_RANKS; each call borrows what it is
 * given until close. */
int idle_open(struct idle *x, struct mix_comm *comm, struct mix_dev *dev,
              const struct mix_plan *want, mix_exchange_watch_fn *watch, void *ctx);
int idle_step(struct idle *x, int step);
void idle_close(struct idle *x); /* also of what open has not made */

#endif
