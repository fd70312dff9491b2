/* gauge_rates.c - a table of operations, run in rounds on all ranks at once.
 *
 * Windows of time instead of counts: a rank that is slower does less, but nobody idles, so
 * every rank is measured beside working ones.  Only who measured is in the numbers. */
#include "model/gauge.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/median.h"
#include "base/mem.h"
#include "kernels/kernels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    ROUNDS = 3,      /* the middle counts; */
    TURNS = 2,       /* or the mean, where ranks take turns on a core: a window takes 25 ms then */
    MOST_ROWS = 256, /* of one call of products */
    MOST_WEIGHTS = 4096,
    CONTEXT = 512, /* tokens that attention sees, */
    SHORT = 16,    /* or of many sequences as short as this */
    MANY = 64,
    QUERIES = 128, /* of one sequence, at most */
    SEQUENCES = 4, /* decoded in one call */
    TOKENS = 512,  /* normed in one call */
};

/* Working sets of a node; a rank's are its share.  Twice a usual cache; packing them takes as long
 * as measuring. */
static const double expert_bytes = 96 << 20, dense_bytes = 48 << 20, kv_bytes = 48 << 20;

/* ---- what is run */

struct weights {
    struct mix_packed *w[MOST_WEIGHTS];
    const struct mix_packed *turn[2 * MOST_WEIGHTS]; /* w twice: a call may start anywhere */
    int count, n, k;
};

/* Everything of one type. */
struct bench {
    const struct mix_gauge_config *c;
    const struct mix_kernels *kern;
    enum mix_dtype type;
    struct weights *dense, *experts, *least; /* least: for the launch */
    int heads, kv_heads, head_dim, hidden, sequences;
    void *x;             /* [MOST_ROWS][k] or [QUERIES][heads][head_dim] or [TOKENS][hidden] */
    void *y;             /* results of any of them */
    void *keys, *values; /* [pages] */
    void *scratch;       /* of attention */
    float *ones;         /* [hidden] */
    int32_t *table;      /* [2 sequences][pages of one] every sequence twice */
    int32_t position[QUERIES], first[MANY + 1];
    int starts[MOST_ROWS + 2];
    double start, budget_s;
    double least_s; /* shortest window */
    bool turns;     /* more threads than cores */
    int left;       /* windows to come */
};

/* One line of the table.  groups: weights of a call, or sequences. */
struct point {
    int work; /* enum mix_work */
    int rows; /* 0: the launch */
    int groups;
    int context; /* of attention; SHORT: what a sequence costs */
    int (*call)(struct bench *b, const struct point *p, int turn);
    double operations, bytes; /* of a call */
    double seconds[ROUNDS];   /* of a call */
    double middle;            /* of those */
};

enum { MOST_POINTS = 24 };

static int product(struct bench *b, const struct point *p, int turn)
{
    struct weights *w = p->rows == 0                  ? b->least
                        : p->work == MIX_WORK_EXPERTS ? b->experts
                                                      : b->dense;
    int rows = p->rows ? p->rows : 1;
    struct mix_product a = {.y = b->y,
                            .x = b->x,
                            .w = w->turn + (int)((unsigned)(turn * p->groups) % (unsigned)w->count),
                            .first = b->starts,
                            .groups = p->groups};

    for (int g = 0; g <= p->groups; g++)
        b->starts[g] = g * rows;
    return b->kern->product(b->c->dev, &a);
}

