/* count.c - see count.h.
 *
 * A copy of a token passes through stations: its owner, for hybrid the rail's rank in
 * the expert's domain, the ranks that hold the expert; what goes back is the same the
 * other way.  mixserve and fused send rows in pieces: those of the own domain are one, those of
 * another one are cut into chunks. */
#include "exchange/count.h"

#include "base/err.h"
#include "exchange/route.h"
#include "kernels/fp8.h"
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

/* ---- mixserve and fused: a row is a copy of a token, or a token for a domain */

struct relay {
    struct count *c;
    int width; /* experts of a row */
    int chunks;
    int64_t x, head, wire, partial; /* bytes of a row: numbers; ids and weights; back; inside */
};

/* Is a row of member a's tokens, if it is for one of those homes, for one of [first, end)? */
static bool goes(const struct relay *r, int a, int row, int first, int end)
{
    const struct count *c = r->c;
    const struct mix_count_step *s = c->step;

    for (int i = row * r->width; i < (row + 1) * r->width; i++) {
        int home = mix_homes_choose(c->homes, c->plan, s->layer, s->expert[a][i], c->first + a);

        if (home >= first && home < end)
            return true;
    }
    return false;
}

/* A message to `to` for every piece of a's rows for domain d of the copy: `each` bytes for every
 * row, and `wanted` for those that go to homes [first, end). */
static void add_pieces(const struct relay *r, enum mix_exchange_phase phase, int to, int a, int d,
                       int64_t each, int64_t wanted, int first, int end)
{
    const struct mix_count_step *s = r->c->step;
    int homes = r->c->node / r->c->etp, all = s->tokens[a] * s->k / r->width;
    int pieces = a / r->c->node == d || r->chunks == 0 ? 1 : r->chunks;
    int64_t rows = 0, seen = 0, bytes = 0;

    for (int i = 0; i < all; i++)
        rows += goes(r, a, i, d * homes, (d + 1) * homes);
    for (int i = 0, piece = 0; i < all; i++) {
        if (!goes(r, a, i, d * homes, (d + 1) * homes))
            continue;
        bytes += each + (goes(r, a, i, first, end) ? wanted : 0);
        seen++;
        while (piece < pieces && rows * (piece + 1) / pieces <= seen) {
            add(r->c, phase, to, bytes); /* nothing, if the piece is empty */
            bytes = 0;
            piece++;
        }
    }
}

/* Bytes that say how many of my rows go to homes [first, end): with one chunk only that it is none
 * of those there are. */
static int64_t said_apart(const struct relay *r, int first, int end)
{
    const struct mix_count_step *s = r->c->step;
    int rows = s->tokens[r->c->me] * s->k / r->width;
    bool any = false;

    for (int i = 0; i < rows && !any; i++)
        any = goes(r, r->c->me, i, first, end);
    return r->chunks > 1 ? 4 : rows && !any ? 1 : 0;
}

static void relay_between(const struct relay *r, int place, int mine)
{
    int node = r->c->node, homes = node / r->c->etp;

    for (int d = 0; d < r->c->size / node; d++) {
        int peer = d * node + place;

        if (d == mine)
            continue;
        add(r->c, MIX_PHASE_COUNTS, peer, said_apart(r, d * homes, (d + 1) * homes));
        add_pieces(r, MIX_PHASE_DISPATCH, peer, r->c->me, d, 0, r->x + r->head, d * homes,
                   (d + 1) * homes);
        add_pieces(r, MIX_PHASE_COMBINE, peer, peer, mine, 0, r->wire, mine * homes,
                   (mine + 1) * homes);
    }
}

/* What comes over my rail is shown to all others; what I make of theirs is read by them. */
static void relay_inside(const struct relay *r, int place, int mine)
{
    int node = r->c->node, etp = r->c->etp, home = r->c->me / etp;

    for (int q = 0; q < node; q++) {
        int other = mine * node + q;

        for (int d = 0; d < r->c->size / node && q != place; d++) {
            add_pieces(r, MIX_PHASE_DISPATCH, other, d * node + place, mine, r->head, r->x,
                       other / etp, other / etp + 1);
            add_pieces(r, MIX_PHASE_COMBINE, other, d * node + q, mine, 0, r->partial, home,
                       home + 1);
        }
    }
}

static void count_relay(struct count *c)
{
    const struct mix_count_step *s = c->step;
    const struct mix_plan_numeric *n = &c->plan->numeric;
    bool fused = c->plan->exchange == MIX_EXCHANGE_FUSED;
    struct relay r = {.c = c, .width = fused ? s->k : 1, .partial = s->hidden * 4};

    r.x = n->dispatch == MIX_F8E4M3 ? (int64_t)mix_fp8_row(s->hidden)
                                    : s->hidden * (int64_t)mix_dtype_size(s->type);
    r.head = fused ? s->k * 8 : 4;
    r.wire = s->hidden * (int64_t)mix_dtype_size((enum mix_dtype)n->wire);
    r.chunks = mix_route_chunks(c->plan, s->tokens, c->size, (size_t)(r.x + r.head));
    relay_between(&r, c->me % c->node, c->me / c->node);
    relay_inside(&r, c->me % c->node, c->me / c->node);
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

    if (plan->exchange != MIX_EXCHANGE_TP && plan->exchange != MIX_EXCHANGE_EP &&
        !mix_mesh_copies_fit(plan))
        return MIX_FAIL(MIX_EBUG, "copies of %d ranks in domains of %d", size, plan->domain_size);
    switch (plan->exchange) {
    case MIX_EXCHANGE_TP:
        count_tp(&c);
        break;
    case MIX_EXCHANGE_EP:
        count_ep(&c);
        break;
    case MIX_EXCHANGE_HYBRID:
        count_hybrid(&c);
        break;
    default:
        count_relay(&c);
    }
    return MIX_OK;
}
