/* chunks.h - how finely mixserve and fused cut what they send.
 *
 * More chunks hide more of the wire, but each is a message more, and its experts'
 * weights are read once more.  Where they are chosen, steps of generated tokens alone have one at
 * most: then mixserve and fused need no more messages than hybrid; and mixserve never has more,
 * whose pieces are what comes from a domain (arXiv 2601.08800).  Without a machine nothing is known
 * of either: CHUNKS of at least CHUNK_BYTES, below which cutting lost on a network of 500 Mbit/s.
 *
 * Pure; not collective; plan/rank's own. */
#ifndef MIX_PLAN_CHUNKS_H
#define MIX_PLAN_CHUNKS_H

#include "plan/search.h"

enum { MIX_CHUNKS = 4, MIX_CHUNK_BYTES = 64 << 10 };

/* Set c's chunks and chunk_bytes: the pinned ones; those that suit the steps c->work best, on a
 * machine whose ranks share cores both if work inside a domain takes as long as the formulae of
 * plan/cost.h say and if it takes eight times as long; or, if model is NULL, the numbers above. */
void mix_chunks_choose(const struct mix_plan_pins *pins, const struct mix_cost_model *model,
                       struct mix_plan_candidate *c);

#endif
