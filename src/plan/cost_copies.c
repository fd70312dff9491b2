/* cost_copies.c - what the kernels of an exchange read and write beside experts; see cost.h. */
#include "plan/cost.h"

#include <math.h>

enum { SUM = 4 }; /* bytes of a number of a token's sum */

struct rows {             /* of a rank */
    double owned, copies; /* tokens of mine; k times as many */
    double together;      /* tokens of all */
    double computed;      /* by my experts */
    /* mixserve and fused: rows of my tokens, for all domains, and partial sums that the ranks of
     * these have of them */
    double sent, parts;
};

static struct rows rows_of(const struct mix_cost_model *m, double owned, double busy)
{
    double etp = m->layout.etp, ep = m->layout.ep, k = m->arch->top_k, e = m->arch->experts;
    double ranks = fmin(etp * ep, m->domain), domains = etp * ep / ranks;
    struct rows r = {.owned = owned,
                     .copies = owned * k,
                     .together = owned * etp * ep,
                     .computed = busy * owned * k * etp,
                     .sent = owned * k,
                     .parts = owned * k * etp};

    if (m->layout.exchange == MIX_EXCHANGE_FUSED) {
        r.sent = owned * domains * mix_cost_chance(e, k, e / domains);
        r.parts = owned * domains * ranks * mix_cost_chance(e, k, e / ep);
    }
    return r;
}

/* Bytes of each of hidden numbers: rows are packed for where they go; mixserve and fused unpack
 * narrow ones where they are needed. */
static double before(const struct mix_cost_model *m, const struct rows *r)
{
    double type = m->type_bytes, on_wire = m->dispatch_bytes;

    switch (m->layout.exchange) {
    case MIX_EXCHANGE_TP:
        return r->owned * 2 * type;
    case MIX_EXCHANGE_EP:
        return r->copies * 2 * type;
    case MIX_EXCHANGE_HYBRID: /* for both hops, also if one of them stays on this rank */
        return r->copies * 2 * 2 * type;
    default:
        return (r->sent + (on_wire < type ? r->parts : 0)) * (type + on_wire);
    }
}

/* The same of results: what is summed is read and written.  Those of ep and hybrid are first put
 * back in the order in which their rows came. */
static double after(const struct mix_cost_model *m, const struct rows *r)
{
    double part = m->partial_bytes, wire = m->wire_bytes;
    double rounded = wire < part ? 2 * (part + wire) : 0; /* to the wire type, and back */
    double shared = r->computed * part + r->parts * 2 * part + r->sent * 2 * wire;

    switch (m->layout.exchange) {
    case MIX_EXCHANGE_TP: /* experts of a token, then what all ranks have of it */
        return r->computed * part + r->together * (2 * part + rounded);
    case MIX_EXCHANGE_EP:
        if (m->layout.etp == 1) /* written in the wire type, widened, then summed */
            return r->computed * (part + wire) + r->copies * (wire + 2 * part);
        return r->computed * 3 * part + r->copies * (2 * part + rounded); /* slices, then experts */
    case MIX_EXCHANGE_HYBRID: /* slices, rounded for the rail, widened, then experts */
        return r->computed * 3 * part + r->copies * (4 * part + 2 * wire);
    case MIX_EXCHANGE_MIXSERVE: /* as fused, but widened, then experts */
        return shared + r->sent * 2 * part;
    default: /* experts of a row, parts of a domain, domains */
        return shared;
    }
}

void mix_cost_copied(const struct mix_cost_model *m, double owned, double busy,
                     double bytes[MIX_PHASES])
{
    double hidden = m->arch->hidden, type = m->type_bytes, on_wire = m->dispatch_bytes;
    struct rows r = rows_of(m, owned, busy);
    /* All sort rows by expert, and add to y. Tokens have the numbers of narrow rows however they
     * travel. */
    double forth = before(m, &r) + r.computed * 2 * type;
    double back = after(m, &r) + r.owned * 2 * SUM;

    if (on_wire < type)
        forth += r.owned * 2 * (type + on_wire);
    bytes[MIX_PHASE_COUNTS] = 0;
    bytes[MIX_PHASE_DISPATCH] = hidden * forth;
    bytes[MIX_PHASE_COMBINE] = hidden * back;
}

static double seconds(const struct mix_cost_model *m, double bytes)
{
    return bytes > 0 ? mix_work_seconds(m->machine, m->type, MIX_WORK_MEMORY, m->node, 1, 0, bytes)
                     : 0;
}

double mix_cost_copying(const struct mix_cost_model *m, const struct mix_cost_stages *s,
                        const double bytes[MIX_PHASES])
{
    double t = 0;

    for (int p = 0; p < MIX_PHASES; p++)
        t += seconds(m, s->own * bytes[p]) + s->pieces * seconds(m, s->piece * bytes[p]);
    return t;
}
