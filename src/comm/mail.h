/* mail.h - small messages between any two ranks, outside of all collectives.
 *
 * Replicas do not wait for each other; what they ask of rank 0 (the next shard,
 * "I am done", "stop") and what it answers are messages of one fixed size that
 * arrive in the order sent per pair.  Nothing blocks: post() copies the message,
 * poll() says whether one has arrived.
 *
 * open is collective on all ranks, every rank opens as many; the rest is not. */
#ifndef MIX_COMM_MAIL_H
#define MIX_COMM_MAIL_H

#include "comm/comm.h"

#include <stdint.h>

struct mix_letter {
    int32_t kind; /* the reader's business */
    int32_t from; /* world rank; filled by post */
    int64_t value[6];
};

struct mix_mail;

int mix_mail_open(struct mix_mail **m, struct mix_comm *c);
void mix_mail_close(struct mix_mail *m); /* NULL is allowed; letters still under way are dropped */

int mix_mail_post(struct mix_mail *m, int to, const struct mix_letter *letter);
/* *got: was there one?  Then *letter is it. */
int mix_mail_poll(struct mix_mail *m, struct mix_letter *letter, bool *got);

#endif
