/* pieces.h - the results of a shard brought together in row order.
 *
 * Every piece holds its rows in order, and so does what is not sealed yet; bringing
 * them together is a merge of sorted runs, read a few results at a time, in memory
 * that depends neither on the shard nor on the number of its pieces.  A row that is in
 * two runs (a kill while pieces were folded into one) is taken once.
 *
 * Not collective; one thread at a time, over all HDF5 files of the process. */
#ifndef MIX_ENGINE_PIECES_H
#define MIX_ENGINE_PIECES_H

#include "engine/draft.h"
#include "engine/rows.h"

#include <stdbool.h>
#include <stdint.h>

/* Append to results what is unsealed in the draft and, with sealed, what its pieces in the folder
 * hold.  Custom ids and columns come from the block.  *entries, *failed: how many were appended,
 * how many of them with an error. */
int mix_pieces_merge(struct mix_draft *draft, bool sealed, const char *folder,
                     const struct mix_row_block *block, struct mix_results *results,
                     int64_t *entries, int64_t *failed);

#endif
