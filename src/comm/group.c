/* group.c - open and close a group, and who is in it.
 *
 * MPI_Comm_create_group waits inside MPI, where a late rank cannot be named.  So
 * the members first meet by messages of our own; then nobody is late. */
#include "comm/group_private.h"

#include "base/hash.h"
#include "base/mem.h"
#include "comm/check_mpi.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int check_members(const struct mix_comm *c, const char *name, const int *world, int n)
{
    bool me = false;

    if (n < 1)
        return MIX_FAIL(MIX_EBUG, "group %s of %d ranks", name, n);
    for (int i = 0; i < n; i++) {
        if (world[i] < 0 || world[i] >= c->size)
            return MIX_FAIL(MIX_EBUG, "group %s: no rank %d among %d", name, world[i], c->size);
        for (int j = 0; j < i; j++)
            if (world[j] == world[i])
                return MIX_FAIL(MIX_EBUG, "group %s: rank %d twice", name, world[i]);
        me |= world[i] == c->rank;
    }
    return me ? MIX_OK : MIX_FAIL(MIX_EBUG, "group %s: I am not in it", name);
}

static int make_room(struct mix_group *g)
{
    size_t n = (size_t)g->size;
    int rc;

    TRY(mix_calloc(&g->world, n, sizeof *g->world, "a group"));
    TRY(mix_calloc(&g->inside, n, sizeof *g->inside, "a group"));
    TRY(mix_calloc(&g->late, n, sizeof *g->late, "a group"));
    TRY(mix_calloc(&g->flow, 2 * n, sizeof *g->flow, "a group"));
    TRY(mix_calloc(&g->request, 2 * n, sizeof(MPI_Request), "a group"));
    TRY(mix_calloc(&g->done, 2 * n, sizeof *g->done, "a group"));
    TRY(mix_calloc(&g->status, 2 * n, sizeof *g->status, "a group"));
    TRY(mix_calloc(&g->scratch, n * MIX_REDUCE_BLOCK, sizeof *g->scratch, "a group"));
    for (size_t i = 0; i < 2 * n; i++)
        g->request[i] = MPI_REQUEST_NULL;
out:
    return rc;
}

/* All members are here.  Groups are told apart by a tag made of name and members; two with the same
 * tag meet in the order in which they are opened, which is the same on every rank of both. */
static int meet(struct mix_group *g)
{
    uint64_t h = mix_hash_add(mix_hash(g->name, strlen(g->name)), g->world,
                              (size_t)g->size * sizeof *g->world);
    int rc = MIX_OK;

    g->mpi = g->comm->mpi;
    g->tag = (int)(h & MIX_TAGS);
    for (int i = 0; i < 2 * g->size; i++) {
        int member = i % g->size, world = g->world[member];
        MPI_Request *r = &g->request[i];

        if (member == g->rank)
            continue;
        if (i < g->size)
            TRY_MPI(MPI_Irecv(NULL, 0, MPI_BYTE, world, g->tag, g->mpi, r));
        else
            TRY_MPI(MPI_Isend(NULL, 0, MPI_BYTE, world, g->tag, g->mpi, r));
        g->flow[i].under_way = true;
        g->pending++;
    }
    TRY(mix_flow_wait(g, "the opening"));
out:
    if (rc && g->pending)
        mix_flow_abandon(g);
    g->mpi = MPI_COMM_NULL;
    return rc;
}

static int connect_members(struct mix_group *g)
{
    MPI_Group all = MPI_GROUP_NULL, some = MPI_GROUP_NULL;
    int rc = MIX_OK;

    TRY_MPI(MPI_Comm_group(MPI_COMM_WORLD, &all));
    TRY_MPI(MPI_Group_incl(all, g->size, g->world, &some));
    TRY_MPI(MPI_Comm_create_group(MPI_COMM_WORLD, some, g->tag, &g->mpi));
    TRY_MPI(MPI_Comm_set_errhandler(g->mpi, MPI_ERRORS_RETURN));
out:
    if (some != MPI_GROUP_NULL)
        MPI_Group_free(&some);
    if (all != MPI_GROUP_NULL)
        MPI_Group_free(&all);
    return rc;
}

int mix_group_open(struct mix_group **out, struct mix_comm *c, const char *name, const int *world,
                   int n)
{
    struct mix_group *g = NULL;
    int rc;

    TRY(check_members(c, name, world, n));
    TRY(mix_calloc(&g, 1, sizeof *g, "a group"));
    g->comm = c;
    g->size = n;
    g->mpi = MPI_COMM_NULL;
    g->most = MIX_PIECE;
    snprintf(g->name, sizeof g->name, "%s", name);
    TRY(make_room(g));
    for (int i = 0; i < n; i++) {
        g->world[i] = world[i];
        g->inside[i] = c->domain ? world[i] / c->domain == c->rank / c->domain
                                 : mix_comm_host_shared(c, world[i]);
        if (world[i] == c->rank)
            g->rank = i;
    }
    if (n > 1) {
        TRY(meet(g));
        TRY(connect_members(g));
        g->tag = 0;
        g->stats = (struct mix_group_stats){0};
    }
    *out = g;
    g = NULL;
out:
    mix_group_close(g);
    return rc;
}

int mix_group_open_world(struct mix_group **out, struct mix_comm *c)
{
    int rc = MIX_OK, *all = NULL;

    TRY(mix_calloc(&all, (size_t)c->size, sizeof *all, "a group"));
    for (int i = 0; i < c->size; i++)
        all[i] = i;
    TRY(mix_group_open(out, c, "world", all, c->size));
out:
    free(all);
    return rc;
}

void mix_group_close(struct mix_group *g)
{
    int over = 0;

    if (!g)
        return;
    if (g->mpi != MPI_COMM_NULL && MPI_Finalized(&over) == MPI_SUCCESS && !over) {
        if (g->pending)
            mix_flow_abandon(g);
        /* Messages that nobody has received would turn up in the next communicator that Open MPI
         * gives the same number, so one that may hold some is never freed. */
        if (!g->broken)
            MPI_Comm_free(&g->mpi);
    }
    free(g->world);
    free(g->inside);
    free(g->late);
    free(g->flow);
    free(g->request);
    free(g->done);
    free(g->status);
    free(g->scratch);
    free(g);
}

const char *mix_group_name(const struct mix_group *g)
{
    return g->name;
}

int mix_group_rank(const struct mix_group *g)
{
    return g->rank;
}

int mix_group_size(const struct mix_group *g)
{
    return g->size;
}

int mix_group_world(const struct mix_group *g, int member)
{
    return g->world[member];
}

struct mix_group_stats mix_group_stats(const struct mix_group *g)
{
    return g->stats;
}
