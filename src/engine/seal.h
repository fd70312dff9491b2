/* seal.h - a leader's sealed files: pieces of open shards, and shards.
 *
 * Every file is written aside, synced, renamed, the folder synced, then recorded in
 * the leader's ledger: after a kill at any moment it is either whole or not there,
 * and it may lack its record.  Before each file the leader looks whether its attempt
 * is still the job's latest; if not, it is the left-over of a job that was thought
 * dead, and it writes nothing more.
 *
 * Not collective; one thread at a time, over all HDF5 files of the process. */
#ifndef MIX_ENGINE_SEAL_H
#define MIX_ENGINE_SEAL_H

#include "engine/draft.h"
#include "engine/rows.h"

#include <stdint.h>

struct mix_seal;

struct mix_seal_config {
    const char *folder; /* OUT.h5.job */
    const char *input;  /* for messages */
    int attempt, leader;
    uint64_t plan_id;
    struct mix_results_schema schema; /* borrowed for the life of the seal */
};

/* Opens the ledger. */
int mix_seal_open(struct mix_seal **seal, const struct mix_seal_config *config);
void mix_seal_close(struct mix_seal *seal); /* NULL is allowed */

/* Find the pieces of a shard that earlier attempts sealed, and tell the draft which rows are in
 * them.  MIX_EINPUT naming the rows if the input there has changed since. */
int mix_seal_recall(struct mix_seal *seal, struct mix_draft *draft,
                    const struct mix_row_block *block);

/* Seal what is unsealed as a piece, in row order; the draft is cleared. */
int mix_seal_piece(struct mix_seal *seal, struct mix_draft *draft,
                   const struct mix_row_block *block);

/* Every row of the shard has a result: bring its pieces and what is unsealed together in one file
 * in row order, and remove the pieces. */
int mix_seal_shard(struct mix_seal *seal, struct mix_draft *draft,
                   const struct mix_row_block *block);

/* What was sealed since open.  A row counts once, when it is sealed first. */
struct mix_seal_counts {
    int64_t rows, failed; /* failed: with an error */
    int64_t shards;
};
struct mix_seal_counts mix_seal_counts(const struct mix_seal *seal);

#endif
