/* copies.c - see copies.h. */
#include "exchange/copies.h"

#include "base/err.h"
#include "base/mem.h"
#include "exchange/route.h"

#include <stdlib.h>

int mix_copies_init(struct mix_copies *out, const struct mix_exchange *e)
{
    int rc = MIX_OK;
    const struct mix_exchange_config *config = &e->config;
    struct mix_copies c = {.dev = config->dev};
    size_t n = (size_t)config->max_owned * (size_t)config->k;
    size_t numbers = n * (size_t)config->hidden;

    TRY(mix_calloc(&c.slot, n, sizeof *c.slot, "routing"));
    TRY(mix_calloc(&c.at, n, sizeof *c.at, "routing"));
    TRY(mix_calloc(&c.expert, n, sizeof *c.expert, "routing"));
    TRY(mix_dev_alloc(c.dev, &c.result, numbers * sizeof *c.result, "results of experts"));
    TRY(mix_dev_alloc(c.dev, &c.place, n * sizeof *c.place, "routing"));
    if (e->wire != MIX_F32)
        TRY(mix_dev_alloc(c.dev, &c.narrow, numbers * mix_dtype_size(e->wire),
                          "results of experts"));
    *out = c;
    c = (struct mix_copies){0};
out:
    mix_copies_fini(&c);
    return rc;
}

void mix_copies_fini(struct mix_copies *c)
{
    free(c->slot);
    free(c->at);
    free(c->expert);
    if (c->dev) {
        mix_dev_release(c->dev, c->result);
        mix_dev_release(c->dev, c->place);
        mix_dev_release(c->dev, c->narrow);
    }
    *c = (struct mix_copies){0};
}

int mix_copies_take(struct mix_copies *c, const struct mix_exchange *e,
                    const struct mix_exchange_step *step)
{
    int rc = MIX_OK, tokens = step->tokens[e->me], k = e->config.k;
    size_t row = (size_t)e->config.hidden * mix_dtype_size(e->config.type);
    const int32_t *choice = e->choice + (long)step->layer * e->config.homes->experts;

    c->n = tokens * k;
    TRY(mix_dev_download(c->dev, c->expert, step->expert, (size_t)c->n * sizeof *c->expert));
    TRY(mix_route_check(c->expert, tokens, k, e->config.homes->experts));
    for (int i = 0; i < c->n; i++) {
        c->slot[i] = choice[c->expert[i]];
        c->at[i] = (const char *)step->x + (size_t)(i / k) * row;
    }
out:
    return rc;
}

/* To the wire type and back. */
static int round_results(struct mix_copies *c, const struct mix_exchange *e)
{
    int rc = MIX_OK;
    struct mix_pack narrow = {
        .y = c->narrow,
        .x = c->result,
        .y_type = e->wire,
        .x_type = MIX_F32,
        .rows = c->n,
        .dim = e->config.hidden,
    };
    struct mix_pack widen = {
        .y = c->result,
        .x = c->narrow,
        .y_type = MIX_F32,
        .x_type = e->wire,
        .rows = c->n,
        .dim = e->config.hidden,
    };

    TRY(e->kern->pack(c->dev, &narrow));
    TRY(e->kern->pack(c->dev, &widen));
out:
    return rc;
}

int mix_copies_combine(struct mix_copies *c, const struct mix_exchange *e, const int32_t *place,
                       bool round, float *y)
{
    int rc = MIX_OK;
    struct mix_combine combine = {
        .y = y,
        .x = c->result,
        .row = c->place,
        .expert = e->step.expert,
        .weight = e->step.weight,
        .tokens = c->n / e->config.k,
        .k = e->config.k,
        .dim = e->config.hidden,
        .experts = e->config.homes->experts,
        .add = true,
    };

    if (round && e->wire != MIX_F32)
        TRY(round_results(c, e));
    TRY(mix_dev_upload(c->dev, c->place, place, (size_t)c->n * sizeof *place));
    TRY(e->kern->combine(c->dev, &combine));
out:
    return rc;
}
