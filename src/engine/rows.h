/* rows.h - one input row, from the file to the scheduler.
 *
 * A row is a prompt and the parameters of its answer.  A row that cannot be run
 * (too long, empty, not UTF-8, a token id beyond the vocabulary, max_tokens below
 * 0, ...) is not a failure: it becomes a result with an error text that says what
 * would be right, and the job goes on.
 *
 * The reader chooses between HDF5 and JSONL by what the file is; nothing above it
 * knows which.  Not collective; one thread at a time, over all HDF5 files of the
 * process: the I/O thread of a leader, or rank 0 before there is one. */
#ifndef MIX_ENGINE_ROWS_H
#define MIX_ENGINE_ROWS_H

#include "engine/sampling.h"
#include "text/tokenizer.h"

#include <stdbool.h>
#include <stdint.h>

struct mix_columns;
struct mix_results_schema;

/* What is true for all rows of a job. */
struct mix_row_rules {
    struct mix_sampling defaults;
    int vocab;         /* ids below it are valid */
    int max_model_len; /* prompt + answer */
};

struct mix_row {
    int64_t row;                  /* in the input file */
    const int32_t *prompt;        /* [prompt_tokens]; owned by the block; NULL with an error */
    int prompt_tokens;            /* 0 if the prompt itself is bad */
    struct mix_sampling sampling; /* resolved: max_tokens is 0 .. max_model_len - prompt_tokens */
    const char *error;            /* NULL: runnable; else why not; owned by the block */
};

struct mix_input; /* an input file */
struct mix_row_block;

/* Open prompts.h5 or prompts.jsonl (told apart by content).  MIX_EINPUT as in io/prompts.h. */
int mix_input_open(struct mix_input **in, const char *path);
void mix_input_close(struct mix_input *in); /* NULL is allowed */
int64_t mix_input_rows(const struct mix_input *in);

/* What results need to carry along: custom ids, columns (without rows).  Borrowed. */
struct mix_results_schema mix_input_schema(const struct mix_input *in);

/* Of the content of every row, columns too: reads the whole file, block by block.  Says mix_busy.
 */
int mix_input_hash(struct mix_input *in, uint64_t *hash);

/* Rows [first, first + count), read, checked and tokenised. */
int mix_input_read(struct mix_input *in, const struct mix_tokenizer *tokenizer,
                   const struct mix_row_rules *rules, int64_t first, int64_t count,
                   struct mix_row_block **block);
void mix_row_block_free(struct mix_row_block *block); /* NULL is allowed */

const struct mix_row *mix_row_block_at(const struct mix_row_block *block, int64_t i);
const char *mix_row_block_custom_id(const struct mix_row_block *block, int64_t i); /* or NULL */
/* The columns that pass through; row i of them is row i of the block.  Never NULL. */
const struct mix_columns *mix_row_block_columns(const struct mix_row_block *block);
uint64_t mix_row_block_hash(const struct mix_row_block *block); /* of the file's content */

#endif
