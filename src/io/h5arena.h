/* h5arena.h - memory for values of variable length, freed all at once.
 *
 * HDF5 allocates one piece for every string that it reads.  Handed this arena
 * as its memory manager, it takes them from large pieces instead, and a block
 * of rows is released with a few frees and without asking HDF5 to walk it.
 *
 * Host only, one thread; not collective. */
#ifndef MIX_IO_H5ARENA_H
#define MIX_IO_H5ARENA_H

#include <stddef.h>

struct mix_h5arena_piece;

struct mix_h5arena { /* {0} is empty */
    struct mix_h5arena_piece *last;
    size_t bytes; /* handed out so far */
};

void mix_h5arena_fini(struct mix_h5arena *arena); /* frees everything; {0} is allowed */

/* size bytes, aligned to 16; NULL without a log line if there are none: HDF5 and the functions
 * below turn that into a failure.  The order of arguments is that of H5Pset_vlen_mem_manager. */
void *mix_h5arena_alloc(size_t size, void *arena);

/* A copy of s[0..n) with a 0 byte behind it; MIX_EFIT if there is no memory. */
int mix_h5arena_text(struct mix_h5arena *arena, const char *s, size_t n, const char **copy);

#endif
