/* rows.h - one input row, from the file to the scheduler.
 *
 * A row is a prompt and the parameters of its answer.  A row that cannot be run
 * (too long, empty, not UTF-8, a token id beyond the vocabulary, max_tokens below
 * 0, ...) is not a failure: it becomes a result with an error text, and the job
 * goes on.
 *
 * The reader chooses between HDF5 and JSONL by what the file is; nothing above it
 * knows which.  Not collective; used by the I/O thread of a leader. */
#ifndef MIX_ENGINE_ROWS_H
#define MIX_ENGINE_ROWS_H

#include "io/columns.h"
#include "io/prompts.h"
#include "text/tokenizer.h"

#include <stdbool.h>
#include <stdint.h>

/* How tokens are drawn, and when to stop.  One for the job; a row may override members by columns
 * (HDF5) or body members (JSONL) of the same names. */
struct mix_sampling {
    double temperature; /* 0: the most likely token, always */
    double top_p;       /* (0, 1]; 1: off */
    int64_t top_k;      /* 0: off */
    int64_t seed;
    int64_t max_tokens; /* at most this many; -1: up to max_model_len */
};

/* What is true for all rows of a job. */
struct mix_row_rules {
    struct mix_sampling defaults;
    int vocab;         /* ids below it are valid */
    int max_model_len; /* prompt + answer */
};

struct mix_row {
    int64_t row;           /* in the input file */
    const int32_t *prompt; /* [prompt_tokens]; owned by the block */
    int prompt_tokens;
    struct mix_sampling sampling; /* resolved: max_tokens is 0 .. max_model_len - prompt_tokens */
    const char *error;            /* NULL: runnable; else why not; owned by the block */
};

struct mix_input; /* an input file */
struct mix_row_block;

/* Open prompts.h5 or prompts.jsonl (told apart by content).  MIX_EINPUT as in io/prompts.h. */
int mix_input_open(struct mix_input **in, const char *path);
void mix_input_close(struct mix_input *in); /* NULL is allowed */
int64_t mix_input_rows(const struct mix_input *in);

/* Rows [first, first + count), read, checked and tokenised. */
int mix_input_read(struct mix_input *in, const struct mix_tokenizer *tokenizer,
                   const struct mix_row_rules *rules, int64_t first, int64_t count,
                   struct mix_row_block **block);
void mix_row_block_free(struct mix_row_block *block); /* NULL is allowed */

const struct mix_row *mix_row_block_at(const struct mix_row_block *block, int64_t i);
const char *mix_row_block_custom_id(const struct mix_row_block *block, int64_t i); /* or NULL */
uint64_t mix_row_block_hash(const struct mix_row_block *block); /* of the file's content */

#endif
