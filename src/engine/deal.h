/* deal.h - a shard's rows, from the leader to every rank of its replica.
 *
 * The leader orders the rows (longest first, so that the long ones do not come
 * last) and packs as many as are wanted soon into a message; every rank unpacks it
 * into its scheduler and keeps how each row is drawn.  A deck and hands of cards:
 * shuffled, dealt, and each card thrown away when its row has ended.  Only the
 * leader holds a whole shard; the others hold what runs and what runs next.
 *
 * Host only; the message travels by the caller (comm/comm.h). */
#ifndef MIX_ENGINE_DEAL_H
#define MIX_ENGINE_DEAL_H

#include "base/str.h"
#include "engine/rows.h"
#include "engine/sched.h"
#include "engine/store.h"

struct mix_deck; /* a leader's: the rows of one shard that are not dealt yet */

int mix_deck_create(struct mix_deck **deck);
void mix_deck_destroy(struct mix_deck *deck); /* NULL is allowed */

/* Take up the rows of a shard, which is borrowed until all are dealt.  The deck must be empty. */
int mix_deck_take(struct mix_deck *deck, const struct mix_shard *shard);
int mix_deck_size(const struct mix_deck *deck); /* rows of the last shard taken up */
int mix_deck_left(const struct mix_deck *deck); /* those not dealt */
/* Pack the next n rows, or as many as are left; message is emptied first. */
int mix_deck_deal(struct mix_deck *deck, int n, struct mix_str *message);

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
