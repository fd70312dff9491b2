/* bench_exchange.c - steps of every exchange, timed; see bench_exchange.h. */
#include "cli/bench_exchange.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/median.h"
#include "base/mem.h"
#include "base/rng.h"
#include "exchange/pace.h"
#include "kernels/kernels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    HIDDEN = MIX_BENCH_HIDDEN,
    EXPERTS = MIX_BENCH_EXPERTS,
    K = MIX_BENCH_K,
    AT_ONCE = 2048, /* rows that experts take in a call */
};
enum { ALONE, BOTH, TIMES };
enum { ROUTING, NUMBERS, WEIGHTS }; /* streams of random numbers */

/* The last is the one in chunks; those of fewer are 1, or 0: nothing overlaps. */
static const struct {
    const char *name;
    enum mix_exchange_kind kind;
    int chunks;
} variant[MIX_BENCH_EXCHANGES] = {
    {"tp", MIX_EXCHANGE_TP, 0},
    {"ep", MIX_EXCHANGE_EP, 0},
    {"hybrid", MIX_EXCHANGE_HYBRID, 0},
    {"mixserve sync", MIX_EXCHANGE_MIXSERVE, 0},
    {"mixserve", MIX_EXCHANGE_MIXSERVE, 1},
    {"fused sync", MIX_EXCHANGE_FUSED, 0},
    {"fused, 1 chunk", MIX_EXCHANGE_FUSED, 1},
    {"fused", MIX_EXCHANGE_FUSED, -1},
};
enum { CHUNKED = MIX_BENCH_EXCHANGES - 1 };

/* One size under measurement. */
struct meter {
    const struct mix_bench_here *here;
    const struct mix_bench_settings *s;
    int tokens; /* owned */
    int *owned; /* [ranks] the same */
    struct mix_homes homes;
    struct mix_pace pace;
    struct mix_plan plan;          /* of the exchange in turn; chunks are set before each step */
    struct mix_exchange *exchange; /* open for its turn only: large steps of all would not fit */
    int first[EXPERTS + 1];        /* rows that meet my experts */
    double busiest, busy;          /* rows of the busiest rank; over the mean */
    double *seconds;               /* [exchanges][TIMES][repeats] */
    double *experts;               /* [repeats] alone */

    /* device */
    uint16_t *x;     /* [tokens][HIDDEN] bf16 */
    int32_t *expert; /* [tokens][K] */
    float *weight;   /* [tokens][K] */
    float *y;        /* [tokens][HIDDEN] */

    /* real experts: gate and up in one, down; device */
    int locals;
    struct mix_packed **gate_up, **down; /* [locals] */
    float *wide;                         /* [AT_ONCE][2 inner] */
    uint16_t *gated;                     /* [AT_ONCE][inner] bf16 */
    uint16_t *rows;                      /* [AT_ONCE][HIDDEN] bf16, of experts alone */
    float *out;                          /* [AT_ONCE][HIDDEN] likewise */
};

static uint32_t draw(const struct meter *m, uint32_t stream, uint32_t a, uint32_t b)
{
    uint32_t word[4];

    mix_philox(word, (uint32_t[]){a, b, stream, 0}, (uint32_t[]){(uint32_t)m->s->seed, 7});
    return word[0];
}

static uint16_t number(const struct meter *m, uint32_t stream, uint32_t a, uint32_t b)
{
    return mix_f32_to_bf16((float)((double)draw(m, stream, a, b) * 0x1p-31 - 1.0));
}

/* ---- experts */

/* Costs nothing: the clock takes its place, or nothing does. */
static int run_nothing(void *ctx, float *out, const void *x, const int *first)
{
    (void)ctx, (void)out, (void)x, (void)first;
    return MIX_OK;
}

