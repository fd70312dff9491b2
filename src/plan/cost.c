/* cost.c - what a rank computes in a step, and how long it takes; see cost.h. */
#include "plan/cost.h"

#include <math.h>

/* ---- formulas */

double mix_cost_touched(double experts, double k, double tokens)
{
    return experts > 0 ? experts * (1 - pow(1 - fmin(k, experts) / experts, tokens)) : 0;
}

/* How far the largest of n alike normal numbers lies above their mean, in sigmas. */
static double reach(double n)
{
    return n > 1 ? sqrt(2 * log(n)) : 0;
}

double mix_cost_busiest(double experts, double k, double tokens, double ep, double most)
{
    double share = most / experts, mean = tokens * k * share;
    double spread = experts > 1 ? (experts - k) / (experts - 1) : 0;

    return fmin(mean + reach(ep) * sqrt(mean * (1 - share) * spread), tokens * fmin(k, most));
}

double mix_cost_chance(double experts, double k, double some)
{
    double none = 1;

    for (int j = 0; j < (int)k; j++)
        none *= fmax(0, experts - some - j) / fmax(experts - j, 1);
    return 1 - none;
}

/* ---- names */

const char *mix_cost_part_name(enum mix_cost_part part)
{
    static const char *const name[MIX_COST_PARTS] = {
        [MIX_COST_ATTENTION] = "attention",
        [MIX_COST_ROUTER] = "router",
        [MIX_COST_EXPERTS] = "experts",
        [MIX_COST_INSIDE] = "exchange inside",
        [MIX_COST_BETWEEN] = "exchange between",
        [MIX_COST_WAITING] = "waiting",
        [MIX_COST_HEAD] = "head",
    };

    return name[part];
}

const char *mix_cost_bound_name(enum mix_cost_bound bound)
{
    static const char *const name[MIX_BOUNDS] = {
        [MIX_BOUND_OPERATIONS] = "operations",
        [MIX_BOUND_MEMORY] = "memory bandwidth",
        [MIX_BOUND_LAUNCH] = "launches and latencies",
        [MIX_BOUND_INSIDE] = "links inside domains",
        [MIX_BOUND_BETWEEN] = "links between domains",
        [MIX_BOUND_WAITING] = "waiting for the busiest rank",
    };

    return name[bound];
}

enum mix_cost_bound mix_cost_bound_of(const struct mix_cost *c)
{
    int most = 0;

    for (int i = 1; i < MIX_BOUNDS; i++)
        if (c->bound[i] > c->bound[most])
            most = i;
    return (enum mix_cost_bound)most;
}

/* ---- a plan */

struct mix_cost_model mix_cost_of_plan(const struct mix_arch *arch,
                                       const struct mix_machine *machine,
                                       const struct mix_plan *plan, int node, double packed)
{
    const struct mix_plan_numeric *n = &plan->numeric;
    double type = (double)mix_dtype_size((enum mix_dtype)n->dtype);

    return (struct mix_cost_model){
        .arch = arch,
        .machine = machine,
        .type = n->dtype == MIX_BF16 ? MIX_MACHINE_BF16 : MIX_MACHINE_F32,
        .layout = mix_layout_of_plan(plan),
        .domain = plan->domain_size,
        .node = node,
        .type_bytes = type,
        .kv_bytes = (double)mix_dtype_size((enum mix_dtype)n->kv_dtype),
        .wire_bytes = (double)mix_dtype_size((enum mix_dtype)n->wire),
        .dispatch_bytes = n->dispatch == MIX_F8E4M3 ? 1 + 1 / 128.0 : type,
        .partial_bytes = 4,
        .dense_bytes = packed,
        .expert_bytes = packed,
        .dense_rows = 1,
        .expert_rows = 1,
        .dense_speed = 1,
        .expert_speed = 1,
        .chunks = plan->chunks,
        .chunk_bytes = plan->chunk_bytes,
    };
}

/* ---- one step in the making */

struct sum {
    const struct mix_cost_model *m;
    const struct mix_cost_step *s;
    struct mix_cost *c;
    double tokens, owned;      /* T, O */
    double layers, moe, plain; /* all, with experts, without */
    double tp, etp, ep, copy;  /* c */
    double together;           /* N */
    double most;               /* experts of the largest part */
};

