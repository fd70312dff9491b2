/* attention.c - attention against a double-precision loop, and its bits. */
#include "kern.h"

#include "base/err.h"
#include "base/log.h"
#include "kernels/attention_split.h"

#include <math.h>
#include <stdio.h>

static enum mix_isa isa = MIX_ISAS; /* MIX_ISAS: what the table takes */

static const char *name_of(const struct kern *k)
{
    static char text[96];

    snprintf(text, sizeof text, "%s%s%s", k->name, isa < MIX_ISAS ? ", " : "",
             isa < MIX_ISAS ? mix_isa_name(isa) : "");
    return text;
}

struct model {
    int heads, kv_heads, dim;
    enum mix_dtype type; /* of pages and results */
};

/* A cache of sequences with known keys and values, longer than any test uses. */
struct cache {
    const struct model *m;
    int seqs, context, stride, pages;
    float *k, *v;        /* [seqs][context][kv_heads][dim] */
    float *q;            /* [seqs][context][heads][dim] */
    int32_t *table;      /* [seqs][stride] */
    void *keys, *values; /* on the device */
};

static size_t at_kv(const struct cache *c, int seq, int p, int h)
{
    return (((size_t)seq * (size_t)c->context + (size_t)p) * (size_t)c->m->kv_heads + (size_t)h) *
           (size_t)c->m->dim;
}

static size_t at_q(const struct cache *c, int seq, int p)
{
    return ((size_t)seq * (size_t)c->context + (size_t)p) * (size_t)(c->m->heads * c->m->dim);
}

static struct cache make_cache(struct kern *k, const struct model *m, int seqs, int context)
{
    struct cache c = {.m = m, .seqs = seqs, .context = context};
    size_t kv = (size_t)(m->kv_heads * m->dim), n = (size_t)seqs * (size_t)context * kv, pool;
    float *keys, *values;

    c.stride = (context + MIX_PAGE - 1) / MIX_PAGE + 1;
    c.pages = seqs * c.stride + 3;
    pool = (size_t)c.pages * MIX_PAGE * kv;
    c.k = kern_random(n, 1, m->type);
    c.v = kern_random(n, 2, m->type);
    c.q = kern_random((size_t)seqs * (size_t)context * (size_t)(m->heads * m->dim), 3, MIX_F32);
    c.table = calloc((size_t)(seqs * c.stride), sizeof *c.table);
    keys = kern_random(pool, 4, m->type); /* slots that nobody wrote hold anything finite */
    values = kern_random(pool, 5, m->type);
    for (int i = 0; i < seqs * c.stride; i++)
        c.table[i] = c.pages - 1 - i;
    for (int s = 0; s < seqs; s++)
        for (int p = 0; p < context; p++)
            for (int h = 0; h < m->kv_heads; h++)
                for (int d = 0; d < m->dim; d++) {
                    int page = c.table[s * c.stride + p / MIX_PAGE], slot = p % MIX_PAGE;
                    size_t head = (size_t)page * (size_t)m->kv_heads + (size_t)h;

                    keys[(head * (size_t)m->dim + (size_t)d) * MIX_PAGE + (size_t)slot] =
                        c.k[at_kv(&c, s, p, h) + (size_t)d];
                    values[(head * MIX_PAGE + (size_t)slot) * (size_t)m->dim + (size_t)d] =
                        c.v[at_kv(&c, s, p, h) + (size_t)d];
                }
    c.keys = kern_up_as(k, keys, pool, m->type);
    c.values = kern_up_as(k, values, pool, m->type);
    free(keys);
    free(values);
    return c;
}

static void free_cache(struct kern *k, struct cache *c)
{
    kern_free(k, c->keys);
    kern_free(k, c->values);
    free(c->k), free(c->v), free(c->q), free(c->table);
}

/* A run of tokens [from, to) of one sequence in a step. */
struct part {
    int seq, from, to;
};