static int attention(struct bench *b, const struct point *p, int turn)
{
    int rows = p->rows ? p->rows : 1, from = p->rows ? p->context - rows : 0;
    int stride = CONTEXT / MIX_PAGE;
    int seq = (int)((unsigned)(turn * p->groups) % (unsigned)b->sequences);
    struct mix_attention a = {
        .out = b->y,
        .q = b->x,
        .kv = {.keys = b->keys,
               .values = b->values,
               .type = b->type,
               .kv_heads = b->kv_heads,
               .head_dim = b->head_dim},
        .at = {.first = b->first,
               .position = b->position,
               .table = b->table + (ptrdiff_t)seq * stride,
               .seqs = p->groups,
               .table_stride = stride},
        .scratch = b->scratch,
        .type = b->type,
        .tokens = rows * p->groups,
        .heads = b->heads,
        .scale = 0.1F,
    };

    for (int s = 0; s <= p->groups; s++)
        b->first[s] = s * rows;
    for (int i = 0; i < a.tokens; i++)
        b->position[i] = from + i % rows;
    return b->kern->attention(b->c->dev, &a);
}

static int norm(struct bench *b, const struct point *p, int turn)
{
    struct mix_rmsnorm a = {
        .y = b->y,
        .x = b->x,
        .w = b->ones,
        .type = b->type,
        .tokens = p->rows ? p->rows : 1,
        .dim = b->hidden,
        .eps = 1e-6F,
    };

    (void)turn;
    return b->kern->rmsnorm(b->c->dev, &a);
}

/* ---- the table */

static void add(struct point *p, int *n, struct point line)
{
    p[(*n)++] = line;
}

static void add_products(struct point *p, int *n, const struct bench *b, int work)
{
    static const int dense[] = {1, 8, 64, 256}, experts[] = {1, 2, 4, 16, 64, 256};
    bool many = work == MIX_WORK_EXPERTS;
    const struct weights *w = many ? b->experts : b->dense;
    const int *rows = many ? experts : dense;
    int lines = many ? 6 : 4;

    add(p, n, (struct point){.work = work, .groups = 1, .call = product});
    for (int i = 0; i < lines; i++) {
        int groups = many && rows[i] < 64 ? 64 / rows[i] : 1;

        groups = groups > w->count ? w->count : groups;
        add(p, n,
            (struct point){.work = work,
                           .rows = rows[i],
                           .groups = groups,
                           .call = product,
                           .operations = 2.0 * rows[i] * groups * w->n * w->k,
                           .bytes =
                               (double)groups * w->n * w->k * (double)mix_dtype_size(b->type)});
    }
}

static void add_attention(struct point *p, int *n, const struct bench *b)
{
    static const int rows[] = {1, QUERIES};
    double kv = 2.0 * CONTEXT * b->kv_heads * b->head_dim * (double)mix_dtype_size(b->type);

    add(p, n, (struct point){.work = MIX_WORK_ATTENTION, .groups = 1, .call = attention});
    add(p, n,
        (struct point){.work = MIX_WORK_ATTENTION,
                       .rows = 1,
                       .groups = b->sequences < MANY ? b->sequences : MANY,
                       .context = SHORT,
                       .call = attention});
    for (int i = 0; i < 2; i++) {
        int seqs = rows[i] == 1 ? SEQUENCES : 1;
        double seen = rows[i] * (CONTEXT - (rows[i] - 1) / 2.0); /* positions, of all queries */

        add(p, n,
            (struct point){.work = MIX_WORK_ATTENTION,
                           .rows = rows[i],
                           .groups = seqs,
                           .context = CONTEXT,
                           .call = attention,
                           .operations = 4.0 * b->heads * b->head_dim * seen * seqs,
                           .bytes = kv * seqs});
    }
}

static int table_of(struct point *p, const struct bench *b)
{
    int n = 0;
    double element = 4.0 + (double)mix_dtype_size(b->type);

    add_products(p, &n, b, MIX_WORK_DENSE);
    add_products(p, &n, b, MIX_WORK_EXPERTS);
    add_attention(p, &n, b);
    add(p, &n, (struct point){.work = MIX_WORK_MEMORY, .call = norm});
    add(p, &n,
        (struct point){.work = MIX_WORK_MEMORY,
                       .rows = TOKENS,
                       .call = norm,
                       .operations = 4.0 * TOKENS * b->hidden,
                       .bytes = element * TOKENS * b->hidden});
    return n;
}

/* ---- running it */

