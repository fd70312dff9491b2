/* rank.c - every candidate with its memory and its time, the best first; see search.h. */
#include "plan/search.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "plan/chunks.h"
#include "plan/fit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ROWS = 100000, PROMPT = 512, ANSWER = 256 }; /* of a job that nothing is known of */

/* ---- one candidate */

static struct mix_cost_model model_of(const struct mix_wanted *w,
                                      const struct mix_plan_candidate *c)
{
    struct mix_plan plan = {.numeric = {.tp = c->layout.tp,
                                        .etp = c->layout.etp,
                                        .dtype = (int32_t)w->dtype,
                                        .kv_dtype = (int32_t)w->dtype,
                                        .wire = c->wire,
                                        .dispatch = (int32_t)w->dispatch},
                            .domain_size = w->domain,
                            .dp = c->layout.dp,
                            .ep = c->layout.ep,
                            .edp = c->layout.edp,
                            .exchange = c->layout.exchange};

    return mix_cost_of_plan(w->in->arch, w->in->machine, &plan, w->node, w->kernels->packed);
}

static void cost(const struct mix_wanted *w, const struct mix_lengths *lengths,
                 struct mix_plan_candidate *c)
{
    struct mix_cost_model m = model_of(w, c);
    struct mix_workload_limits limits = {.replicas = c->layout.dp,
                                         .seqs = w->seqs,
                                         .tokens = w->tokens,
                                         .kv_tokens = (int64_t)c->pages * w->in->page};

    mix_workload_take(lengths, &limits, &c->work);
    mix_chunks_choose(&w->in->pins, &m, c);
    m.chunks = c->chunks;
    m.chunk_bytes = c->chunk_bytes;
    mix_cost_step(&m, &c->work.mixed, &c->mixed);
    mix_cost_step(&m, &c->work.prefill, &c->prefill);
    mix_cost_step(&m, &c->work.decode, &c->decode);
    c->seconds = c->work.steps * c->mixed.total;
    c->ttft = c->work.prefill_steps * c->prefill.total;
    c->itl = c->decode.total;
}

/* ---- which is better */

static double value(const struct mix_plan_input *in, const struct mix_plan_candidate *c)
{
    switch (in->objective) {
    case MIX_OBJECTIVE_TTFT:
        return c->ttft;
    case MIX_OBJECTIVE_ITL:
        return c->itl;
    default:
        return c->seconds;
    }
}

/* Are the experts split as attention is? */
static bool plain(const struct mix_layout *l)
{
    return l->etp == l->tp && l->ep == 1;
}

/* Without a machine: as in search.h. */
static int plainer(const struct mix_layout *a, const struct mix_layout *b)
{
    int copy = a->etp * a->ep, other = b->etp * b->ep;

    if (plain(a) != plain(b))
        return plain(a) ? -1 : 1;
    if (a->tp != b->tp)
        return a->tp - b->tp;
    return copy != other ? copy - other : a->etp != b->etp ? a->etp - b->etp : 0;
}

struct order { /* what sorting needs of a candidate */
    const struct mix_plan_input *in;
    struct mix_plan_candidate *c;
    int at; /* in the list: the last word, so that the order is the same everywhere */
};

static int by_rank(const void *x, const void *y)
{
    const struct order *a = x, *b = y;
    int class_a = a->c->why[0] ? 2 : a->c->missing > 0,
        class_b = b->c->why[0] ? 2 : b->c->missing > 0;
    int order = class_a - class_b;

    if (!order && class_a == 0) {
        double v = a->in->machine ? value(a->in, a->c) : 0,
               u = a->in->machine ? value(b->in, b->c) : 0;

        order = a->in->machine ? (v > u) - (v < u) : plainer(&a->c->layout, &b->c->layout);
    }
    if (!order && class_a == 1)
        order = (a->c->missing > b->c->missing) - (a->c->missing < b->c->missing);
    return order ? order : a->at - b->at;
}