/* Attention of a step made of parts; the result is [tokens][heads][dim]. */
static float *run(struct kern *k, const struct cache *c, const struct part *part, int parts,
                  int *rc)
{
    const struct model *m = c->m;
    size_t row = (size_t)(m->heads * m->dim);
    int32_t *first = calloc((size_t)parts + 1, sizeof *first), *position, *table;
    int tokens = 0, context = 0;
    float *q, *out;

    for (int i = 0; i < parts; i++) {
        tokens += part[i].to - part[i].from;
        first[i + 1] = tokens;
        context = part[i].to > context ? part[i].to : context;
    }
    position = calloc((size_t)tokens + 1, sizeof *position);
    q = calloc((size_t)tokens * row + 1, sizeof *q);
    table = calloc((size_t)(parts * c->stride) + 1, sizeof *table);
    for (int i = 0; i < parts; i++) {
        for (int t = 0; t < part[i].to - part[i].from; t++) {
            position[first[i] + t] = part[i].from + t;
            memcpy(q + (size_t)(first[i] + t) * row, c->q + at_q(c, part[i].seq, part[i].from + t),
                   row * sizeof *q);
        }
        memcpy(table + i * c->stride, c->table + part[i].seq * c->stride,
               (size_t)c->stride * sizeof *table);
    }
    struct mix_attention a = {
        .out = kern_up(k, NULL, (size_t)tokens * row * mix_dtype_size(m->type)),
        .q = kern_up(k, q, (size_t)tokens * row * sizeof *q),
        .kv = {c->keys, c->values, m->type, m->kv_heads, m->dim},
        .at = {.first = kern_up(k, first, ((size_t)parts + 1) * sizeof *first),
               .position = kern_up(k, position, (size_t)tokens * sizeof *position),
               .table = kern_up(k, table, (size_t)(parts * c->stride) * sizeof *table),
               .seqs = parts,
               .table_stride = c->stride},
        .scratch = kern_up(
            k, NULL,
            k->ops->attention_scratch(tokens, m->heads, m->dim, context, mix_dev_threads(k->dev))),
        .type = m->type,
        .tokens = tokens,
        .heads = m->heads,
        .scale = 1 / sqrtf((float)m->dim)};
    *rc = isa < MIX_ISAS ? mix_attention_with(isa, k->dev, &a) : k->ops->attention(k->dev, &a);
    out = kern_down_as(k, a.out, (size_t)tokens * row, m->type);
    kern_free(k, (void *)(size_t)a.q);
    kern_free(k, (void *)(size_t)a.at.first);
    kern_free(k, (void *)(size_t)a.at.position);
    kern_free(k, (void *)(size_t)a.at.table);
    kern_free(k, a.scratch);
    free(first), free(position), free(q), free(table);
    return out;
}

/* One token of a sequence, in double precision. */
static void reference(double *out, const struct cache *c, int seq, int position)
{
    const struct model *m = c->m;
    double *score = calloc((size_t)position + 1, sizeof *score);

    for (int h = 0; h < m->heads; h++) {
        const float *q = c->q + at_q(c, seq, position) + (size_t)(h * m->dim);
        int kv = h / (m->heads / m->kv_heads);
        double max = -INFINITY, sum = 0;

        for (int p = 0; p <= position; p++) {
            score[p] = 0;
            for (int d = 0; d < m->dim; d++)
                score[p] += (double)q[d] * c->k[at_kv(c, seq, p, kv) + (size_t)d];
            score[p] *= 1 / sqrtf((float)m->dim);
            max = fmax(max, score[p]);
        }
        for (int p = 0; p <= position; p++)
            sum += score[p] = exp(score[p] - max);
        for (int d = 0; d < m->dim; d++) {
            double o = 0;

            for (int p = 0; p <= position; p++)
                o += score[p] * c->v[at_kv(c, seq, p, kv) + (size_t)d];
            out[h * m->dim + d] = o / sum;
        }
    }
    free(score);
}

static void against_reference(struct kern *k, const struct cache *c, const struct part *part,
                              int parts, const char *what)
{
    size_t row = (size_t)(c->m->heads * c->m->dim), at = 0;
    double *want = calloc(row, sizeof *want), most = 0, d;
    float *got;
    int rc;

    got = run(k, c, part, parts, &rc);
    for (int i = 0; i < parts; i++)
        for (int p = part[i].from; p < part[i].to; p++, at += row) {
            reference(want, c, part[i].seq, p);
            d = kern_distance(got + at, want, row, 2e-6, 1e-5 + kern_rounding(c->m->type));
            most = d <= most ? most : d;
        }
    ok(rc == 0 && most <= 1, "%s: %s, %d over %d heads of %d, %s", name_of(k), what, c->m->heads,
       c->m->kv_heads, c->m->dim, mix_dtype_name(c->m->type));
    free(got);
    free(want);
}