static int run_real(void *ctx, float *out, const void *x, const int *first)
{
    int rc = MIX_OK;
    const struct meter *m = ctx;
    const struct mix_kernels *kern = mix_kernels_of(m->here->dev);
    struct mix_product in = {.y = m->wide,
                             .x = x,
                             .w = (const struct mix_packed *const *)m->gate_up,
                             .first = first,
                             .groups = m->locals};
    struct mix_swiglu gate = {.y = m->gated,
                              .x = m->wide,
                              .type = MIX_BF16,
                              .rows = first[m->locals],
                              .inner = m->s->inner};
    struct mix_product out_of = {.y = out,
                                 .x = m->gated,
                                 .w = (const struct mix_packed *const *)m->down,
                                 .first = first,
                                 .groups = m->locals};

    TRY(kern->product(m->here->dev, &in));
    TRY(kern->swiglu(m->here->dev, &gate));
    TRY(kern->product(m->here->dev, &out_of));
out:
    return rc;
}

static int clamp(int x, int low, int high)
{
    return x < low ? low : x > high ? high : x;
}

/* The products of a step and nothing else, AT_ONCE rows in a call. */
static int run_alone(struct meter *m)
{
    int rc = MIX_OK, all = m->first[m->locals], part[EXPERTS + 1];

    for (int from = 0; from < all; from += AT_ONCE) {
        for (int l = 0; l <= m->locals; l++)
            part[l] = clamp(m->first[l] - from, 0, all - from < AT_ONCE ? all - from : AT_ONCE);
        TRY(run_real(m, m->out, m->rows, part));
    }
out:
    return rc;
}

static int pack(struct meter *m, struct mix_packed **packed, uint32_t which, int n, int k)
{
    int rc = MIX_OK;
    uint16_t *w = NULL;

    TRY(mix_calloc(&w, (size_t)n * (size_t)k, sizeof *w, "weights"));
    for (int i = 0; i < n * k; i++)
        w[i] = number(m, WEIGHTS, which, (uint32_t)i);
    TRY(mix_kernels_of(m->here->dev)->product_pack(m->here->dev, packed, w, MIX_BF16, n, k));
out:
    free(w);
    return rc;
}

static int open_experts(struct meter *m)
{
    int rc = MIX_OK, inner = m->s->inner;
    size_t rows = AT_ONCE, locals = (size_t)m->locals;
    struct mix_dev *dev = m->here->dev;

    if (!m->s->real)
        goto out;
    TRY(mix_calloc(&m->gate_up, locals, sizeof(struct mix_packed *), "weights"));
    TRY(mix_calloc(&m->down, locals, sizeof(struct mix_packed *), "weights"));
    for (int l = 0; l < m->locals; l++) {
        TRY(pack(m, &m->gate_up[l], (uint32_t)(2 * l), 2 * inner, HIDDEN));
        TRY(pack(m, &m->down[l], (uint32_t)(2 * l + 1), HIDDEN, inner));
    }
    TRY(mix_dev_alloc(dev, &m->wide, rows * 2 * (size_t)inner * sizeof *m->wide, "experts"));
    TRY(mix_dev_alloc(dev, &m->gated, rows * (size_t)inner * sizeof *m->gated, "experts"));
    TRY(mix_dev_alloc(dev, &m->rows, rows * HIDDEN * sizeof *m->rows, "experts"));
    TRY(mix_dev_alloc(dev, &m->out, rows * HIDDEN * sizeof *m->out, "experts"));
out:
    return rc;
}

static void close_experts(struct meter *m)
{
    struct mix_dev *dev = m->here->dev;

    for (int l = 0; l < m->locals; l++) {
        if (m->gate_up)
            mix_kernels_of(dev)->product_release(dev, m->gate_up[l]);
        if (m->down)
            mix_kernels_of(dev)->product_release(dev, m->down[l]);
    }
    free(m->gate_up);
    free(m->down);
    mix_dev_release(dev, m->wide);
    mix_dev_release(dev, m->gated);
    mix_dev_release(dev, m->rows);
    mix_dev_release(dev, m->out);
}

/* ---- tokens and where they go */

