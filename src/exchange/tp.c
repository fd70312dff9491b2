/* tp.c - the exchange in which tokens travel to everybody.
 *
 * The tokens of the copy are all-gathered with their ids and weights; every rank
 * computes what it holds for all of them, and combines it over the experts of a
 * token; these partial sums go to the owners, who add the slices in rank order and
 * the homes by the tree.
 *
 * With a copy of one rank nothing is sent. */
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "comm/carrier.h"
#include "exchange/exchange_private.h"
#include "exchange/experts.h"
#include "exchange/route.h"

#include <stdlib.h>
#include <string.h>

struct tp {
    struct mix_group *copy;
    struct mix_carrier *there, *home;
    struct mix_experts *experts;
    size_t row, head; /* bytes of a token's x; of its ids and weights, which come first */

    /* the step's tokens, of all owners in order: N; host */
    int *first;                      /* [size + 1] */
    const void **block;              /* [size] */
    int32_t *ids;                    /* [N][k] */
    int32_t *local;                  /* [rows] the expert of each row that I compute */
    int32_t *result_row;             /* [N][k] which row of mine, then which result, or -1 */
    const void **at;                 /* [rows] */
    size_t *from, *bytes, *expected; /* [size] of the last movement */
    double begun;                    /* when it began */

    /* device */
    int32_t *expert, *row_d; /* [N][k] */
    float *weight;           /* [N][k] */
    float *result;           /* [rows][hidden] of several chunks */
    float *partial;          /* [N][hidden]; if it is rounded */
    float *room;             /* [size][owned][hidden] likewise */
    const float **part;      /* [size] */
};

static void tp_close(struct mix_exchange *e)
{
    struct tp *t = e->state;
    struct mix_dev *dev = e->config.dev;

    if (!t)
        return;
    mix_carrier_close(t->there);
    mix_carrier_close(t->home);
    mix_experts_close(t->experts);
    mix_group_close(t->copy);
    free(t->first);
    free(t->block);
    free(t->ids);
    free(t->local);
    free(t->result_row);
    free(t->at);
    free(t->from);
    free(t->bytes);
    free(t->expected);
    free(t->part);
    mix_dev_release(dev, t->expert);
    mix_dev_release(dev, t->row_d);
    mix_dev_release(dev, t->weight);
    mix_dev_release(dev, t->result);
    mix_dev_release(dev, t->partial);
    mix_dev_release(dev, t->room);
    free(t);
}

static int open_host(struct tp *t, size_t size, size_t copies, size_t rows)
{
    int rc = MIX_OK;

    TRY(mix_calloc(&t->first, size + 1, sizeof *t->first, "routing"));
    TRY(mix_calloc(&t->block, size, sizeof *t->block, "routing"));
    TRY(mix_calloc(&t->ids, copies, sizeof *t->ids, "routing"));
    TRY(mix_calloc(&t->local, rows, sizeof *t->local, "routing"));
    TRY(mix_calloc(&t->result_row, copies, sizeof *t->result_row, "routing"));
    TRY(mix_calloc(&t->at, rows, sizeof *t->at, "routing"));
    TRY(mix_calloc(&t->from, size, sizeof *t->from, "routing"));
    TRY(mix_calloc(&t->bytes, size, sizeof *t->bytes, "routing"));
    TRY(mix_calloc(&t->expected, size, sizeof *t->expected, "routing"));
    TRY(mix_calloc(&t->part, size, sizeof *t->part, "routing"));
out:
    return rc;
}

static int open_device(struct tp *t, const struct mix_exchange *e, size_t copies, size_t rows)
{
    int rc = MIX_OK;
    struct mix_dev *dev = e->config.dev;
    size_t hidden = (size_t)e->config.hidden * sizeof(float);
    size_t tokens = (size_t)e->size * (size_t)e->config.max_owned;

    TRY(mix_dev_alloc(dev, &t->expert, copies * sizeof *t->expert, "routing"));
    TRY(mix_dev_alloc(dev, &t->row_d, copies * sizeof *t->row_d, "routing"));
    TRY(mix_dev_alloc(dev, &t->weight, copies * sizeof *t->weight, "routing"));
    TRY(mix_dev_alloc(dev, &t->result, rows * hidden, "results of experts"));
    if (e->wire == MIX_F32)
        goto out;
    TRY(mix_dev_alloc(dev, &t->partial, tokens * hidden, "partial sums"));
    TRY(mix_dev_alloc(dev, &t->room, tokens * hidden, "partial sums"));
out:
    return rc;
}

