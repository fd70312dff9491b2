/* arrange.c - hosts, places and threads, from what every rank has seen.  Pure. */
#include "topo/topo_private.h"

#include <string.h>

/* Ranks of the same host that have the same cpuset share its cores: the first ones get one more. */
static int share(int cores, int place, int sharers)
{
    return cores / sharers + (place < cores % sharers);
}

/* What the ranks of each host may use together; each has the cores that it is the first to have. */
static void add_cores(struct mix_topo *t, const struct mix_topo_seen *seen)
{
    for (int first = 0; first < t->ranks; first++) {
        int host = t->rank[first].host_index, cores = 0;

        if (t->rank[first].local_rank)
            continue;
        for (int i = first; i < t->ranks; i++)
            cores += t->rank[i].host_index == host ? t->rank[i].cores : 0;
        for (int i = first; i < t->ranks; i++) {
            struct mix_topo_rank *r = &t->rank[i];
            int quota = seen[i].quota;

            if (r->host_index != host)
                continue;
            r->cores = cores < r->host_cores ? cores : r->host_cores;
            r->cores = quota && quota < r->cores ? quota : r->cores;
            r->cores = r->cores > 1 ? r->cores : 1;
        }
    }
}

void mix_topo_arrange(struct mix_topo *t, const struct mix_topo_seen *seen, int n)
{
    t->ranks = n;
    t->hosts = 0;
    for (int i = 0; i < n; i++) {
        struct mix_topo_rank *r = &t->rank[i];
        int place = 0, sharers = 0, quota = seen[i].quota;

        *r = seen[i].rank;
        r->host_index = -1;
        r->local_rank = r->local_ranks = 0;
        for (int j = 0; j < n; j++) {
            if (strcmp(seen[j].rank.host, r->host))
                continue;
            if (j < i) {
                r->host_index = t->rank[j].host_index;
                r->local_rank++;
            }
            r->local_ranks++;
            if (seen[j].cpuset == seen[i].cpuset) {
                place += j < i;
                sharers++;
            }
        }
        r->cores = place ? 0 : seen[i].cores;
        if (r->host_index < 0)
            r->host_index = t->hosts++;
        r->threads = share(seen[i].cores, place, sharers);
        if (quota && share(quota, r->local_rank, r->local_ranks) < r->threads)
            r->threads = share(quota, r->local_rank, r->local_ranks);
        if (r->threads < 1)
            r->threads = 1;
    }
    add_cores(t, seen);
}

bool mix_topo_mixed(const struct mix_topo *t, int *a, int *b)
{
    for (int i = 1; i < t->ranks; i++)
        if (strcmp(t->rank[i].isa, t->rank[0].isa)) {
            *a = 0;
            *b = i;
            return true;
        }
    return false;
}
