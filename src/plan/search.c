/* search.c - see search.h: the best of the ranking, or why there is none. */
#include "plan/search.h"

#include "base/err.h"
#include "base/mem.h"
#include "plan/fit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LINES = 3 }; /* of *why */

/* ---- nothing fits */

/* "1, 2, 4": the tp that heads and domain allow. */
static void list_possible(const struct mix_wanted *w, char *text, size_t room)
{
    struct mix_layouts s = {.arch = w->in->arch, .world = w->world, .domain = w->domain};
    char why[MIX_LAYOUT_WHY];
    size_t n = 0;

    text[0] = '\0';
    for (int tp = 1; tp <= w->domain && n < room; tp++) {
        struct mix_layout l = {tp, w->world / tp, 1, 1, w->world, MIX_EXCHANGE_TP};

        if (w->domain % tp == 0 && !mix_layout_cannot(&s, &l, why))
            n += (size_t)snprintf(text + n, room - n, "%s%d", n ? ", " : "", tp);
    }
}

/* No layout that the pins leave can be. */
static int refuse(const struct mix_wanted *w, const struct mix_plan_ranking *r)
{
    const struct mix_plan_pins *p = &w->in->pins;
    const struct mix_arch *a = w->in->arch;
    int tp = p->tp ? p->tp : p->dp ? w->world / p->dp : 0;
    char would[200];

    list_possible(w, would, sizeof would);
    if (tp && (a->heads % tp || (a->kv_heads % tp && tp % a->kv_heads)))
        return MIX_FAIL(MIX_EFIT,
                        "tp %d does not split the model's %d heads and %d kv heads; tp %s would "
                        "(heads a multiple of tp, kv heads a multiple or a divisor)",
                        tp, a->heads, a->kv_heads, would);
    if (tp && w->domain % tp)
        return MIX_FAIL(MIX_EFIT,
                        "tp %d does not divide the %d ranks of a domain, in which a replica must "
                        "lie; tp %s would",
                        tp, w->domain, would);
    if (r->count)
        return MIX_FAIL(MIX_EUSAGE, "no layout can have these sizes: %s", r->c[0].why);
    if (p->etp && w->domain % p->etp)
        return MIX_FAIL(MIX_EUSAGE,
                        "etp %d does not divide the %d ranks of a domain, in which the slices of "
                        "an expert must lie",
                        p->etp, w->domain);
    if (w->in->keep)
        return MIX_FAIL(MIX_EFIT,
                        "on %d ranks no layout sums experts as this job has begun; its first "
                        "number of ranks would do",
                        w->world);
    return MIX_FAIL(MIX_EUSAGE, "no layout of %d ranks has the sizes asked for", w->world);
}

static int too_big(const struct mix_wanted *w, const struct mix_layout *l, const struct mix_fit *f)
{
    char each[32], weights[32], step[32], row[32], missing[32], memory[32], would[420];
    char libraries[80] = "";
    const struct mix_topo_rank *r = &w->in->topo->rank[f->host_rank];
    int64_t pin = w->in->pins.kv_memory;
    bool other = mix_fit_would(w, would, sizeof would), own = mix_fit_own_memory(w);
    double has = (double)r->memory;

    if (w->in->machine && (own || has > w->in->machine->memory))
        has = w->in->machine->memory;
    if (w->in->machine && w->in->machine->reserved > 0)
        snprintf(libraries, sizeof libraries, " (libraries take %s of it for a rank)",
                 mix_human_bytes(w->in->machine->reserved, memory));
    if (pin && pin < f->row)
        return MIX_FAIL(MIX_EFIT,
                        "--kv-memory %lld holds no row of %d tokens: that takes %lld bytes on each "
                        "rank (tp %d)",
                        (long long)pin, f->shortest, (long long)f->row, l->tp);
    return MIX_FAIL(
        MIX_EFIT,
        "the model does not fit%s%s: at best (tp %d, etp %d, ep %d) each of its ranks (%d) "
        "needs %s: weights %s, a step's buffers %s, keys and values %s at least; %s has %s%s, "
        "%s (%lld bytes) too few; %s%s",
        r->host[0] ? " on node " : "", r->host, l->tp, l->etp, l->ep, r->local_ranks,
        mix_human_bytes((double)f->need, each), mix_human_bytes((double)f->memory.weights, weights),
        mix_human_bytes((double)(f->memory.activations + f->memory.exchange), step),
        mix_human_bytes((double)(pin ? pin : f->row), row), own ? "a device" : "the node",
        mix_human_bytes(has, memory), libraries, mix_human_bytes((double)f->missing, missing),
        (long long)f->missing, other ? "numbers of ranks that would do: " : "",
        other ? would
              : "no number of ranks on such nodes would; smaller --max-num-seqs, "
                "--max-num-batched-tokens or --max-model-len need less");
}