/* The K experts of token t of a rank: the first of a shuffle. */
static void route(const struct meter *m, int rank, int t, int32_t expert[K])
{
    int left[EXPERTS];

    for (int e = 0; e < EXPERTS; e++)
        left[e] = e;
    for (int j = 0; j < K; j++) {
        uint32_t x = draw(m, ROUTING, (uint32_t)rank, (uint32_t)(t * K + j));
        int at = j + (int)(x % (uint32_t)(EXPERTS - j));

        expert[j] = left[at];
        left[at] = left[j];
    }
}

/* My tokens, and from everybody's routing what comes to my experts and to the busiest domain. */
static int make_tokens(struct meter *m)
{
    int rc = MIX_OK, ranks = mix_comm_size(m->here->comm), me = mix_comm_rank(m->here->comm);
    int domains = ranks / m->here->domain_size, rows[EXPERTS] = {0}, all[EXPERTS] = {0};
    int32_t expert[K], mine[EXPERTS];

    for (int r = 0; r < ranks; r++) {
        m->owned[r] = m->tokens;
        for (int t = 0; t < m->tokens; t++) {
            route(m, r, t, expert);
            for (int j = 0; j < K; j++)
                rows[expert[j]]++;
            if (r == me)
                TRY(mix_dev_upload(m->here->dev, m->expert + t * K, expert, sizeof expert));
        }
    }
    m->locals = mix_homes_local(&m->homes, 0, me / m->here->domain_size, mine);
    for (int l = 0; l < m->locals; l++)
        m->first[l + 1] = m->first[l] + rows[mine[l]];
    for (int e = 0; e < EXPERTS; e++)
        all[m->homes.home[e]] += rows[e];
    for (int d = 0; d < domains; d++)
        m->busiest = fmax(m->busiest, all[d]);
    m->busy = m->busiest * domains / ((double)ranks * m->tokens * K);
    for (int i = 0; i < m->tokens * K; i++)
        m->weight[i] = 1.0f / K; /* cpu: device memory is the host's */
    for (int i = 0; i < m->tokens * HIDDEN; i++)
        m->x[i] = number(m, NUMBERS, (uint32_t)me, (uint32_t)i);
out:
    return rc;
}

/* ---- open and close */

static struct mix_plan plan_of(const struct meter *m, int kind)
{
    int ranks = mix_comm_size(m->here->comm), domain = m->here->domain_size;

    return (struct mix_plan){.numeric = {.tp = 1,
                                         .etp = domain,
                                         .dtype = MIX_BF16,
                                         .dispatch = MIX_BF16,
                                         .wire = MIX_BF16},
                             .world = ranks,
                             .domains = ranks / domain,
                             .domain_size = domain,
                             .dp = ranks,
                             .ep = ranks / domain,
                             .edp = 1,
                             .exchange = kind,
                             .depth = MIX_PLAN_DEPTH};
}

static int open_exchange(struct meter *m, int kind)
{
    struct mix_exchange_config config = {.dev = m->here->dev,
                                         .comm = m->here->comm,
                                         .plan = &m->plan,
                                         .homes = &m->homes,
                                         .type = MIX_BF16,
                                         .hidden = HIDDEN,
                                         .k = K,
                                         .max_owned = m->tokens,
                                         .max_rows = AT_ONCE,
                                         .pace = &m->pace};

    m->plan = plan_of(m, kind);
    return mix_exchange_open(&m->exchange, &config);
}

