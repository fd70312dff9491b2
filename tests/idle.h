/* idle.h - an exchange over all ranks whose experts do nothing, for tests of what moves when.
 *
 * float32, experts whole, as many tokens on every rank, random routings that follow from the number
 * of the step. */
#ifndef MIX_TESTS_IDLE_H
#define MIX_TESTS_IDLE_H

#include "exchange/exchange.h"

enum { IDLE_OWNED = 64, IDLE_RANKS = 16 };

struct idle {
    struct mix_plan plan; /* of open: exchange, domain_size, chunks, chunk_bytes, depth */
    struct mix_homes homes;
    struct mix_exchange *exchange;
    int tokens[IDLE_RANKS];
    int me, locals;
};

/* want: the members of plan that are named above.  Collective on all ranks, at most IDLE_RANKS;
 * each call borrows what it is given until close. */
int idle_open(struct idle *x, struct mix_comm *comm, struct mix_dev *dev,
              const struct mix_plan *want, mix_exchange_watch_fn *watch, void *ctx);
int idle_step(struct idle *x, int step);
void idle_close(struct idle *x); /* also of what open has not made */

#endif
