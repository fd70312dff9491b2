/* rope_cpu.c - rope on the cpu backend. */
#include "kernels/rope.h"

#include "base/err.h"
#include "kernels/simd.h"
#include "kernels/team.h"

#include <math.h>

enum {
    LANES = 32,     /* as in rmsnorm.h */
    MAX_HEAD = 512, /* a head on the stack */
};

void mix_rope_table(float *cos_sin, int positions, int head_dim, double theta)
{
    int half = head_dim / 2;

    for (int d = 0; d < half; d++) {
        double frequency = pow(theta, -2.0 * d / head_dim);

        for (int p = 0; p < positions; p++) {
            cos_sin[((size_t)p * (size_t)half + (size_t)d) * 2] = (float)cos(p * frequency);
            cos_sin[((size_t)p * (size_t)half + (size_t)d) * 2 + 1] = (float)sin(p * frequency);
        }
    }
}

/* y = x normed by w (NULL: not), then rotated.  y is not x. */
MIX_SIMD static void head(float *restrict y, const float *restrict x, const float *w,
                          const float *restrict cos_sin, float eps, int dim)
{
    float lane[LANES] = {0}, v[MAX_HEAD], scale;
    int half = dim / 2, c = 0;

    if (w) {
        for (; c + LANES <= dim; c += LANES)
#pragma omp simd
            for (int i = 0; i < LANES; i++)
                lane[i] += x[c + i] * x[c + i];
        for (int i = 0; c + i < dim; i++)
            lane[i] += x[c + i] * x[c + i];
        scale = 1.0f / sqrtf(mix_tree_sum(lane, LANES) / (float)dim + eps);
#pragma omp simd
        for (int i = 0; i < dim; i++)
            v[i] = x[i] * scale * w[i];
        x = v;
    }
#pragma omp simd
    for (int d = 0; d < half; d++) {
        float cosine = cos_sin[2 * d], sine = cos_sin[2 * d + 1];

        y[d] = x[d] * cosine - x[d + half] * sine;
        y[d + half] = x[d + half] * cosine + x[d] * sine;
    }
}

/* A key goes to one slot of a page: a column of [head_dim][MIX_PAGE]. */
static void put_key(const struct mix_kv *kv, size_t at, const float *k)
{
    for (int d = 0; d < kv->head_dim; d++, at += MIX_PAGE)
        if (kv->type == MIX_BF16)
            ((uint16_t *)kv->keys)[at] = mix_f32_to_bf16(k[d]);
        else
            ((float *)kv->keys)[at] = k[d];
}

static void put_value(const struct mix_kv *kv, size_t at, const float *v)
{
    if (kv->type == MIX_BF16)
        for (int d = 0; d < kv->head_dim; d++)
            ((uint16_t *)kv->values)[at + (size_t)d] = mix_f32_to_bf16(v[d]);
    else
        memcpy((float *)kv->values + at, v, (size_t)kv->head_dim * sizeof *v);
}

/* The sequence of token t: the last whose first token is not after t. */
static int sequence_of(const struct mix_paging *at, int t)
{
    int low = 0, high = at->seqs;

    while (high - low > 1) {
        int middle = (low + high) / 2;

        if (at->first[middle] <= t)
            low = middle;
        else
            high = middle;
    }
    return low;
}

static void rows(const void *args, long first, long last)
{
    const struct mix_rope *a = args;
    int dim = a->kv.head_dim, kv_heads = a->kv.kv_heads;
    float key[MAX_HEAD];

    for (long t = first; t < last; t++) {
        const float *in = a->qkv + (size_t)t * (size_t)(a->heads + 2 * kv_heads) * (size_t)dim;
        int position = a->at.position[t];
        const float *cos_sin = a->cos_sin + (size_t)position * (size_t)(dim / 2) * 2;
        const int32_t *table =
            a->at.table + (size_t)sequence_of(&a->at, (int)t) * (size_t)a->at.table_stride;
        size_t page = (size_t)table[position / MIX_PAGE] * (size_t)kv_heads;
        size_t slot = (size_t)(position % MIX_PAGE);

        for (int h = 0; h < a->heads; h++, in += dim)
            head(a->q + ((size_t)t * (size_t)a->heads + (size_t)h) * (size_t)dim, in, a->q_norm,
                 cos_sin, a->eps, dim);
        for (int h = 0; h < kv_heads; h++, in += dim) {
            head(key, in, a->k_norm, cos_sin, a->eps, dim);
            put_key(&a->kv, (page + (size_t)h) * (size_t)dim * MIX_PAGE + slot, key);
        }
        for (int h = 0; h < kv_heads; h++, in += dim)
            put_value(&a->kv, ((page + (size_t)h) * MIX_PAGE + slot) * (size_t)dim, in);
    }
}

int mix_rope_cpu(struct mix_dev *dev, const struct mix_rope *a)
{
    if (a->kv.type != MIX_F32 && a->kv.type != MIX_BF16)
        return MIX_FAIL(MIX_EBUG, "KV pages of type %s", mix_dtype_name(a->kv.type));
    if (a->kv.head_dim < 2 || a->kv.head_dim > MAX_HEAD || a->kv.head_dim % 2)
        return MIX_FAIL(MIX_EBUG, "rope: head_dim %d is not even and in 2..%d", a->kv.head_dim,
                        MAX_HEAD);
    mix_team_rows(dev, a->tokens, 2.0 * (a->heads + 2 * a->kv.kv_heads) * a->kv.head_dim, rows, a);
    return MIX_OK;
}
