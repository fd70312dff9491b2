/* collect.c - what a group does together, made of flows.
 *
 * Everybody sends straight to everybody who needs it: one latency for any number
 * of members, bytes that equal the all-gather's lower bound behind a switch, and
 * sums that we order ourselves.  Partners are taken in the order of distance, so
 * that not all send to member 0 first.  Receives are posted before sends: what
 * has a place to land is not copied twice. */
#include "comm/group_private.h"

#include "base/err.h"

#include <math.h>
#include <string.h>

/* The member at a distance: 1 to size - 1 above me. */
static int above(const struct mix_group *g, int distance)
{
    return (g->rank + distance) % g->size;
}

static int below(const struct mix_group *g, int distance)
{
    return (g->rank - distance + g->size) % g->size;
}

/* The end of every operation: rc is that of its posts. */
static int finish(struct mix_group *g, const char *what, int rc)
{
    if (rc == MIX_OK)
        return mix_flow_wait(g, what);
    mix_flow_abandon(g);
    return rc;
}

int mix_group_barrier(struct mix_group *g)
{
    int rc;

    if (g->size == 1)
        return MIX_OK;
    if ((rc = mix_flow_begin(g)))
        return rc;
    for (int k = 1; k < g->size && !rc; k++)
        rc = mix_flow_recv(g, below(g, k), NULL, 0);
    for (int k = 1; k < g->size && !rc; k++)
        rc = mix_flow_send(g, above(g, k), NULL, 0);
    return finish(g, "barrier", rc);
}

int mix_group_bcast(struct mix_group *g, void *bytes, size_t n, int root)
{
    int rc;

    if (root < 0 || root >= g->size)
        return MIX_FAIL(MIX_EBUG, "broadcast of %s from member %d of %d", g->name, root, g->size);
    if (g->size == 1 || n == 0)
        return MIX_OK;
    if ((rc = mix_flow_begin(g)))
        return rc;
    if (g->rank != root)
        rc = mix_flow_recv(g, root, bytes, n);
    else
        for (int k = 1; k < g->size && !rc; k++)
            rc = mix_flow_send(g, above(g, k), bytes, n);
    return finish(g, "broadcast", rc);
}

int mix_group_allgather(struct mix_group *g, void *recv, const size_t *at, const size_t *bytes,
                        const void *send)
{
    int rc = MIX_OK, me = g->rank;

    if (g->size > 1 && (rc = mix_flow_begin(g)))
        return rc;
    for (int k = 1; k < g->size && !rc; k++)
        if (bytes[below(g, k)])
            rc = mix_flow_recv(g, below(g, k), (char *)recv + at[below(g, k)], bytes[below(g, k)]);
    for (int k = 1; k < g->size && bytes[me] && !rc; k++)
        rc = mix_flow_send(g, above(g, k), send, bytes[me]);
    if (bytes[me] && (const char *)send != (char *)recv + at[me])
        memcpy((char *)recv + at[me], send, bytes[me]);
    return finish(g, "all-gather", rc);
}

int mix_group_tell(struct mix_group *g, void *x, size_t bytes)
{
    int rc;

    if (g->size == 1)
        return MIX_OK;
    if ((rc = mix_flow_begin(g)))
        return rc;
    for (int k = 1; k < g->size && !rc; k++)
        rc = mix_flow_recv(g, below(g, k), (char *)x + (size_t)below(g, k) * bytes, bytes);
    for (int k = 1; k < g->size && !rc; k++)
        rc = mix_flow_send(g, above(g, k), (char *)x + (size_t)g->rank * bytes, bytes);
    return finish(g, "the step's numbers", rc);
}

