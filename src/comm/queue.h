/* queue.h - messages that leave in order, a few at a time.
 *
 * Sends form a line: at most `depth` of them are under way, the next one leaves when one is
 * done.  Posted all at once they share the link, so that all arrive at the end and there is
 * nothing to overlap them with.  Receives are posted when they are named; those of one
 * member and kind take that member's sends of this kind in their order, but may land in any.
 *
 * Nothing here waits.  Whoever has time calls progress: the tick of kernels, and everybody who
 * waits.  Its first failure stays: every later call returns it.  Then, as at close, what is under
 * way is given up, and the group can only be closed; landed, sent and done say what has been done.
 *
 * Between begin and the moment when all is done the group makes no other operation.  Collective in
 * the sense that each message has its two sides; nothing is allocated after open. */
#ifndef MIX_COMM_QUEUE_H
#define MIX_COMM_QUEUE_H

#include "comm/comm.h"

#include <stddef.h>

struct mix_queue;

/* Kinds of messages: those of one never meet those of another.  Bytes of one message at most. */
enum { MIX_QUEUE_KINDS = 4, MIX_QUEUE_BYTES = 1 << 30 };

/* At most so many sends and receives between two begins. */
int mix_queue_open(struct mix_queue **q, struct mix_group *g, int sends,
                   int receives);          /* borrows */
void mix_queue_close(struct mix_queue *q); /* NULL is allowed; what is under way is given up */

/* A new run, on every member: in the group's numbering it is an operation.  depth: at least 1.  All
 * before is done on this member; what comes from others that are ahead is not mixed up with it. */
int mix_queue_begin(struct mix_queue *q, int depth);

/* Numbers of messages count from 0 after begin, sends and receives apart.  bytes: at least 1, at
 * most MIX_QUEUE_BYTES (MIX_EFIT).  The memory is borrowed until the message is done. */
int mix_queue_recv(struct mix_queue *q, int kind, int member, void *to, size_t bytes);
int mix_queue_send(struct mix_queue *q, int kind, int member, const void *from, size_t bytes);
/* A receive of at most so many bytes, whose sender alone knows how many they are. */
int mix_queue_recv_most(struct mix_queue *q, int kind, int member, void *to, size_t bytes);
size_t mix_queue_bytes(const struct mix_queue *q, int receive); /* that have landed */

int mix_queue_progress(struct mix_queue *q);
bool mix_queue_landed(const struct mix_queue *q, int receive);
bool mix_queue_sent(const struct mix_queue *q, int send);
bool mix_queue_done(const struct mix_queue *q); /* all of both */
int mix_queue_moves(const struct mix_queue *q); /* messages done since begin: has anything moved? */

#endif
