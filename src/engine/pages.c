/* pages.c - a bitmap and a hint.
 *
 * The scan starts at the hint, so a run that only grows never looks twice at a
 * page.  A heap would order frees for us, but a freed page may go out in any
 * order that is the same every time, and the bitmap also finds a double give. */
#include "engine/pages.h"

#include "base/err.h"

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

struct mix_pages {
    int count;
    int free;
    int hint;        /* no page below it is free */
    uint64_t *taken; /* [ceil(count / 64)], bit set: taken */
};

int mix_pages_create(struct mix_pages **out, int count)
{
    int rc = MIX_OK;
    struct mix_pages *p = calloc(1, sizeof *p);

    if (!p || count < 0 || !(p->taken = calloc((size_t)count / 64 + 1, sizeof *p->taken))) {
        rc = MIX_FAIL(MIX_EFIT, "%d KV pages", count);
        goto out;
    }
    p->count = p->free = count;
    *out = p;
    p = NULL;
out:
    mix_pages_destroy(p);
    return rc;
}

void mix_pages_destroy(struct mix_pages *p)
{
    if (!p)
        return;
    free(p->taken);
    free(p);
}

int mix_pages_free(const struct mix_pages *p)
{
    return p->free;
}

static bool is_taken(const struct mix_pages *p, int page)
{
    return p->taken[page / 64] >> page % 64 & 1;
}

bool mix_pages_take(struct mix_pages *p, int *out, int n)
{
    if (n > p->free)
        return false;
    for (int i = 0; i < n; p->hint++) {
        if (is_taken(p, p->hint))
            continue;
        p->taken[p->hint / 64] |= UINT64_C(1) << p->hint % 64;
        out[i++] = p->hint;
    }
    p->free -= n;
    return true;
}

int mix_pages_give(struct mix_pages *p, const int *page, int n)
{
    for (int i = 0; i < n; i++) {
        if (page[i] < 0 || page[i] >= p->count || !is_taken(p, page[i]))
            return MIX_FAIL(MIX_EBUG, "page %d of %d is not taken", page[i], p->count);
        p->taken[page[i] / 64] &= ~(UINT64_C(1) << page[i] % 64);
        p->free++;
        if (page[i] < p->hint)
            p->hint = page[i];
    }
    return MIX_OK;
}
