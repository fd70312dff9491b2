/* count.h - what an exchange sends, counted from the routing alone.
 *
 * The same numbers that the exchange itself counts while it runs
 * (mix_exchange_traffic), from the routing of all ranks of a copy: tests compare the
 * two, the planner's formulae are expectations of it.  Chunks of mixserve and fused are runs of
 * rows in the order of tokens, and of a token's experts; what ranks of a domain read in each
 * other's memory counts as sent by its owner.
 *
 * Payload only, without what a library adds.  Pure; not collective. */
#ifndef MIX_EXCHANGE_COUNT_H
#define MIX_EXCHANGE_COUNT_H

#include "exchange/exchange.h"

/* A step of a copy: member m owns tokens[m], which go to expert[m] [tokens[m]][k]. */
struct mix_count_step {
    int layer, hidden, k;
    enum mix_dtype type;
    const int *tokens;            /* [etp ep] */
    const int32_t *const *expert; /* [etp ep] */
};

/* What a world rank sends to other ranks, in a step of its copy; added to *traffic. */
int mix_exchange_count(const struct mix_plan *plan, const struct mix_homes *homes,
                       const struct mix_count_step *step, int rank,
                       struct mix_exchange_traffic *traffic);

#endif
