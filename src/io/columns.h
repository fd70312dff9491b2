/* columns.h - columns that pass through: they come with the prompts and land in the results.
 *
 * A set of named columns with the same number of rows.  Each keeps the HDF5 type
 * and the shape that the user's file gave it (strings, numbers, bool, enums,
 * compounds, a small array per row, sequences), so that a value comes out as it
 * went in.  This header knows nothing of HDF5; io/columns_h5.h does.
 *
 * A set owns its values.  Host only, one thread at a time; not collective. */
#ifndef MIX_IO_COLUMNS_H
#define MIX_IO_COLUMNS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mix_columns;
struct mix_hasher;
struct mix_str;

enum mix_column_kind { /* columns that do not come from a file; the empty value of each */
                       MIX_COLUMN_INT,   /* int64; 0 */
                       MIX_COLUMN_FLOAT, /* float64; NaN */
                       MIX_COLUMN_BOOL,  /* as h5py writes it; false */
                       MIX_COLUMN_TEXT,  /* variable-length UTF-8; "" */
};

/* A set without columns. */
int mix_columns_create(struct mix_columns **columns);
/* A set with the same columns as another and no rows. */
int mix_columns_create_like(struct mix_columns **columns, const struct mix_columns *other);
void mix_columns_destroy(struct mix_columns *columns); /* NULL is allowed */

/* Questions; NULL is a set without columns. */
int mix_columns_count(const struct mix_columns *columns);
int64_t mix_columns_rows(const struct mix_columns *columns);
const char *mix_columns_name(const struct mix_columns *columns, int column);
int mix_columns_find(const struct mix_columns *columns, const char *name); /* -1: none */
/* Bytes that the values take, about. */
size_t mix_columns_bytes(const struct mix_columns *columns);
/* Do two sets have the same columns: names in order, types, shapes?  If not, *why (may be NULL) is
 * the name of the first that differs, borrowed from either. */
bool mix_columns_same(const struct mix_columns *a, const struct mix_columns *b, const char **why);

/* Add a column to a set without rows.  Columns are kept in the order of their names' bytes, so find
 * them again once all are added.  A name that is there, is empty or has a '/' is
 * MIX_EINPUT. */
int mix_columns_add(struct mix_columns *columns, const char *name, enum mix_column_kind kind);

/* Append the rows row[0..n) of another set with the same columns; row NULL: its first n. */
int mix_columns_append(struct mix_columns *columns, const struct mix_columns *from,
                       const int64_t *row, int64_t n);

/* Append a row of empty values; then set them.  Only for columns made by mix_columns_add; an int
 * fits INT and BOOL.  Text with a 0 byte in it cannot be stored: MIX_EINPUT. */
int mix_columns_append_empty(struct mix_columns *columns);
int mix_columns_set_int(struct mix_columns *columns, int column, int64_t row, int64_t value);
int mix_columns_set_float(struct mix_columns *columns, int column, int64_t row, double value);
int mix_columns_set_text(struct mix_columns *columns, int column, int64_t row, const char *s,
                         size_t n);

void mix_columns_clear(struct mix_columns *columns); /* no rows; columns stay */

/* Append one value as JSON: numbers (NaN and infinities: null), strings (UTF-8; a bad byte:
 * U+FFFD), true and false, an enum's name, arrays and sequences as arrays, compounds as objects,
 * opaque bytes in hex. */
int mix_columns_json(const struct mix_columns *columns, int column, int64_t row,
                     struct mix_str *out);

/* Feed the names, or the content of one row, to a hash. */
void mix_columns_hash_names(const struct mix_columns *columns, struct mix_hasher *h);
void mix_columns_hash_row(const struct mix_columns *columns, int64_t row, struct mix_hasher *h);

#endif
