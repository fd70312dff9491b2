/* attention_cpu.c - attention on the cpu backend.
 *
 * A unit is (sequence, tile of its tokens, kv head); its rows are the query heads of
 * those tokens that share the kv head.  Per split of context a leaf gives a partial
 * for all rows, and partials are folded into the first in order of context: M' = max(M, m),
 * both sides scaled to M', added.  With many units a thread folds as it goes along; with
 * few (a lone long sequence) the splits of a unit are shared out, their partials wait
 * in scratch, and are folded afterwards.  The operations on a row are the same. */
#include "kernels/attention.h"

#include "base/err.h"
#include "dev/dev.h"
#include "kernels/attention_split.h"
#include "kernels/exp.h"

#include <math.h>
#include <omp.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum {
    TILE_ROWS = 32,        /* rows of a unit, if the group is not larger */
    UNITS_PER_THREAD = 4,  /* so many units a thread need no cutting of contexts */
    MOST_PARTIALS = 65536, /* rows x splits in scratch: 34 MB at head_dim 128 */
};

static const double SHARED = 2e6; /* multiply-adds: about 20 us on one core, worth waking a team */

static size_t round64(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

/* Results of a split: [rows][dim], [rows], [rows]. */
struct part {
    float *out, *max, *sum;
};

/* What one thread works in. */
struct work {
    const float **q;         /* [rows] */
    int *limit;              /* [rows] */
    float *score;            /* [rows][MIX_SPLIT] */
    struct part part, total; /* of a split; folded so far */
};

static size_t work_layout(struct work *w, char *base, int rows, int dim)
{
    size_t n = (size_t)rows, at = 0;
    struct work all;

#define TAKE(field, count) \
    (all.field = (void *)(base + at), at += round64((count) * sizeof *all.field))
    TAKE(q, n);
    TAKE(limit, n);
    TAKE(score, n * MIX_SPLIT);
    TAKE(part.out, n * (size_t)dim);
    TAKE(part.max, n);
    TAKE(part.sum, n);
    TAKE(total.out, n * (size_t)dim);
    TAKE(total.max, n);
    TAKE(total.sum, n);
#undef TAKE
    if (w)
        *w = all;
    return at;
}

static int most_rows(int heads)
{
    return heads > TILE_ROWS ? heads : TILE_ROWS;
}

static size_t partials(int tokens, int heads, int context)
{
    size_t splits = ((size_t)context + MIX_SPLIT - 1) / MIX_SPLIT;
    size_t n = (size_t)tokens * (size_t)heads * splits;

    return n > MOST_PARTIALS ? MOST_PARTIALS : n;
}

size_t mix_attention_scratch_cpu(int tokens, int heads, int head_dim, int context, int threads)
{
    return (size_t)threads * work_layout(NULL, NULL, most_rows(heads), head_dim) +
           round64(((size_t)tokens + 1) * sizeof(int32_t)) +
           partials(tokens, heads, context) * ((size_t)head_dim + 2) * sizeof(float);
}

/* A call, with what follows from its arguments. */
struct job {
    const struct mix_attention *a;
    const struct mix_split_code *code;
    const int32_t *unit; /* [seqs + 1] units before each sequence, per kv head */
    int group, tile;     /* query heads of a kv head; tokens of a unit */
    int rows;            /* of a full unit */
    int splits;          /* of the longest context */
    float *partial;      /* [unit][split]{[rows][dim], [rows], [rows]} */
};

/* The part of a unit that rows and splits have in common. */
struct unit {
    int seq, first, tokens, head; /* tokens [first, first + tokens) of the step */
    int rows, context;            /* context: of its last token */
};

static struct unit unit_of(const struct job *j, int i)
{
    const struct mix_attention *a = j->a;
    int tile = i / a->kv.kv_heads, low = 0, high = a->at.seqs;
    struct unit u = {.head = i % a->kv.kv_heads};

    while (high - low > 1) {
        int middle = (low + high) / 2;

        if (j->unit[middle] <= tile)
            low = middle;
        else
            high = middle;
    }
    u.seq = low;
    u.first = a->at.first[low] + (tile - j->unit[low]) * j->tile;
    u.tokens = a->at.first[low + 1] - u.first;
    u.tokens = u.tokens < j->tile ? u.tokens : j->tile;
    u.rows = u.tokens * j->group;
    u.context = a->at.position[u.first + u.tokens - 1] + 1;
    return u;
}

/* Row r of the unit is (token r / group, query head r % group of the kv head). */
static size_t row_at(const struct job *j, const struct unit *u, int r)
{
    size_t token = (size_t)(u->first + r / j->group);

    return (token * (size_t)j->a->heads + (size_t)(u->head * j->group + r % j->group)) *
           (size_t)j->a->kv.head_dim;
}

/* Where the unit's kv head lies in a page of its sequence, in numbers. */
static size_t page_at(const struct job *j, const struct unit *u, int page)
{
    const struct mix_attention *a = j->a;
    int32_t at = a->at.table[(size_t)u->seq * (size_t)a->at.table_stride + (size_t)page];

    return ((size_t)at * (size_t)a->kv.kv_heads + (size_t)u->head) * MIX_PAGE *
           (size_t)a->kv.head_dim;
}

/* Pages of so many tokens of a split, at most a whole one. */
static int pages_of(int tokens)
{
    return tokens < MIX_SPLIT ? (tokens + MIX_PAGE - 1) / MIX_PAGE : MIX_SPLIT_PAGES;
}

/* then: the unit that this thread is likely to do next, or NULL. */
static void do_split(const struct job *j, const struct unit *u, int split, const struct work *w,
                     struct part to, const struct unit *then)
{
    const struct mix_attention *a = j->a;
    struct mix_split s = {
        .keys = a->kv.keys,
        .values = a->kv.values,
        .q = w->q,
        .limit = w->limit,
        .score = w->score,
        .max = to.max,
        .sum = to.sum,
        .out = to.out,
        .scale = a->scale,
        .rows = u->rows,
        .dim = a->kv.head_dim,
        .most = u->context - split * MIX_SPLIT,
        .bf16 = a->kv.type == MIX_BF16,
    };

    if (s.most > MIX_SPLIT)
        s.next_pages = pages_of(s.most - MIX_SPLIT);
    else if (then)
        s.next_pages = pages_of(then->context);
    for (int i = 0; i < s.next_pages; i++)
        s.next[i] = s.most > MIX_SPLIT ? page_at(j, u, (split + 1) * MIX_SPLIT_PAGES + i)
                                       : page_at(j, then, i);
    s.most = s.most < MIX_SPLIT ? s.most : MIX_SPLIT;
    s.pages = pages_of(s.most);
    for (int i = 0; i < s.pages; i++)
        s.page[i] = page_at(j, u, split * MIX_SPLIT_PAGES + i);
    for (int r = 0; r < u->rows; r++) {
        int limit = a->at.position[u->first + r / j->group] + 1 - split * MIX_SPLIT;

        w->q[r] = a->q + row_at(j, u, r);
        w->limit[r] = limit < 0 ? 0 : limit < s.most ? limit : s.most;
    }
    j->code->split(&s);
}

/* Add the partial of a split after the first to the running one. */
static void fold(const struct job *j, const struct unit *u, int split, struct part to,
                 struct part from)
{
    size_t dim = (size_t)j->a->kv.head_dim;

    for (int r = 0; r < u->rows; r++) {
        float top, keep, take;

        if (j->a->at.position[u->first + r / j->group] < split * MIX_SPLIT)
            continue; /* the row's context ends before this split */
        top = from.max[r] > to.max[r] ? from.max[r] : to.max[r];
        keep = mix_exp(to.max[r] - top);
        take = mix_exp(from.max[r] - top);
        j->code->fold(to.out + (size_t)r * dim, from.out + (size_t)r * dim, keep, take, (int)dim);
        to.sum[r] *= keep;
        to.sum[r] += take * from.sum[r];
        to.max[r] = top;
    }
}

static void finish(const struct job *j, const struct unit *u, struct part total)
{
    int dim = j->a->kv.head_dim;

    for (int r = 0; r < u->rows; r++) {
        const float *from = total.out + (size_t)r * (size_t)dim;
        size_t at = row_at(j, u, r);

        if (j->a->type == MIX_BF16)
            j->code->finish_bf16((uint16_t *)j->a->out + at, from, total.sum[r], dim);
        else
            j->code->finish_f32((float *)j->a->out + at, from, total.sum[r], dim);
    }
}

/* Every unit by one thread from beginning to end. */
static void whole_units(struct mix_dev *dev, const struct job *j, int units, const struct work *w)
{
#pragma omp for schedule(dynamic, 1)
    for (int i = 0; i < units; i++) {
        struct unit u = unit_of(j, i), then;
        int after = i + omp_get_num_threads();

        if (after < units)
            then = unit_of(j, after);
        for (int split = 0; split * MIX_SPLIT < u.context; split++) {
            do_split(j, &u, split, w, split ? w->part : w->total, after < units ? &then : NULL);
            if (split)
                fold(j, &u, split, w->total, w->part);
            if (omp_get_thread_num() == 0)
                mix_dev_tick(dev);
        }
        finish(j, &u, w->total);
    }
}

/* Partial i of those that wait in scratch. */
static struct part waiting(const struct job *j, size_t i)
{
    size_t rows = (size_t)j->rows, dim = (size_t)j->a->kv.head_dim;
    float *at = j->partial + i * rows * (dim + 2);

    return (struct part){at, at + rows * dim, at + rows * (dim + 1)};
}

/* The splits of every unit shared out, then folded into the first. */
static void cut_units(struct mix_dev *dev, const struct job *j, int units, const struct work *w)
{
#pragma omp for schedule(dynamic, 1)
    for (int i = 0; i < units * j->splits; i++) {
        struct unit u = unit_of(j, i / j->splits);

        if (i % j->splits * MIX_SPLIT < u.context)
            do_split(j, &u, i % j->splits, w, waiting(j, (size_t)i), NULL);
        if (omp_get_thread_num() == 0)
            mix_dev_tick(dev);
    }
#pragma omp for schedule(dynamic, 1)
    for (int i = 0; i < units; i++) {
        size_t first = (size_t)i * (size_t)j->splits;
        struct unit u = unit_of(j, i);

        for (int split = 1; split * MIX_SPLIT < u.context; split++)
            fold(j, &u, split, waiting(j, first), waiting(j, first + (size_t)split));
        finish(j, &u, waiting(j, first));
        if (omp_get_thread_num() == 0)
            mix_dev_tick(dev);
    }
}

int mix_attention_with(enum mix_isa isa, struct mix_dev *dev, const struct mix_attention *a)
{
    int threads = mix_dev_threads(dev), rows = most_rows(a->heads), dim = a->kv.head_dim, units = 0;
    size_t size = work_layout(NULL, NULL, rows, dim), after;
    struct job j = {.a = a, .code = mix_split_code(isa)};
    double work = 0;
    int32_t *unit;
    bool cut;

    if ((a->type != MIX_F32 && a->type != MIX_BF16) ||
        (a->kv.type != MIX_F32 && a->kv.type != MIX_BF16))
        return MIX_FAIL(MIX_EBUG, "attention over %s to %s", mix_dtype_name(a->kv.type),
                        mix_dtype_name(a->type));
    if (a->kv.kv_heads < 1 || a->heads % a->kv.kv_heads)
        return MIX_FAIL(MIX_EBUG, "attention: %d heads over %d kv heads", a->heads, a->kv.kv_heads);
    if (a->at.seqs > a->tokens)
        return MIX_FAIL(MIX_EBUG, "attention: %d sequences in %d tokens", a->at.seqs, a->tokens);
    j.group = a->heads / a->kv.kv_heads;
    j.tile = j.group < TILE_ROWS ? TILE_ROWS / j.group : 1;
    j.unit = unit = (int32_t *)((char *)a->scratch + (size_t)threads * size);
    after = round64(((size_t)a->tokens + 1) * sizeof *unit);
    j.partial = (float *)((char *)unit + after);

    unit[0] = 0;
    for (int s = 0; s < a->at.seqs; s++) {
        int tokens = a->at.first[s + 1] - a->at.first[s];
        int context = tokens ? a->at.position[a->at.first[s + 1] - 1] + 1 : 0;
        int splits = (context + MIX_SPLIT - 1) / MIX_SPLIT;

        work += 2.0 * tokens * a->heads * context * dim;
        unit[s + 1] = unit[s] + (tokens + j.tile - 1) / j.tile;
        tokens = tokens < j.tile ? tokens : j.tile;
        j.rows = tokens * j.group > j.rows ? tokens * j.group : j.rows;
        j.splits = splits > j.splits ? splits : j.splits;
    }
    units = unit[a->at.seqs] * a->kv.kv_heads;
    cut = j.splits > 1 && units < UNITS_PER_THREAD * threads && threads > 1 &&
          (size_t)units * (size_t)j.splits * (size_t)j.rows <=
              partials(a->tokens, a->heads, j.splits * MIX_SPLIT);
#pragma omp parallel num_threads(threads) if (work > SHARED)
    {
        struct work w;

        work_layout(&w, (char *)a->scratch + (size_t)omp_get_thread_num() * size, rows, dim);
        if (cut)
            cut_units(dev, &j, units, &w);
        else
            whole_units(dev, &j, units, &w);
    }
    return MIX_OK;
}

int mix_attention_cpu(struct mix_dev *dev, const struct mix_attention *a)
{
    return mix_attention_with(mix_isa_best(), dev, a);
}
