/* relay.h - rows to domains over the rail, through the experts there, and back: in pieces,
 * overlapped.
 *
 * A row is one token's x with the ids of some of its experts (and, if they are to be
 * summed where they are, their weights).  It goes once to each domain that it names:
 * over the rail to the rank with the owner's place there, whose domain reads it in place
 * from its window.  Every rank of the domain that holds a slice of one of the row's experts gives a
 * partial sum of what it holds; the rail's rank sums these, homes by the tree of kernels/combine.h,
 * slices in rank order, rounds the sum to the wire type, and sends it back.
 *
 * Pieces.  Piece 0 are the rows for the own domain, which need no wire.  Then comes, round by
 * round, nearest domain first, what the domains send: round r goes to domain d + r and comes from
 * d - r.  The rows of a round are cut into C chunks: chunk c of R rows is [R c / C, R (c + 1) / C).
 * Pieces land, are read, computed and summed in this order, but the sums of piece 0 are made when
 * there is nothing else to do; while one piece is at work the next travels (the rounds of fused
 * AG-dispatch and RS-combine, arXiv 2601.08800).  C = 0: rounds in one piece each, and all are
 * computed together when all are there.
 *
 * With one chunk a round is one message, and its length says how many rows come (one byte: none);
 * with more, their number travels before.
 *
 * Sends leave through comm/queue.h, at most plan.depth at once.  On CPUs the tick of kernels moves
 * them, and so does everybody who waits.
 *
 * fixed: the form for frozen sizes: no counts travel, every owner sends as many rows to each
 * domain as it could at most; the rest is padding, whose ids are -1.
 *
 * Collective on the copy.  A step allocates nothing. */
#ifndef MIX_EXCHANGE_RELAY_H
#define MIX_EXCHANGE_RELAY_H

#include "exchange/exchange_private.h"

struct mix_relay;

struct mix_relay_config {
    int width;     /* ids of a row: k, or 1 */
    bool weighted; /* a row has weights; else they are 1 */
    bool fixed;    /* frozen sizes, see above */
};

/* A copy that is neither whole domains nor inside one, or a domain that lies on several hosts, is
 * MIX_EFIT. */
int mix_relay_open(struct mix_relay **r, const struct mix_exchange *e,
                   const struct mix_relay_config *config);
void mix_relay_close(struct mix_relay *r); /* NULL is allowed */

int mix_relay_domains(const struct mix_exchange *e);        /* of the copy; before open, too */
int mix_relay_domain(const struct mix_relay *r, int round); /* where my rows of a round go */

/* Rows of the step under way, by round: those of round r are [first[r], first[r + 1]).  Row i is
 * source[i]: its ids are expert[source width ..], its x is that of the token
 * source width / k.  Host arrays, borrowed until finish. */
struct mix_relay_rows {
    const int *first;      /* [domains + 1] */
    const int32_t *source; /* [rows] */
    const int32_t *expert; /* [tokens][k] */
    const float *weight;   /* [tokens][k]; not looked at if rows have none */
};
int mix_relay_start(struct mix_relay *r, struct mix_exchange *e, const struct mix_relay_rows *rows);
int mix_relay_finish(struct mix_relay *r, struct mix_exchange *e);

/* After finish, until the next start: [hidden] of the wire type, for row i of round r. */
const void *mix_relay_result(const struct mix_relay *r, int round, int i);

#endif
