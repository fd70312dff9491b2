/* survey.h - what a job's folder holds: what is sealed, what is open, what can go.
 *
 * All ledgers are read, then all names.  A shard that its ledger knows, with the size
 * that the record gives, counts; one without a record was renamed just before a kill
 * and is read through and adopted if it is whole.  Pieces are always read through:
 * there are few, and the leaders take them as they are.  What is damaged, doubled or
 * left over is listed as junk, and its rows are run again.
 *
 * Where two attempts sealed the same rows in different shards (a job that was thought
 * dead and was not), shards go before pieces, and of two shards the one whose name comes
 * first; the results are the same anyway.
 *
 * Not collective; one thread at a time, over all HDF5 files of the process. */
#ifndef MIX_ENGINE_SURVEY_H
#define MIX_ENGINE_SURVEY_H

#include "engine/claims.h"
#include "io/file.h"

#include <stdbool.h>
#include <stdint.h>

struct mix_survey {
    struct mix_claims *claims; /* handed over by setting it to NULL */
    int64_t rows_sealed;       /* in shards and pieces */
    int64_t rows_failed;       /* of these with an error */
    int shards, pieces;
    struct mix_file_list junk; /* names in the folder */
    size_t junk_room;
};

/* Look at the folder of a job with so many input rows.  check: read through what has to be; false
 * for a look from outside, which takes names and records at their word and may meet files that
 * are just being removed.  Changes nothing. */
int mix_survey_take(struct mix_survey *survey, const char *folder, int64_t rows, bool check);
void mix_survey_fini(struct mix_survey *survey); /* {0} is allowed */

#endif
