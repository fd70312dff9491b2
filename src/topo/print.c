/* print.c - the hosts of the job in a few lines. */
#include "topo/topo.h"

#include "base/err.h"
#include "base/log.h"

#include <stdio.h>
#include <string.h>

enum { HOSTS_SHOWN = 16 };

/* The ranks of a host that follow each other from i on end before this one. */
static int end_of_host(const struct mix_topo *t, int i)
{
    int j = i;

    while (j < t->ranks && t->rank[j].host_index == t->rank[i].host_index)
        j++;
    return j;
}

static int threads_of_host(const struct mix_topo *t, int host)
{
    int n = 0;

    for (int i = 0; i < t->ranks; i++)
        if (t->rank[i].host_index == host)
            n += t->rank[i].threads;
    return n;
}

static int host_line(const struct mix_topo *t, int i, struct mix_str *out)
{
    const struct mix_topo_rank *r = &t->rank[i];
    char ranks[32], memory[32];
    int end = end_of_host(t, i);

    if (end - i != r->local_ranks) /* dealt out like cards */
        snprintf(ranks, sizeof ranks, "%d, ...", i);
    else if (end - i > 1)
        snprintf(ranks, sizeof ranks, "%d-%d", i, end - 1);
    else
        snprintf(ranks, sizeof ranks, "%d", i);
    return mix_str_addf(out, "%-16s  ranks %-11s  threads %3d of %3d cores  memory %-10s  %s\n",
                        r->host, ranks, threads_of_host(t, r->host_index), r->host_cores,
                        mix_human_bytes((double)r->memory, memory), r->isa);
}

/* mpirun binds two ranks to a core each unless told otherwise; most of the machine then idles. */
static int unused_cores(const struct mix_topo *t, int i, struct mix_str *out)
{
    const struct mix_topo_rank *r = &t->rank[i];
    int used = threads_of_host(t, r->host_index);

    if (used * 2 > r->host_cores)
        return MIX_OK;
    return mix_str_addf(out,
                        "%s: the launcher leaves %d of %d cores unused; with mpirun, "
                        "--bind-to none or --map-by ppr:N:node:pe=CORES gives more\n",
                        r->host, r->host_cores - used, r->host_cores);
}

int mix_topo_table(const struct mix_topo *t, struct mix_str *out)
{
    int rc = MIX_OK, shown = 0;

    for (int i = 0; i < t->ranks && shown < HOSTS_SHOWN; i++)
        if (t->rank[i].local_rank == 0) {
            TRY(host_line(t, i, out));
            shown++;
        }
    if (t->hosts > shown)
        TRY(mix_str_addf(out, "and %d hosts more\n", t->hosts - shown));
    if (t->ranks)
        TRY(unused_cores(t, 0, out));
out:
    return rc;
}

void mix_topo_log(const struct mix_topo *t)
{
    struct mix_str text = {0};

    if (mix_topo_table(t, &text) == MIX_OK)
        for (char *at = text.s; at && *at;) {
            size_t n = strcspn(at, "\n");

            mix_info("%.*s", (int)n, at);
            at += n + (at[n] == '\n');
        }
    mix_str_fini(&text);
}
