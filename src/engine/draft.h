/* draft.h - the results of one open shard: those not yet sealed, and the pieces that hold the
 * others.
 *
 * A leader has one for every shard it works on.  Results are added in the order in
 * which rows finish; when they are sealed as a piece they leave the draft, and the
 * draft goes on knowing that the row has a result.  A row has at most one: a second
 * one is a bug.
 *
 * Host memory only; one thread; not collective. */
#ifndef MIX_ENGINE_DRAFT_H
#define MIX_ENGINE_DRAFT_H

#include "engine/folder.h"
#include "io/results.h"

#include <stdbool.h>
#include <stdint.h>

struct mix_draft;

/* Of rows [first, first + count), all without a result. */
int mix_draft_create(struct mix_draft **draft, int64_t first, int64_t count);
void mix_draft_destroy(struct mix_draft *draft); /* NULL is allowed */

int64_t mix_draft_first(const struct mix_draft *draft);
int64_t mix_draft_count(const struct mix_draft *draft);
bool mix_draft_has(const struct mix_draft *draft, int64_t row);
int64_t mix_draft_missing(const struct mix_draft *draft); /* rows without a result */

/* Is there anything unsealed, how many bytes of it, how many of it with an error? */
int64_t mix_draft_unsealed(const struct mix_draft *draft);
size_t mix_draft_bytes(const struct mix_draft *draft);
int64_t mix_draft_failed(const struct mix_draft *draft);

/* A row's result lies in a sealed piece.  False if it has one already (that one counts). */
bool mix_draft_sealed(struct mix_draft *draft, int64_t row);

/* A result that is not sealed: text, tokens and error are copied, finish_reason is a constant,
 * sample and custom_id are not looked at.  MIX_EBUG if the row is outside or has one. */
int mix_draft_add(struct mix_draft *draft, const struct mix_result *result);

/* The unsealed results by row: sort, then result i of mix_draft_unsealed of them, without
 * custom_id; what it points to is borrowed until the next change. */
void mix_draft_sort(struct mix_draft *draft);
struct mix_result mix_draft_entry(const struct mix_draft *draft, int64_t i);

/* They are sealed now. */
void mix_draft_clear(struct mix_draft *draft);

/* The sealed pieces of the shard, in the order in which they were added; names borrowed. */
int mix_draft_pieces(const struct mix_draft *draft);
const struct mix_folder_name *mix_draft_piece(const struct mix_draft *draft, int i);
int mix_draft_add_piece(struct mix_draft *draft, const struct mix_folder_name *name);
void mix_draft_drop_pieces(struct mix_draft *draft, int n); /* the first n */

#endif
