/* gauge.c - the whole machine: what there is, links, rates, steps. */
#include "model/gauge.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "comm/measure.h"
#include "model/rehearse.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

/* The numbers of the node that has least of them. */
static void describe(struct mix_machine *m, const struct mix_gauge_config *c, double reserved)
{
    const struct mix_topo_rank *r = c->topo->rank;

    *m = (struct mix_machine){.shared = true, .domain = c->domain_size, .reserved = reserved};
    m->memory = (double)r[0].memory;
    for (int i = 0; i < c->topo->ranks; i++) {
        m->memory = fmin(m->memory, (double)r[i].memory);
        m->ranks = r[i].local_ranks > m->ranks ? r[i].local_ranks : m->ranks;
    }
    snprintf(m->name, sizeof m->name, "%.30s, %d rank%s a node, %d threads", r[0].host,
             (int)m->ranks, m->ranks == 1 ? "" : "s", mix_dev_threads(c->dev));
    snprintf(m->device, sizeof m->device, "%s", mix_dev_name(c->dev));
}

static int rehearse(struct mix_gauge *g, const struct mix_gauge_config *c)
{
    int rc = MIX_OK;
    double at = mix_now();
    struct mix_trial_config trial = {.comm = c->comm,
                                     .world = c->world,
                                     .dev = c->dev,
                                     .topo = c->topo,
                                     .arch = c->arch,
                                     .machine = &g->machine,
                                     .domain_size = c->domain_size};

    if (c->arch)
        TRY(mix_rehearse(g->machine.whole, &trial, c->steps_s > 0 ? c->steps_s : 1.5));
    g->steps_s = mix_now() - at;
    TRY(mix_group_reduce_f64(c->world, &g->steps_s, 1, MIX_MAX));
out:
    return rc;
}

int mix_gauge_machine(struct mix_gauge *gauge, const struct mix_gauge_config *c)
{
    int rc = MIX_OK;
    struct mix_gauge g = {0};
    struct mix_links links;
    double at, reserved = (double)mix_rss(); /* the program, MPI and HDF5, before the model */

    TRY(mix_group_reduce_f64(c->world, &reserved, 1, MIX_MAX));
    describe(&g.machine, c, reserved);
    TRY(mix_group_bcast(c->world, &g.machine, sizeof g.machine, 0));
    TRY(mix_measure_links(&links, c->comm, c->world, c->domain_size,
                          c->links_s > 0 ? c->links_s : 1));
    memcpy(g.machine.link, links.link, sizeof links.link);
    memcpy(g.measured, links.measured, sizeof links.measured);
    g.links_s = links.seconds;
    at = mix_now();
    TRY(mix_gauge_rates(g.machine.rate, c));
    g.rates_s = mix_now() - at;
    TRY(mix_group_reduce_f64(c->world, &g.rates_s, 1, MIX_MAX));
    TRY(rehearse(&g, c));
    *gauge = g;
out:
    return rc;
}
