/* measure.h - how long messages take between the ranks of this job, through its own groups.
 *
 * Inside a domain and between domains are measured one after the other: all ranks of all
 * domains (then of all rails) send at once, as they do in a step, and an operation is as
 * late as its last rank.  So what ranks of one host, or nodes behind one switch, take from
 * each other is in the numbers.  Medians; the same bits on every rank.
 *
 * A class of links that does not exist here (one domain; domains of one rank) has the
 * points of the other, and says so.  A rank alone has no links at all: a message is then
 * two copies in memory. */
#ifndef MIX_COMM_MEASURE_H
#define MIX_COMM_MEASURE_H

#include "comm/comm.h"
#include "topo/machine.h"

struct mix_links {
    struct mix_link link[MIX_LINK_KINDS];
    bool measured[MIX_LINK_KINDS]; /* false: taken from the other class, or from memory */
    double seconds;                /* that it took */
};

/* domain_size: ranks of a domain, the same for all; else MIX_EFIT.  Takes about budget_s seconds,
 * less where links are fast; on slow ones it stops at smaller messages.  world: all ranks.
 * Collective on it. */
int mix_measure_links(struct mix_links *links, struct mix_comm *comm, struct mix_group *world,
                      int domain_size, double budget_s);

#endif