/* Calls until `until`; *calls counts them. */
static int work_until(struct bench *b, struct point *p, int turn, double until, int *calls)
{
    int rc;

    do
        rc = p->call(b, p, turn + ++*calls);
    while (rc == MIX_OK && mix_now() < until);
    return rc;
}

/* A window of time for one line, on all ranks at once: what they do together counts, and adding it
 * up lets nobody begin the next before all are here.  Where they take turns some start late: then
 * nobody stops before all have had their window. */
static int run_window(struct bench *b, struct point *p, int round)
{
    int rc = MIX_OK, calls = 0, more = 0;
    struct mix_group *world = b->c->world;
    double used_s = mix_now() - b->start, at, rate;
    double window = fmax((b->budget_s - used_s) / b->left * 0.8, b->least_s);

    TRY(p->call(b, p, round * 1000));
    at = mix_now();
    TRY(work_until(b, p, round * 1000, at + window * (b->turns ? 0.6 : 1), &calls));
    rate = calls / (mix_now() - at);
    if (b->turns)
        TRY(work_until(b, p, round * 1000 + calls, at + window, &more));
    TRY(mix_group_reduce_f64(world, &rate, 1, MIX_SUM));
    p->seconds[round] = mix_group_size(world) / rate;
    b->left--;
out:
    return rc;
}

/* What a call takes beyond its launch and its sequences; where that is lost in the noise, a tenth.
 */
static double beyond(const struct point *p, const struct mix_rate *r)
{
    return fmax(p->middle - r->launch - p->groups * r->each, 0.1 * p->middle);
}

static void fill(struct mix_rate rate[MIX_WORKS], const struct point *p, int n)
{
    for (int i = 0; i < n; i++) {
        struct mix_rate *r = &rate[p[i].work];
        double s;

        if (p[i].rows == 0) {
            r->launch = p[i].middle;
            continue;
        }
        s = beyond(&p[i], r);
        if (p[i].context == SHORT) {
            r->each = s / p[i].groups;
            continue;
        }
        r->rows[r->points] = p[i].work == MIX_WORK_MEMORY ? 1 : p[i].rows;
        r->speed[r->points++] = p[i].operations / s;
        r->bandwidth = fmax(r->bandwidth, p[i].bytes / s);
    }
}

/* ---- making it */

static int weights_make(struct weights **out, const struct bench *b, int n, int k, int count,
                        const void *source)
{
    int rc = MIX_OK;
    struct weights *w = NULL;

    TRY(mix_calloc(&w, 1, sizeof *w, "weights to measure with"));
    *out = w;
    w->n = n;
    w->k = k;
    for (; w->count < count; w->count++)
        TRY(b->kern->product_pack(b->c->dev, &w->w[w->count], source, b->type, n, k));
    for (int i = 0; i < 2 * count; i++)
        w->turn[i] = w->w[i % count];
out:
    return rc;
}

static void weights_free(const struct bench *b, struct weights *w)
{
    for (int i = 0; w && i < w->count; i++)
        b->kern->product_release(b->c->dev, w->w[i]);
    free(w);
}

/* Of n rows what a quarter of the room holds, and how many such weights the room, or the model. */
static void cut(const struct bench *b, double room, double have, int k, int *n, int *count)
{
    double row = k * (double)mix_dtype_size(b->type), most = floor(room / 4 / row / 16) * 16;

    *n = *n > most ? (int)fmax(most, 16) : *n;
    *count = (int)fmax(1, fmin(fmin(have, MOST_WEIGHTS), room / (row * *n)));
}

/* Small numbers of both signs: zeros would be faster than they are. */
static void fill_random(void *to, enum mix_dtype type, size_t n)
{
    uint32_t x = 1;

    for (size_t i = 0; i < n; i++) {
        float f;

        x = x * 1664525u + 1013904223u;
        f = (float)(int32_t)x * 0x1p-32F;
        if (type == MIX_F32)
            ((float *)to)[i] = f;
        else
            ((uint16_t *)to)[i] = mix_f32_to_bf16(f);
    }
}

