/* route.c - a counting sort: count, sum up, place. */
#include "exchange/route.h"

#include "base/err.h"

#include <string.h>

/* The local number of an expert, or -1. */
static int local_of(const struct mix_route *r, int32_t id)
{
    int local = (int)id - r->first_local;

    return local >= 0 && local < r->locals ? local : -1;
}

static int check_token(const struct mix_route *r, int t)
{
    const int32_t *id = r->expert + (long)t * r->k;

    for (int j = 0; j < r->k; j++) {
        if (id[j] < 0 || id[j] >= r->experts)
            return MIX_FAIL(MIX_EBUG, "token %d goes to expert %d of %d", t, (int)id[j],
                            r->experts);
        for (int i = 0; i < j; i++)
            if (id[i] == id[j])
                return MIX_FAIL(MIX_EBUG, "token %d goes to expert %d twice", t, (int)id[j]);
    }
    return MIX_OK;
}

int mix_route(struct mix_route *r)
{
    int rc = MIX_OK, rows = 0;
    long copies = (long)r->tokens * r->k;

    /* first[e] counts the rows of e, then is where e's next row goes: the end of e - 1, which is
     * why it is right as it stands once all are placed and everything moves up by one. */
    memset(r->first, 0, sizeof *r->first * (size_t)(r->locals + 1));
    for (int t = 0; t < r->tokens; t++)
        TRY(check_token(r, t));
    for (long i = 0; i < copies; i++) {
        int local = local_of(r, r->expert[i]);

        if (local >= 0)
            r->first[local]++;
    }
    for (int e = 0; e <= r->locals; e++) {
        int count = r->first[e];

        r->first[e] = rows;
        rows += count;
    }
    for (long i = 0; i < copies; i++) {
        int local = local_of(r, r->expert[i]);

        r->row[i] = local < 0 ? -1 : r->first[local]++;
        if (local >= 0)
            r->from[r->row[i]] = (int32_t)(i / r->k);
    }
    memmove(r->first + 1, r->first, sizeof *r->first * (size_t)r->locals);
    r->first[0] = 0;
out:
    return rc;
}
