/* jsonl.h - a file of lines, read by row number.
 *
 * Opening scans the file once and keeps the place of every 256th line, so that
 * memory is 8 bytes for 256 rows and any rows can be read.  A line is a row, counted
 * from 0; blank lines at the end are none, a blank line between others is an error
 * row.  Lines end with LF or CR LF, the last one may have no end; a byte order mark
 * in front is skipped.  The file must not change while it is open; what is appended
 * to it is not seen.
 *
 * A file that is missing or no regular file is MIX_EINPUT; the file system's
 * refusals, and a file that became shorter, are MIX_ESTORAGE.
 *
 * One thread at a time; not collective. */
#ifndef MIX_TEXT_JSONL_H
#define MIX_TEXT_JSONL_H

#include "text/jsonl_row.h"

#include <stdint.h>

struct mix_jsonl;

int mix_jsonl_open(struct mix_jsonl **j, const char *path);
void mix_jsonl_close(struct mix_jsonl *j); /* NULL is allowed */

int64_t mix_jsonl_rows(const struct mix_jsonl *j);

/* Rows [first, first + n) into rows[0..n), each to be freed with mix_jsonl_row_fini; names and
 * count as for mix_jsonl_row_parse.  On failure none is left to be freed. */
int mix_jsonl_read(struct mix_jsonl *j, int64_t first, int64_t n, const char *const *names,
                   int count, struct mix_jsonl_row *rows);

/* mix_hash of the bytes of rows [first, first + n), line ends between and behind them included. */
int mix_jsonl_hash(struct mix_jsonl *j, int64_t first, int64_t n, uint64_t *hash);

#endif
