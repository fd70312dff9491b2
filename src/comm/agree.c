/* agree.c - everybody's struct to everybody, a step ahead, and the same fold everywhere.
 *
 * Not MPI_Iallreduce: it moves on only while somebody calls MPI, once a round,
 * and when it stalls it cannot say who is late.  Here a struct needs one
 * crossing, which happens during the step, and the wait names who has not sent.
 * The agreement has a group of its own, because the caller's is busy in between. */
#include "comm/agree.h"

#include "base/err.h"
#include "base/mem.h"
#include "comm/group_private.h"

#include <inttypes.h>
#include <stdlib.h>

struct mix_agree {
    struct mix_group *group;      /* the same members, with flows of its own */
    struct mix_agreement *theirs; /* [size] */
    bool posted;
};

int mix_agree_open(struct mix_agree **out, struct mix_group *g)
{
    struct mix_agree *a = NULL;
    int rc;

    TRY(mix_calloc(&a, 1, sizeof *a, "the agreement"));
    TRY(mix_calloc(&a->theirs, (size_t)g->size, sizeof *a->theirs, "the agreement"));
    TRY(mix_group_open(&a->group, g->comm, g->name, g->world, g->size));
    *out = a;
    a = NULL;
out:
    mix_agree_close(a);
    return rc;
}

void mix_agree_close(struct mix_agree *a)
{
    if (!a)
        return;
    mix_group_close(a->group); /* cancels what is in flight, so before the buffers */
    free(a->theirs);
    free(a);
}

int mix_agree_post(struct mix_agree *a, const struct mix_agreement *mine)
{
    struct mix_group *g = a->group;
    int rc;

    if (a->posted)
        return MIX_FAIL(MIX_EBUG, "agreement of %s: one is in flight", g->name);
    a->theirs[g->rank] = *mine; /* also what the sends read until get */
    if (g->size > 1) {
        TRY(mix_flow_begin(g));
        for (int i = 0; i < g->size; i++)
            if (i != g->rank)
                TRY(mix_flow_recv(g, i, &a->theirs[i], sizeof *mine));
        for (int i = 0; i < g->size; i++)
            if (i != g->rank)
                TRY(mix_flow_send(g, i, &a->theirs[g->rank], sizeof *mine));
    }
    a->posted = true;
out:
    if (rc)
        mix_flow_abandon(g);
    return rc;
}

static void fold(struct mix_agreement *x, const struct mix_agreement *with)
{
    x->any |= with->any;
    for (int i = 0; i < MIX_AGREE_SUMS; i++) /* wraps, as unsigned sums do */
        x->sum[i] = (int64_t)((uint64_t)x->sum[i] + (uint64_t)with->sum[i]);
    for (int i = 0; i < MIX_AGREE_MAXES; i++)
        if (with->max[i] > x->max[i])
            x->max[i] = with->max[i];
}

/* What my part alone agrees on: the largest own, and the one hash of all members that have one; two
 * different ones are a bug, found by all. */
static int fold_part(const struct mix_agree *a, int64_t *own, uint64_t *hash)
{
    const struct mix_group *g = a->group;
    int first = -1;

    *hash = 0;
    *own = a->theirs[g->rank].own;
    for (int i = 0; i < g->size; i++) {
        if (a->theirs[i].part != a->theirs[g->rank].part)
            continue;
        *own = a->theirs[i].own > *own ? a->theirs[i].own : *own;
        if (a->theirs[i].hash == 0)
            continue;
        if (first < 0) {
            first = i;
            *hash = a->theirs[i].hash;
        } else if (a->theirs[i].hash != *hash) {
            return MIX_FAIL(MIX_EBUG,
                            "%s: ranks %d and %d made different batches, hashes %016" PRIx64
                            " and %016" PRIx64,
                            g->name, g->world[first], g->world[i], *hash, a->theirs[i].hash);
        }
    }
    return MIX_OK;
}

int mix_agree_get(struct mix_agree *a, struct mix_agreement *out)
{
    struct mix_agreement sum;
    int rc = MIX_OK;

    MIX_CHECK(a->posted, "agreement of %s: nothing is in flight", a->group->name);
    a->posted = false;
    TRY(mix_flow_wait(a->group, "agreement"));
    sum = a->theirs[0];
    for (int i = 1; i < a->group->size; i++)
        fold(&sum, &a->theirs[i]);
    sum.part = a->theirs[a->group->rank].part;
    TRY(fold_part(a, &sum.own, &sum.hash));
    *out = sum;
out:
    return rc;
}
