/* topo_private.h - what probe and gather share.  Not collective. */
#ifndef MIX_TOPO_TOPO_PRIVATE_H
#define MIX_TOPO_TOPO_PRIVATE_H

#include "topo/topo.h"

/* What a rank sees by itself: its line of the topology, still alone, and what it takes to share. */
struct mix_topo_seen {
    struct mix_topo_rank rank;
    uint64_t cpuset; /* hash: equal for equal sets of cpus */
    int32_t cores;   /* of the cpuset */
    int32_t quota;   /* cpus that the cgroup allows all ranks of the host; 0: no limit */
};

int mix_topo_look(struct mix_topo_seen *s);

/* From everybody's view to the topology; t->rank has room for n.  Pure. */
void mix_topo_arrange(struct mix_topo *t, const struct mix_topo_seen *seen, int n);

/* Do two hosts have different instruction sets?  Then *a and *b are ranks of them. */
bool mix_topo_mixed(const struct mix_topo *t, int *a, int *b);

/* The limits of the cgroup that the process under root ("" for the real one) is in, and of those
 * above it; version 1 or 2.  UINT64_MAX and 0 where there is none. */
uint64_t mix_cgroup_memory(const char *root);
int mix_cgroup_cpus(const char *root);

#endif
