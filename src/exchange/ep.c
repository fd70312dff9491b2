/* ep.c - the exchange of the common engines: a flat all-to-all of k copies.
 *
 * Every copy of a token goes straight to every rank that holds a slice of its expert,
 * and each of them sends its result straight back; the owner sums the slices in rank
 * order, then the weighted experts.  With whole experts results travel in the wire
 * type; slices travel in fp32, and their sum is rounded. */
#include "base/err.h"
#include "base/mem.h"
#include "exchange/copies.h"
#include "exchange/experts.h"
#include "exchange/hop.h"

#include <stdlib.h>

struct ep {
    struct mix_group *copy;
    struct mix_hop *hop;
    struct mix_experts *experts;
    struct mix_copies copies;
    int *low, *high; /* [size] slots of each member */
};

static void ep_close(struct mix_exchange *e)
{
    struct ep *p = e->state;

    if (!p)
        return;
    mix_copies_fini(&p->copies);
    mix_experts_close(p->experts);
    mix_hop_close(p->hop);
    mix_group_close(p->copy);
    free(p->low);
    free(p->high);
    free(p);
}

static int ep_open(struct mix_exchange *e)
{
    int rc = MIX_OK;
    struct ep *p = NULL;
    const struct mix_exchange_config *c = &e->config;
    int etp = c->plan->numeric.etp, locals = mix_homes_most_local(c->homes);
    struct mix_hop_config hop = {
        .dev = c->dev,
        .hidden = c->hidden,
        .type = c->type,
        .back_type = etp > 1 ? MIX_F32 : e->wire,
        .slices = etp,
        .max_slots = c->homes->experts * c->homes->most,
        .max_rows = c->max_owned * c->k,
        .max_come = e->size * c->max_owned * (locals < c->k ? locals : c->k),
    };

    TRY(mix_calloc(&p, 1, sizeof *p, "an exchange"));
    e->state = p;
    TRY(mix_exchange_group(&p->copy, e->config.comm, e->config.plan, MIX_MESH_COPY));
    hop.group = p->copy;
    TRY(mix_experts_open(&p->experts, e, hop.max_come));
    TRY(mix_copies_init(&p->copies, e));
    TRY(mix_calloc(&p->low, (size_t)e->size, sizeof *p->low, "routing"));
    TRY(mix_calloc(&p->high, (size_t)e->size, sizeof *p->high, "routing"));
    TRY(mix_hop_open(&p->hop, &hop)); /* last, as in relay.c */
out:
    return rc;
}

static int ep_start(struct mix_exchange *e, const struct mix_exchange_step *step)
{
    int rc = MIX_OK;
    struct ep *p = e->state;
    const int *slots = mix_exchange_slots(e);
    struct mix_hop_rows rows = {.low = p->low, .high = p->high};

    TRY(mix_copies_take(&p->copies, e, step));
    for (int m = 0; m < e->size; m++) {
        p->low[m] = slots[m / e->config.plan->numeric.etp];
        p->high[m] = slots[m / e->config.plan->numeric.etp + 1];
    }
    rows.slot = p->copies.slot;
    rows.at = p->copies.at;
    rows.rows = p->copies.n;
    rows.slots = slots[e->config.plan->ep];
    TRY(mix_hop_forth_begin(p->hop, e, &rows));
out:
    return rc;
}

static int ep_finish(struct mix_exchange *e, float *y)
{
    int rc = MIX_OK;
    struct ep *p = e->state;
    bool slices = e->config.plan->numeric.etp > 1;
    struct mix_experts_rows rows;

    TRY(mix_hop_forth_end(p->hop, e));
    rows = mix_hop_come(p->hop);
    TRY(mix_experts_run(p->experts, e, &rows, mix_hop_results(p->hop), slices ? MIX_F32 : e->wire));
    mix_experts_pace(p->experts, e);
    mix_exchange_enter(e, MIX_PHASE_COMBINE);
    TRY(mix_hop_back_begin(p->hop, e));
    TRY(mix_hop_back_end(p->hop, e, p->copies.result));
    TRY(mix_copies_combine(&p->copies, e, mix_hop_place(p->hop), slices, y));
out:
    return rc;
}

const struct mix_exchange_ops mix_exchange_ep = {
    .name = "ep",
    .open = ep_open,
    .close = ep_close,
    .start = ep_start,
    .finish = ep_finish,
};
