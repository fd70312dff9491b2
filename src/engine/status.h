/* status.h - how far a job is, from its files alone.
 *
 * Takes no lock and changes nothing, so it may look at a job that runs; then the
 * figures are those of what is sealed, at most half a minute behind.
 *
 * Not collective; one thread at a time, over all HDF5 files of the process. */
#ifndef MIX_ENGINE_STATUS_H
#define MIX_ENGINE_STATUS_H

#include "io/lock.h"

#include <stdint.h>

enum mix_status_state {
    MIX_STATUS_NONE,     /* neither OUT.h5 nor its folder: not started */
    MIX_STATUS_RUNNING,  /* someone holds the lock */
    MIX_STATUS_DEAD,     /* nobody does, rows are to do: the same command goes on */
    MIX_STATUS_SEALED,   /* nobody does, only the merge is missing */
    MIX_STATUS_FINISHED, /* OUT.h5 is there */
};

struct mix_status {
    enum mix_status_state state;
    int64_t rows, rows_sealed, rows_failed;
    int shards, pieces; /* sealed files; 0 when finished */
    int attempts;
    char input[256], model[256];   /* paths, cut at their ends */
    char host[64], started[32];    /* of the latest attempt; "" before the first */
    struct mix_lock_holder holder; /* while running */
    int64_t last_activity;         /* seconds since 1970: the youngest file; 0: none */
};

/* MIX_EINPUT if there is something, but it is not a job's. */
int mix_job_status(const char *output, struct mix_status *status);

#endif
