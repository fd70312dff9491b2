/* agree.h - one agreement per step of the ranks that must move together.
 *
 * Every member puts in a struct and gets out the same one: bits or-ed, counts
 * summed, values maximised.  It is sent a step ahead: post() at the start of a
 * step, get() at the start of the next, so that it costs no latency; what comes
 * out is what everybody put in one step ago.
 *
 * Members of one replica (a part of the group) run the same scheduler on the same
 * inputs; the hash of the batch that each made is compared, and a difference is
 * MIX_EBUG naming two ranks and their hashes, on every member of the part.
 *
 * Collective on the group. */
#ifndef MIX_COMM_AGREE_H
#define MIX_COMM_AGREE_H

#include "comm/comm.h"

#include <stdint.h>

enum { MIX_AGREE_SUMS = 4, MIX_AGREE_MAXES = 8 };

struct mix_agreement {
    uint64_t any;                 /* or */
    int64_t sum[MIX_AGREE_SUMS];  /* sum */
    int64_t max[MIX_AGREE_MAXES]; /* largest */
    int64_t part;                 /* which part of the group I am in */
    int64_t own;                  /* largest in my part */
    uint64_t hash;                /* of the batch: equal in all of my part; 0: not compared */
};

struct mix_agree;

int mix_agree_open(struct mix_agree **a, struct mix_group *g); /* borrows g */
void mix_agree_close(struct mix_agree *a);                     /* NULL is allowed */

/* Send mine.  At most one is in flight. */
int mix_agree_post(struct mix_agree *a, const struct mix_agreement *mine);
/* Wait for the one in flight. */
int mix_agree_get(struct mix_agree *a, struct mix_agreement *out);

#endif
