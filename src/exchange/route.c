/* route.c - see route.h. */
#include "exchange/route.h"

#include "base/err.h"

#include <string.h>

int mix_route_check(const int32_t *expert, int tokens, int k, int experts)
{
    for (int t = 0; t < tokens; t++) {
        const int32_t *id = expert + (long)t * k;

        for (int j = 0; j < k; j++) {
            if (id[j] < 0 || id[j] >= experts)
                return MIX_FAIL(MIX_EBUG, "token %d goes to expert %d of %d", t, (int)id[j],
                                experts);
            for (int i = 0; i < j; i++)
                if (id[i] == id[j])
                    return MIX_FAIL(MIX_EBUG, "token %d goes to expert %d twice", t, (int)id[j]);
        }
    }
    return MIX_OK;
}

/* first[c] counts the keys c, then is where the next c goes: the end of c - 1, which is why it is
 * right as it stands once all are placed and everything moves up by one. */
void mix_route_sort(const int32_t *key, int n, int keys, int *first, int32_t *place, int32_t *order)
{
    int places = 0;

    memset(first, 0, sizeof *first * (size_t)(keys + 1));
    for (int i = 0; i < n; i++)
        if (key[i] >= 0)
            first[key[i]]++;
    for (int c = 0; c <= keys; c++) {
        int count = first[c];

        first[c] = places;
        places += count;
    }
    for (int i = 0; i < n; i++) {
        place[i] = key[i] < 0 ? -1 : first[key[i]]++;
        if (key[i] >= 0)
            order[place[i]] = i;
    }
    memmove(first + 1, first, sizeof *first * (size_t)keys);
    first[0] = 0;
}

void mix_route_slots(const struct mix_homes *h, int layer, int *first)
{
    first[0] = 0;
    for (int i = 0; i < h->ep; i++)
        first[i + 1] = first[i] + mix_homes_local(h, layer, i, NULL);
}

void mix_route_choices(const struct mix_homes *h, const struct mix_plan *plan, int layer, int owner,
                       int32_t *slot)
{
    for (int home = 0, next = 0; home < h->ep; home++)
        for (int e = 0; e < h->experts; e++) {
            if (!mix_homes_at(h, layer, e, home))
                continue;
            if (mix_homes_choose(h, plan, layer, e, owner) == home)
                slot[e] = next;
            next++;
        }
}

int mix_route_chunks(const struct mix_plan *plan, const int *tokens, int members, size_t row_bytes)
{
    int most = 0;

    for (int m = 0; m < members; m++)
        most = tokens[m] > most ? tokens[m] : most;
    return mix_plan_chunks(plan->chunks, plan->chunk_bytes, (int64_t)most * (int64_t)row_bytes);
}
