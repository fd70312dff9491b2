/* results.h - result files: pieces, shards and the final file are all of this form.
 *
 * docs/format.md describes the file for users.  One entry per (row, sample);
 * tokens of all entries in one array with offsets; the columns of the prompts
 * repeated per entry.  Chunk sizes are fixed and nothing in the file depends on
 * the time or on how the entries came in: the same entries in the same order
 * give the same bytes (with one version of HDF5), whatever appends, pieces and
 * shards they went through.
 *
 * A finished file carries checksums of its values: one of the entries, one of
 * /run.  They say whether two files hold the same, whatever wrote them.  And it
 * carries a seal, a checksum of its bytes in front of what HDF5 reads, written
 * last: a file that is not whole has none, or a wrong one, and is found out
 * without asking HDF5, which does not survive every damaged file.  Files appear
 * under the caller's path while they are written: write aside, then commit.
 *
 * Reading fails with MIX_EINPUT, writing with MIX_ESTORAGE.  All calls on one
 * thread at a time, over all HDF5 files of the process; not collective. */
#ifndef MIX_IO_RESULTS_H
#define MIX_IO_RESULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mix_columns;
struct mix_str;

struct mix_result {
    int64_t row;      /* of the input file */
    int32_t sample;   /* from 0 */
    const char *text; /* UTF-8, text_len bytes */
    size_t text_len;
    const int32_t *tokens; /* [tokens_count] */
    int32_t tokens_count;
    const char *finish_reason; /* "stop", "length", "error", "numeric_error" */
    const char *error;         /* "": none */
    int32_t prompt_tokens, completion_tokens;
    const char *custom_id; /* NULL: the file has none */
};

struct mix_results_schema {
    bool custom_id;
    const struct mix_columns *columns; /* names, types and shapes; NULL: none */
};

/* ---- writing ---- */

struct mix_results;

/* Make (or empty) the file at path. */
int mix_results_create(struct mix_results **results, const char *path,
                       const struct mix_results_schema *schema);

/* Append entries[0..n), in this order; entry i takes row col_row[i] of columns (col_row NULL: row
 * i).  Everything is copied.  columns may be NULL if the schema has none.  A NUL character in a
 * text becomes U+FFFD, because HDF5 strings end there; the tokens say what it was. */
int mix_results_append(struct mix_results *results, const struct mix_result *entries, int64_t n,
                       const struct mix_columns *columns, const int64_t *col_row);

/* Write what is left, /run/NAME = TEXT for each pair, and the checksums; close the file.  It has
 * then reached the system, and committing it (io/file.h) is the caller's.  After a failure the file
 * is worthless.  The object still has to be destroyed. */
struct mix_results_run {
    const char *name; /* of a dataset, without '/' */
    const char *text; /* for instance a JSON document */
};
int mix_results_finish(struct mix_results *results, const struct mix_results_run *run, int n);
void mix_results_destroy(struct mix_results *results); /* NULL is allowed */

/* ---- reading ---- */

struct mix_results_file;

/* Open a file and check its form, not its checksum. */
int mix_results_open(struct mix_results_file **file, const char *path);
void mix_results_close(struct mix_results_file *file); /* NULL is allowed */

int64_t mix_results_entries(const struct mix_results_file *file);
/* What another file needs to hold the same entries; columns are borrowed. */
struct mix_results_schema mix_results_schema(const struct mix_results_file *file);

/* The row and sample (may be NULL) of entries [first, first + n). */
int mix_results_read_rows(struct mix_results_file *file, int64_t first, int64_t n, int64_t *row,
                          int32_t *sample);

/* /run/NAME, appended to text; *found false if there is none. */
int mix_results_read_run(struct mix_results_file *file, const char *name, struct mix_str *text,
                         bool *found);

struct mix_results_block { /* owns all that it points to */
    int64_t first, n;
    struct mix_result *entry;    /* [n] */
    struct mix_columns *columns; /* n rows; never NULL */
    int32_t *tokens;             /* of all entries */
    struct mix_h5arena *memory;  /* of the strings */
};
/* Entries [first, first + n), which must exist. */
int mix_results_read(struct mix_results_file *file, int64_t first, int64_t n,
                     struct mix_results_block **block);
void mix_results_block_destroy(struct mix_results_block *block); /* NULL is allowed */

/* Is the file at path whole?  Reads all of it, in bounded memory: first its bytes against the seal,
 * then its values against the checksums.  MIX_OK and the number of its entries, or MIX_EINPUT with
 * what is wrong. */
int mix_results_verify(const char *path, int64_t *entries);

/* ---- from file to file, in bounded memory ---- */

/* Append entries [first, first + n) of file.  Columns and custom_id must be the same. */
int mix_results_copy(struct mix_results *results, struct mix_results_file *file, int64_t first,
                     int64_t n);

/* Append the picked entries of several files, in the order of the picks. */
struct mix_results_pick {
    int32_t file;  /* index into files */
    int64_t entry; /* of that file */
};
int mix_results_gather(struct mix_results *results, struct mix_results_file *const *files,
                       const struct mix_results_pick *pick, int64_t n);

#endif