static int sort(const struct mix_plan_input *in, struct mix_plan_candidate **list, int n)
{
    int rc;
    struct order *order = NULL;
    struct mix_plan_candidate *sorted = NULL;

    TRY(mix_calloc(&order, (size_t)n, sizeof *order, "candidates"));
    TRY(mix_calloc(&sorted, (size_t)n, sizeof *sorted, "candidates"));
    for (int i = 0; i < n; i++)
        order[i] = (struct order){.in = in, .c = &(*list)[i], .at = i};
    if (n)
        qsort(order, (size_t)n, sizeof *order, by_rank);
    for (int i = 0; i < n; i++)
        sorted[i] = *order[i].c;
    free(*list);
    *list = sorted;
out:
    free(order);
    return rc;
}

/* ---- all */

/* Is the layout asked for, and not another's twin unless by name? */
static bool asked(const struct mix_wanted *w, const struct mix_layouts *s,
                  const struct mix_layout *l)
{
    const struct mix_plan_pins *p = &w->in->pins;
    bool named = p->exchange && strcmp(p->exchange, "auto") != 0;

    return mix_fit_pinned(p, l) && (named || !mix_layout_twin(s, l));
}

static void fill(const struct mix_wanted *w, const struct mix_layouts *s,
                 const struct mix_lengths *lengths, struct mix_plan_candidate *c)
{
    struct mix_fit f;
    char why[MIX_LAYOUT_WHY];

    if (mix_layout_cannot(s, &c->layout, why)) {
        snprintf(c->why, sizeof c->why, "%s", why);
        return;
    }
    mix_fit_try(w, &c->layout, 0, &f);
    c->missing = f.missing;
    c->memory = f.memory;
    c->pages = f.pages;
    c->length = f.length;
    if (!w->in->machine)
        mix_chunks_choose(&w->in->pins, NULL, c);
    else if (f.missing <= 0)
        cost(w, lengths, c);
}

int mix_plan_rank(const struct mix_plan_input *in, struct mix_plan_ranking *out)
{
    int rc, n = 0, listed = 0;
    double start = mix_now();
    struct mix_wanted w;
    struct mix_layout *list = NULL;
    struct mix_plan_ranking r = {0};
    struct mix_lengths assumed = mix_lengths_of(ROWS, PROMPT, ANSWER);
    struct mix_layouts space;
    struct mix_plan_numeric sums;

    TRY(mix_wanted_resolve(&w, in));
    space = mix_wanted_space(&w);
    TRY(mix_layouts_list(&space, &list, &listed));
    TRY(mix_calloc(&r.c, (size_t)listed, sizeof *r.c, "candidates"));
    for (int i = 0; i < listed; i++) {
        struct mix_plan_candidate *c = &r.c[n];

        if (!asked(&w, &space, &list[i]))
            continue;
        c->layout = list[i];
        c->wire = (int32_t)mix_fit_wire(&w, &c->layout);
        sums = (struct mix_plan_numeric){.etp = list[i].etp, .wire = c->wire};
        mix_plan_sums(&sums, list[i].exchange, list[i].ep, w.domain, false);
        c->sums = sums.sums;
        c->sum_domains = sums.sum_domains;
        if (in->keep && (c->sums != in->keep->sums || c->sum_domains != in->keep->sum_domains))
            continue;
        fill(&w, &space, in->lengths ? in->lengths : &assumed, c);
        r.possible += !c->why[0];
        r.fit += !c->why[0] && c->missing <= 0;
        n++;
    }
    r.count = n;
    TRY(sort(in, &r.c, n));
    r.mesh = (struct mix_mesh_size){w.world, w.hosts, w.domain, w.world / w.domain};
    r.seconds = mix_now() - start;
    *out = r;
    r = (struct mix_plan_ranking){0};
out:
    free(list);
    mix_plan_ranking_fini(&r);
    return rc;
}

void mix_plan_ranking_fini(struct mix_plan_ranking *r)
{
    free(r->c);
    *r = (struct mix_plan_ranking){0};
}
