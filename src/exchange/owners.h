/* owners.h - tokens between their owners and all members of a group.
 *
 * In a step member i owns tokens[i] whole tokens; the group's tokens are numbered
 * by owner.  Two movements are all that blocks need:
 *
 *   gather   every owner's rows to everybody
 *   home     everybody's partial results to the owners, who sum them in the order of
 *            members and add the sum once, so that the bits depend on the group's
 *            size alone (a library's reduce-scatter sums in an order of its own)
 *
 * Collective on the group.  With a group of one nothing moves.  Neither movement
 * allocates. */
#ifndef MIX_EXCHANGE_OWNERS_H
#define MIX_EXCHANGE_OWNERS_H

#include "comm/comm.h"
#include "dev/dev.h"

#include <stddef.h>

struct mix_owners;

int mix_owners_open(struct mix_owners **o, struct mix_group *group,
                    struct mix_dev *dev);    /* borrows */
void mix_owners_close(struct mix_owners *o); /* NULL is allowed */

/* The step's tokens of each member, [group size], the same everywhere; any may be 0.  Local. */
void mix_owners_set(struct mix_owners *o, const int *tokens);

int mix_owners_size(const struct mix_owners *o);  /* members of the group */
int mix_owners_total(const struct mix_owners *o); /* tokens of all */
int mix_owners_first(const struct mix_owners *o); /* my first token */
int mix_owners_mine(const struct mix_owners *o);  /* how many I own */

/* Rows of row_bytes: mine [mine] of every member to all [total].  mine may be its place in all. */
int mix_owners_gather(struct mix_owners *o, void *all, const void *mine, size_t row_bytes);

/* y [mine][dim] += the sum over members, in order, of partial [total][dim].
 * room: [size - 1][mine][dim] for what comes from others. */
int mix_owners_home(struct mix_owners *o, float *y, const float *partial, float *room, int dim);

/* Seconds spent moving so far, and of these waiting for others. */
struct mix_owners_times {
    double move_s, wait_s;
};
struct mix_owners_times mix_owners_times(const struct mix_owners *o);

#endif
