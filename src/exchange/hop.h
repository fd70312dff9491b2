/* hop.h - one movement of rows to the ranks of their slots, and back.
 *
 * Everybody in a group has rows, each for a slot; the slots of a member are a range,
 * and several members may have the same one (the slices of an expert): each of them
 * gets the row.  There:
 *
 *   forth_begin   sort my rows by slot, tell everybody how many come, send them
 *   forth_end     wait; where every row lies that has come, in order of sender, slot
 *   back_begin    send a result for every row that has come, in the same order
 *   back_end      wait; the results of my rows, sorted by slot: those of several
 *                 members are summed in their order
 *
 * Everything but back_end's sum and the sort is the carrier's (comm/carrier.h).
 * Buffers are made once.  All calls are collective on the group. */
#ifndef MIX_EXCHANGE_HOP_H
#define MIX_EXCHANGE_HOP_H

#include "comm/comm.h"
#include "dev/dev.h"
#include "exchange/exchange_private.h"
#include "exchange/experts.h"

#include <stdint.h>

struct mix_hop;

struct mix_hop_config {
    struct mix_dev *dev;
    struct mix_group *group; /* borrowed */
    int hidden;
    enum mix_dtype type;      /* of rows on their way there */
    enum mix_dtype back_type; /* of results: MIX_F32, or MIX_BF16 if nobody shares slots */
    int slices;               /* consecutive members that share their slots */
    int max_slots;            /* of all members together */
    int max_rows;             /* that a member sends */
    int max_come;             /* that come to a member */
};

int mix_hop_open(struct mix_hop **h, const struct mix_hop_config *config);
void mix_hop_close(struct mix_hop *h); /* NULL is allowed */

/* Rows, and who has which of the slots [0, slots): member m those of [low[m], high[m]).  Host
 * arrays, borrowed until back_end. */
struct mix_hop_rows {
    const int32_t *slot;   /* [rows] where each goes */
    const void *const *at; /* [rows] the device address of each: [hidden] type */
    int rows;
    const int *low, *high; /* [size] */
    int slots;
};
int mix_hop_forth_begin(struct mix_hop *h, struct mix_exchange *e, const struct mix_hop_rows *rows);
int mix_hop_forth_end(struct mix_hop *h, struct mix_exchange *e);

/* What has come: rows in order of sender, then slot. */
struct mix_experts_rows mix_hop_come(const struct mix_hop *h); /* expert: the slot, less my low */

void *mix_hop_results(struct mix_hop *h); /* [come][hidden] back_type: mine to fill */
int mix_hop_back_begin(struct mix_hop *h, struct mix_exchange *e);
/* y [rows][hidden]: where place[i] is that of row i. */
int mix_hop_back_end(struct mix_hop *h, struct mix_exchange *e, float *y);
const int32_t *mix_hop_place(const struct mix_hop *h); /* [rows] */

#endif
