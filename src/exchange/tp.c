/* tp.c - the exchange in which tokens travel to everybody.
 *
 * The tokens of the group are all-gathered with their ids and weights; every
 * member computes its slice of every expert for all of them, and combines its
 * slices over the experts of a token; these partial tokens go to their owners,
 * who sum them in the order of members.
 *
 * With a group of one the experts are whole, and nothing is copied but the rows
 * that are sorted by expert. */
#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "exchange/arena.h"
#include "exchange/exchange_private.h"
#include "exchange/owners.h"
#include "exchange/route.h"
#include "kernels/kernels.h"

#include <stdlib.h>

struct tp {
    const struct mix_kernels *kern;
    struct mix_owners *owners;

    void *memory;        /* device, one allocation; N tokens of the group, R = N k rows */
    void *all;           /* [N][hidden] type; these three only in a group of several */
    int32_t *all_expert; /* [N][k] */
    float *all_weight;   /* [N][k] */
    float *partial;      /* [N][hidden] */
    float *room;         /* [size - 1][owned][hidden] */
    void *sorted;        /* [R][hidden] type, rows by expert */
    float *out;          /* [R][hidden] what experts made of them */
    int32_t *from, *row; /* [R], [N][k]: route's results */

    struct mix_route route; /* host */
    int32_t *host_expert;   /* [N][k] */

    /* the step between start and finish; the group's, on the device */
    const int32_t *expert; /* [N][k] */
    const float *weight;   /* [N][k] */
};

static void lay_out(struct tp *t, const struct mix_exchange_config *c, int size,
                    struct mix_arena *a)
{
    size_t n = (size_t)c->max_tokens, k = (size_t)c->k, hidden = (size_t)c->hidden;
    size_t type = mix_dtype_size(c->type);

    if (size > 1) {
        t->all = mix_arena_take(a, n * hidden, type);
        t->all_expert = mix_arena_take(a, n * k, sizeof(int32_t));
        t->all_weight = mix_arena_take(a, n * k, sizeof(float));
        t->partial = mix_arena_take(a, n * hidden, sizeof(float));
        t->room =
            mix_arena_take(a, (size_t)(size - 1) * (size_t)c->max_owned * hidden, sizeof(float));
    }
    t->sorted = mix_arena_take(a, n * k * hidden, type);
    t->out = mix_arena_take(a, n * k * hidden, sizeof(float));
    t->from = mix_arena_take(a, n * k, sizeof(int32_t));
    t->row = mix_arena_take(a, n * k, sizeof(int32_t));
}

static size_t tp_bytes(const struct mix_exchange_config *c, int size)
{
    struct tp t;
    struct mix_arena count = {0};

    lay_out(&t, c, size, &count);
    return count.used;
}

static int tp_open(struct mix_exchange *e)
{
    int rc = MIX_OK;
    struct tp *t = NULL;
    const struct mix_exchange_config *c = &e->config;
    int size = mix_group_size(c->group);
    size_t copies = (size_t)c->max_tokens * (size_t)c->k;
    struct mix_arena arena = {0};

    TRY(mix_calloc(&t, 1, sizeof *t, "an exchange"));
    e->state = t;
    t->kern = mix_kernels_of(c->dev);
    TRY(mix_owners_open(&t->owners, c->group, c->dev));
    TRY(mix_dev_alloc(c->dev, &t->memory, tp_bytes(c, size), "the exchange's buffers"));
    arena.base = t->memory;
    lay_out(t, c, size, &arena);

    t->route.experts = t->route.locals = c->experts;
    t->route.k = c->k;
    TRY(mix_calloc(&t->host_expert, copies, sizeof *t->host_expert, "routing"));
    TRY(mix_calloc(&t->route.from, copies, sizeof *t->route.from, "routing"));
    TRY(mix_calloc(&t->route.row, copies, sizeof *t->route.row, "routing"));
    TRY(mix_calloc(&t->route.first, (size_t)c->experts + 1, sizeof *t->route.first, "routing"));
out:
    return rc;
}

static void tp_close(struct mix_exchange *e)
{
    struct tp *t = e->state;

    if (!t)
        return;
    free(t->route.first);
    free(t->route.row);
    free(t->route.from);
    free(t->host_expert);
    mix_dev_release(e->config.dev, t->memory);
    mix_owners_close(t->owners);
    free(t);
}