/* n calls of one kind of work, for a part; returns their seconds. */
static double work_of(struct sum *u, enum mix_cost_part part, double n, enum mix_machine_type type,
                      enum mix_work work, double rows, double operations, double bytes)
{
    const struct mix_machine *m = u->m->machine;
    double all, launch, memory, best;

    if (!(n > 0) || (!(operations > 0) && !(bytes > 0)))
        return 0;
    all = n * mix_work_seconds(m, type, work, u->m->node, rows, operations, bytes);
    launch = n * mix_work_seconds(m, type, work, u->m->node, rows, 0, 0);
    memory = n * mix_work_seconds(m, type, work, u->m->node, rows, 0, bytes);
    /* A rate at few rows may be that of memory: what counts is the best there is. */
    best = n * mix_work_seconds(m, type, work, u->m->node, 1e9, operations, 0);
    u->c->part[part] += all;
    u->c->bound[MIX_BOUND_LAUNCH] += launch;
    u->c->bound[memory >= best ? MIX_BOUND_MEMORY : MIX_BOUND_OPERATIONS] += all - launch;
    return all;
}

/* A matrix [out][in] of dense weights met by so many rows. */
static double product(struct sum *u, enum mix_cost_part part, double n, double rows, double in,
                      double out)
{
    return work_of(u, part, rows > 0 ? n : 0, u->m->type, MIX_WORK_DENSE, rows * u->m->dense_rows,
                   2 * rows * in * out / u->m->dense_speed, in * out * u->m->dense_bytes);
}

static double moved(struct sum *u, enum mix_cost_part part, double n, double bytes)
{
    return work_of(u, part, n, u->m->type, MIX_WORK_MEMORY, 1, 0, bytes);
}

static void links(struct sum *u, double n, const struct mix_cost_links *l)
{
    double all = l->inside + l->between, part = all > 0 ? l->latency / all : 0;

    u->c->part[MIX_COST_INSIDE] += n * l->inside;
    u->c->part[MIX_COST_BETWEEN] += n * l->between;
    u->c->bound[MIX_BOUND_LAUNCH] += n * l->latency;
    u->c->bound[MIX_BOUND_INSIDE] += n * l->inside * (1 - part);
    u->c->bound[MIX_BOUND_BETWEEN] += n * l->between * (1 - part);
}

/* ---- attention */

/* What sequences cost beside their keys: those that generate, and those whose prompts are read. */
static void sequences(struct sum *u)
{
    const struct mix_cost_step *s = u->s;
    double n = s->decode + (s->chunk > 0 ? s->prompt / s->chunk : 0);
    double t = u->layers * n * u->m->machine->rate[u->m->type][MIX_WORK_ATTENTION].each;

    u->c->part[MIX_COST_ATTENTION] += t;
    u->c->bound[MIX_BOUND_LAUNCH] += t;
    u->c->core += t;
}

static double kv_heads(const struct sum *u)
{
    return ceil(u->m->arch->kv_heads / u->tp);
}

/* Grouped-query attention: q, k, v in one product, queries against keys, o. */
static void gqa(struct sum *u)
{
    const struct mix_arch *a = u->m->arch;
    const struct mix_cost_step *s = u->s;
    double dim = a->head_dim, heads = a->heads / u->tp, kv = 2 * kv_heads(u) * dim;
    double read = kv * u->m->kv_bytes;
    struct mix_cost_links l;

    u->c->products +=
        product(u, MIX_COST_ATTENTION, u->layers, u->tokens, a->hidden, heads * dim + kv);
    u->c->products += product(u, MIX_COST_ATTENTION, u->layers, u->tokens, heads * dim, a->hidden);
    u->c->core += work_of(u, MIX_COST_ATTENTION, u->layers, u->m->type, MIX_WORK_ATTENTION, 1,
                          4 * s->decode * s->context * heads * dim, s->decode * s->context * read);
    u->c->core +=
        work_of(u, MIX_COST_ATTENTION, u->layers, u->m->type, MIX_WORK_ATTENTION, s->chunk,
                4 * s->prompt * s->prompt_context * heads * dim, s->prompt * read);
    mix_cost_tp(u->m, u->owned, a->hidden * u->m->type_bytes, a->hidden * u->m->partial_bytes, &l);
    links(u, u->layers, &l);
}

