/* copies.h - the copies of the tokens that I own: where they go, and their results' sum.
 *
 * Not collective. */
#ifndef MIX_EXCHANGE_COPIES_H
#define MIX_EXCHANGE_COPIES_H

#include "exchange/exchange_private.h"

/* Copy i = t k + j is token t's for its j-th expert. */
struct mix_copies {
    struct mix_dev *dev; /* borrowed */
    int n;               /* of the step */
    int32_t *slot;       /* [n] where each goes, host */
    const void **at;     /* [n] where its row lies: host array of device addresses */
    int32_t *expert;     /* [n] host */
    float *result;       /* [n][hidden] device, in an order of the algorithm's */
    int32_t *place;      /* [n] device: where in result copy i's is */
    void *narrow;        /* [n][hidden] device, in the wire type; NULL if that is fp32 */
};

int mix_copies_init(struct mix_copies *c, const struct mix_exchange *e);
void mix_copies_fini(struct mix_copies *c); /* {0} is allowed */

/* The copies of a step.  Routing that is not sound is MIX_EBUG. */
int mix_copies_take(struct mix_copies *c, const struct mix_exchange *e,
                    const struct mix_exchange_step *step);
/* y [tokens][hidden] += the weighted sum of their results, copy i's at result[place[i]] (host).
 * round: the results are not in the wire type's numbers yet. */
int mix_copies_combine(struct mix_copies *c, const struct mix_exchange *e, const int32_t *place,
                       bool round, float *y);

#endif