/* All tokens of the group, with their experts and weights: *x [N][hidden]. */
static int gather(struct tp *t, const struct mix_exchange_config *c,
                  const struct mix_exchange_step *step, const void **x)
{
    int rc = MIX_OK;
    size_t k = (size_t)c->k;

    *x = step->x;
    t->expert = step->expert;
    t->weight = step->weight;
    if (mix_owners_size(t->owners) == 1)
        goto out;
    *x = t->all;
    t->expert = t->all_expert;
    t->weight = t->all_weight;
    TRY(mix_owners_gather(t->owners, t->all, step->x, (size_t)c->hidden * mix_dtype_size(c->type)));
    TRY(mix_owners_gather(t->owners, t->all_expert, step->expert, k * sizeof(int32_t)));
    TRY(mix_owners_gather(t->owners, t->all_weight, step->weight, k * sizeof(float)));
out:
    return rc;
}

/* Find every copy's place, on the host, and tell the device. */
static int sort(struct tp *t, const struct mix_exchange_config *c)
{
    int rc = MIX_OK;
    size_t copies = (size_t)mix_owners_total(t->owners) * (size_t)c->k;

    t->route.tokens = mix_owners_total(t->owners);
    t->route.expert = t->host_expert;
    TRY(mix_dev_download(c->dev, t->host_expert, t->expert, copies * sizeof *t->expert));
    TRY(mix_route(&t->route));
    TRY(mix_dev_upload(c->dev, t->from, t->route.from, copies * sizeof *t->from));
    TRY(mix_dev_upload(c->dev, t->row, t->route.row, copies * sizeof *t->row));
out:
    return rc;
}

/* Charge the time since start to the exchange, less what was spent elsewhere. */
static void charge(struct mix_exchange *e, double start, double experts_before)
{
    struct tp *t = e->state;
    double wait_s = mix_owners_times(t->owners).wait_s;

    e->times.exchange_s +=
        mix_now() - start - (e->times.experts_s - experts_before) - (wait_s - e->times.wait_s);
    e->times.wait_s = wait_s;
}

static int tp_start(struct mix_exchange *e, const struct mix_exchange_step *step)
{
    int rc = MIX_OK;
    struct tp *t = e->state;
    const struct mix_exchange_config *c = &e->config;
    double start = mix_now(), before = e->times.experts_s, run;
    const void *x;

    mix_owners_set(t->owners, step->tokens);
    MIX_CHECK(mix_owners_total(t->owners) <= c->max_tokens &&
                  mix_owners_mine(t->owners) <= c->max_owned,
              "%d tokens, %d of them mine, in an exchange made for %d and %d",
              mix_owners_total(t->owners), mix_owners_mine(t->owners), c->max_tokens, c->max_owned);
    TRY(gather(t, c, step, &x));
    TRY(sort(t, c));

    struct mix_pack pack = {
        .y = t->sorted,
        .x = x,
        .from = t->from,
        .rows = t->route.first[c->experts],
        .row_bytes = (size_t)c->hidden * mix_dtype_size(c->type),
    };
    TRY(t->kern->pack(c->dev, &pack));
    run = mix_now();
    TRY(step->run(step->ctx, t->out, t->sorted, t->route.first));
    e->times.experts_s += mix_now() - run;
    charge(e, start, before);
out:
    return rc;
}

static int tp_finish(struct mix_exchange *e, float *y)
{
    int rc = MIX_OK;
    struct tp *t = e->state;
    const struct mix_exchange_config *c = &e->config;
    bool alone = mix_owners_size(t->owners) == 1;
    double start = mix_now();
    struct mix_combine combine = {
        .y = alone ? y : t->partial,
        .x = t->out,
        .row = t->row,
        .expert = t->expert,
        .weight = t->weight,
        .tokens = mix_owners_total(t->owners),
        .k = c->k,
        .dim = c->hidden,
        .experts = c->experts,
        .add = alone,
    };

    TRY(t->kern->combine(c->dev, &combine));
    if (!alone)
        TRY(mix_owners_home(t->owners, y, t->partial, t->room, c->hidden));
    charge(e, start, e->times.experts_s);
out:
    return rc;
}

const struct mix_exchange_ops mix_exchange_tp = {
    .name = "tp",
    .bytes = tp_bytes,
    .open = tp_open,
    .close = tp_close,
    .start = tp_start,
    .finish = tp_finish,
};