static int tp_open(struct mix_exchange *e)
{
    int rc = MIX_OK;
    struct tp *t = NULL;
    const struct mix_exchange_config *c = &e->config;
    int locals = mix_homes_most_local(c->homes), tokens = e->size * c->max_owned;
    size_t owned = (size_t)c->max_owned, all = (size_t)tokens;
    size_t rows = all * (size_t)(locals < c->k ? locals : c->k);
    size_t back = (size_t)c->hidden * mix_dtype_size(e->wire);

    TRY(mix_calloc(&t, 1, sizeof *t, "an exchange"));
    e->state = t;
    t->row = (size_t)c->hidden * mix_dtype_size(c->type);
    t->head = (size_t)c->k * (sizeof(int32_t) + sizeof(float));
    TRY(mix_exchange_group(&t->copy, e->config.comm, e->config.plan, MIX_MESH_COPY));
    TRY(open_host(t, (size_t)e->size, all * (size_t)c->k, rows));
    TRY(open_device(t, e, all * (size_t)c->k, rows));
    TRY(mix_experts_open(&t->experts, e, (int)rows));
    TRY(mix_carrier_open(&t->there, t->copy, owned * (t->row + t->head), all * (t->row + t->head)));
    TRY(mix_carrier_open(&t->home, t->copy, all * back, all * back));
out:
    return rc;
}

/* ---- there */

static int tp_start(struct mix_exchange *e, const struct mix_exchange_step *step)
{
    int rc = MIX_OK, mine = step->tokens[e->me], k = e->config.k;
    struct tp *t = e->state;
    size_t copies = (size_t)mine * (size_t)k;
    char *out = mix_carrier_out(t->there);
    struct mix_group_stats before = mix_group_stats(t->copy);
    struct mix_pack pack = {
        .y = out + (size_t)mine * t->head,
        .x = step->x,
        .x_type = e->config.type,
        .y_type = e->config.type,
        .rows = mine,
        .dim = e->config.hidden,
    };

    for (int m = 0; m < e->size; m++) {
        t->first[m + 1] = t->first[m] + step->tokens[m];
        t->from[m] = 0;
        t->bytes[m] = (size_t)mine * (t->head + t->row);
        t->expected[m] = (size_t)step->tokens[m] * (t->head + t->row);
    }
    TRY(mix_dev_download(e->config.dev, out, step->expert, copies * sizeof(int32_t)));
    TRY(mix_dev_download(e->config.dev, out + copies * sizeof(int32_t), step->weight,
                         copies * sizeof(float)));
    TRY(e->kern->pack(e->config.dev, &pack));
    t->begun = mix_now();
    TRY(mix_carrier_begin(t->there, t->from, t->bytes, t->expected));
    mix_exchange_charge(e, MIX_PHASE_DISPATCH, t->copy, before);
out:
    return rc;
}

/* The number among my local experts of one at home with me, for tokens of a member; or -1. */
static int local_of(const struct mix_exchange *e, const int32_t *local, int expert, int member)
{
    int owner = mix_comm_rank(e->config.comm) - e->me + member;

    if (local[expert] < 0 || e->config.homes->most == 1)
        return local[expert];
    return mix_homes_choose(e->config.homes, e->config.plan, e->step.layer, expert, owner) ==
                   e->place.ep_i
               ? local[expert]
               : -1;
}

/* Everybody's ids and weights, and which rows I compute; returns how many in *rows. */
static int take(struct tp *t, struct mix_exchange *e, int *rows)
{
    int rc = MIX_OK, k = e->config.k, n = 0;
    const int32_t *local = e->local + (long)e->step.layer * e->config.homes->experts;

    for (int m = 0; m < e->size; m++) {
        int tokens = t->first[m + 1] - t->first[m];
        size_t copies = (size_t)tokens * (size_t)k, at = (size_t)t->first[m] * (size_t)k;
        const char *block = t->block[m];

        memcpy(t->ids + at, block, copies * sizeof *t->ids);
        TRY(mix_dev_upload(e->config.dev, t->weight + at, block + copies * sizeof *t->ids,
                           copies * sizeof *t->weight));
        TRY(mix_route_check(t->ids + at, tokens, k, e->config.homes->experts));
        for (size_t i = 0; i < copies; i++) {
            int mine = local_of(e, local, t->ids[at + i], m);

            t->result_row[at + i] = mine < 0 ? -1 : n;
            if (mine < 0)
                continue;
            t->local[n] = mine;
            t->at[n++] = block + (size_t)tokens * t->head + i / (size_t)k * t->row;
        }
    }
    *rows = n;
out:
    return rc;
}

