/* gather.c - all ranks see the same topology, and it fits the launcher's and MPI's. */
#include "base/err.h"
#include "comm/comm.h"
#include "tap.h"
#include "tap_mpi.h"
#include "topo/topo.h"

#include <stdlib.h>
#include <string.h>

int main(void)
{
    struct mix_comm *c = NULL;
    struct mix_topo t = {0};
    struct mix_topo_rank *first = NULL;
    MPI_Comm shared;
    int me, n, local, locals;
    size_t bytes;

    if (mix_comm_open(&c, 60) != MIX_OK)
        return 1;
    me = mix_comm_rank(c);
    n = mix_comm_size(c);
    if (me)
        tap_mute();
    ok_all(mix_topo_gather(&t) == MIX_OK && t.ranks == n && t.hosts >= 1, "%d ranks", n);
    MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &shared);
    MPI_Comm_rank(shared, &local);
    MPI_Comm_size(shared, &locals);
    ok_all(t.rank[me].local_rank == local && t.rank[me].local_ranks == locals,
           "places on a host are those of MPI's shared memory");
    ok_all(strcmp(t.rank[me].host, mix_comm_host(c, me)) == 0, "hosts are those of comm");
    ok_all(t.rank[me].threads >= 1 && t.rank[me].threads * locals <= 2 * t.rank[me].host_cores + n,
           "threads are shared");
    bytes = (size_t)n * sizeof *t.rank;
    first = malloc(bytes);
    memcpy(first, t.rank, bytes);
    MPI_Bcast(first, (int)bytes, MPI_BYTE, 0, MPI_COMM_WORLD);
    ok_all(memcmp(first, t.rank, bytes) == 0, "every rank has the same");
    free(first);
    mix_topo_log(&t);
    mix_topo_fini(&t);
    mix_topo_fini(&t);
    ok_all(t.rank == NULL, "fini twice is allowed");
    mix_comm_close(c);
    MPI_Comm_free(&shared);
    MPI_Finalize();
    return tap_done();
}
