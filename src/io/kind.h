/* kind.h - what a file is, told from its content and not from its name.
 *
 * Not collective; one thread at a time, over all HDF5 files of the process. */
#ifndef MIX_IO_KIND_H
#define MIX_IO_KIND_H

enum mix_kind {
    MIX_KIND_PROMPTS, /* HDF5 with /prompts */
    MIX_KIND_RESULTS, /* HDF5 with /results */
    MIX_KIND_LINES,   /* JSON lines: begins with an object, or holds nothing at all */
};

/* MIX_EINPUT if it cannot be read or is none of these. */
int mix_kind_of(const char *path, enum mix_kind *kind);

#endif