int mix_plan_refuse(const struct mix_plan_input *in, const struct mix_plan_ranking *r)
{
    int rc = MIX_OK;
    struct mix_wanted w;
    struct mix_fit f;

    TRY(mix_wanted_resolve(&w, in));
    if (!r->possible)
        return refuse(&w, r);
    mix_fit_try(&w, &r->c[0].layout, 0, &f);
    rc = too_big(&w, &r->c[0].layout, &f);
out:
    return rc;
}

/* ---- the answer */

void mix_plan_take(const struct mix_plan_input *in, const struct mix_plan_ranking *r, int i,
                   struct mix_plan *plan)
{
    const struct mix_plan_candidate *c = &r->c[i];
    struct mix_plan_numeric *n = &plan->numeric;
    struct mix_wanted w;

    mix_wanted_resolve(&w, in);
    memset(plan, 0, sizeof *plan); /* sent as bytes: none of them by chance */
    n->tp = c->layout.tp;
    n->etp = c->layout.etp;
    n->dtype = n->kv_dtype = (int32_t)w.dtype;
    n->wire = c->wire;
    n->sums = c->sums;
    n->sum_domains = c->sum_domains;
    n->dispatch = (int32_t)w.dispatch;
    n->invariant = w.kernels->invariant;
    snprintf(n->device, sizeof n->device, "%s", in->device);
    snprintf(n->kernels, sizeof n->kernels, "%s", w.kernels->describe);
    plan->world = w.world;
    plan->domain_size = w.domain;
    plan->domains = w.world / w.domain;
    plan->dp = c->layout.dp;
    plan->ep = c->layout.ep;
    plan->edp = c->layout.edp;
    plan->exchange = c->layout.exchange;
    plan->chunks = c->chunks;
    plan->chunk_bytes = c->chunk_bytes;
    plan->depth = mix_exchange_chunked(plan->exchange) ? MIX_PLAN_DEPTH : 0;
    plan->threads = in->pins.threads;
    plan->max_num_seqs = w.seqs;
    plan->max_batched_tokens = w.tokens;
    plan->max_model_len = c->length;
    plan->pages = c->pages;
    plan->bytes_weights = c->memory.weights;
    plan->bytes_kv = (int64_t)c->pages * c->memory.kv_page;
    plan->bytes_activations = c->memory.activations + c->memory.exchange;
}

/* "tp 1 x dp 4, ... fits: 8.31 KiB a rank besides keys and values" */
static int say(const struct mix_plan_input *in, struct mix_str *why,
               const struct mix_plan_candidate *c)
{
    char name[96], a[32], b[32];
    int rc;

    mix_layout_name(&c->layout, name);
    mix_human_bytes((double)(c->memory.weights + c->memory.activations + c->memory.exchange), a);
    mix_human_bytes((double)c->missing, b);
    if (c->missing > 0)
        return mix_str_addf(
            why, "%s does not fit: %s a rank besides keys and values, %s too much\n", name, a, b);
    TRY(mix_str_addf(why, "%s fits: %s a rank besides keys and values", name, a));
    if (in->machine)
        TRY(mix_str_addf(why, ", %.3g s for the job (a step %.3g ms, mostly %s)", c->seconds,
                         c->mixed.total * 1e3, mix_cost_bound_name(mix_cost_bound_of(&c->mixed))));
    TRY(mix_str_addf(why, "\n"));
out:
    return rc;
}

int mix_plan_search(const struct mix_plan_input *in, struct mix_plan *plan, struct mix_str *why)
{
    int rc;
    struct mix_plan_ranking r = {0};

    TRY(mix_plan_rank(in, &r));
    for (int i = 0; why && i < r.possible && i < LINES; i++)
        TRY(say(in, why, &r.c[i]));
    if (!r.fit) {
        rc = mix_plan_refuse(in, &r);
        goto out;
    }
    mix_plan_take(in, &r, 0, plan);
out:
    mix_plan_ranking_fini(&r);
    return rc;
}

void mix_plan_memory(const struct mix_plan_input *in, const struct mix_plan *p,
                     struct mix_memory *m)
{
    struct mix_layout l = mix_layout_of_plan(p);

    mix_fit_count(in, &l, p->domain_size, &p->numeric, p->max_num_seqs, p->max_batched_tokens,
                  p->max_model_len, m);
}

/* ---- nodes that are not here */

int mix_plan_topo(struct mix_topo *t, int nodes, int each, double memory)
{
    int rc;
    struct mix_topo_rank *rank = NULL;

    TRY(mix_calloc(&rank, (size_t)nodes * (size_t)each, sizeof *rank, "ranks"));
    for (int i = 0; i < nodes * each; i++) {
        rank[i] = (struct mix_topo_rank){.host_index = i / each,
                                         .local_rank = i % each,
                                         .local_ranks = each,
                                         .threads = 1,
                                         .memory = (uint64_t)memory};
    }
    *t = (struct mix_topo){.ranks = nodes * each, .hosts = nodes, .rank = rank};
    rank = NULL;
out:
    free(rank);
    return rc;
}

void mix_plan_topo_fini(struct mix_topo *t)
{
    free(t->rank);
    *t = (struct mix_topo){0};
}
