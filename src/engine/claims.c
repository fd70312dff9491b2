/* claims.c - a sorted array of ranges and a cursor.
 *
 * Ranges are added while a job is opened, in any order, by insertion; afterwards the
 * cursor only moves forward: a new claim goes in right where it stands. */
#include "engine/claims.h"

#include "base/err.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

struct mix_claims {
    int64_t rows;
    int64_t free;            /* rows in no range */
    int64_t open;            /* rows of open shards not yet handed out */
    struct mix_range *range; /* [count], by first row */
    size_t count, room;
    size_t next_open; /* no open range before it */
    size_t cursor;    /* no free row before range[cursor] ... */
    int64_t at;       /* ... but those from here on */
    bool handing;     /* a claim was asked for: nothing is added any more */
};

int mix_claims_create(struct mix_claims **out, int64_t rows)
{
    int rc = MIX_OK;
    struct mix_claims *c = NULL;

    MIX_CHECK(rows >= 0, "%lld rows", (long long)rows);
    TRY(mix_calloc(&c, 1, sizeof *c, "claims"));
    c->rows = c->free = rows;
    *out = c;
out:
    return rc;
}

void mix_claims_destroy(struct mix_claims *c)
{
    if (!c)
        return;
    free(c->range);
    free(c);
}

/* The first range that begins at or behind this row. */
static size_t place(const struct mix_claims *c, int64_t first)
{
    size_t low = 0, high = c->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (c->range[middle].first < first)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool mix_claims_fits(const struct mix_claims *c, int64_t first, int64_t count)
{
    size_t at;

    if (first < 0 || count < 1 || first > c->rows || count > c->rows - first)
        return false;
    at = place(c, first);
    if (at < c->count && c->range[at].first < first + count)
        return false;
    return at == 0 || c->range[at - 1].first + c->range[at - 1].count <= first;
}

static int insert(struct mix_claims *c, size_t at, struct mix_range r)
{
    int rc = mix_grow(&c->range, &c->room, c->count + 1, sizeof *c->range, "claims");

    if (rc)
        return rc;
    memmove(c->range + at + 1, c->range + at, (c->count - at) * sizeof *c->range);
    c->range[at] = r;
    c->count++;
    c->free -= r.count;
    return MIX_OK;
}

static int add(struct mix_claims *c, struct mix_range r)
{
    if (c->handing || !mix_claims_fits(c, r.first, r.count))
        return MIX_FAIL(MIX_EBUG, "rows %lld + %lld of %lld do not fit here", (long long)r.first,
                        (long long)r.count, (long long)c->rows);
    return insert(c, place(c, r.first), r);
}

int mix_claims_sealed(struct mix_claims *c, int64_t first, int64_t count)
{
    return add(c, (struct mix_range){first, count, MIX_RANGE_SEALED, 0});
}

int mix_claims_open(struct mix_claims *c, int64_t first, int64_t count, int32_t pieces)
{
    int rc = add(c, (struct mix_range){first, count, MIX_RANGE_OPEN, pieces});

    if (rc == MIX_OK)
        c->open += count;
    return rc;
}

static bool next_open(struct mix_claims *c, struct mix_claim *claim)
{
    for (; c->next_open < c->count; c->next_open++) {
        struct mix_range *r = &c->range[c->next_open];

        if (r->state != MIX_RANGE_OPEN)
            continue;
        r->state = MIX_RANGE_CLAIMED;
        c->open -= r->count;
        *claim = (struct mix_claim){r->first, r->count, r->pieces};
        return true;
    }
    return false;
}

int mix_claims_next(struct mix_claims *c, int replicas, struct mix_claim *claim)
{
    int64_t size = c->free / (INT64_C(4) * (replicas < 1 ? 1 : replicas)), end;
    int rc;

    c->handing = true;
    if (next_open(c, claim))
        return MIX_OK;
    if (c->free == 0) {
        *claim = (struct mix_claim){0, 0, 0};
        return MIX_OK;
    }
    while (c->cursor < c->count && c->range[c->cursor].first == c->at) {
        c->at += c->range[c->cursor].count;
        c->cursor++;
    }
    end = c->cursor < c->count ? c->range[c->cursor].first : c->rows;
    size = size < 1 ? 1 : size > MIX_CLAIM_MOST ? MIX_CLAIM_MOST : size;
    size = size > end - c->at ? end - c->at : size;
    rc = insert(c, c->cursor, (struct mix_range){c->at, size, MIX_RANGE_CLAIMED, 0});
    if (rc)
        return rc;
    *claim = (struct mix_claim){c->at, size, 0};
    return MIX_OK;
}

int64_t mix_claims_left(const struct mix_claims *c)
{
    return c->free + c->open;
}

const struct mix_range *mix_claims_ranges(const struct mix_claims *c, size_t *count)
{
    *count = c->count;
    return c->range;
}

bool mix_claims_whole(const struct mix_claims *c, int64_t *first)
{
    int64_t at = 0;

    for (size_t i = 0; i < c->count && c->range[i].first == at; i++)
        at += c->range[i].count;
    *first = at;
    return at == c->rows;
}
