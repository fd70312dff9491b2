/* arena.h - hand out the parts of one allocation.
 *
 * The same function lays out buffers twice: with no base it only counts, which is
 * the size to allocate; with the base it hands out pointers.  So a size and its
 * pointers cannot disagree.  Parts are aligned to 64 bytes.
 *
 * Not collective. */
#ifndef MIX_MODEL_ARENA_H
#define MIX_MODEL_ARENA_H

#include <stddef.h>

struct mix_arena {
    char *base;  /* NULL: count only */
    size_t used; /* so far */
};

/* The next n objects of size bytes; NULL while counting. */
static inline void *mix_arena_take(struct mix_arena *a, size_t n, size_t size)
{
    size_t at = a->used;

    a->used += (n * size + 63) / 64 * 64;
    return a->base ? a->base + at : NULL;
}

#endif
