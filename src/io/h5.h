/* h5.h - HDF5 files, and what HDF5 says turned into our one line.
 *
 * Everything of HDF5 that the readers and writers of prompts and results have
 * in common: an open file (here), its datasets (io/h5set.h), its types
 * (io/h5type.h), and the way to the disk (io/h5drive.h).  Only the sources of
 * io include this header.
 *
 * HDF5's own printing is switched off; when it refuses, the line names the
 * file, what was tried, HDF5's innermost words, and what to do.  Failures while
 * reading are MIX_EINPUT, failures while writing are MIX_ESTORAGE.
 *
 * All calls on one thread at a time, whichever: that is a rule of every user of
 * this folder's HDF5 files.  Not collective. */
#ifndef MIX_IO_H5_H
#define MIX_IO_H5_H

#include <hdf5.h>
#include <stdbool.h>
#include <stdint.h>

struct mix_h5 {
    hid_t id;
    char *path;
    bool writing;
    int werr; /* errno of the first write that failed; 0: none */
};

/* Open an existing file for reading. */
int mix_h5_open(struct mix_h5 **file, const char *path);
/* Make a new file, or empty the one that is there, with so many bytes (0, 512, 1024, ...) in front
 * of it for the caller.  Nothing in it depends on the time or on what was in memory: the same calls
 * give the same bytes. */
int mix_h5_create(struct mix_h5 **file, const char *path, unsigned front);
/* Close and free.  For a file that was written: MIX_ESTORAGE unless all of it reached the system
 * (which may still hold it in memory: committing is the caller's). */
int mix_h5_close(struct mix_h5 *file);
/* Close and free a file that was only read, or after a failure that has been logged. */
void mix_h5_abandon(struct mix_h5 *file); /* NULL is allowed */

/* Log "PATH: what: why" and return the code; why is the failed write or else HDF5's words. */
int mix_h5_fail(const struct mix_h5 *file, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

/* MIX_ESTORAGE, logged, if a write to the file failed. */
int mix_h5_written(const struct mix_h5 *file);

/* What is at PATH: H5I_GROUP, H5I_DATASET, H5I_DATATYPE; H5I_BADID if there is no such link.  A
 * link that leads nowhere or into another file is MIX_EINPUT. */
int mix_h5_kind(const struct mix_h5 *file, const char *path, H5I_type_t *kind);

/* The names in the group PATH, in the order of their bytes: an array of n strings, all to be freed
 * with mix_h5_names_free.  More than a few thousand, or one beyond 1000 bytes: MIX_EINPUT. */
int mix_h5_names(const struct mix_h5 *file, const char *path, char ***names, int *n);
void mix_h5_names_free(char **names, int n); /* NULL is allowed */

/* Make the group PATH ("/results"), without times. */
int mix_h5_make_group(struct mix_h5 *file, const char *path);

/* Variable-length UTF-8, as h5py stores str; drop it. */
int mix_h5_text_type(const struct mix_h5 *file, hid_t *type);

/* Properties of a read or write between these types; drop them.  HDF5 clears two buffers for values
 * that it converts, texts among them, each time: 2 MiB by default, for a single value too; here 128
 * KiB. */
int mix_h5_transfer(const struct mix_h5 *file, hid_t stored, hid_t memory, hid_t *dxpl);

/* Switch HDF5's printing off on this thread; called by every entry from outside. */
void mix_h5_quiet(void);

/* Close any kind of id; an invalid one is allowed.  What HDF5 says is of no use to the caller. */
void mix_h5_drop(hid_t id);

/* A call of HDF5 that returns something negative when it fails. */
#define TRY_H5(call, file, ...) \
    do { \
        if ((call) < 0) { \
            rc = mix_h5_fail((file), __VA_ARGS__); \
            goto out; \
        } \
    } while (0)

#endif
