/* search.c - see search.h. */
#include "plan/search.h"

#include "base/err.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

enum {
    DEFAULT_SEQS = 256,
    DEFAULT_TOKENS = 2048,
    /* A pool of pages that does not hold one row of this many tokens is too small, even if the
     * length is free. */
    LEAST_CONTEXT = 1024,
    MOST_RANKS = 64, /* of a node, when looking for numbers of ranks that would fit */
};

/* What is asked for, resolved: the same for every layout. */
struct wanted {
    const struct mix_plan_input *in;
    int world, hosts, domain;
    enum mix_dtype dtype;
    const struct mix_plan_kernels *kernels;
    int seqs, tokens, length; /* length 0: free */
};

/* ---- the pins that do not depend on tp */

static int resolve_types(struct wanted *w)
{
    const struct mix_plan_input *in = w->in;
    const char *dtype = in->pins.dtype, *exchange = in->pins.exchange;

    if (exchange && strcmp(exchange, "auto") && strcmp(exchange, "tp"))
        return MIX_FAIL(MIX_EUSAGE, "--exchange %s is not built yet; tp is", exchange);
    if (in->pins.ep > 1)
        return MIX_FAIL(MIX_EUSAGE, "--expert-parallel-size %d is not built yet; 1 is",
                        in->pins.ep);
    if (!dtype || !strcmp(dtype, "auto"))
        w->dtype = in->has_bf16 ? MIX_BF16 : MIX_F32;
    else if (!strcmp(dtype, "bfloat16"))
        w->dtype = MIX_BF16;
    else if (!strcmp(dtype, "float32"))
        w->dtype = MIX_F32;
    else
        return MIX_FAIL(MIX_EUSAGE, "--dtype %s: auto, bfloat16 or float32", dtype);
    w->kernels = w->dtype == MIX_BF16 ? &in->bf16 : &in->f32;
    if (strlen(w->kernels->describe) >= sizeof((struct mix_plan_numeric *)0)->kernels)
        return MIX_FAIL(MIX_EBUG, "the kernels' description is too long: %s", w->kernels->describe);
    return MIX_OK;
}

static int resolve_limits(struct wanted *w)
{
    const struct mix_plan_pins *p = &w->in->pins;
    int positions = w->in->arch->max_positions;

    w->length = p->max_model_len;
    if (w->length > positions)
        return MIX_FAIL(MIX_EUSAGE, "--max-model-len %d: the model has %d positions", w->length,
                        positions);
    w->seqs = p->max_num_seqs;
    w->tokens = p->max_batched_tokens;
    if (w->seqs && w->tokens && w->tokens < w->seqs)
        return MIX_FAIL(MIX_EUSAGE,
                        "--max-num-batched-tokens %d is less than --max-num-seqs %d: every "
                        "sequence needs a token of a step",
                        w->tokens, w->seqs);
    if (!w->seqs)
        w->seqs = w->tokens && w->tokens < DEFAULT_SEQS ? w->tokens : DEFAULT_SEQS;
    if (!w->tokens)
        w->tokens = w->seqs > DEFAULT_TOKENS ? w->seqs : DEFAULT_TOKENS;
    return MIX_OK;
}

/* A domain is a host's ranks: there must be as many on every host, and one after the other. */
static int resolve_domain(struct wanted *w)
{
    const struct mix_topo *t = w->in->topo;
    int pin = w->in->pins.domain_size, m = t->rank[0].local_ranks;

    w->world = t->ranks;
    w->hosts = t->hosts;
    w->domain = pin ? pin : m;
    if (pin && t->ranks % pin)
        return MIX_FAIL(MIX_EUSAGE, "--domain-size %d does not divide %d ranks", pin, t->ranks);
    for (int i = 0; i < t->ranks && !pin; i++) {
        const struct mix_topo_rank *r = &t->rank[i];

        if (r->local_ranks != m)
            return MIX_FAIL(MIX_EFIT,
                            "node %s has %d ranks, node %s has %d: start as many on every node "
                            "(srun --ntasks-per-node, mpirun --map-by ppr:N:node), or give a "
                            "--domain-size that divides them",
                            t->rank[0].host, m, r->host, r->local_ranks);
        if (r->host_index != i / m)
            return MIX_FAIL(MIX_EFIT,
                            "ranks %d and %d are on nodes %s and %s: neighbours must share a node "
                            "(srun --distribution=block, mpirun --map-by slot)",
                            i / m * m, i, t->rank[i / m * m].host, r->host);
    }
    return MIX_OK;
}

