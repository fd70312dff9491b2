/* cost_links.c - what moves between ranks in a layer, and how long it takes; see cost.h. */
#include "plan/cost.h"

#include <math.h>
#include <stdbool.h>

/* Ids and weights of `tp` travel as 4 bytes each, counts too. */
enum { ID = 4, WEIGHT = 4, COUNT = 4 };

/* One round: so many bytes to each of some peers on one kind of link. */
static void round_of(const struct mix_cost_model *m, enum mix_exchange_phase phase,
                     enum mix_link_kind kind, double peers, double bytes, struct mix_cost_links *l)
{
    const struct mix_link *link = &m->machine->link[kind];
    double *to = kind == MIX_LINK_INSIDE ? &l->inside : &l->between, t;

    if (!(peers > 0))
        return;
    t = mix_link_seconds(link, peers, bytes);
    *to += t;
    l->seconds[phase][kind] += t;
    l->latency += mix_link_seconds(link, peers, 0);
    l->sent[phase][kind] += peers * bytes;
}

/* As many bytes to every other rank of a copy: those of my domain, and all the others. */
static void to_all(const struct mix_cost_model *m, enum mix_exchange_phase phase, double bytes,
                   struct mix_cost_links *l)
{
    double copy = (double)m->layout.etp * m->layout.ep, near = fmin(copy, m->domain);

    round_of(m, phase, MIX_LINK_INSIDE, near - 1, bytes, l);
    round_of(m, phase, MIX_LINK_BETWEEN, copy - near, bytes, l);
}

/* Tokens of all, with ids and weights; partial sums home, in the wire type. */
static void by_tp(const struct mix_cost_model *m, double owned, struct mix_cost_links *l)
{
    double hidden = m->arch->hidden, k = m->arch->top_k;
    double out = owned * (hidden * m->type_bytes + k * (ID + WEIGHT));

    to_all(m, MIX_PHASE_DISPATCH, out, l);
    to_all(m, MIX_PHASE_COMBINE, owned * hidden * m->wire_bytes, l);
}

/* Counts; k copies, each to the etp ranks of its expert; results the same way back, in the wire
 * type if they are whole. */
static void by_ep(const struct mix_cost_model *m, double owned, double busy,
                  struct mix_cost_links *l)
{
    double ep = m->layout.ep, rows = busy * owned * m->arch->top_k / ep;
    double counts = m->arch->experts / ep * COUNT, hidden = m->arch->hidden;
    bool whole = m->layout.etp == 1 && m->layout.exchange == MIX_EXCHANGE_EP;
    double back = rows * hidden * (whole ? m->wire_bytes : m->partial_bytes);

    to_all(m, MIX_PHASE_COUNTS, counts, l);
    to_all(m, MIX_PHASE_DISPATCH, rows * hidden * m->type_bytes, l);
    to_all(m, MIX_PHASE_COMBINE, back, l);
}

/* Over the rail to each domain, and inside it to the etp ranks of the expert, each after its
 * counts; back, the rail peer sums the slices. */
static void by_hybrid(const struct mix_cost_model *m, double owned, double busy,
                      struct mix_cost_links *l)
{
    double domain = m->domain, copy = (double)m->layout.etp * m->layout.ep;
    double domains = copy / domain, k = m->arch->top_k, hidden = m->arch->hidden;
    double experts = m->arch->experts;
    double rail = busy * owned * k / domains;                /* rows to a domain */
    double near = busy * owned * k * m->layout.etp / domain; /* rows to a rank of mine */

    round_of(m, MIX_PHASE_COUNTS, MIX_LINK_BETWEEN, domains - 1, experts / domains * COUNT, l);
    round_of(m, MIX_PHASE_DISPATCH, MIX_LINK_BETWEEN, domains - 1, rail * hidden * m->type_bytes,
             l);
    round_of(m, MIX_PHASE_COUNTS, MIX_LINK_INSIDE, domain - 1, experts / m->layout.ep * COUNT, l);
    round_of(m, MIX_PHASE_DISPATCH, MIX_LINK_INSIDE, domain - 1, near * hidden * m->type_bytes, l);
    round_of(m, MIX_PHASE_COMBINE, MIX_LINK_INSIDE, domain - 1, near * hidden * m->partial_bytes,
             l);
    round_of(m, MIX_PHASE_COMBINE, MIX_LINK_BETWEEN, domains - 1, rail * hidden * m->wire_bytes, l);
}

void mix_cost_exchange(const struct mix_cost_model *m, double owned, double busy,
                       struct mix_cost_links *l)
{
    int64_t copy = (int64_t)m->layout.etp * m->layout.ep;

    *l = (struct mix_cost_links){0};
    if (copy == 1 || !m->arch->experts)
        return;
    if (m->layout.exchange == MIX_EXCHANGE_TP)
        by_tp(m, owned, l);
    else if (m->layout.exchange == MIX_EXCHANGE_EP ||
             (m->layout.exchange == MIX_EXCHANGE_HYBRID && copy <= m->domain))
        by_ep(m, owned, busy, l);
    else if (m->layout.exchange == MIX_EXCHANGE_HYBRID)
        by_hybrid(m, owned, busy, l);
    else
        mix_cost_relayed(m, owned, busy, l);
}

void mix_cost_tp(const struct mix_cost_model *m, double owned, double gathered, double returned,
                 struct mix_cost_links *l)
{
    *l = (struct mix_cost_links){0};
    round_of(m, MIX_PHASE_DISPATCH, MIX_LINK_INSIDE, gathered > 0 ? m->layout.tp - 1 : 0,
             owned * gathered, l);
    round_of(m, MIX_PHASE_COMBINE, MIX_LINK_INSIDE, returned > 0 ? m->layout.tp - 1 : 0,
             owned * returned, l);
}