/* ---- and back */

/* My share of every token's sum, where the carrier takes it from, in the wire type. */
static int combine(struct tp *t, struct mix_exchange *e, const float *result)
{
    int rc = MIX_OK, tokens = t->first[e->size];
    size_t copies = (size_t)tokens * (size_t)e->config.k;
    bool rounded = e->wire != MIX_F32;
    struct mix_combine combine = {
        .y = rounded ? t->partial : mix_carrier_out(t->home),
        .x = result,
        .row = t->row_d,
        .expert = t->expert,
        .weight = t->weight,
        .tokens = tokens,
        .k = e->config.k,
        .dim = e->config.hidden,
        .experts = e->config.homes->experts,
    };
    struct mix_pack narrow = {
        .y = mix_carrier_out(t->home),
        .x = t->partial,
        .y_type = e->wire,
        .rows = tokens,
        .dim = e->config.hidden,
    };

    TRY(mix_dev_upload(e->config.dev, t->expert, t->ids, copies * sizeof *t->ids));
    TRY(mix_dev_upload(e->config.dev, t->row_d, t->result_row, copies * sizeof *t->row_d));
    TRY(e->kern->combine(e->config.dev, &combine));
    if (rounded)
        TRY(e->kern->pack(e->config.dev, &narrow));
out:
    return rc;
}

/* Everybody's shares of my tokens, summed into y. */
static int sum(struct tp *t, struct mix_exchange *e, float *y)
{
    int rc = MIX_OK, mine = e->step.tokens[e->me], hidden = e->config.hidden;
    struct mix_sum sum = {
        .y = y,
        .part = t->part,
        .parts = e->size,
        .run = e->config.plan->numeric.etp,
        .add = true,
        .n = (size_t)mine * (size_t)hidden,
    };

    for (int m = 0; m < e->size; m++) {
        float *room = t->room + (e->wire == MIX_F32 ? 0 : (size_t)m * sum.n);
        struct mix_pack widen = {
            .y = room,
            .x = t->block[m],
            .x_type = e->wire,
            .rows = mine,
            .dim = hidden,
        };

        t->part[m] = e->wire == MIX_F32 ? t->block[m] : room;
        if (e->wire != MIX_F32)
            TRY(e->kern->pack(e->config.dev, &widen));
    }
    TRY(e->kern->sum(e->config.dev, &sum));
out:
    return rc;
}

static int tp_finish(struct mix_exchange *e, float *y)
{
    int rc = MIX_OK, mine = e->step.tokens[e->me];
    struct tp *t = e->state;
    struct mix_experts_rows rows = {.expert = t->local, .at = t->at};
    const float *result;
    size_t copies = (size_t)t->first[e->size] * (size_t)e->config.k;
    size_t back = (size_t)e->config.hidden * mix_dtype_size(e->wire);
    struct mix_group_stats before = mix_group_stats(t->copy);

    TRY(mix_carrier_end(t->there, "dispatch", t->block));
    mix_exchange_pace(e, t->copy, t->expected, t->begun);
    mix_exchange_charge(e, MIX_PHASE_DISPATCH, t->copy, before);
    TRY(take(t, e, &rows.rows));
    TRY(mix_experts_keep(t->experts, e, &rows, t->result, t->result_row, copies, &result));
    mix_experts_pace(t->experts, e);
    mix_exchange_enter(e, MIX_PHASE_COMBINE);
    TRY(combine(t, e, result));
    before = mix_group_stats(t->copy);
    for (int m = 0; m < e->size; m++) {
        t->from[m] = (size_t)t->first[m] * back;
        t->bytes[m] = (size_t)(t->first[m + 1] - t->first[m]) * back;
        t->expected[m] = (size_t)mine * back;
    }
    t->begun = mix_now();
    TRY(mix_carrier_begin(t->home, t->from, t->bytes, t->expected));
    TRY(mix_carrier_end(t->home, "combine", t->block));
    mix_exchange_pace(e, t->copy, t->expected, t->begun);
    mix_exchange_charge(e, MIX_PHASE_COMBINE, t->copy, before);
    TRY(sum(t, e, y));
out:
    return rc;
}

const struct mix_exchange_ops mix_exchange_tp = {
    .name = "tp",
    .open = tp_open,
    .close = tp_close,
    .start = tp_start,
    .finish = tp_finish,
};
