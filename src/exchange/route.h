/* route.h - where every copy of a token lies once rows are sorted by expert.
 *
 * A token goes to k experts, so it has k copies.  The copies for local experts
 * are laid one after the other: by expert, then by token.  So an expert's rows
 * are one run, and the place of a copy depends on the routing alone.
 *
 * Pure: computes, never communicates, host memory only.  Not collective. */
#ifndef MIX_EXCHANGE_ROUTE_H
#define MIX_EXCHANGE_ROUTE_H

#include <stdint.h>

struct mix_route {
    int experts;             /* of the layer */
    int first_local, locals; /* experts [first_local, first_local + locals) are here */
    int tokens, k;
    const int32_t *expert; /* [tokens][k] ids, all different in a token */
    /* results; the arrays are the caller's */
    int *first;    /* [locals + 1] rows of local expert e: [first[e], first[e + 1]) */
    int32_t *from; /* [rows] the token of each row; room for tokens * k */
    int32_t *row;  /* [tokens][k] the row of each copy, -1: its expert is elsewhere */
};

/* Fill first, from and row.  An id that is not one of the layer's, or comes twice in a token, is
 * MIX_EBUG naming the token. */
int mix_route(struct mix_route *r);

#endif