int mix_group_alltoall(struct mix_group *g, void *recv, const size_t *recv_at,
                       const size_t *recv_bytes, const void *send, const size_t *send_at,
                       const size_t *send_bytes)
{
    int rc = MIX_OK, me = g->rank;

    if (recv_bytes[me] != send_bytes[me])
        return MIX_FAIL(MIX_EBUG, "all-to-all of %s: %zu bytes to myself, %zu expected", g->name,
                        send_bytes[me], recv_bytes[me]);
    if (g->size > 1 && (rc = mix_flow_begin(g)))
        return rc;
    for (int k = 1; k < g->size && !rc; k++) {
        int i = below(g, k);

        if (recv_bytes[i])
            rc = mix_flow_recv(g, i, (char *)recv + recv_at[i], recv_bytes[i]);
    }
    for (int k = 1; k < g->size && !rc; k++) {
        int i = above(g, k);

        if (send_bytes[i])
            rc = mix_flow_send(g, i, (const char *)send + send_at[i], send_bytes[i]);
    }
    if (send_bytes[me])
        memcpy((char *)recv + recv_at[me], (const char *)send + send_at[me], send_bytes[me]);
    return finish(g, "all-to-all", rc);
}

/* ---- reductions: everybody's values to everybody, then the same fold everywhere */

/* Sums of integers wrap, as unsigned ones do. */
static void fold_i64(int64_t *x, const int64_t *with, int n, enum mix_reduce op)
{
    for (int i = 0; i < n; i++)
        if (op == MIX_SUM)
            x[i] = (int64_t)((uint64_t)x[i] + (uint64_t)with[i]);
        else if (op == MIX_MAX ? with[i] > x[i] : with[i] < x[i])
            x[i] = with[i];
}

/* A NaN among the values is the result: it must not get lost. */
static void fold_f64(double *x, const double *with, int n, enum mix_reduce op)
{
    for (int i = 0; i < n; i++)
        if (op == MIX_SUM)
            x[i] += with[i];
        else if (isnan(with[i]) || (op == MIX_MAX ? with[i] > x[i] : with[i] < x[i]))
            x[i] = with[i];
}

/* Gather a block of n values of 8 bytes from everybody into scratch, in the order of members. */
static int gather_block(struct mix_group *g, const void *x, int n)
{
    size_t bytes = (size_t)n * 8;
    int rc = mix_flow_begin(g);

    if (rc)
        return rc;
    for (int k = 1; k < g->size && !rc; k++)
        rc = mix_flow_recv(g, below(g, k), g->scratch + below(g, k) * MIX_REDUCE_BLOCK, bytes);
    for (int k = 1; k < g->size && !rc; k++)
        rc = mix_flow_send(g, above(g, k), x, bytes);
    memcpy(g->scratch + g->rank * MIX_REDUCE_BLOCK, x, bytes);
    return finish(g, "reduction", rc);
}

static int block(int n, int first)
{
    return n - first < MIX_REDUCE_BLOCK ? n - first : MIX_REDUCE_BLOCK;
}

int mix_group_reduce_i64(struct mix_group *g, int64_t *x, int n, enum mix_reduce op)
{
    int rc = MIX_OK;

    for (int first = 0; g->size > 1 && first < n; first += MIX_REDUCE_BLOCK) {
        int m = block(n, first);

        TRY(gather_block(g, x + first, m));
        memcpy(x + first, g->scratch, (size_t)m * sizeof *x);
        for (int i = 1; i < g->size; i++)
            fold_i64(x + first, g->scratch + i * MIX_REDUCE_BLOCK, m, op);
    }
out:
    return rc;
}

int mix_group_reduce_f64(struct mix_group *g, double *x, int n, enum mix_reduce op)
{
    double with[MIX_REDUCE_BLOCK];
    int rc = MIX_OK;

    for (int first = 0; g->size > 1 && first < n; first += MIX_REDUCE_BLOCK) {
        int m = block(n, first);

        TRY(gather_block(g, x + first, m));
        memcpy(x + first, g->scratch, (size_t)m * sizeof *x);
        for (int i = 1; i < g->size; i++) {
            memcpy(with, g->scratch + i * MIX_REDUCE_BLOCK, (size_t)m * sizeof *x);
            fold_f64(x + first, with, m, op);
        }
    }
out:
    return rc;
}
