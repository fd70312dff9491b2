/* rope.c - norm, rotation and pages against a double-precision loop. */
#include "kern.h"

#include "base/err.h"
#include "base/log.h"

#include <math.h>

struct model {
    int heads, kv_heads, dim;
    bool norm;
    enum mix_dtype type;
};

static void want_head(double *y, const float *x, const float *norm, int dim, int position)
{
    double sum = 0, scale = 1, v[512];

    for (int d = 0; d < dim; d++)
        sum += (double)x[d] * x[d];
    if (norm)
        scale = 1 / sqrt(sum / dim + 1e-6);
    for (int d = 0; d < dim; d++)
        v[d] = x[d] * scale * (norm ? norm[d] : 1);
    for (int d = 0; d < dim / 2; d++) {
        double angle = position * pow(1e6, -2.0 * d / dim);

        y[d] = v[d] * cos(angle) - v[d + dim / 2] * sin(angle);
        y[d + dim / 2] = v[d + dim / 2] * cos(angle) + v[d] * sin(angle);
    }
}

/* Three sequences: 1 token at position 40, n tokens from position 14, 2 tokens from 0. */
static void shape(struct kern *k, const struct model *m, int n)
{
    enum { PAGES = 40, STRIDE = 12 };
    int tokens = n + 3, width = (m->heads + 2 * m->kv_heads) * m->dim;
    size_t pool = (size_t)PAGES * (size_t)(m->kv_heads * MIX_PAGE * m->dim);
    int32_t first[4] = {0, 1, n + 1, n + 3}, *position = calloc((size_t)tokens, sizeof *position);
    int32_t table[3 * STRIDE];
    float *qkv = kern_random((size_t)(tokens * width), 1, MIX_F32), *q, *keys, *values;
    float *q_norm = kern_random((size_t)m->dim, 2, MIX_F32);
    float *k_norm = kern_random((size_t)m->dim, 3, MIX_F32);
    float *cos_sin = calloc(200 * (size_t)m->dim, sizeof *cos_sin);
    double *want_q = calloc((size_t)(tokens * m->heads * m->dim), sizeof *want_q);
    double *want_keys = calloc(pool, sizeof(double)), *want_values = calloc(pool, sizeof(double));
    int rc;

    for (int i = 0; i < 3 * STRIDE; i++)
        table[i] = i * 7 % PAGES; /* pages anywhere, all different */
    for (int t = 0; t < tokens; t++)
        position[t] = t == 0 ? 40 : t <= n ? 13 + t : t - n - 1;
    mix_rope_table(cos_sin, 200, m->dim, 1e6);
    for (int t = 0; t < tokens; t++) {
        int seq = t == 0 ? 0 : t <= n ? 1 : 2, p = position[t];
        int page = table[seq * STRIDE + p / MIX_PAGE], slot = p % MIX_PAGE;

        for (int h = 0; h < m->heads + 2 * m->kv_heads; h++) {
            const float *x = qkv + (size_t)t * (size_t)width + (size_t)(h * m->dim);
            int kv = h < m->heads ? 0 : (h - m->heads) % m->kv_heads;
            double y[512];

            if (h < m->heads) {
                want_head(want_q + (size_t)(t * m->heads + h) * (size_t)m->dim, x,
                          m->norm ? q_norm : NULL, m->dim, p);
                continue;
            }
            want_head(y, x, m->norm ? k_norm : NULL, m->dim, p);
            for (int d = 0; d < m->dim; d++)
                if (h < m->heads + m->kv_heads)
                    want_keys[((page * m->kv_heads + kv) * m->dim + d) * MIX_PAGE + slot] = y[d];
                else
                    want_values[((page * m->kv_heads + kv) * MIX_PAGE + slot) * m->dim + d] = x[d];
        }
    }
    struct mix_rope a = {
        .q = kern_up(k, NULL, (size_t)(tokens * m->heads * m->dim) * sizeof(float)),
        .kv = {.keys = kern_up(k, NULL, pool * mix_dtype_size(m->type)),
               .values = kern_up(k, NULL, pool * mix_dtype_size(m->type)),
               .type = m->type,
               .kv_heads = m->kv_heads,
               .head_dim = m->dim},
        .qkv = kern_up(k, qkv, (size_t)(tokens * width) * sizeof(float)),
        .q_norm = m->norm ? kern_up(k, q_norm, (size_t)m->dim * sizeof(float)) : NULL,
        .k_norm = m->norm ? kern_up(k, k_norm, (size_t)m->dim * sizeof(float)) : NULL,
        .cos_sin = kern_up(k, cos_sin, 200 * (size_t)m->dim * sizeof(float)),
        .at = {.first = kern_up(k, first, sizeof first),
               .position = kern_up(k, position, (size_t)tokens * sizeof *position),
               .table = kern_up(k, table, sizeof table),
               .seqs = 3,
               .table_stride = STRIDE},
        .tokens = tokens,
        .heads = m->heads,
        .eps = 1e-6f};
    rc = k->ops->rope(k->dev, &a);
    q = kern_down_as(k, a.q, (size_t)(tokens * m->heads * m->dim), MIX_F32);
    keys = kern_down_as(k, a.kv.keys, pool, m->type);
    values = kern_down_as(k, a.kv.values, pool, m->type);
    ok(rc == 0 && kern_distance(q, want_q, (size_t)(tokens * m->heads * m->dim), 4e-6, 1e-5) <= 1,
       "%s: queries, %d tokens, %d+2x%d heads of %d%s", k->name, tokens, m->heads, m->kv_heads,
       m->dim, m->norm ? ", normed" : "");
    ok(kern_distance(keys, want_keys, pool, 4e-6, 1e-5 + kern_rounding(m->type)) <= 1 &&
           kern_distance(values, want_values, pool, 1e-9, 1e-9 + kern_rounding(m->type)) <= 1,
       "%s: keys and values in pages of %s, nothing else written", k->name,
       mix_dtype_name(m->type));
    kern_free(k, (void *)(size_t)a.qkv);
    kern_free(k, (void *)(size_t)a.q_norm);
    kern_free(k, (void *)(size_t)a.k_norm);
    kern_free(k, (void *)(size_t)a.cos_sin);
    kern_free(k, (void *)(size_t)a.at.first);
    kern_free(k, (void *)(size_t)a.at.position);
    kern_free(k, (void *)(size_t)a.at.table);
    free(position), free(qkv), free(q), free(keys), free(values), free(q_norm), free(k_norm);
    free(cos_sin), free(want_q), free(want_keys), free(want_values);
}

static void all(struct kern *k)
{
    static const struct model models[] = {
        {1, 1, 2, false, MIX_F32},    {4, 1, 48, true, MIX_F32},   {4, 2, 33 * 2, false, MIX_BF16},
        {32, 4, 128, true, MIX_BF16}, {32, 4, 128, true, MIX_F32}, {2, 2, 512, true, MIX_F32},
    };
    struct mix_rope odd = {.kv = {.head_dim = 3, .type = MIX_F32}};
    struct mix_rope none = {.kv = {.head_dim = 64, .kv_heads = 1, .type = MIX_F32}, .heads = 1};

    for (size_t i = 0; i < sizeof models / sizeof models[0]; i++) {
        shape(k, &models[i], 1);
        shape(k, &models[i], 36);
    }
    ok(k->ops->rope(k->dev, &none) == MIX_OK, "%s: no tokens", k->name);
    mix_log_level(MIX_LOG_SILENT);
    ok(k->ops->rope(k->dev, &odd) == MIX_EBUG, "%s: an odd head_dim is refused", k->name);
    mix_log_level(MIX_LOG_INFO);
}

int main(void)
{
    kern_each(all);
    return tap_done();
}
