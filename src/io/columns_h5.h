/* columns_h5.h - pass-through columns to and from the datasets of an HDF5 file.
 *
 * All calls on one thread at a time; not collective. */
#ifndef MIX_IO_COLUMNS_H5_H
#define MIX_IO_COLUMNS_H5_H

#include "io/columns.h"
#include "io/h5set.h"

/* Add a column of the type and row shape of an open dataset; name is the last part of the
 * dataset's.  A type or a shape that cannot be passed through is MIX_EINPUT, named. */
int mix_columns_add_set(struct mix_columns *columns, const struct mix_h5set *set);

/* Append rows [first, first + n) of set[count], one dataset per column in their order. */
int mix_columns_read_sets(struct mix_columns *columns, const struct mix_h5set *set, int64_t first,
                          int64_t n);

/* Make the dataset GROUP/NAME of every column: set[count], closed by the caller. */
int mix_columns_create_sets(const struct mix_columns *columns, struct mix_h5 *file,
                            const char *group, int64_t rows_per_chunk, struct mix_h5set *set);
/* Append all rows of the columns to them. */
int mix_columns_append_sets(const struct mix_columns *columns, struct mix_h5set *set);

#endif
