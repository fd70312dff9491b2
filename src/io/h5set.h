/* h5set.h - one dataset of an open file, seen as rows: its first dimension.
 *
 * Datasets that are read are checked when they are opened: what would give
 * wrong or no values later without a word from HDF5 (a virtual dataset whose
 * sources are gone, raw data in another file, a filter that this library lacks,
 * a link into another file) is refused then.  Datasets that are written grow at
 * their end.
 *
 * All calls on one thread at a time; not collective. */
#ifndef MIX_IO_H5SET_H
#define MIX_IO_H5SET_H

#include "io/h5.h"
#include "io/h5arena.h"

struct mix_h5set {
    struct mix_h5 *file; /* borrowed, outlives the set */
    char *name;          /* "/prompts/text" */
    hid_t id;
    hid_t type; /* as H5Dread gives it */
    int rank;   /* at least 1 */
    int64_t rows;
    hsize_t dims[H5S_MAX_RANK]; /* [0] is rows */
    size_t row_values;          /* product of the other dimensions */
};

/* Open GROUP/LEAF, for instance "/prompts" and "text". */
int mix_h5set_open(struct mix_h5set *set, struct mix_h5 *file, const char *group, const char *leaf);

/* Make GROUP/LEAF with no rows; dims[1..rank) is the shape of a row.  Chunks are rows_per_chunk
 * rows, fewer if that is more than 1 MiB; what has no pointers is compressed (shuffle, deflate). */
int mix_h5set_create(struct mix_h5set *set, struct mix_h5 *file, const char *group,
                     const char *leaf, hid_t type, int rank, const hsize_t *dims,
                     int64_t rows_per_chunk);

/* Close; MIX_ESTORAGE if what HDF5 still held could not be written.  {0} is allowed. */
int mix_h5set_close(struct mix_h5set *set);

/* The rows [first, first + n) as numbers or values of type mem (set->type: as they are); memory
 * for variable-length values comes from arena. */
int mix_h5set_read(const struct mix_h5set *set, int64_t first, int64_t n, hid_t mem, void *to,
                   struct mix_h5arena *arena);

/* The same for strings of any kind: text[n], each with a 0 byte behind it, and len[n] (may be
 * NULL).  The dataset must be one-dimensional. */
int mix_h5set_read_text(const struct mix_h5set *set, int64_t first, int64_t n, const char **text,
                        size_t *len, struct mix_h5arena *arena);

/* Make reads with dxpl take the memory of variable-length values from arena. */
int mix_h5set_use_arena(const struct mix_h5 *file, hid_t dxpl, struct mix_h5arena *arena);

/* Write n rows behind the last one. */
int mix_h5set_append(struct mix_h5set *set, int64_t n, hid_t mem, const void *from);

#endif
