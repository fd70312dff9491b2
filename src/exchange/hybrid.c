/* hybrid.c - the exchange in two stages, one after the other: DeepSpeed's order.
 *
 * A copy of a token goes over the rail to the rank with the owner's place in the
 * domain of its expert, and from there to the ranks of that domain that hold a slice
 * of it.  Back, those ranks' results go to the rail's rank, which sums them in rank
 * order, and from there over the rail to the owner, in the wire type.  So what
 * travels between domains stays on its rail. */
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "exchange/copies.h"
#include "exchange/experts.h"
#include "exchange/hop.h"

#include <stdlib.h>

struct hybrid {
    struct mix_group *rail, *node; /* of the copy */
    struct mix_hop *over, *in;     /* over the rail; inside the domain */
    struct mix_experts *experts;
    struct mix_copies copies;
    float *summed;         /* [what comes over the rail][hidden] device */
    int32_t *place;        /* [..] device */
    int *low, *high;       /* [rail] slots of each domain */
    int *low_in, *high_in; /* [node] slots of each member, from my domain's first */
};

static void hybrid_close(struct mix_exchange *e)
{
    struct hybrid *h = e->state;

    if (!h)
        return;
    mix_dev_release(e->config.dev, h->summed);
    mix_dev_release(e->config.dev, h->place);
    mix_copies_fini(&h->copies);
    mix_experts_close(h->experts);
    mix_hop_close(h->in);
    mix_hop_close(h->over);
    mix_group_close(h->node);
    mix_group_close(h->rail);
    free(h->low);
    free(h->high);
    free(h->low_in);
    free(h->high_in);
    free(h);
}

static int open_hops(struct hybrid *h, const struct mix_exchange *e)
{
    int rc = MIX_OK;
    const struct mix_exchange_config *c = &e->config;
    int domains = mix_group_size(h->rail), locals = mix_homes_most_local(c->homes);
    struct mix_hop_config over = {
        .dev = c->dev,
        .group = h->rail,
        .hidden = c->hidden,
        .type = c->type,
        .back_type = e->wire,
        .slices = 1,
        .max_slots = c->homes->experts * c->homes->most,
        .max_rows = c->max_owned * c->k,
        .max_come = domains * c->max_owned * c->k,
    };
    struct mix_hop_config in = over;
    size_t come = (size_t)over.max_come;

    in.group = h->node;
    in.back_type = MIX_F32;
    in.slices = c->plan->numeric.etp;
    in.max_rows = over.max_come;
    in.max_come = e->size * c->max_owned * (locals < c->k ? locals : c->k);
    TRY(mix_experts_open(&h->experts, e, in.max_come));
    TRY(mix_dev_alloc(c->dev, &h->summed, come * (size_t)c->hidden * sizeof *h->summed,
                      "results of experts"));
    TRY(mix_dev_alloc(c->dev, &h->place, come * sizeof *h->place, "routing"));
    TRY(mix_hop_open(&h->over, &over));
    TRY(mix_hop_open(&h->in, &in)); /* last, as in relay.c */
out:
    return rc;
}

static int hybrid_open(struct mix_exchange *e)
{
    int rc = MIX_OK;
    struct hybrid *h = NULL;
    const struct mix_plan *plan = e->config.plan;
    size_t rail, node;

    if (!mix_mesh_copies_fit(plan)) {
        rc = MIX_FAIL(MIX_EFIT,
                      "exchange hybrid: copies of %d ranks neither consist of whole domains of %d "
                      "nor lie inside one; ep and tp do not need that",
                      e->size, plan->domain_size);
        goto out;
    }
    TRY(mix_calloc(&h, 1, sizeof *h, "an exchange"));
    e->state = h;
    TRY(mix_exchange_group(&h->rail, e->config.comm, e->config.plan, MIX_MESH_COPY_RAIL));
    TRY(mix_exchange_group(&h->node, e->config.comm, e->config.plan, MIX_MESH_COPY_NODE));
    rail = (size_t)mix_group_size(h->rail);
    node = (size_t)mix_group_size(h->node);
    TRY(open_hops(h, e));
    TRY(mix_copies_init(&h->copies, e));
    TRY(mix_calloc(&h->low, rail, sizeof *h->low, "routing"));
    TRY(mix_calloc(&h->high, rail, sizeof *h->high, "routing"));
    TRY(mix_calloc(&h->low_in, node, sizeof *h->low_in, "routing"));
    TRY(mix_calloc(&h->high_in, node, sizeof *h->high_in, "routing"));
out:
    return rc;
}

