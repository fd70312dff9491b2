/* flow.c - bytes under way between the members of a group, and waiting for them. */
#include "comm/group_private.h"

#include "base/clock.h"
#include "comm/check_mpi.h"

#include <string.h>

/* Start the next piece of flow i: a receive below size, a send above. */
static int next_piece(struct mix_group *g, int i)
{
    struct mix_flow *f = &g->flow[i];
    size_t n = f->left < g->most ? f->left : g->most;
    int rc = MIX_OK;

    if (i < g->size)
        TRY_MPI(MPI_Irecv(f->at, (int)n, MPI_BYTE, i, g->tag, g->mpi, &g->request[i]));
    else
        TRY_MPI(MPI_Isend(f->at, (int)n, MPI_BYTE, i - g->size, g->tag, g->mpi, &g->request[i]));
    f->at = f->at ? f->at + n : NULL;
    f->left -= n;
    f->piece = (int)n;
    f->under_way = true;
out:
    return rc;
}

int mix_flow_begin(struct mix_group *g)
{
    if (g->broken)
        return MIX_FAIL(MIX_ECOMM, "%s: an operation of this group has failed before", g->name);
    if (g->pending)
        return MIX_FAIL(MIX_EBUG, "%s: an operation is under way", g->name);
    g->tag = (g->tag + 1) & MIX_TAGS;
    return MIX_OK;
}

static int begin_flow(struct mix_group *g, int i, void *at, size_t n)
{
    g->flow[i] = (struct mix_flow){.at = at, .left = n};
    g->pending++;
    return next_piece(g, i);
}

int mix_flow_recv(struct mix_group *g, int member, void *to, size_t n)
{
    return begin_flow(g, member, to, n);
}

void mix_flow_count(struct mix_group *g, int member, size_t bytes, size_t messages)
{
    if (g->inside[member]) {
        g->stats.bytes_inside += bytes;
        g->stats.messages_inside += messages;
    } else {
        g->stats.bytes_between += bytes;
        g->stats.messages_between += messages;
    }
}

int mix_flow_send(struct mix_group *g, int member, const void *from, size_t n)
{
    mix_flow_count(g, member, n, n ? (n - 1) / g->most + 1 : 1);
    return begin_flow(g, g->size + member, (void *)(uintptr_t)from, n);
}

/* A receive that is not cancelled would write into memory that its owner has freed by then. */
void mix_flow_abandon(struct mix_group *g)
{
    g->broken = true;
    for (int i = 0; i < 2 * g->size; i++) {
        if (g->request[i] == MPI_REQUEST_NULL)
            continue;
        if (i < g->size)
            MPI_Cancel(&g->request[i]);
        MPI_Request_free(&g->request[i]);
    }
    g->pending = 0;
}

/* The members that have not sent, else those that have not received. */
static void late(struct mix_group *g, const void *ctx)
{
    int found = 0;

    (void)ctx;
    for (int half = 0; half < 2 && !found; half++)
        for (int i = 0; i < g->size; i++)
            found += g->late[i] = g->flow[half * g->size + i].under_way;
}

/* Piece i has come to its end. */
static int piece_done(struct mix_group *g, const char *what, int i, MPI_Status *status)
{
    struct mix_flow *f = &g->flow[i];
    int rc = MIX_OK, got = 0;

    if (i < g->size) {
        TRY_MPI(MPI_Get_count(status, MPI_BYTE, &got));
        MIX_CHECK(got == f->piece, "%s of %s: rank %d sent %d bytes, expected %d", what, g->name,
                  g->world[i], got, f->piece);
    }
    f->under_way = false;
    if (f->left)
        return next_piece(g, i);
    g->pending--;
out:
    return rc;
}

int mix_flow_refused(const struct mix_group *g, const char *what, bool from, int member, int e)
{
    char text[MPI_MAX_ERROR_STRING] = "";
    int len = 0, rank = g->world[member];

    MPI_Error_string(e, text, &len);
    return MIX_FAIL(MIX_ECOMM, "%s of %s, %s rank %d (node %s): %s", what, g->name,
                    from ? "from" : "to", rank, mix_comm_host(g->comm, rank), text);
}

/* MPI_Testsome has found a fault in one of n pieces: which, and in MPI's own words. */
static int refused(const struct mix_group *g, const char *what, int n)
{
    for (int j = 0; j < n; j++) {
        int i = g->done[j], e = g->status[j].MPI_ERROR;

        if (e != MPI_SUCCESS && e != MPI_ERR_PENDING)
            return mix_flow_refused(g, what, i < g->size, i % g->size, e);
    }
    return MIX_FAIL(MIX_ECOMM, "%s of %s: MPI_Testsome failed", what, g->name);
}

int mix_flow_wait(struct mix_group *g, const char *what)
{
    double begin = mix_now(), since = begin;
    bool moved = false;
    int rc = MIX_OK;

    while (g->pending) {
        int n = 0, e = MPI_Testsome(2 * g->size, g->request, &n, g->done, g->status);

        if (e == MPI_ERR_IN_STATUS) {
            rc = refused(g, what, n);
            goto out;
        }
        TRY_MPI(e);
        if (n > 0) {
            for (int j = 0; j < n; j++)
                TRY(piece_done(g, what, g->done[j], &g->status[j]));
            moved = true;
            continue;
        }
        if (moved)
            since = mix_now();
        moved = false;
        TRY(mix_wait_turn(g, what, since, late, NULL));
    }
out:
    g->stats.wait_s += mix_now() - begin;
    if (rc)
        mix_flow_abandon(g);
    return rc;
}