/* The tokens that bits looks at: around the ends of pages, splits and of the context. */
static bool looked_at(int p, int context)
{
    return p < 20 || (p > 250 && p < 262) || p > context - 4;
}

/* The bits of a token: alone, and in steps of all kinds. */
static void bits(struct kern *k, const struct cache *c, int context)
{
    const int chunks[] = {7, 64, context};
    size_t row = (size_t)(c->m->heads * c->m->dim);
    float *want = calloc((size_t)context * row, sizeof *want), *got;
    bool same = true;
    int rc = 0, failed = 0;

    for (int p = 0; p < context; p++) { /* one by one, as generated tokens come */
        struct part alone = {1, p, p + 1};

        if (!looked_at(p, context))
            continue;
        got = run(k, c, &alone, 1, &rc);
        failed |= rc;
        memcpy(want + (size_t)p * row, got, row * sizeof *got);
        free(got);
    }
    for (int n = 0; n < 3; n++) { /* chunks of a prompt, with company */
        for (int p = 0; p < context; p += chunks[n]) {
            int to = p + chunks[n] < context ? p + chunks[n] : context;
            struct part parts[4] = {{0, 5, 9}, {1, p, to}, {2, context - 1, context}, {0, 2, 3}};

            got = run(k, c, parts, 4, &rc);
            failed |= rc;
            for (int i = p; i < to; i++)
                same = same && (!looked_at(i, context) ||
                                memcmp(got + (size_t)(4 + i - p) * row, want + (size_t)i * row,
                                       row * sizeof *got) == 0);
            free(got);
        }
    }
    ok(!failed && same, "%s: the same bits alone, in chunks and in company, %d heads of %d, %s",
       name_of(k), c->m->heads, c->m->dim, mix_dtype_name(c->m->type));
    free(want);
}

static void one_code(struct kern *k)
{
    static const struct model models[] = {
        {1, 1, 2, MIX_F32},   {4, 1, 48, MIX_F32},    {6, 2, 40, MIX_BF16}, {3, 3, 64, MIX_BF16},
        {40, 1, 64, MIX_F32}, {32, 4, 128, MIX_BF16}, {8, 1, 128, MIX_F32}, {2, 1, 257, MIX_F32},
    };

    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        struct cache c;

        if (isa < MIX_ISAS && i != 1 && i != 2 && i != 5)
            continue; /* three shapes for each instruction set */
        c = make_cache(k, &models[i], 3, 600);

        against_reference(k, &c, (struct part[]){{0, 0, 1}}, 1, "the first token");
        against_reference(k, &c, (struct part[]){{2, 15, 17}, {0, 254, 258}, {1, 0, 3}}, 3,
                          "over the ends of page and split");
        against_reference(k, &c, (struct part[]){{0, 599, 600}}, 1, "a long context");
        against_reference(k, &c, (struct part[]){{1, 599, 600}, {2, 300, 301}, {0, 40, 41}}, 3,
                          "three generated tokens");
        against_reference(k, &c, (struct part[]){{0, 240, 300}, {1, 7, 7}, {2, 0, 20}}, 3,
                          "chunks of prompts, one empty");
        against_reference(k, &c, NULL, 0, "no tokens");
        bits(k, &c, i == 5 ? 530 : 270);
        free_cache(k, &c);
    }
}

/* The instruction sets of this processor: all of them, though only the best is taken. */
static void all(struct kern *k)
{
    struct mix_attention wrong = {
        .type = MIX_F32, .kv = {.type = MIX_F32, .kv_heads = 2}, .heads = 3};

    one_code(k);
    for (isa = 0; !(TAP_SANITIZED && mix_dev_threads(k->dev) > 1) &&
                  strcmp(mix_dev_name(k->dev), "cpu") == 0 && isa < MIX_ISA_AVX512_BF16;
         isa++)
        if (mix_isa_here(isa))
            one_code(k);
        else
            tap_skip(mix_isa_name(isa), "not on this processor");
    isa = MIX_ISAS;
    mix_log_level(MIX_LOG_SILENT);
    ok(k->ops->attention(k->dev, &wrong) == MIX_EBUG, "%s: 3 heads over 2 are refused", k->name);
    mix_log_level(MIX_LOG_INFO);
}

int main(void)
{
    kern_each(all);
    return tap_done();
}