/* ---- which tp */

static bool splits_heads(const struct mix_arch *a, int tp)
{
    return a->heads % tp == 0 && (a->kv_heads % tp == 0 || tp % a->kv_heads == 0) &&
           a->vocab >= tp && (a->inner == 0 || a->inner >= tp);
}

static bool splits_experts(const struct mix_arch *a, int etp)
{
    return a->experts == 0 || a->moe_inner >= etp;
}

/* The etp that goes with a tp under the pins, or 0 if none does. */
static int etp_of(const struct wanted *w, int tp)
{
    const struct mix_plan_pins *p = &w->in->pins;
    int etp = p->etp ? p->etp : p->edp ? w->world / p->edp : tp;

    return tp % etp == 0 && splits_experts(w->in->arch, etp) ? etp : 0;
}

static bool possible(const struct wanted *w, int tp)
{
    const struct mix_plan_pins *p = &w->in->pins;

    return w->domain % tp == 0 && splits_heads(w->in->arch, tp) && (!p->tp || p->tp == tp) &&
           (!p->dp || p->dp * tp == w->world) && etp_of(w, tp);
}

/* "1, 2, 4": the tp that heads and domain allow. */
static void list_possible(const struct wanted *w, char *text, size_t room)
{
    size_t n = 0;

    text[0] = '\0';
    for (int tp = 1; tp <= w->domain && n < room; tp++)
        if (w->domain % tp == 0 && splits_heads(w->in->arch, tp))
            n += (size_t)snprintf(text + n, room - n, "%s%d", n ? ", " : "", tp);
}

/* Do the pinned degrees multiply to the number of ranks? */
static int check_products(const struct wanted *w)
{
    const struct mix_plan_pins *p = &w->in->pins;

    if (p->dp && w->world % p->dp)
        return MIX_FAIL(MIX_EUSAGE, "--data-parallel-size %d does not divide %d ranks", p->dp,
                        w->world);
    if (p->edp && w->world % p->edp)
        return MIX_FAIL(MIX_EUSAGE, "--expert-data-parallel-size %d does not divide %d ranks",
                        p->edp, w->world);
    if (p->tp && p->dp && (int64_t)p->tp * p->dp != w->world)
        return MIX_FAIL(MIX_EUSAGE, "tp %d x dp %d is not the number of ranks, %d", p->tp, p->dp,
                        w->world);
    if (p->etp && p->edp && (int64_t)p->etp * p->edp != w->world)
        return MIX_FAIL(MIX_EUSAGE, "etp %d x edp %d is not the number of ranks, %d", p->etp,
                        p->edp, w->world);
    return MIX_OK;
}

/* Why no tp is possible; called when none is. */
static int refuse(const struct wanted *w)
{
    const struct mix_plan_pins *p = &w->in->pins;
    const struct mix_arch *a = w->in->arch;
    int tp = p->tp ? p->tp : p->dp ? w->world / p->dp : 0;
    char would[200];

    list_possible(w, would, sizeof would);
    if (tp && !splits_heads(a, tp))
        return MIX_FAIL(MIX_EFIT,
                        "tp %d does not split the model's %d heads and %d kv heads; tp %s would "
                        "(heads a multiple of tp, kv heads a multiple or a divisor)",
                        tp, a->heads, a->kv_heads, would);
    if (tp && w->domain % tp)
        return MIX_FAIL(MIX_EFIT,
                        "tp %d does not divide the %d ranks of a domain, in which a replica must "
                        "lie; tp %s would",
                        tp, w->domain, would);
    if (tp)
        snprintf(would, sizeof would, "%d", tp);
    if (p->etp || p->edp)
        return MIX_FAIL(MIX_EUSAGE,
                        "etp %d cannot go with tp %s: etp must divide tp and be at most %d, the "
                        "inner size of an expert",
                        p->etp ? p->etp : w->world / p->edp, would, a->moe_inner);
    return MIX_FAIL(MIX_EBUG, "no tp is possible on %d ranks", w->world);
}

/* ---- does it fit? */

struct fit {
    int pages, length;
    struct mix_memory memory;
    int64_t missing; /* bytes that the tightest host lacks; 0 or less: it fits */
    int host_rank;   /* a rank of that host */
    int shortest;    /* tokens of a row that the pool must hold at least */
    int64_t row;     /* bytes of it */
    int64_t need;    /* of a rank: weights, activations and the smallest pool */
};

static int64_t pages_of(int64_t tokens, int page)
{
    return (tokens + page - 1) / page;
}

