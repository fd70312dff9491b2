/* merge.h - the end of a job: shards into OUT.h5, then the folder away.
 *
 * Every shard is read through, its rows are checked to be the ones that its name
 * says, in order, and appended to OUT.h5.tmp, which then gets its name.  The folder is
 * removed afterwards, job.json last: a kill in between leaves a finished OUT.h5 and a
 * folder that the next command recognises as a leftover.
 *
 * Rank 0, or a process without ranks; holds the job's lock.  One thread at a time, over
 * all HDF5 files of the process; not collective. */
#ifndef MIX_ENGINE_MERGE_H
#define MIX_ENGINE_MERGE_H

#include "engine/claims.h"
#include "engine/identity.h"

struct mix_merge {
    const char *folder, *output;
    const char *input; /* for a job without rows, whose results still have the input's columns */
    const struct mix_claims *claims; /* whole: the shards to be merged */
    const struct mix_job_record *record;
    const char *plan; /* JSON, or NULL */
};

/* Names of what the merged file says under /run: the job's record. */
extern const char mix_merge_name[];

/* Write OUT.h5 of the record's identity. MIX_EINPUT if it is there already, or a shard is missing
 * or damaged. */
int mix_merge_write(const struct mix_merge *merge);

/* Remove everything of ours in the folder but the lock.  May be cut off and repeated. */
int mix_merge_clear(const char *folder);

#endif
