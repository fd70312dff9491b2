/* cost_relay.c - what mixserve and fused move in a layer, in which stages; see cost.h. */
#include "plan/cost.h"

#include <math.h>
#include <stdbool.h>

enum { ID = 4, WEIGHT = 4, COUNT = 4 };

/* A token has one row for each domain that has an expert of its (fused), or k (mixserve). */
struct relay {
    double domains, ranks; /* of a copy; of a domain of it */
    double rows, wanted;   /* of a rank's tokens: for one domain; for one rank of it */
    double numbers, head;  /* bytes of a row: its numbers, its ids and weights */
};

static struct relay relay_of(const struct mix_cost_model *m, double owned, double busy)
{
    double copy = (double)m->layout.etp * m->layout.ep, k = m->arch->top_k, e = m->arch->experts;
    bool fused = m->layout.exchange == MIX_EXCHANGE_FUSED;
    struct relay r = {.ranks = fmin(copy, m->domain), .head = fused ? k * (ID + WEIGHT) : ID};

    r.domains = copy / r.ranks;
    r.numbers = m->arch->hidden * m->dispatch_bytes;
    if (fused) { /* the busiest rank has more experts of a row, hardly more rows */
        r.rows = owned * mix_cost_chance(e, k, e / r.domains);
        r.wanted = owned * mix_cost_chance(e, k, e / m->layout.ep);
    } else {
        r.rows = busy * owned * k / r.domains;
        r.wanted = busy * owned * k / m->layout.ep;
    }
    return r;
}

double mix_cost_stage_bytes(const struct mix_cost_model *m, double owned)
{
    struct relay r = relay_of(m, owned, 1);

    return owned * (r.numbers + r.head);
}

struct mix_cost_stages mix_cost_stages(const struct mix_cost_model *m, double owned)
{
    double domains = relay_of(m, owned, 1).domains;
    int chunks = 0;

    if (mix_exchange_chunked(m->layout.exchange) && domains > 1)
        chunks =
            mix_plan_chunks(m->chunks, m->chunk_bytes, (int64_t)mix_cost_stage_bytes(m, owned));
    if (!chunks)
        return (struct mix_cost_stages){.own = 1};
    return (struct mix_cost_stages){
        .pieces = (int)(domains - 1) * chunks, .own = 1 / domains, .piece = 1 / (domains * chunks)};
}

double mix_cost_overlapped(const struct mix_cost_stages *s, double wire, double work)
{
    return s->pieces ? fmax(wire + work * s->piece, work + wire / 2 / s->pieces) : wire + work;
}

/* `rounds` times a message of an equal part of the bytes to each of some peers. */
static void rounds_of(const struct mix_cost_model *m, enum mix_exchange_phase phase,
                      enum mix_link_kind kind, double rounds, double peers, double bytes,
                      struct mix_cost_links *l)
{
    const struct mix_link *link = &m->machine->link[kind];
    double *to = kind == MIX_LINK_INSIDE ? &l->inside : &l->between, t;

    if (!(peers > 0))
        return;
    t = rounds * mix_link_seconds(link, peers, bytes / rounds);
    *to += t;
    l->seconds[phase][kind] += t;
    l->latency += rounds * mix_link_seconds(link, peers, 0);
    l->sent[phase][kind] += peers * bytes;
}

/* What the others of my domain have is read where it lies, a stage at a time. */
static void read_inside(const struct mix_cost_model *m, enum mix_exchange_phase phase,
                        const struct mix_cost_stages *s, double peers, double bytes,
                        struct mix_cost_links *l)
{
    rounds_of(m, phase, MIX_LINK_INSIDE, 1, peers, s->own * bytes, l);
    if (s->pieces)
        rounds_of(m, phase, MIX_LINK_INSIDE, s->pieces, peers, s->pieces * s->piece * bytes, l);
}

/* Over the rail a count to each domain, rows in chunks, their sums back in the same.  Inside a
 * domain of every row its head, numbers of those that a rank has experts for, and back its parts
 * of these. */
void mix_cost_relayed(const struct mix_cost_model *m, double owned, double busy,
                      struct mix_cost_links *l)
{
    struct mix_cost_stages s = mix_cost_stages(m, owned);
    struct relay r = relay_of(m, owned, busy);
    double peers = r.domains - 1, chunks = s.pieces ? s.pieces / peers : 1;
    double hidden = m->arch->hidden;

    if (chunks > 1) /* else a message's length says it */
        rounds_of(m, MIX_PHASE_COUNTS, MIX_LINK_BETWEEN, 1, peers, COUNT, l);
    rounds_of(m, MIX_PHASE_DISPATCH, MIX_LINK_BETWEEN, chunks, peers, r.rows * (r.numbers + r.head),
              l);
    rounds_of(m, MIX_PHASE_COMBINE, MIX_LINK_BETWEEN, chunks, peers,
              r.rows * hidden * m->wire_bytes, l);
    read_inside(m, MIX_PHASE_DISPATCH, &s, r.ranks - 1,
                r.domains * (r.wanted * r.numbers + r.rows * r.head), l);
    read_inside(m, MIX_PHASE_COMBINE, &s, r.ranks - 1,
                r.domains * r.wanted * hidden * m->partial_bytes, l);
}