/* Latent attention: down on owned tokens, the latents gathered, up to the heads.  Generated tokens
 * meet the latents themselves (keys and values of a head are products of the query and of the
 * result: as many operations as making keys and values of one token); prompts meet heads. */
static void mla(struct sum *u)
{
    const struct mix_arch *a = u->m->arch;
    const struct mix_cost_step *s = u->s;
    double heads = a->heads / u->tp, latent = a->kv_lora_rank + a->qk_rope_dim;
    double down = a->q_lora_rank + latent, wide = heads * a->head_dim;
    double read = latent * u->m->kv_bytes;
    struct mix_cost_links l;

    u->c->products += product(u, MIX_COST_ATTENTION, u->layers, u->owned, a->hidden, down);
    u->c->products += product(u, MIX_COST_ATTENTION, u->layers, u->tokens,
                              a->q_lora_rank ? a->q_lora_rank : a->hidden, wide);
    u->c->products += product(u, MIX_COST_ATTENTION, u->layers, u->tokens, a->kv_lora_rank,
                              heads * (a->qk_nope_dim + a->v_dim));
    u->c->products +=
        product(u, MIX_COST_ATTENTION, u->layers, u->tokens, heads * a->v_dim, a->hidden);
    u->c->core += work_of(u, MIX_COST_ATTENTION, u->layers, u->m->type, MIX_WORK_ATTENTION, heads,
                          2 * s->decode * s->context * heads * (latent + a->kv_lora_rank),
                          s->decode * s->context * read);
    u->c->core += work_of(
        u, MIX_COST_ATTENTION, u->layers, u->m->type, MIX_WORK_ATTENTION, s->chunk,
        2 * s->prompt * s->prompt_context * heads * (a->head_dim + a->v_dim), s->prompt * read);
    mix_cost_tp(u->m, u->owned, (a->q_lora_rank ? down : a->hidden + latent) * u->m->type_bytes,
                a->hidden * u->m->partial_bytes, &l);
    links(u, u->layers, &l);
}

static void attention(struct sum *u)
{
    const struct mix_arch *a = u->m->arch;
    double wide = a->heads / u->tp * a->head_dim;

    (a->family == MIX_DEEPSEEK_V3 ? mla : gqa)(u);
    sequences(u);
    /* the norm; rotating queries and keys, writing them */
    moved(u, MIX_COST_ATTENTION, u->layers, u->owned * a->hidden * (4 + u->m->type_bytes));
    moved(u, MIX_COST_ATTENTION, u->layers,
          u->tokens * (wide * 8 + 2 * kv_heads(u) * a->head_dim * u->m->kv_bytes));
}

/* ---- feed-forward blocks */

/* gate and up, the product of the two, down. */
static void block(struct sum *u, double n, double rows, double inner)
{
    product(u, MIX_COST_EXPERTS, n, rows, u->m->arch->hidden, 2 * inner);
    product(u, MIX_COST_EXPERTS, n, rows, inner, u->m->arch->hidden);
    moved(u, MIX_COST_EXPERTS, n, rows * inner * (8 + u->m->type_bytes));
}

static void dense(struct sum *u)
{
    const struct mix_arch *a = u->m->arch;
    struct mix_cost_links l;

    if (u->plain > 0) {
        block(u, u->plain, u->tokens, a->inner / u->tp);
        mix_cost_tp(u->m, u->owned, a->hidden * u->m->type_bytes, a->hidden * u->m->partial_bytes,
                    &l);
        links(u, u->plain, &l);
    }
    if (a->shared_experts)
        block(u, u->moe, u->owned, (double)a->shared_experts * a->moe_inner);
}

static void router(struct sum *u)
{
    const struct mix_arch *a = u->m->arch;
    double in = a->hidden, out = a->experts;

    work_of(u, MIX_COST_ROUTER, u->moe, MIX_MACHINE_F32, MIX_WORK_DENSE, u->owned,
            2 * u->owned * in * out, in * out * 4);
    /* the norm; the k largest */
    moved(u, MIX_COST_ROUTER, u->layers, u->owned * a->hidden * (4 + u->m->type_bytes));
    moved(u, MIX_COST_ROUTER, u->moe, u->owned * out * 4);
}

