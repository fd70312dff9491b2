/* job.h - a job's folder, OUT.h5.job/, as rank 0 sees it: what is sealed, what is open.
 *
 * The shard (a run of consecutive rows) is the unit of claim, seal, resume and
 * merge.  Rows are either in a sealed shard, in a sealed piece of an open shard,
 * or to do.  Rank 0 holds the lock, reads all ledgers at start, adopts pieces and
 * shards that were renamed but not recorded, and hands out claims: open shards of
 * earlier attempts first, then new ones, large at first and small towards the end
 * (remaining / (4 replicas), at least 1, at most 4,096 rows).
 *
 * Rank 0 only; not collective. */
#ifndef MIX_ENGINE_JOB_H
#define MIX_ENGINE_JOB_H

#include "engine/claims.h"
#include "engine/identity.h"
#include "plan/plan.h"

#include <stdbool.h>
#include <stdint.h>

struct mix_job;

enum mix_job_state {
    MIX_JOB_RUN,   /* rows are to do */
    MIX_JOB_MERGE, /* every shard is sealed; only the merge is missing */
    MIX_JOB_DONE,  /* OUT.h5 is there and whole: nothing to do */
};

/* Take the lock and look.  MIX_EUSAGE: another job has it (host, pid, job id named); MIX_EINPUT:
 * the folder belongs to a job with another identity (the difference is named). */
int mix_job_open(struct mix_job **job, const struct mix_job_identity *id,
                 enum mix_job_state *state);
void mix_job_close(struct mix_job *job); /* NULL is allowed; releases the lock */

int mix_job_attempt(const struct mix_job *job); /* 1, 2, ... */
const char *mix_job_folder(const struct mix_job *job);
int64_t mix_job_rows_sealed(const struct mix_job *job); /* in shards and pieces, at open */

/* The plan of the first attempt, if there was one. */
bool mix_job_stored_plan(const struct mix_job *job, struct mix_plan *plan);
/* Start this attempt: writes job.json and plan.json (keeping the first plan's numeric part). */
int mix_job_begin(struct mix_job *job, const struct mix_plan *plan);

/* The next shard for a replica out of so many.  An answer, never a failure. */
struct mix_claim mix_job_claim(struct mix_job *job, int replicas);

/* Renew the lock's heartbeat; call it every few seconds. */
int mix_job_beat(struct mix_job *job);

/* All shards are sealed: concatenate them into OUT.h5, atomically, and remove the folder.  May be
 * killed at any moment and done again. */
int mix_job_merge(struct mix_job *job);

#endif
