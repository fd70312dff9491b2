/* raw.h - rows as the input file has them, before anybody judges them.
 *
 * HDF5 (io/prompts.h) or JSON lines (text/jsonl.h), told apart by content; nobody
 * above knows which.  Of JSON lines the custom_id goes to the results and other
 * members do not: columns need one type for all rows, which `mixserve convert`
 * finds by reading everything first.
 *
 * One thread at a time, over all HDF5 files of the process; not collective. */
#ifndef MIX_ENGINE_RAW_H
#define MIX_ENGINE_RAW_H

#include "engine/sampling.h"
#include "io/results.h"

#include <stddef.h>
#include <stdint.h>

struct mix_columns;
struct mix_raw; /* an input file */
struct mix_raw_block;

int mix_raw_open(struct mix_raw **raw, const char *path);
void mix_raw_close(struct mix_raw *raw); /* NULL is allowed */

int64_t mix_raw_rows(const struct mix_raw *raw);
/* What results need to carry along; borrowed. */
struct mix_results_schema mix_raw_schema(const struct mix_raw *raw);
/* Of the content of rows [first, first + n). */
int mix_raw_hash(struct mix_raw *raw, int64_t first, int64_t n, uint64_t *hash);

/* Rows [first, first + n), which must exist. */
int mix_raw_read(struct mix_raw *raw, int64_t first, int64_t n, struct mix_raw_block **block);
void mix_raw_block_free(struct mix_raw_block *block); /* NULL is allowed */

struct mix_raw_row {   /* borrowed from the block */
    const char *error; /* why it cannot be run, by its form alone; NULL: see the others */
    const char *text;  /* the prompt, text_len bytes, as stored; NULL: */
    size_t text_len;
    const int32_t *token; /* [tokens] the prompt as ids */
    int64_t tokens;
    const char *custom_id;              /* NULL: none */
    double param[MIX_SAMPLING_PARAMS];  /* NaN: the job's */
    int64_t exact[MIX_SAMPLING_PARAMS]; /* of a column of integers, the same; else INT64_MIN */
};
void mix_raw_block_at(const struct mix_raw_block *block, int64_t i, struct mix_raw_row *row);
/* The columns that pass through; row i of them is row i of the block.  Never NULL. */
const struct mix_columns *mix_raw_block_columns(const struct mix_raw_block *block);
uint64_t mix_raw_block_hash(const struct mix_raw_block *block);

#endif
