/* leader.h - the rank of a replica that fetches its shards and files its answers.
 *
 * It asks rank 0 for shards one ahead, hands fetched rows to the replica when
 * the scheduler has room, gives answers to the store, reports, and says when the
 * replica may stop or leave.
 *
 * Leaders only (tp_i = 0); not collective. */
#ifndef MIX_ENGINE_LEADER_H
#define MIX_ENGINE_LEADER_H

#include "comm/mail.h"
#include "engine/coordinator.h"
#include "engine/progress.h"
#include "engine/sched.h"
#include "engine/store.h"

#include <stdbool.h>

struct mix_leader;

struct mix_leader_config {
    struct mix_comm *comm;
    struct mix_mail *mail; /* borrowed, like all pointers here */
    struct mix_store *store;
    struct mix_coordinator
        *coordinator; /* on rank 0, else NULL: gets the letters that are for it */
    double stall_s;
};

int mix_leader_open(struct mix_leader **l, const struct mix_leader_config *config);
void mix_leader_close(struct mix_leader *l); /* NULL is allowed */

/* Letters and reports; cheap, called from ticks too. */
int mix_leader_turn(struct mix_leader *l);

/* Tell the desk that somebody in my replica got a signal. */
int mix_leader_stop(struct mix_leader *l);

/* What the replica has done so far; for the next report. */
void mix_leader_count(struct mix_leader *l, const struct mix_counts *counts);

/* Will the replica soon want another shard?  While it says so, and at first, one is asked for
 * ahead, never two; while it does not, none, because a shard that waits costs memory. */
void mix_leader_hungry(struct mix_leader *l, bool hungry);

/* The next shard to hand to the replica, or NULL: none has come, or none will. */
int mix_leader_shard(struct mix_leader *l, const struct mix_shard **shard);

/* File the answer of a row. */
int mix_leader_answer(struct mix_leader *l, const struct mix_answer *answer);

bool mix_leader_stopping(const struct mix_leader *l); /* no more batches, please */

/* Nothing runs or waits in the replica any more: once there is nothing more to come, have all of it
 * sealed, and when it is, tell the desk.  Call it every idle step; it does not wait. */
int mix_leader_idle(struct mix_leader *l);

/* Everybody has left: leave with *code. */
bool mix_leader_ended(const struct mix_leader *l, int *code);

#endif
