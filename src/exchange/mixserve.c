/* mixserve.c - the paper's asynchronous exchange (arXiv 2601.08800): k copies over the rail.
 *
 * Every copy of a token is a row for the domain of its expert.  What comes from one
 * domain is a piece: while the next is on the wire its rows go to the ranks that hold slices of
 * their expert, and their sums back.  The order is that of the paper's text; its Algorithm 1 as
 * printed would send m times as much.  With nothing overlapped (chunks 0) it is the paper's
 * ablation. */
#include "base/err.h"
#include "base/mem.h"
#include "exchange/copies.h"
#include "exchange/relay.h"
#include "exchange/route.h"

#include <stdlib.h>

struct mixserve {
    struct mix_relay *relay;
    struct mix_copies copies;
    int domains;
    int *first;                      /* [domains + 1] */
    int32_t *round, *place, *source; /* [owned k] */
    const void **at;                 /* [owned k] results, as copies are sorted */
    const void **at_d;               /* the same on the device */
};

static void mixserve_close(struct mix_exchange *e)
{
    struct mixserve *m = e->state;

    if (!m)
        return;
    mix_copies_fini(&m->copies);
    mix_relay_close(m->relay);
    free(m->first);
    free(m->round);
    free(m->place);
    free(m->source);
    free(m->at);
    mix_dev_release(e->config.dev, m->at_d);
    free(m);
}

static int mixserve_open(struct mix_exchange *e)
{
    int rc = MIX_OK;
    struct mixserve *m = NULL;
    const struct mix_exchange_config *c = &e->config;
    struct mix_relay_config relay = {.width = 1, .fixed = c->fixed};
    size_t copies = (size_t)c->max_owned * (size_t)c->k;

    TRY(mix_calloc(&m, 1, sizeof *m, "an exchange"));
    e->state = m;
    m->domains = mix_relay_domains(e);
    TRY(mix_copies_init(&m->copies, e));
    TRY(mix_calloc(&m->first, (size_t)m->domains + 1, sizeof *m->first, "routing"));
    TRY(mix_calloc(&m->round, copies, sizeof *m->round, "routing"));
    TRY(mix_calloc(&m->place, copies, sizeof *m->place, "routing"));
    TRY(mix_calloc(&m->source, copies, sizeof *m->source, "routing"));
    TRY(mix_calloc(&m->at, copies, sizeof *m->at, "routing"));
    TRY(mix_dev_alloc(c->dev, &m->at_d, copies * sizeof *m->at, "routing"));
    TRY(mix_relay_open(&m->relay, e, &relay)); /* last: closing it is collective */
out:
    return rc;
}

static int mixserve_start(struct mix_exchange *e, const struct mix_exchange_step *step)
{
    int rc = MIX_OK;
    struct mixserve *m = e->state;
    const int32_t *domain = mix_exchange_domains(e);
    struct mix_relay_rows rows = {
        .first = m->first, .source = m->source, .expert = m->copies.expert};

    TRY(mix_copies_take(&m->copies, e, step));
    for (int i = 0; i < m->copies.n; i++)
        m->round[i] =
            (domain[m->copies.expert[i]] - mix_relay_domain(m->relay, 0) + m->domains) % m->domains;
    mix_route_sort(m->round, m->copies.n, m->domains, m->first, m->place, m->source);
    TRY(mix_relay_start(m->relay, e, &rows));
out:
    return rc;
}

static int mixserve_finish(struct mix_exchange *e, float *y)
{
    int rc = MIX_OK;
    struct mixserve *m = e->state;
    struct mix_pack pack = {.y = m->copies.result,
                            .at = (const void *const *)m->at_d,
                            .x_type = e->wire,
                            .y_type = MIX_F32,
                            .rows = m->copies.n,
                            .dim = e->config.hidden};

    TRY(mix_relay_finish(m->relay, e));
    for (int round = 0; round < m->domains; round++)
        for (int i = m->first[round]; i < m->first[round + 1]; i++)
            m->at[i] = mix_relay_result(m->relay, round, i - m->first[round]);
    TRY(mix_dev_upload(e->config.dev, m->at_d, m->at, (size_t)m->copies.n * sizeof *m->at));
    TRY(e->kern->pack(e->config.dev, &pack));
    TRY(mix_copies_combine(&m->copies, e, m->place, false, y));
out:
    return rc;
}

const struct mix_exchange_ops mix_exchange_mixserve = {
    .name = "mixserve",
    .open = mixserve_open,
    .close = mixserve_close,
    .start = mixserve_start,
    .finish = mixserve_finish,
};
