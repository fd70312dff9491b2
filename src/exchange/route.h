/* route.h - routing into counts, offsets and orders.
 *
 * A token goes to k experts, so it has k copies; a copy goes to a slot, which is an
 * expert at one of its homes (plan/homes.h).  The slots of a home are consecutive, so
 * are those of a domain, and sorting by slot sorts by receiver and by expert at once.
 *
 * Pure: computes, never communicates, host memory only.  Not collective. */
#ifndef MIX_EXCHANGE_ROUTE_H
#define MIX_EXCHANGE_ROUTE_H

#include "plan/homes.h"

#include <stddef.h>
#include <stdint.h>

/* Every id is one of the layer's and comes once in its token; else MIX_EBUG naming the token. */
int mix_route_check(const int32_t *expert /* [tokens][k] */, int tokens, int k, int experts);

/* A stable counting sort of n keys in [0, keys); -1 is left out.  Key c's places are
 * [first[c], first[c + 1]); place[i] is where i went, or -1; order[p] is what went to p. */
void mix_route_sort(const int32_t *key, int n, int keys, int *first /* [keys + 1] */,
                    int32_t *place /* [n] */, int32_t *order /* [n] */);

/* The slots of a layer: home h has [first[h], first[h + 1]), its experts in rising order. */
void mix_route_slots(const struct mix_homes *h, int layer, int *first /* [ep + 1] */);

/* slot[e]: where tokens of world rank `owner` go for expert e. */
void mix_route_choices(const struct mix_homes *h, const struct mix_plan *plan, int layer, int owner,
                       int32_t *slot /* [experts] */);

/* How many chunks the rows for each peer domain are cut into in a step (mix_plan_chunks): from what
 * every rank of a copy knows, the tokens that each owns and the bytes of a row on the wire. */
int mix_route_chunks(const struct mix_plan *plan, const int *tokens /* [members] */, int members,
                     size_t row_bytes);

#endif