/* Which slots are whose: homes [d each, (d + 1) each) are domain d's. */
static void place_slots(struct hybrid *h, const struct mix_exchange *e)
{
    const int *slots = mix_exchange_slots(e);
    int domains = mix_group_size(h->rail), each = e->config.plan->ep / domains;
    int mine = mix_group_rank(h->rail) * each;

    for (int d = 0; d < domains; d++) {
        h->low[d] = slots[d * each];
        h->high[d] = slots[(d + 1) * each];
    }
    for (int m = 0; m < mix_group_size(h->node); m++) {
        int home = mine + m / e->config.plan->numeric.etp;

        h->low_in[m] = slots[home] - slots[mine];
        h->high_in[m] = slots[home + 1] - slots[mine];
    }
}

static int hybrid_start(struct mix_exchange *e, const struct mix_exchange_step *step)
{
    int rc = MIX_OK;
    struct hybrid *h = e->state;
    struct mix_hop_rows rows = {.low = h->low, .high = h->high};

    TRY(mix_copies_take(&h->copies, e, step));
    place_slots(h, e);
    rows.slot = h->copies.slot;
    rows.at = h->copies.at;
    rows.rows = h->copies.n;
    rows.slots = mix_exchange_slots(e)[e->config.plan->ep];
    TRY(mix_hop_forth_begin(h->over, e, &rows));
out:
    return rc;
}

/* What has come over the rail, through the domain's experts: results summed over slices. */
static int inside(struct hybrid *h, struct mix_exchange *e)
{
    int rc = MIX_OK, d = mix_group_rank(h->rail);
    double start = mix_now(), before = e->times.experts_s + e->times.wait_s;
    struct mix_experts_rows come = mix_hop_come(h->over);
    struct mix_hop_rows rows = {
        .slot = come.expert,
        .at = come.at,
        .rows = come.rows,
        .low = h->low_in,
        .high = h->high_in,
        .slots = h->high[d] - h->low[d],
    };

    TRY(mix_hop_forth_begin(h->in, e, &rows));
    TRY(mix_hop_forth_end(h->in, e));
    come = mix_hop_come(h->in);
    TRY(mix_experts_run(h->experts, e, &come, mix_hop_results(h->in), MIX_F32));
    mix_experts_pace(h->experts, e);
    mix_exchange_enter(e, MIX_PHASE_COMBINE);
    TRY(mix_hop_back_begin(h->in, e));
    TRY(mix_hop_back_end(h->in, e, h->summed));
    e->times.inside_s += mix_now() - start - (e->times.experts_s + e->times.wait_s - before);
out:
    return rc;
}

static int hybrid_finish(struct mix_exchange *e, float *y)
{
    int rc = MIX_OK, come;
    struct hybrid *h = e->state;
    struct mix_pack pack = {
        .y = mix_hop_results(h->over),
        .x = h->summed,
        .from = h->place,
        .y_type = e->wire,
        .x_type = MIX_F32,
        .dim = e->config.hidden,
    };

    TRY(mix_hop_forth_end(h->over, e));
    TRY(inside(h, e));
    come = mix_hop_come(h->over).rows;
    TRY(mix_dev_upload(e->config.dev, h->place, mix_hop_place(h->in),
                       (size_t)come * sizeof *h->place));
    pack.rows = come;
    TRY(e->kern->pack(e->config.dev, &pack));
    TRY(mix_hop_back_begin(h->over, e));
    TRY(mix_hop_back_end(h->over, e, h->copies.result));
    TRY(mix_copies_combine(&h->copies, e, mix_hop_place(h->over), false, y));
out:
    return rc;
}

const struct mix_exchange_ops mix_exchange_hybrid = {
    .name = "hybrid",
    .open = hybrid_open,
    .close = hybrid_close,
    .start = hybrid_start,
    .finish = hybrid_finish,
};
