/* deal.h - a shard's rows, from the leader to every rank of its replica.
 *
 * The leader packs the rows (longest first, so that the long ones do not come
 * last) into one message; every rank unpacks it into its scheduler and keeps how
 * each row is drawn.  A hand of cards: packed, dealt, and each card thrown away
 * when its row has ended.
 *
 * Host only; the message travels by the caller (comm/comm.h). */
#ifndef MIX_ENGINE_DEAL_H
#define MIX_ENGINE_DEAL_H

#include "base/str.h"
#include "engine/rows.h"
#include "engine/sched.h"
#include "engine/store.h"

/* Pack the rows of a shard; message is emptied first. */
int mix_deal_pack(struct mix_str *message, const struct mix_shard *shard);

struct mix_hand;

int mix_hand_create(struct mix_hand **hand);
void mix_hand_destroy(struct mix_hand *hand); /* NULL is allowed */

/* Unpack a message: all its rows go into the scheduler, tagged with their place in the hand. */
int mix_hand_take(struct mix_hand *hand, const void *message, size_t bytes,
                  struct mix_sched *sched);

/* How the row with that tag is drawn; borrowed until the next take. */
const struct mix_sampling *mix_hand_at(const struct mix_hand *hand, int tag);
void mix_hand_drop(struct mix_hand *hand, int tag); /* its row has ended */

#endif
