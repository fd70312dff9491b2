/* fused.c - one row for each domain that a token needs.
 *
 * A token goes once to each domain that is a home of some of its experts, with all its
 * ids and weights; there its experts are weighted and summed, and one row comes back.
 * The owner adds the domains' rows by the tree of kernels/combine.h.  With d domains and E experts
 * of which a token takes k, (d - 1)(1 - C(E - E/d, k)/C(E, k)) rows of a token travel, not k (d -
 * 1)/d; pieces overlap as relay.h says. */
#include "base/err.h"
#include "base/mem.h"
#include "exchange/exchange_private.h"
#include "exchange/relay.h"
#include "exchange/route.h"

#include <stdlib.h>
#include <string.h>

struct fused {
    struct mix_relay *relay;
    int domains;
    /* my tokens' routing; host */
    int32_t *expert;     /* [owned][k] */
    float *weight;       /* likewise */
    bool *needs;         /* [owned][domains] by round */
    int *first;          /* [domains + 1] */
    int32_t *source;     /* [domains owned] */
    const void **part;   /* [owned][domains] */
    const void **part_d; /* the same on the device */
};

static void fused_close(struct mix_exchange *e)
{
    struct fused *f = e->state;

    if (!f)
        return;
    mix_relay_close(f->relay);
    free(f->expert);
    free(f->weight);
    free(f->needs);
    free(f->first);
    free(f->source);
    free(f->part);
    mix_dev_release(e->config.dev, f->part_d);
    free(f);
}

static int fused_open(struct mix_exchange *e)
{
    int rc = MIX_OK;
    struct fused *f = NULL;
    const struct mix_exchange_config *c = &e->config;
    struct mix_relay_config relay = {.width = c->k, .weighted = true, .fixed = c->fixed};
    size_t owned = (size_t)c->max_owned, copies = owned * (size_t)c->k, rows;

    TRY(mix_calloc(&f, 1, sizeof *f, "an exchange"));
    e->state = f;
    f->domains = mix_relay_domains(e);
    rows = owned * (size_t)f->domains;
    TRY(mix_calloc(&f->expert, copies, sizeof *f->expert, "routing"));
    TRY(mix_calloc(&f->weight, copies, sizeof *f->weight, "routing"));
    TRY(mix_calloc(&f->needs, rows, sizeof *f->needs, "routing"));
    TRY(mix_calloc(&f->first, (size_t)f->domains + 1, sizeof *f->first, "routing"));
    TRY(mix_calloc(&f->source, rows, sizeof *f->source, "routing"));
    TRY(mix_calloc(&f->part, rows, sizeof *f->part, "routing"));
    TRY(mix_dev_alloc(c->dev, &f->part_d, rows * sizeof *f->part, "routing"));
    TRY(mix_relay_open(&f->relay, e, &relay)); /* last: closing it is collective */
out:
    return rc;
}

/* Which domains each of my tokens needs, and so the rows of each round. */
static void make_rows(struct fused *f, const struct mix_exchange *e, int tokens)
{
    const int32_t *domain = mix_exchange_domains(e);
    int k = e->config.k, n = 0;

    memset(f->needs, 0, (size_t)tokens * (size_t)f->domains * sizeof *f->needs);
    for (int i = 0; i < tokens * k; i++) {
        int round =
            (domain[f->expert[i]] - mix_relay_domain(f->relay, 0) + f->domains) % f->domains;

        f->needs[i / k * f->domains + round] = true;
    }
    for (int round = 0; round < f->domains; round++) {
        f->first[round] = n;
        for (int t = 0; t < tokens; t++)
            if (f->needs[t * f->domains + round])
                f->source[n++] = t;
    }
    f->first[f->domains] = n;
}

static int fused_start(struct mix_exchange *e, const struct mix_exchange_step *step)
{
    int rc = MIX_OK, tokens = step->tokens[e->me], k = e->config.k;
    struct fused *f = e->state;
    size_t copies = (size_t)tokens * (size_t)k;
    struct mix_relay_rows rows = {
        .first = f->first, .source = f->source, .expert = f->expert, .weight = f->weight};

    TRY(mix_dev_download(e->config.dev, f->expert, step->expert, copies * sizeof *f->expert));
    TRY(mix_dev_download(e->config.dev, f->weight, step->weight, copies * sizeof *f->weight));
    TRY(mix_route_check(f->expert, tokens, k, e->config.homes->experts));
    make_rows(f, e, tokens);
    TRY(mix_relay_start(f->relay, e, &rows));
out:
    return rc;
}

static int fused_finish(struct mix_exchange *e, float *y)
{
    int rc = MIX_OK, tokens = e->step.tokens[e->me];
    struct fused *f = e->state;
    size_t parts = (size_t)tokens * (size_t)f->domains;
    struct mix_gather_sum sum = {.y = y,
                                 .at = (const void *const *)f->part_d,
                                 .y_type = MIX_F32,
                                 .x_type = e->wire,
                                 .rows = tokens,
                                 .dim = e->config.hidden,
                                 .parts = f->domains,
                                 .run = 1,
                                 .add = true};

    TRY(mix_relay_finish(f->relay, e));
    memset(f->part, 0, parts * sizeof *f->part);
    for (int round = 0; round < f->domains; round++)
        for (int i = f->first[round]; i < f->first[round + 1]; i++)
            f->part[f->source[i] * f->domains + mix_relay_domain(f->relay, round)] =
                mix_relay_result(f->relay, round, i - f->first[round]);
    TRY(mix_dev_upload(e->config.dev, f->part_d, f->part, parts * sizeof *f->part));
    TRY(e->kern->gather_sum(e->config.dev, &sum));
out:
    return rc;
}

const struct mix_exchange_ops mix_exchange_fused = {
    .name = "fused",
    .open = fused_open,
    .close = fused_close,
    .start = fused_start,
    .finish = fused_finish,
};
