/* fit.c - see fit.h. */
#include "plan/fit.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum {
    /* A pool of pages that does not hold one row of this many tokens is too small, even if the
     * length is free. */
    LEAST_CONTEXT = 1024,
    MOST_RANKS = 64,  /* of a node, when looking for numbers of ranks that would fit */
    MOST_NODES = 512, /* likewise */
    MOST_SAID = 6,
};

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int64_t larger(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* a * m, or the largest number there is. */
static int64_t times(int64_t a, int m)
{
    int64_t product;

    return __builtin_mul_overflow(a, (int64_t)m, &product) ? INT64_MAX : product;
}

static int64_t pages_of(int64_t tokens, int page)
{
    return (tokens + page - 1) / page;
}

void mix_fit_count(const struct mix_plan_input *in, const struct mix_layout *l, int domain,
                   const struct mix_plan_numeric *types, int seqs, int tokens, int length,
                   struct mix_memory *m)
{
    enum mix_dtype dtype = (enum mix_dtype)types->dtype;
    const struct mix_plan_kernels *kernels = dtype == MIX_BF16 ? &in->bf16 : &in->f32;

    mix_memory_count(
        &(struct mix_memory_layout){
            .arch = in->arch,
            .tp = l->tp,
            .etp = l->etp,
            .ep = l->ep,
            .domain = domain,
            .exchange = l->exchange,
            .dtype = dtype,
            .kv_dtype = dtype,
            .wire = (enum mix_dtype)types->wire,
            .dispatch = (enum mix_dtype)types->dispatch,
            .packed = kernels->packed,
            .product_bytes = kernels->product_bytes,
            .page = in->page,
            .max_num_seqs = seqs,
            .max_batched_tokens = tokens,
            .max_model_len = length,
        },
        m);
}

enum mix_dtype mix_fit_wire(const struct mix_wanted *w, const struct mix_layout *l)
{
    if (w->in->keep)
        return (enum mix_dtype)w->in->keep->wire;
    return w->dtype == MIX_F32 || w->domain % (l->etp * l->ep) == 0 ? MIX_F32 : MIX_BF16;
}

bool mix_fit_own_memory(const struct mix_wanted *w)
{
    return w->in->machine && !w->in->machine->shared;
}

/* Bytes that the ranks of a host, m of them, may use together; of a rank if it has its own. */
static int64_t room_of(const struct mix_wanted *w, const struct mix_topo_rank *r, int m)
{
    const struct mix_machine *machine = w->in->machine;
    int64_t memory = r->memory > INT64_MAX ? INT64_MAX : (int64_t)r->memory;

    if (mix_fit_own_memory(w))
        return (int64_t)(machine->memory - machine->reserved);
    if (!machine)
        return memory;
    if ((double)memory > machine->memory) /* --machine may allow less than there is */
        memory = (int64_t)machine->memory;
    return memory - times((int64_t)machine->reserved, m);
}

void mix_fit_try(const struct mix_wanted *w, const struct mix_layout *l, int ranks,
                 struct mix_fit *f)
{
    const struct mix_topo *t = w->in->topo;
    int length = w->length ? w->length : w->in->arch->max_positions, page = w->in->page;
    int shortest = w->length || length < LEAST_CONTEXT ? length : LEAST_CONTEXT;
    int64_t pin = w->in->pins.kv_memory, budget = pin ? pin : INT64_MAX, pages, step;
    bool own = mix_fit_own_memory(w);
    struct mix_plan_numeric types = {.dtype = (int32_t)w->dtype,
                                     .wire = (int32_t)mix_fit_wire(w, l),
                                     .dispatch = (int32_t)w->dispatch};

    *f = (struct mix_fit){.missing = INT64_MIN};
    mix_fit_count(w->in, l, w->domain, &types, w->seqs, w->tokens, length, &f->memory);
    step = f->memory.activations + f->memory.exchange;
    f->shortest = shortest;
    f->row = pages_of(shortest, page) * f->memory.kv_page;
    f->need = f->memory.weights + (pin   ? pin + step
                                   : own ? f->row + step
                                         : f->row + larger(f->row, step));
    for (int i = 0; i < t->ranks; i++) {
        const struct mix_topo_rank *r = &t->rank[i];
        int m = own ? 1 : ranks ? ranks : r->local_ranks;
        int64_t room = r->local_rank ? 0 : room_of(w, r, m), left;

        if (r->local_rank)
            continue;
        left = room / m - f->memory.weights;
        if (!pin) /* of a host half of what the weights leave, less if a step needs the rest */
            budget = smaller(budget, own ? left - step : smaller(left / 2, left - step));
        if (times(f->need, m) - room > f->missing) {
            f->missing = times(f->need, m) - room;
            f->host_rank = i;
        }
        if (own)
            break; /* all alike */
    }
    if (pin && f->row > pin)
        f->missing = larger(f->missing, f->row - pin);
    pages = larger(0, budget) / f->memory.kv_page;
    pages = smaller(pages, (int64_t)w->seqs * pages_of(length, page));
    f->pages = (int)smaller(pages, INT_MAX / page);
    f->length = (int)smaller((int64_t)f->pages * page, length);
}

bool mix_fit_pinned(const struct mix_plan_pins *p, const struct mix_layout *l)
{
    return (!p->tp || p->tp == l->tp) && (!p->dp || p->dp == l->dp) &&
           (!p->etp || p->etp == l->etp) && (!p->ep || p->ep == l->ep) &&
           (!p->edp || p->edp == l->edp) &&
           (!p->exchange || !strcmp(p->exchange, "auto") ||
            !strcmp(p->exchange, mix_exchange_kind_name(l->exchange)));
}

/* ---- what would do */

/* The largest number up to `most` that divides n. */
static int divisor(int n, int most)
{
    int d = most < n ? most : n;

    while (n % d)
        d--;
    return d;
}

/* Does any layout of `world` ranks in domains of `domain`, `each` to a host, fit?  Of every tp and
 * etp only the most ep is looked at: no other needs less for weights. */
static bool any_fits(const struct mix_wanted *w, int world, int domain, int each)
{
    struct mix_layouts space = mix_wanted_space(w);
    const struct mix_plan_pins pins = w->in->pins;
    int experts = w->in->arch->experts > 0 ? w->in->arch->experts : 1;
    struct mix_wanted other = *w;

    space.world = world;
    space.domain = other.domain = domain;
    space.apart = each % domain;
    for (int tp = 1; tp <= domain; tp++)
        for (int etp = 1; etp <= domain && domain % tp == 0; etp++) {
            struct mix_layout l = {.tp = tp, .dp = world / tp, .etp = etp};
            char why[MIX_LAYOUT_WHY];

            if (domain % etp)
                continue;
            l.ep = pins.ep    ? pins.ep
                   : pins.edp ? (world / etp) / pins.edp
                              : divisor(world / etp, experts);
            if (!l.ep || world / etp % l.ep)
                continue;
            l.edp = world / etp / l.ep;
            for (int ep = l.ep;; ep = 1) { /* or none at all, whose exchange needs least */
                struct mix_fit f;

                l.ep = ep;
                l.edp = world / etp / ep;
                l.exchange = MIX_EXCHANGE_TP;
                for (; l.exchange < MIX_EXCHANGE_KINDS; l.exchange++) {
                    if (!mix_fit_pinned(&pins, &l) || mix_layout_cannot(&space, &l, why))
                        continue;
                    mix_fit_try(&other, &l, each, &f);
                    if (f.missing <= 0)
                        return true;
                }
                if (ep == 1)
                    break;
            }
        }
    return false;
}

static void say(char *text, size_t room, int *found, const char *before, int n)
{
    size_t at = strlen(text);

    snprintf(text + at, room - at, "%s%d", *found ? ", " : before, n);
}

/* Other numbers of ranks on the same hosts. */
static bool on_these_hosts(const struct mix_wanted *w, char *text, size_t room)
{
    char total[200] = "", each[200] = "";
    int found = 0;

    for (int m = 1; m <= MOST_RANKS && found < MOST_SAID; m++) {
        int domain = mix_wanted_domain(w->in, m * w->hosts, m);

        if (!domain || !any_fits(w, m * w->hosts, domain, m))
            continue;
        say(total, sizeof total, &found, "", m * w->hosts);
        say(each, sizeof each, &found, "", m);
        found++;
    }
    snprintf(text, room, "%s (%s on each node)", total, each);
    return found > 0;
}

/* More nodes like these. */
static bool on_more_nodes(const struct mix_wanted *w, char *text, size_t room)
{
    char total[200] = "", nodes[200] = "";
    int found = 0;

    for (int n = 1; n <= MOST_NODES && found < 3; n = n < 16 ? n + 1 : n * 2) {
        int domain = mix_wanted_domain(w->in, n * w->node, w->node);

        if (!domain || !any_fits(w, n * w->node, domain, w->node))
            continue;
        say(total, sizeof total, &found, "", n * w->node);
        say(nodes, sizeof nodes, &found, "", n);
        found++;
    }
    snprintf(text, room, "%s (%s nodes)", total, nodes);
    return found > 0;
}

bool mix_fit_would(const struct mix_wanted *w, char *text, size_t room)
{
    return (!mix_fit_own_memory(w) && on_these_hosts(w, text, room)) ||
           on_more_nodes(w, text, room);
}
