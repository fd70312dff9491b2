/* prompts.h - the input file: rows of prompts, read block by block, and written.
 *
 * docs/format.md describes the file for users.  A file has one of: text (one
 * string per row), tokens with offsets (row i is tokens[offsets[i]] up to
 * tokens[offsets[i + 1]]), messages (a chat as JSON, one string per row).  Beside
 * it: custom_id, sampling parameters by the names that the caller gives, and
 * columns that pass through to the results.  What the rows say is not judged
 * here (bad UTF-8, a token beyond the vocabulary): that is a matter of one row.
 * What is wrong with the file as a whole is MIX_EINPUT with the dataset named.
 *
 * Memory is that of the blocks which the caller keeps.  All calls on one thread
 * at a time, over all HDF5 files of the process; not collective. */
#ifndef MIX_IO_PROMPTS_H
#define MIX_IO_PROMPTS_H

#include <stddef.h>
#include <stdint.h>

struct mix_columns;

enum mix_prompt_kind {
    MIX_PROMPT_TEXT,
    MIX_PROMPT_TOKENS,
    MIX_PROMPT_MESSAGES,
};

/* Consecutive rows.  A block that was read owns all that it points to; one that is written is
 * filled in by the caller.  Everything is [rows] unless it says otherwise. */
struct mix_prompt_block {
    int64_t first; /* row of the file */
    int64_t rows;
    enum mix_prompt_kind kind;
    const char **text; /* as stored, a 0 byte behind each; NULL for MIX_PROMPT_TOKENS */
    size_t *text_len;
    int32_t *tokens;               /* [offset[rows]]; NULL unless MIX_PROMPT_TOKENS */
    int64_t *offset;               /* [rows + 1], offset[0] = 0 */
    const char *const *param_name; /* [params], the caller's table, borrowed */
    double **param; /* [params][rows]; NaN: the job's value; [i] NULL: no such column */
    /* Read, for columns of integers: the same exactly, INT64_MIN for what int64 cannot hold. */
    int64_t **exact; /* [params][rows], [i] NULL: none; NULL when written */
    int params;
    const char **custom_id;      /* NULL: the file has none */
    struct mix_columns *columns; /* rows rows; NULL (only when written): none */
    struct mix_h5arena *memory;  /* of the strings; NULL when written */
};

void mix_prompt_block_destroy(struct mix_prompt_block *block); /* of a block that was read */

/* Content of the rows: prompts, parameters, ids, columns; not where in the file they are. */
int mix_prompt_block_hash(const struct mix_prompt_block *block, uint64_t *hash);

/* ---- reading ---- */

struct mix_prompts;

/* Open and check everything that can be checked without reading the rows.  param[params] are the
 * names that are sampling parameters and not columns; borrowed until close. */
int mix_prompts_open(struct mix_prompts **prompts, const char *path, const char *const *param,
                     int params);
void mix_prompts_close(struct mix_prompts *prompts); /* NULL is allowed */

int64_t mix_prompts_rows(const struct mix_prompts *prompts);
enum mix_prompt_kind mix_prompts_kind(const struct mix_prompts *prompts);
_Bool mix_prompts_have_custom_id(const struct mix_prompts *prompts);
_Bool mix_prompts_have_param(const struct mix_prompts *prompts, int param);
/* The columns that pass through, without rows; never NULL, borrowed. */
const struct mix_columns *mix_prompts_columns(const struct mix_prompts *prompts);

/* Rows [first, first + n), which must exist.  In an integer parameter column -1 is NaN too. */
int mix_prompts_read(struct mix_prompts *prompts, int64_t first, int64_t n,
                     struct mix_prompt_block **block);

/* ---- writing, as h5py would lay it out ---- */

struct mix_prompts_schema {
    enum mix_prompt_kind kind;
    const char *const *param; /* [params], float64 columns */
    int params;
    _Bool custom_id;
    const struct mix_columns *columns; /* names, types and shapes; NULL: none */
};

struct mix_prompts_writer;

/* Make the file at path.  A column whose name the format needs is MIX_EINPUT. */
int mix_prompts_create(struct mix_prompts_writer **writer, const char *path,
                       const struct mix_prompts_schema *schema);
/* Append block->rows rows; first is ignored.  param[i] NULL: NaN for all.  Text with a 0 byte in
 * it cannot be stored: MIX_EINPUT naming the row. */
int mix_prompts_append(struct mix_prompts_writer *writer, const struct mix_prompt_block *block);
/* Write what is left and close the file.  The writer still has to be destroyed. */
int mix_prompts_finish(struct mix_prompts_writer *writer);
void mix_prompts_destroy(struct mix_prompts_writer *writer); /* NULL is allowed */

#endif