/* Grouped products on a rank with so many copies of tokens and so many experts touched; seconds of
 * one stage, of which a step has n.  count: add them to the parts. */
static double grouped(struct sum *u, bool count, double n, double copies, double touched)
{
    const struct mix_arch *a = u->m->arch;
    double rows = copies / fmax(touched, 1) * u->m->expert_rows, inner = a->moe_inner / u->etp,
           t = 0;
    double one[2] = {2.0 * a->hidden * inner, a->hidden * inner}; /* numbers: gate and up; down */

    for (int i = 0; i < 2; i++) {
        double operations = 2 * copies * one[i] / u->m->expert_speed;
        double bytes = touched * one[i] * u->m->expert_bytes;

        if (count)
            t += work_of(u, MIX_COST_EXPERTS, n, u->m->type, MIX_WORK_EXPERTS, rows, operations,
                         bytes) /
                 n;
        else
            t += mix_work_seconds(u->m->machine, u->m->type, MIX_WORK_EXPERTS, u->m->node, rows,
                                  operations, bytes);
    }
    if (count)
        moved(u, MIX_COST_EXPERTS, n, copies * inner * (8 + u->m->type_bytes));
    return t;
}

/* n stages of a step, each with a part of the copies: work of the mean rank, with what its kernels
 * copy.  Returns what the busiest takes more in one of them, if it has `busy` copies in all. */
static double stages(struct sum *u, double n, double part, double busy,
                     const double copied[MIX_PHASES])
{
    const struct mix_arch *a = u->m->arch;
    double e = a->experts, k = a->top_k, most = u->most;
    double hit = mix_cost_touched(1, k / e, part * u->together); /* of one expert */
    double mean = part * u->together * k / u->ep, sigma = sqrt(most * hit * (1 - hit));
    double touched = fmin(most, most * hit + reach(u->ep) * sigma), more;

    more = -grouped(u, true, n, mean, e * hit / u->ep);
    more += grouped(u, false, n, part * busy, touched);
    for (int i = 0; i < MIX_PHASES; i++)
        u->c->phase[i] += moved(u, MIX_COST_INSIDE, n, part * copied[i]);
    return more;
}

/* The exchange and the experts, of a mean rank; what the busiest needs more is waited for. */
static void experts(struct sum *u)
{
    const struct mix_arch *a = u->m->arch;
    double mean = u->together * a->top_k / u->ep, busy, work, more, wait, all;
    double copied[MIX_PHASES], busiest[MIX_PHASES];
    const double *part = u->c->part;
    struct mix_cost_stages s = mix_cost_stages(u->m, u->owned);
    struct mix_cost_links l, worst;

    if (!(mean > 0))
        return;
    busy = mix_cost_busiest(a->experts, a->top_k, u->together, u->ep, u->most);
    mix_cost_exchange(u->m, u->owned, 1, &l);
    mix_cost_exchange(u->m, u->owned, busy / mean, &worst);
    mix_cost_copied(u->m, u->owned, 1, copied);
    mix_cost_copied(u->m, u->owned, busy / mean, busiest);
    work = -part[MIX_COST_EXPERTS] - part[MIX_COST_INSIDE];
    more = stages(u, u->moe, s.own, busy, copied);
    if (s.pieces)
        more += s.pieces * stages(u, u->moe * s.pieces, s.piece, busy, copied);
    work = (work + part[MIX_COST_EXPERTS] + part[MIX_COST_INSIDE]) / u->moe;
    work += l.inside;
    more += worst.inside - l.inside;
    more += mix_cost_copying(u->m, &s, busiest) - mix_cost_copying(u->m, &s, copied);
    all = l.between;
    wait = mix_cost_overlapped(&s, worst.between, work + more);
    l.between = mix_cost_overlapped(&s, l.between, work) - work;
    wait -= l.between + work;
    l.latency *= all > 0 ? (l.inside + l.between) / (l.inside + all) : 1;
    links(u, u->moe, &l);
    for (int i = 0; i < MIX_PHASES; i++) {
        for (int k = 0; k < MIX_LINK_KINDS; k++)
            u->c->sent[i][k] += u->moe * l.sent[i][k];
        u->c->phase[i] +=
            u->moe * (l.seconds[i][MIX_LINK_INSIDE] +
                      (all > 0 ? l.between / all : 0) * l.seconds[i][MIX_LINK_BETWEEN]);
    }
    u->c->phase[MIX_PHASE_COMBINE] += u->moe * fmax(0, wait); /* for the busiest's results */
    u->c->part[MIX_COST_WAITING] += u->moe * fmax(0, wait);
    u->c->bound[MIX_BOUND_WAITING] += u->moe * fmax(0, wait);
}