static int upload_random(const struct bench *b, void *to, enum mix_dtype type, size_t n)
{
    int rc = MIX_OK;
    void *host = NULL;

    TRY(mix_calloc(&host, n, mix_dtype_size(type), "numbers to measure with"));
    fill_random(host, type, n);
    TRY(mix_dev_upload(b->c->dev, to, host, n * mix_dtype_size(type)));
out:
    free(host);
    return rc;
}

static size_t larger(size_t a, size_t b)
{
    return a > b ? a : b;
}

static int make_weights(struct bench *b, const struct mix_arch *a, int ranks)
{
    int rc = MIX_OK, layers = a->layers, moe = 0;
    int dn = (b->heads + 2 * b->kv_heads) * b->head_dim, dcount;
    int en = 2 * a->moe_inner, ecount;
    void *source = NULL;
    size_t n;

    for (int l = 0; l < layers; l++)
        moe += a->moe[l];
    cut(b, dense_bytes / ranks, 2.0 * layers, a->hidden, &dn, &dcount);
    cut(b, expert_bytes / ranks, (double)moe * a->experts, a->hidden, &en, &ecount);
    n = (size_t)(dn > en ? dn : en) * (size_t)a->hidden;
    TRY(mix_calloc(&source, larger(n, 256), mix_dtype_size(b->type), "weights to measure with"));
    fill_random(source, b->type, larger(n, 256));
    TRY(weights_make(&b->dense, b, dn, a->hidden, dcount, source));
    TRY(weights_make(&b->experts, b, en, a->hidden, ecount, source));
    TRY(weights_make(&b->least, b, 16, 16, 1, source));
out:
    free(source);
    return rc;
}

static int make_cache(struct bench *b, int ranks)
{
    int rc = MIX_OK, pages = CONTEXT / MIX_PAGE;
    struct mix_dev *dev = b->c->dev;
    size_t numbers = (size_t)CONTEXT * (size_t)(b->kv_heads * b->head_dim), all;
    double each = 2.0 * (double)(numbers * mix_dtype_size(b->type));

    b->sequences = (int)fmax(SEQUENCES, fmin(64, kv_bytes / ranks / each));
    all = numbers * (size_t)b->sequences;
    TRY(mix_dev_alloc(dev, &b->keys, all * mix_dtype_size(b->type), "keys to measure with"));
    TRY(mix_dev_alloc(dev, &b->values, all * mix_dtype_size(b->type), "values to measure with"));
    TRY(upload_random(b, b->keys, b->type, all));
    TRY(upload_random(b, b->values, b->type, all));
    TRY(mix_dev_alloc(
        dev, &b->scratch,
        b->kern->attention_scratch(QUERIES, b->heads, b->head_dim, CONTEXT, mix_dev_threads(dev)),
        "attention to measure"));
    TRY(mix_calloc(&b->table, 2 * (size_t)(b->sequences * pages), sizeof *b->table, "pages"));
    for (int i = 0; i < 2 * b->sequences * pages; i++)
        b->table[i] = i % (b->sequences * pages);
out:
    return rc;
}

static int make(struct bench *b, const struct mix_arch *a, int ranks)
{
    int rc = MIX_OK;
    struct mix_dev *dev = b->c->dev;
    size_t row, x, y;

    TRY(make_weights(b, a, ranks));
    TRY(make_cache(b, ranks));
    row = (size_t)(b->heads * b->head_dim);
    x = larger(MOST_ROWS * (size_t)a->hidden, larger(QUERIES * row, TOKENS * (size_t)a->hidden));
    y = larger(MOST_ROWS * (size_t)(b->dense->n > b->experts->n ? b->dense->n : b->experts->n), x);
    TRY(mix_dev_alloc(dev, &b->x, x * sizeof(float), "rows to measure with"));
    TRY(mix_dev_alloc(dev, &b->y, y * sizeof(float), "rows to measure with"));
    TRY(mix_dev_alloc(dev, &b->ones, (size_t)a->hidden * sizeof(float), "rows to measure with"));
    TRY(upload_random(b, b->x, MIX_F32, x));
    TRY(upload_random(b, b->ones, MIX_F32, (size_t)a->hidden));
out:
    return rc;
}

