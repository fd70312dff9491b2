/* coordinator.h - rank 0's desk: who gets which shard, who stops, when it is over.
 *
 * Replicas never wait for each other.  Their leaders write letters; the desk
 * answers them in turn(), which is called once a step and from the tick of
 * whoever waits or computes, so that an answer takes no longer than a slice of
 * work.  A leader that has not written for the stall timeout is MIX_ECOMM, named.
 *
 * Rank 0 only; not collective. */
#ifndef MIX_ENGINE_COORDINATOR_H
#define MIX_ENGINE_COORDINATOR_H

#include "comm/mail.h"
#include "engine/job.h"
#include "engine/progress.h"

#include <stdbool.h>

struct mix_coordinator;

struct mix_coordinator_config {
    struct mix_comm *comm;
    struct mix_mail *mail; /* borrowed, like all pointers here */
    struct mix_job *job;
    struct mix_progress *progress; /* gets the sums of all reports */
    const int *leader;             /* [replicas] world ranks; copied */
    int replicas;
    double stop_at; /* stop the job then, by mix_now(); 0: never */
    double stall_s;
    int64_t max_errors; /* more failed rows end the job with MIX_EROWS; -1: any number */
};

int mix_coordinator_open(struct mix_coordinator **c, const struct mix_coordinator_config *config);
void mix_coordinator_close(struct mix_coordinator *c); /* NULL is allowed */

/* A letter that came to rank 0 for the desk. */
int mix_coordinator_letter(struct mix_coordinator *c, const struct mix_letter *letter);
/* Time passes: limits, beats, silence, progress. */
int mix_coordinator_turn(struct mix_coordinator *c);

#endif