/* ---- the ends */

static void head(struct sum *u)
{
    const struct mix_arch *a = u->m->arch;
    double vocab = a->vocab / u->tp, mine = u->s->samples / u->tp, before, now;
    struct mix_cost_links l, embed;

    product(u, MIX_COST_HEAD, 1, u->s->samples, a->hidden, vocab);
    moved(u, MIX_COST_HEAD, 1, u->tokens * a->hidden * (4 + u->m->type_bytes));
    moved(u, MIX_COST_HEAD, 1, mine * a->vocab * 4 * 2); /* drawing: the largest, the sum */
    mix_cost_tp(u->m, mine, a->hidden * u->m->type_bytes, vocab * 4, &l);
    mix_cost_tp(u->m, u->owned, 0, a->hidden * u->m->partial_bytes, &embed);
    l.inside += embed.inside;
    l.latency += embed.latency;
    before = u->c->part[MIX_COST_INSIDE];
    links(u, 1, &l);
    now = u->c->part[MIX_COST_INSIDE];
    u->c->part[MIX_COST_HEAD] += now - before;
    u->c->part[MIX_COST_INSIDE] = before;
}

/* A step with nothing counted yet; c is the caller's. */
static struct sum begin(const struct mix_cost_model *m, const struct mix_cost_step *s,
                        struct mix_cost *c)
{
    const struct mix_layout *l = &m->layout;
    struct sum u = {.m = m, .s = s, .c = c, .tp = l->tp, .etp = l->etp, .ep = l->ep};

    *c = (struct mix_cost){0};
    u.tokens = s->prompt + s->decode;
    u.owned = u.tokens / u.tp;
    u.copy = u.etp * u.ep;
    u.together = u.owned * u.copy;
    u.layers = m->arch->layers;
    for (int i = 0; i < m->arch->layers; i++)
        u.moe += m->arch->moe[i];
    u.plain = u.layers - u.moe;
    u.most = mix_layout_locals_most(m->arch->experts, l->ep);
    return u;
}

double mix_cost_experts(const struct mix_cost_model *m, double tokens)
{
    struct mix_cost c;
    struct mix_cost_step s = {.decode = tokens};
    struct sum u = begin(m, &s, &c);
    double all = 0;

    if (!(u.moe > 0) || !(tokens > 0))
        return 0;
    experts(&u);
    for (int i = 0; i < MIX_COST_PARTS; i++)
        all += c.part[i];
    return all / u.moe;
}

/* All that takes time takes so many times as long. */
static void stretch(struct mix_cost *c, double times)
{
    for (int i = 0; i < MIX_COST_PARTS; i++)
        c->part[i] *= times;
    for (int i = 0; i < MIX_BOUNDS; i++)
        c->bound[i] *= times;
    for (int i = 0; i < MIX_PHASES; i++)
        c->phase[i] *= times;
    c->products *= times;
    c->core *= times;
}

void mix_cost_step(const struct mix_cost_model *m, const struct mix_cost_step *s,
                   struct mix_cost *c)
{
    struct sum u = begin(m, s, c);

    if (!(u.tokens > 0))
        return;
    attention(&u);
    dense(&u);
    if (u.moe > 0) {
        router(&u);
        experts(&u);
    }
    head(&u);
    stretch(c, mix_whole_times(m->machine, m->type, u.tokens));
    for (int i = 0; i < MIX_COST_PARTS; i++)
        c->total += c->part[i];
}
