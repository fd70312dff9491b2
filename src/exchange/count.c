/* count.c - see count.h.
 *
 * A copy of a token passes through stations: its owner, for hybrid the rail's rank in
 * the expert's domain, the ranks that hold the expert.  rows[a][b] counts the copies
 * that go from a to b in one stage; what goes back is the same the other way. */
#include "exchange/count.h"

#include "base/err.h"
#include "exchange/route.h"
#include "plan/mesh.h"

struct count {
    const struct mix_plan *plan;
    const struct mix_homes *homes;
    const struct mix_count_step *step;
    struct mix_exchange_traffic *traffic;
    int size, etp, node; /* members of the copy; slices; its members in a domain */
    int me, first;       /* my place in the copy, the copy's first world rank */
};

static void add(struct count *c, enum mix_exchange_phase phase, int to, int64_t bytes)
{
    int m = c->plan->domain_size;
    int side = (c->first + c->me) / m == (c->first + to) / m ? MIX_INSIDE : MIX_BETWEEN;

    if (to == c->me || bytes == 0)
        return;
    c->traffic->bytes[phase][side] += (uint64_t)bytes;
    c->traffic->messages[phase][side]++;
}

static int locals(const struct count *c, int member)
{
    return mix_homes_local(c->homes, c->step->layer, member / c->etp, NULL);
}

/* How many copies of member a's tokens are for home h. */
static int64_t copies(const struct count *c, int a, int h)
{
    const struct mix_count_step *s = c->step;
    int64_t n = 0;

    for (int i = 0; i < s->tokens[a] * s->k; i++)
        n += mix_homes_choose(c->homes, c->plan, s->layer, s->expert[a][i], c->first + a) == h;
    return n;
}

static void count_tp(struct count *c)
{
    const struct mix_count_step *s = c->step;
    int64_t out = s->hidden * (int64_t)mix_dtype_size(s->type) + s->k * 8;
    int64_t back = s->hidden * (int64_t)mix_dtype_size((enum mix_dtype)c->plan->numeric.wire);

    for (int m = 0; m < c->size; m++) {
        add(c, MIX_PHASE_DISPATCH, m, s->tokens[c->me] * out);
        add(c, MIX_PHASE_COMBINE, m, s->tokens[m] * back);
    }
}

static void count_ep(struct count *c)
{
    const struct mix_count_step *s = c->step;
    enum mix_dtype wire = c->etp > 1 ? MIX_F32 : (enum mix_dtype)c->plan->numeric.wire;
    int64_t out = s->hidden * (int64_t)mix_dtype_size(s->type);
    int64_t back = s->hidden * (int64_t)mix_dtype_size(wire);

    for (int m = 0; m < c->size; m++) {
        add(c, MIX_PHASE_COUNTS, m, locals(c, m) * 4);
        add(c, MIX_PHASE_DISPATCH, m, copies(c, c->me, m / c->etp) * out);
        add(c, MIX_PHASE_COMBINE, m, copies(c, m, c->me / c->etp) * back);
    }
}

/* Copies of a's tokens for all homes of domain d of the copy. */
static int64_t copies_of_domain(const struct count *c, int a, int d)
{
    int each = c->node / c->etp;
    int64_t n = 0;

    for (int h = d * each; h < (d + 1) * each; h++)
        n += copies(c, a, h);
    return n;
}

/* Copies that have come over the rail to the rank with place `rail` in domain d, for home h of it.
 */
static int64_t copies_over(const struct count *c, int rail, int h)
{
    int64_t n = 0;

    for (int a = rail; a < c->size; a += c->node)
        n += copies(c, a, h);
    return n;
}

static void count_hybrid(struct count *c)
{
    const struct mix_count_step *s = c->step;
    int place = c->me % c->node, domain = c->me / c->node;
    int64_t out = s->hidden * (int64_t)mix_dtype_size(s->type);
    int64_t wire = s->hidden * (int64_t)mix_dtype_size((enum mix_dtype)c->plan->numeric.wire);

    for (int d = 0; d < c->size / c->node; d++) { /* over the rail */
        int peer = d * c->node + place, slots = 0;

        for (int m = 0; m < c->node; m += c->etp)
            slots += locals(c, d * c->node + m);
        add(c, MIX_PHASE_COUNTS, peer, slots * 4);
        add(c, MIX_PHASE_DISPATCH, peer, copies_of_domain(c, c->me, d) * out);
        add(c, MIX_PHASE_COMBINE, peer, copies_of_domain(c, peer, domain) * wire);
    }
    for (int r = 0; r < c->node; r++) { /* inside */
        int m = domain * c->node + r;

        add(c, MIX_PHASE_COUNTS, m, locals(c, m) * 4);
        add(c, MIX_PHASE_DISPATCH, m, copies_over(c, place, m / c->etp) * out);
        add(c, MIX_PHASE_COMBINE, m, copies_over(c, r, c->me / c->etp) * s->hidden * 4);
    }
}

int mix_exchange_count(const struct mix_plan *plan, const struct mix_homes *homes,
                       const struct mix_count_step *step, int rank,
                       struct mix_exchange_traffic *traffic)
{
    int size = plan->numeric.etp * plan->ep;
    struct count c = {
        .plan = plan,
        .homes = homes,
        .step = step,
        .traffic = traffic,
        .size = size,
        .etp = plan->numeric.etp,
        .node = size < plan->domain_size ? size : plan->domain_size,
        .me = rank % size,
        .first = rank / size * size,
    };

    if (plan->exchange == MIX_EXCHANGE_HYBRID && !mix_mesh_copies_fit(plan))
        return MIX_FAIL(MIX_EBUG, "copies of %d ranks in domains of %d", size, plan->domain_size);
    switch (plan->exchange) {
    case MIX_EXCHANGE_TP:
        count_tp(&c);
        break;
    case MIX_EXCHANGE_EP:
        count_ep(&c);
        break;
    default:
        count_hybrid(&c);
    }
    return MIX_OK;
}
