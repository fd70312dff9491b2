/* job.h - a job's folder, OUT.h5.job/, as rank 0 sees it: what is sealed, what is open.
 *
 * The shard (a run of consecutive rows) is the unit of claim, seal, resume and
 * merge.  Rows are either in a sealed shard, in a sealed piece of an open shard,
 * or to do.  Rank 0 holds the lock, reads all ledgers at start, adopts pieces and
 * shards that were renamed but not recorded, and hands out claims (claims.h).
 *
 * What is in the folder outlives a kill at any moment: job.json is written last
 * when a job begins and removed last when it ends; OUT.h5 appears whole or not at
 * all, and an OUT.h5 that is there is never written over.
 *
 * Rank 0 only; not collective.  open and merge use HDF5 on the calling thread: no
 * store of this process may be open meanwhile. */
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
 * the folder or OUT.h5 belongs to a job with another identity (the difference is named), or OUT.h5
 * is none of ours. */
int mix_job_open(struct mix_job **job, const struct mix_job_identity *id,
                 enum mix_job_state *state);
/* The same for whatever job has this output: for mixserve merge.  MIX_EINPUT if there is none. */
int mix_job_open_stored(struct mix_job **job, const char *output, enum mix_job_state *state);
void mix_job_close(struct mix_job *job); /* NULL is allowed; releases the lock */

int mix_job_attempt(const struct mix_job *job); /* 1, 2, ...; 0 before mix_job_begin */
const char *mix_job_folder(const struct mix_job *job);
int64_t mix_job_rows(const struct mix_job *job);
int64_t mix_job_rows_sealed(const struct mix_job *job); /* in shards and pieces, at open */
int64_t mix_job_rows_failed(const struct mix_job *job); /* of these with an error */

/* The plan of the first attempt, if there was one. */
bool mix_job_stored_plan(const struct mix_job *job, struct mix_plan *plan);
/* Start this attempt on plan->world ranks: writes plan.json (the first time) and job.json, clears
 * away what earlier attempts left over.  MIX_EINPUT if the plan's numeric part is not the stored
 * one's. */
int mix_job_begin(struct mix_job *job, const struct mix_plan *plan);

/* The next shard for a replica out of so many.  An answer, never a failure. */
struct mix_claim mix_job_claim(struct mix_job *job, int replicas);

/* Renew the lock's heartbeat; call it every few seconds. */
int mix_job_beat(struct mix_job *job);

/* All shards are sealed: concatenate them into OUT.h5, atomically, and remove the folder.  May be
 * killed at any moment and done again.  MIX_EUSAGE if rows are missing, MIX_EINPUT if a shard is
 * damaged or OUT.h5 is there. */
int mix_job_merge(struct mix_job *job);

#endif
