/* gather.c - everybody's view to everybody.  Rank 0 says what does not fit together. */
#include "topo/topo_private.h"

#include "base/err.h"
#include "base/mem.h"

#include <mpi.h>
#include <stdlib.h>

static int collect(struct mix_topo_seen *all, const struct mix_topo_seen *mine)
{
    int e =
        MPI_Allgather(mine, sizeof *mine, MPI_BYTE, all, sizeof *mine, MPI_BYTE, MPI_COMM_WORLD);
    char text[MPI_MAX_ERROR_STRING] = "";
    int len = 0;

    if (e == MPI_SUCCESS)
        return MIX_OK;
    MPI_Error_string(e, text, &len);
    return MIX_FAIL(MIX_ECOMM, "gathering the hosts: %s", text);
}

static int one_isa(const struct mix_topo *t, int rank)
{
    int a, b;

    if (!mix_topo_mixed(t, &a, &b))
        return MIX_OK;
    if (rank != 0)
        return MIX_EFIT;
    return MIX_FAIL(MIX_EFIT,
                    "node %s computes with %s, node %s with %s: their results differ in the last "
                    "bits; ask for nodes of one kind",
                    t->rank[a].host, t->rank[a].isa, t->rank[b].host, t->rank[b].isa);
}

int mix_topo_gather(struct mix_topo *t)
{
    struct mix_topo_seen mine = {0}, *all = NULL;
    struct mix_topo got = {0};
    int rank = 0, ranks = 1, rc, looked;

    looked = mix_topo_look(&mine); /* whoever fails leaves after the others have its view */
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &ranks);
    TRY(mix_calloc(&all, (size_t)ranks, sizeof *all, "the hosts"));
    TRY(mix_calloc(&got.rank, (size_t)ranks, sizeof *got.rank, "the hosts"));
    TRY(collect(all, &mine));
    TRY(looked);
    mix_topo_arrange(&got, all, ranks);
    TRY(one_isa(&got, rank));
    *t = got;
    got = (struct mix_topo){0};
out:
    mix_topo_fini(&got);
    free(all);
    return rc;
}

void mix_topo_fini(struct mix_topo *t)
{
    free(t->rank);
    *t = (struct mix_topo){0};
}
