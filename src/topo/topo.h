/* topo.h - what this rank sees of its machine, and what all ranks see together.
 *
 * Hosts are numbered in the order of their first rank.  The cpus of a rank are the
 * cores of its cpuset, shared fairly among the ranks of the host that have the same
 * one; a cgroup's cpu quota counts too.  Memory is the smaller of the cgroup's limit
 * and the host's.
 *
 * A plain array that a test, or a plan for machines that are not here, may fill
 * itself. */
#ifndef MIX_TOPO_TOPO_H
#define MIX_TOPO_TOPO_H

#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

struct mix_topo_rank {
    char host[64];
    int32_t host_index;  /* hosts in the order of their first rank */
    int32_t local_rank;  /* place among the ranks of its host */
    int32_t local_ranks; /* ranks of its host */
    int32_t threads;     /* cores of its cpuset over the ranks that share it, at least 1 */
    int32_t cores;       /* of its host, that the ranks of this host may use together */
    int32_t host_cores;  /* all of them, also those that none may use */
    uint64_t memory;     /* bytes of the host that a job may use */
    char isa[32];        /* widest instruction set that changes bits: "avx512_bf16", "avx2", ... */
};

struct mix_topo {
    int ranks, hosts;
    struct mix_topo_rank *rank; /* [ranks] */
};

/* Look at this machine alone: local_rank 0 of 1.  Not collective. */
int mix_topo_probe(struct mix_topo_rank *r);

/* Everybody's, everywhere.  Two hosts whose instruction sets differ are MIX_EFIT: they would
 * compute different bits.  Collective on MPI_COMM_WORLD: after mix_comm_open. */
int mix_topo_gather(struct mix_topo *t);
void mix_topo_fini(struct mix_topo *t);

/* A short table, one line a host, and a line about cores that the launcher leaves unused.  Not
 * collective. */
int mix_topo_table(const struct mix_topo *t, struct mix_str *out);
void mix_topo_log(const struct mix_topo *t); /* the same as info lines */

#endif