static int open_meter(struct meter *m)
{
    int rc = MIX_OK, ranks = mix_comm_size(m->here->comm);
    size_t owned = (size_t)m->tokens, repeats = (size_t)m->s->repeats;
    struct mix_dev *dev = m->here->dev;

    TRY(mix_homes_identity(&m->homes, 1, EXPERTS, ranks / m->here->domain_size));
    TRY(mix_calloc(&m->owned, (size_t)ranks, sizeof *m->owned, "tokens"));
    TRY(mix_calloc(&m->seconds, MIX_BENCH_EXCHANGES * TIMES * repeats, sizeof *m->seconds,
                   "times"));
    TRY(mix_calloc(&m->experts, repeats, sizeof *m->experts, "times"));
    TRY(mix_dev_alloc(dev, &m->x, owned * HIDDEN * sizeof *m->x, "tokens"));
    TRY(mix_dev_alloc(dev, &m->expert, owned * K * sizeof *m->expert, "tokens"));
    TRY(mix_dev_alloc(dev, &m->weight, owned * K * sizeof *m->weight, "tokens"));
    TRY(mix_dev_alloc(dev, &m->y, owned * HIDDEN * sizeof *m->y, "tokens"));
    TRY(make_tokens(m));
    TRY(open_experts(m));
    m->pace.inside_rate = m->s->inside_rate;
out:
    return rc;
}

static void close_meter(struct meter *m)
{
    struct mix_dev *dev = m->here->dev;

    close_experts(m);
    mix_dev_release(dev, m->x);
    mix_dev_release(dev, m->expert);
    mix_dev_release(dev, m->weight);
    mix_dev_release(dev, m->y);
    free(m->seconds);
    free(m->experts);
    free(m->owned);
    mix_homes_fini(&m->homes);
}

/* ---- steps */

static int chunks_of(const struct meter *m, int v)
{
    return variant[v].chunks < 0 ? m->s->chunks : variant[v].chunks;
}

/* One step, with experts or without. */
static int step(struct meter *m, int v, int which, double row_s, double *seconds)
{
    int rc = MIX_OK;
    struct mix_exchange_step s = {.x = m->x,
                                  .expert = m->expert,
                                  .weight = m->weight,
                                  .tokens = m->owned,
                                  .run = which == BOTH && m->s->real ? run_real : run_nothing,
                                  .ctx = m};
    double start;

    m->plan.chunks = chunks_of(m, v);
    m->pace.row_s = which == BOTH ? row_s : 0;
    TRY(mix_group_barrier(m->here->world));
    start = mix_now();
    TRY(mix_exchange_start(m->exchange, &s));
    TRY(mix_exchange_finish(m->exchange, m->y));
    *seconds = mix_now() - start;
out:
    return rc;
}

static double at_part(const double *sorted, int n, double part)
{
    double at = part * (n - 1);
    int i = (int)at;

    return i + 1 < n ? sorted[i] + (at - i) * (sorted[i + 1] - sorted[i]) : sorted[i];
}

static struct mix_bench_quartiles quartiles(double *x, int n)
{
    mix_sort(x, n);
    return (struct mix_bench_quartiles){at_part(x, n, 0.25), at_part(x, n, 0.5),
                                        at_part(x, n, 0.75)};
}

/* Virtual experts take as long as fused in chunks takes without them. */
static int choose_row_s(struct meter *m, double *row_s)
{
    int rc = MIX_OK, n = m->s->repeats;
    double *t = m->experts, warm;

    *row_s = 0;
    if (m->s->real)
        goto out;
    TRY(open_exchange(m, variant[CHUNKED].kind));
    TRY(step(m, CHUNKED, ALONE, 0, &warm));
    for (int i = 0; i < n; i++)
        TRY(step(m, CHUNKED, ALONE, 0, &t[i]));
    mix_exchange_close(m->exchange);
    TRY(mix_group_reduce_f64(m->here->world, t, n, MIX_MAX));
    *row_s = quartiles(t, n).median / m->busiest;
out:
    return rc;
}