static void unmake(struct bench *b)
{
    struct mix_dev *dev = b->c->dev;

    weights_free(b, b->dense);
    weights_free(b, b->experts);
    weights_free(b, b->least);
    mix_dev_release(dev, b->keys);
    mix_dev_release(dev, b->values);
    mix_dev_release(dev, b->scratch);
    mix_dev_release(dev, b->x);
    mix_dev_release(dev, b->y);
    mix_dev_release(dev, b->ones);
    free(b->table);
}

static int gauge_type(struct mix_rate rate[MIX_WORKS], const struct mix_gauge_config *c,
                      const struct mix_arch *a, enum mix_dtype type, double budget_s)
{
    int rc = MIX_OK, n, rounds;
    const struct mix_topo_rank *me = &c->topo->rank[mix_comm_rank(c->comm)];
    /* Ranks that take turns on a core: in less than a turn one is measured as if alone. */
    double ratio = (double)me->local_ranks * mix_dev_threads(c->dev) / me->cores;
    bool mla = a->family == MIX_DEEPSEEK_V3; /* its kernel is not here: as heads of their own */
    struct point p[MOST_POINTS];
    struct bench b = {.c = c,
                      .kern = mix_kernels_of(c->dev),
                      .type = type,
                      .heads = mla && a->heads > 16 ? 16 : a->heads,
                      .kv_heads = mla && a->heads > 16 ? 16 : a->kv_heads,
                      .head_dim = mla ? a->v_dim : a->head_dim,
                      .hidden = a->hidden,
                      .start = mix_now(),
                      .budget_s = budget_s};

    TRY(mix_group_reduce_f64(c->world, &ratio, 1, MIX_MAX)); /* all do as many rounds */
    b.turns = ratio > 1;
    rounds = b.turns ? TURNS : ROUNDS;
    b.least_s = 3e-3 * fmax(1, ratio);
    TRY(make(&b, a, me->local_ranks));
    n = table_of(p, &b);
    b.left = n * rounds;
    TRY(mix_group_barrier(c->world));
    for (int round = 0; round < rounds; round++)
        for (int i = 0; i < n; i++)
            TRY(run_window(&b, &p[i], round));
    for (int i = 0; i < n; i++)
        p[i].middle = mix_median(p[i].seconds, rounds);
    fill(rate, p, n);
out:
    unmake(&b);
    return rc;
}

/* ---- of all types */

static struct mix_arch usual_arch(void)
{
    struct mix_arch a = {.family = MIX_QWEN3_MOE,
                         .hidden = 2048,
                         .layers = 48,
                         .heads = 32,
                         .kv_heads = 4,
                         .head_dim = 128,
                         .experts = 128,
                         .moe_inner = 768};

    for (int l = 0; l < a.layers; l++)
        a.moe[l] = true;
    return a;
}

int mix_gauge_rates(struct mix_rate rate[MIX_MACHINE_TYPES][MIX_WORKS],
                    const struct mix_gauge_config *c)
{
    static const enum mix_dtype type[] = {
        [MIX_MACHINE_F32] = MIX_F32, [MIX_MACHINE_BF16] = MIX_BF16};
    int rc = MIX_OK;
    struct mix_arch usual = usual_arch();
    struct mix_rate found[MIX_MACHINE_TYPES][MIX_WORKS] = {0};
    double budget_s = (c->rates_s > 0 ? c->rates_s : 1.3) / MIX_MACHINE_TYPES;

    for (int t = 0; t < MIX_MACHINE_TYPES; t++)
        TRY(gauge_type(found[t], c, c->arch ? c->arch : &usual, type[t], budget_s));
    memcpy(rate, found, sizeof found);
out:
    return rc;
}
