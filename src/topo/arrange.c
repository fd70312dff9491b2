/* arrange.c - hosts, places and threads, from what every rank has seen.  Pure. */
#include "topo/topo_private.h"

#include <string.h>

/* Ranks of the same host that have the same cpuset share its cores: the first ones get one more. */
static int share(int cores, int place, int sharers)
{
    return cores / sharers + (place < cores % sharers);
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
        if (r->host_index < 0)
            r->host_index = t->hosts++;
        r->threads = share(seen[i].cores, place, sharers);
        if (quota && share(quota, r->local_rank, r->local_ranks) < r->threads)
            r->threads = share(quota, r->local_rank, r->local_ranks);
        if (r->threads < 1)
            r->threads = 1;
    }
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