/* What a step sends, by the rank that sends most.  The step touches what the next ones use, too. */
static int count(struct meter *m, int v, struct mix_bench_travel *counted)
{
    int rc = MIX_OK;
    struct mix_exchange_traffic was = mix_exchange_traffic(m->exchange), is;
    double x[2 * MIX_SIDES] = {0}, warm;

    TRY(step(m, v, ALONE, 0, &warm));
    is = mix_exchange_traffic(m->exchange);
    for (int side = 0; side < MIX_SIDES; side++)
        for (int p = 0; p < MIX_PHASES; p++) {
            x[side] += (double)(is.bytes[p][side] - was.bytes[p][side]);
            x[MIX_SIDES + side] += (double)(is.messages[p][side] - was.messages[p][side]);
        }
    TRY(mix_group_reduce_f64(m->here->world, x, 2 * MIX_SIDES, MIX_MAX));
    memcpy(counted->bytes, x, sizeof counted->bytes);
    memcpy(counted->messages, x + MIX_SIDES, sizeof counted->messages);
out:
    return rc;
}

/* The variants of an exchange, into place i. */
static int turn(struct meter *m, int kind, int i, struct mix_bench_size *size)
{
    int rc = MIX_OK, n = m->s->repeats;

    TRY(open_exchange(m, kind));
    for (int v = 0; v < MIX_BENCH_EXCHANGES; v++) {
        if ((int)variant[v].kind != kind)
            continue;
        TRY(count(m, v, &size->row[v].counted));
        for (int which = 0; which < TIMES; which++)
            TRY(step(m, v, which, size->row_s, &m->seconds[(v * TIMES + which) * n + i]));
    }
    mix_exchange_close(m->exchange);
out:
    return rc;
}

/* Everything once, in turns, into place i. */
static int repeat(struct meter *m, int i, struct mix_bench_size *size)
{
    int rc = MIX_OK;
    double start;

    for (int kind = 0; kind < MIX_EXCHANGE_KINDS; kind++)
        TRY(turn(m, kind, i, size));
    m->experts[i] = size->row_s * m->busiest;
    if (!m->s->real)
        goto out;
    TRY(mix_group_barrier(m->here->world));
    start = mix_now();
    TRY(run_alone(m));
    m->experts[i] = mix_now() - start;
out:
    return rc;
}

static int measure(struct meter *m, struct mix_bench_size *size)
{
    int rc = MIX_OK, n = m->s->repeats;

    TRY(choose_row_s(m, &size->row_s));
    TRY(repeat(m, 0, size)); /* to warm up: it is overwritten */
    for (int i = 0; i < n; i++)
        TRY(repeat(m, i, size));
    TRY(mix_group_reduce_f64(m->here->world, m->seconds, MIX_BENCH_EXCHANGES * TIMES * n, MIX_MAX));
    TRY(mix_group_reduce_f64(m->here->world, m->experts, n, MIX_MAX));
    for (int v = 0; v < MIX_BENCH_EXCHANGES; v++) {
        struct mix_bench_row *r = &size->row[v];

        r->name = variant[v].name;
        r->exchange = variant[v].kind;
        r->chunks = chunks_of(m, v);
        r->alone = quartiles(m->seconds + (v * TIMES + ALONE) * n, n);
        r->both = quartiles(m->seconds + (v * TIMES + BOTH) * n, n);
    }
    size->experts = quartiles(m->experts, n);
out:
    return rc;
}

int mix_bench_exchange(struct mix_bench_size *size, const struct mix_bench_here *here,
                       const struct mix_bench_settings *s, double asked)
{
    int rc = MIX_OK, domains = mix_comm_size(here->comm) / here->domain_size;
    double token = (double)K * HIDDEN * 2 / domains; /* bytes of one for a domain */
    struct meter *m = NULL;

    *size = (struct mix_bench_size){.asked = asked};
    size->tokens = asked > token ? (int)lround(asked / token) : 1;
    size->bytes = size->tokens * token;
    TRY(mix_calloc(&m, 1, sizeof *m, "a benchmark"));
    m->here = here;
    m->s = s;
    m->tokens = size->tokens;
    TRY(open_meter(m));
    TRY(measure(m, size));
    mix_bench_expect(size, here, s, m->busy);
out:
    if (m && rc == MIX_OK) /* closing is collective: who fails leaves that out */
        close_meter(m);
    free(m);
    return rc;
}