static void count(const struct mix_plan_input *in, const struct mix_plan *p, struct mix_memory *m)
{
    mix_memory_count(
        &(struct mix_memory_layout){
            .arch = in->arch,
            .tp = p->numeric.tp,
            .etp = p->numeric.etp,
            .dtype = (enum mix_dtype)p->numeric.dtype,
            .kv_dtype = (enum mix_dtype)p->numeric.kv_dtype,
            .packed = p->numeric.dtype == MIX_BF16 ? in->bf16.packed : in->f32.packed,
            .page = in->page,
            .max_num_seqs = p->max_num_seqs,
            .max_batched_tokens = p->max_batched_tokens,
            .max_model_len = p->max_model_len,
        },
        m);
}

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

/* How a layout fits when every host has `ranks` ranks (0: those it has).  The budget of a rank is
 * half of what the weights leave, and less if activations need more than the other half. */
static void try_fit(const struct wanted *w, int tp, int etp, int ranks, struct fit *f)
{
    const struct mix_topo *t = w->in->topo;
    int length = w->length ? w->length : w->in->arch->max_positions, page = w->in->page;
    int shortest = w->length || length < LEAST_CONTEXT ? length : LEAST_CONTEXT;
    int64_t pin = w->in->pins.kv_memory, budget = pin ? pin : INT64_MAX, pages;
    struct mix_plan p = {
        .numeric = {.tp = tp,
                    .etp = etp,
                    .dtype = (int32_t)w->dtype,
                    .kv_dtype = (int32_t)w->dtype},
        .max_num_seqs = w->seqs,
        .max_batched_tokens = w->tokens,
        .max_model_len = length,
    };

    *f = (struct fit){.missing = INT64_MIN};
    count(w->in, &p, &f->memory);
    f->shortest = shortest;
    f->row = pages_of(shortest, page) * f->memory.kv_page;
    f->need = f->memory.weights +
              (pin ? pin + f->memory.activations : f->row + larger(f->row, f->memory.activations));
    for (int i = 0; i < t->ranks; i++) {
        const struct mix_topo_rank *r = &t->rank[i];
        int m = ranks ? ranks : r->local_ranks;
        int64_t memory = r->memory > INT64_MAX ? INT64_MAX : (int64_t)r->memory;
        int64_t left = memory / m - f->memory.weights;

        if (r->local_rank)
            continue;
        if (!pin)
            budget = smaller(budget, smaller(left / 2, left - f->memory.activations));
        if (times(f->need, m) - memory > f->missing) {
            f->missing = times(f->need, m) - memory;
            f->host_rank = i;
        }
    }
    if (pin && f->row > pin)
        f->missing = larger(f->missing, f->row - pin);
    pages = larger(0, budget) / f->memory.kv_page;
    pages = smaller(pages, (int64_t)w->seqs * pages_of(length, page));
    f->pages = (int)smaller(pages, INT_MAX / page);
    f->length = (int)smaller((int64_t)f->pages * page, length);
}

/* Numbers of ranks with which the same hosts would do: "4, 8 (2, 4 a node)". */
static bool would_fit(const struct wanted *w, char *text, size_t room)
{
    char total[200] = "", each[200] = "";
    size_t n = 0, k = 0;
    int found = 0;

    for (int m = 1; m <= MOST_RANKS && found < 6; m++) {
        bool fits = false;

        for (int tp = 1; tp <= m && !fits; tp++) {
            int etp = w->in->pins.etp ? w->in->pins.etp : tp;
            struct fit f;

            if (m % tp || !splits_heads(w->in->arch, tp) || tp % etp ||
                !splits_experts(w->in->arch, etp) || (w->in->pins.tp && w->in->pins.tp != tp))
                continue;
            try_fit(w, tp, etp, m, &f);
            fits = f.missing <= 0;
        }
        if (!fits)
            continue;
        n += (size_t)snprintf(total + n, sizeof total - n, "%s%d", found ? ", " : "", m * w->hosts);
        k += (size_t)snprintf(each + k, sizeof each - k, "%s%d", found ? ", " : "", m);
        found++;
    }
    snprintf(text, room, "%s (%s on each node)", total, each);
    return found > 0;
}

