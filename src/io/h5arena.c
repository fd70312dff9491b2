/* h5arena.c - a list of pieces, the last one partly used. */
#include "io/h5arena.h"

#include "base/err.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { PIECE = 64 * 1024 };

struct mix_h5arena_piece {
    struct mix_h5arena_piece *before;
    size_t used, room;
    _Alignas(16) char bytes[];
};

void mix_h5arena_fini(struct mix_h5arena *arena)
{
    while (arena->last) {
        struct mix_h5arena_piece *p = arena->last;

        arena->last = p->before;
        free(p);
    }
    arena->bytes = 0;
}

void *mix_h5arena_alloc(size_t size, void *of)
{
    struct mix_h5arena *arena = of;
    struct mix_h5arena_piece *p = arena->last;
    size_t whole = size > SIZE_MAX - 15 ? 0 : (size + 15) / 16 * 16;
    void *got;

    if (size && !whole)
        return NULL;
    if (!p || p->room - p->used < whole) {
        bool alone =
            whole > PIECE / 4; /* a long value leaves the rest of the piece to short ones */
        size_t room = alone ? whole : PIECE;

        if (room > SIZE_MAX - sizeof *p || !(p = malloc(sizeof *p + room)))
            return NULL;
        p->used = 0;
        p->room = room;
        p->before = arena->last && alone ? arena->last->before : arena->last;
        if (arena->last && alone)
            arena->last->before = p;
        else
            arena->last = p;
    }
    got = p->bytes + p->used;
    p->used += whole;
    arena->bytes += whole;
    return got;
}

int mix_h5arena_text(struct mix_h5arena *arena, const char *s, size_t n, const char **copy)
{
    char *got = n == SIZE_MAX ? NULL : mix_h5arena_alloc(n + 1, arena);

    if (!got)
        return MIX_FAIL(MIX_EFIT, "out of host memory: %zu bytes of text", n);
    if (n)
        memcpy(got, s, n);
    got[n] = '\0';
    *copy = got;
    return MIX_OK;
}