static int too_big(const struct wanted *w, int tp, const struct fit *f)
{
    char each[32], weights[32], activations[32], row[32], missing[32], memory[32], would[420];
    const struct mix_topo_rank *r = &w->in->topo->rank[f->host_rank];
    int64_t pin = w->in->pins.kv_memory;
    bool other = would_fit(w, would, sizeof would);

    if (pin && pin < f->row)
        return MIX_FAIL(MIX_EFIT,
                        "--kv-memory %lld holds no row of %d tokens: that takes %lld bytes on each "
                        "rank (tp %d)",
                        (long long)pin, f->shortest, (long long)f->row, tp);
    return MIX_FAIL(
        MIX_EFIT,
        "the model does not fit on node %s: at best (tp %d) each of its ranks (%d) needs %s: "
        "weights "
        "%s, activations %s, keys and values %s at least; the node has %s, %s (%lld bytes) too "
        "few; %s%s",
        r->host, tp, r->local_ranks, mix_human_bytes((double)f->need, each),
        mix_human_bytes((double)f->memory.weights, weights),
        mix_human_bytes((double)f->memory.activations, activations),
        mix_human_bytes((double)(pin ? pin : f->row), row),
        mix_human_bytes((double)r->memory, memory), mix_human_bytes((double)f->missing, missing),
        (long long)f->missing, other ? "numbers of ranks that would do: " : "",
        other ? would
              : "no number of ranks on such nodes would; smaller --max-num-seqs, "
                "--max-num-batched-tokens or --max-model-len need less");
}

/* ---- the answer */

static void fill(const struct wanted *w, int tp, const struct fit *f, struct mix_plan *plan)
{
    const struct mix_plan_input *in = w->in;
    struct mix_plan_numeric *n = &plan->numeric;

    *plan = (struct mix_plan){0}; /* sent as bytes: none of them by chance */
    n->tp = tp;
    n->etp = etp_of(w, tp);
    n->dtype = n->kv_dtype = (int32_t)w->dtype;
    n->wire = MIX_F32;
    n->invariant = w->kernels->invariant;
    snprintf(n->device, sizeof n->device, "%s", in->device);
    snprintf(n->kernels, sizeof n->kernels, "%s", w->kernels->describe);
    plan->world = w->world;
    plan->domain_size = w->domain;
    plan->domains = w->world / w->domain;
    plan->dp = w->world / tp;
    plan->ep = 1;
    plan->edp = w->world / n->etp;
    plan->exchange = MIX_EXCHANGE_TP;
    n->sums = mix_plan_sums(plan->exchange, n->etp, plan->ep, n->wire, false);
    plan->threads = in->pins.threads;
    plan->max_num_seqs = w->seqs;
    plan->max_batched_tokens = w->tokens;
    plan->max_model_len = f->length;
    plan->pages = f->pages;
    plan->bytes_weights = f->memory.weights;
    plan->bytes_kv = (int64_t)f->pages * f->memory.kv_page;
    plan->bytes_activations = f->memory.activations + f->memory.exchange;
}

static int say(struct mix_str *why, int tp, const struct fit *f)
{
    char a[32], b[32];

    if (!why)
        return MIX_OK;
    mix_human_bytes((double)(f->memory.weights + f->memory.activations), a);
    mix_human_bytes((double)f->missing, b);
    if (f->missing > 0)
        return mix_str_addf(
            why, "tp %d does not fit: %s a rank besides keys and values, %s too much\n", tp, a, b);
    return mix_str_addf(why, "tp %d fits: %s a rank besides keys and values\n", tp, a);
}

int mix_plan_search(const struct mix_plan_input *in, struct mix_plan *plan, struct mix_str *why)
{
    struct wanted w = {.in = in};
    struct fit best = {0};
    int rc = MIX_OK, chosen = 0, closest = 0;

    MIX_CHECK(in->topo->ranks > 0 && in->page > 0, "a plan for no ranks");
    TRY(resolve_types(&w));
    TRY(resolve_limits(&w));
    TRY(resolve_domain(&w));
    TRY(check_products(&w));
    for (int tp = 1; tp <= w.domain && !chosen; tp++) {
        struct fit f;

        if (!possible(&w, tp))
            continue;
        try_fit(&w, tp, etp_of(&w, tp), 0, &f);
        TRY(say(why, tp, &f));
        if (f.missing <= 0) {
            chosen = tp;
            fill(&w, tp, &f, plan);
        } else if (!closest || f.missing < best.missing) {
            closest = tp;
            best = f;
        }
    }
    if (!chosen)
        rc = closest ? too_big(&w, closest, &best) : refuse(&w);
out:
    return rc;
}

void mix_plan_memory(const struct mix_plan_input *in, const struct mix_plan *plan,
                     struct mix_memory *m)
{
    count(in, plan, m);
}
