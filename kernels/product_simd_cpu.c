/* product_simd_cpu.c - products in our own code: see product_engine.h and product_leaf.h.
 *
 * bf16 weights stay bf16 in memory.  Where the processor has no bf16 products they are widened
 * in registers and multiplied as fp32, and so are the rows, once per item, in scratch.
 *
 * Measured against oneDNN 2.6 in docs/perf.md. */
#include "kernels/product_engine.h"

#include "base/err.h"
#include "base/mem.h"
#include "dev/dev.h"
#include "kernels/simd.h"
#include "kernels/team.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#if MIX_X86
#include <immintrin.h>
#endif

enum { CHUNK = 66 }; /* rows of an item: 11 blocks of 6 */

/* How weights and rows are multiplied. */
enum kind {
    KIND_F32,   /* fp32 by fp32 */
    KIND_WIDEN, /* bf16 weights, widened; rows in fp32 */
    KIND_PAIRS, /* bf16 by bf16, two at a time */
};

struct stripe {
    float *y;
    const char *x, *w;
    size_t y_stride, x_stride; /* numbers; bytes */
    const char *ahead;         /* the next stripe, to be asked for, or NULL */
    size_t bytes;              /* of a stripe */
    int k, rows, columns;
};

#define LANES      4
#define VECTORS    2
#define STEPS      4
#define ROWS       4
#define PAIRS      0
#define LEAF(name) any_##name
#include "kernels/product_leaf.h"

#if MIX_X86
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#define LANES      8
#define VECTORS    2
#define STEPS      2
#define ROWS       4
#define PAIRS      0
#define LEAF(name) avx2_##name
#include "kernels/product_leaf.h"
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")
#define LANES      16
#define VECTORS    4
#define STEPS      1
#define ROWS       6
#define PAIRS      0
#define LEAF(name) avx512_##name
#include "kernels/product_leaf.h"
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx512bf16,avx2,fma")
#define LANES      16
#define VECTORS    4
#define STEPS      1
#define ROWS       6
#define PAIRS      1
#define LEAF(name) avx512h_##name
#include "kernels/product_leaf.h"
#pragma GCC pop_options
#endif

static const struct code {
    int width;      /* columns of a stripe, which is a panel */
    enum kind half; /* what becomes of bf16 */
    double f32_rate, half_rate;
    void (*f32)(const struct stripe *s);
    void (*bf16)(const struct stripe *s);
} codes[MIX_ISAS] = {
    [MIX_ISA_ANY] = {8, KIND_WIDEN, 5, 5, any_f32, any_bf16},
#if MIX_X86
    [MIX_ISA_AVX2] = {16, KIND_WIDEN, 40, 40, avx2_f32, avx2_bf16},
    [MIX_ISA_AVX512] = {64, KIND_WIDEN, 55, 50, avx512_f32, avx512_bf16},
    [MIX_ISA_AVX512_BF16] = {64, KIND_PAIRS, 55, 105, avx512h_f32, avx512h_bf16},
#endif
};

struct mix_product_data {
    const struct code *code;
    enum kind kind;
    int n, k;
    size_t stripe; /* bytes */
    char *w;       /* [stripes][k][width], [stripes][k / 2 rounded up][width][2] for pairs */
};

static bool here(const struct mix_product_engine *e, enum mix_dtype type)
{
    return mix_isa_here(e->isa) && (type == MIX_F32 || type == MIX_BF16);
}

static int panel(const struct mix_product_engine *e)
{
    return codes[e->isa].width;
}

static double rate(const struct mix_product_engine *e, enum mix_dtype type)
{
    return type == MIX_F32 ? codes[e->isa].f32_rate : codes[e->isa].half_rate;
}

static int stripes(const struct code *c, int n)
{
    return (n + c->width - 1) / c->width;
}

static size_t stripe_bytes(const struct code *c, enum kind kind, int k)
{
    size_t steps = kind == KIND_PAIRS ? ((size_t)k + 1) / 2 : (size_t)k;

    return steps * (size_t)c->width * (kind == KIND_WIDEN ? 2 : 4);
}

static int bytes(const struct mix_product_engine *e, size_t *out, enum mix_dtype type, int n, int k)
{
    const struct code *c = &codes[e->isa];

    *out = (size_t)stripes(c, n) * stripe_bytes(c, type == MIX_F32 ? KIND_F32 : c->half, k);
    return MIX_OK;
}

// ---- packing

struct packing {
    const struct mix_product_data *to;
    const char *w;
};

/* Units of 4 bytes (fp32, pairs) or 2 from rows of w to [steps][width].  In blocks of steps,
 * because all rows of w may lie in the same few sets of a cache. */
#define TRANSPOSE(name, unit) \
    static void name(unit *to, const char *const *row, int rows, int width, size_t steps) \
    { \
        for (size_t p = 0; p < steps; p += 16) { \
            size_t end = p + 16 < steps ? p + 16 : steps; \
\
            for (int c = 0; c < rows; c++) \
                for (size_t i = p; i < end; i++) \
                    memcpy(&to[i * (size_t)width + (size_t)c], row[c] + i * sizeof *to, \
                           sizeof *to); \
        } \
    }
TRANSPOSE(transpose4, uint32_t)
TRANSPOSE(transpose2, uint16_t)

static void pack_stripes(const void *args, long first, long last)
{
    const struct packing *a = args;
    const struct mix_product_data *d = a->to;
    int width = d->code->width, k = d->k;
    size_t row_bytes = (size_t)k * (d->kind == KIND_F32 ? 4 : 2);
    const char *row[64];

    for (long s = first; s < last; s++) {
        char *to = d->w + (size_t)s * d->stripe;
        int rows = d->n - (int)s * width < width ? d->n - (int)s * width : width;

        for (int c = 0; c < rows; c++)
            row[c] = a->w + ((size_t)s * (size_t)width + (size_t)c) * row_bytes;
        if (d->kind == KIND_WIDEN)
            transpose2((uint16_t *)to, row, rows, width, (size_t)k);
        else
            transpose4((uint32_t *)to, row, rows, width,
                       d->kind == KIND_PAIRS ? (size_t)k / 2 : (size_t)k);
        for (int c = 0; c < rows && d->kind == KIND_PAIRS && k % 2; c++)
            ((uint16_t *)to)[((size_t)(k / 2) * (size_t)width + (size_t)c) * 2] =
                ((const uint16_t *)(const void *)row[c])[k - 1];
    }
}

static int pack(const struct mix_product_engine *e, struct mix_dev *dev,
                struct mix_product_state *st, struct mix_product_data **out, void *memory,
                const void *w, enum mix_dtype type, int n, int k)
{
    struct mix_product_data *d = NULL;
    struct packing a = {.w = w};
    int rc = MIX_OK;

    TRY(mix_calloc(&d, 1, sizeof *d, "a packed weight"));
    d->code = &codes[e->isa];
    d->kind = type == MIX_F32 ? KIND_F32 : d->code->half;
    d->n = n;
    d->k = k;
    d->stripe = stripe_bytes(d->code, d->kind, k);
    d->w = memory;
    if (d->kind == KIND_WIDEN)
        TRY(mix_product_scratch(st, (size_t)CHUNK * (size_t)k * sizeof(float)));
    a.to = d;
    mix_team_rows(dev, stripes(d->code, n), 2.0 * k * d->code->width, pack_stripes, &a);
    *out = d;
    d = NULL;
out:
    free(d);
    return rc;
}

static void release(struct mix_product_data *d)
{
    free(d);
}

static bool invariant(const struct mix_product_data *d)
{
    (void)d;
    return true;
}

// ---- running

MIX_SIMD static void widen(float *restrict y, const uint16_t *restrict x, size_t n)
{
#pragma omp simd
    for (size_t i = 0; i < n; i++)
        y[i] = mix_bf16_to_f32(x[i]);
}

static int run(const struct mix_product_state *st, const struct mix_product_data *d,
               const struct mix_item *item)
{
    int width = d->code->width;
    struct stripe s = {
        .x = item->x,
        .y_stride = (size_t)d->n,
        .x_stride = (size_t)d->k * (d->kind == KIND_PAIRS ? 2 : 4),
        .bytes = d->stripe,
        .k = d->k,
        .rows = item->rows,
    };

    if (d->kind == KIND_WIDEN) {
        widen((float *)st->scratch[item->thread], item->x, (size_t)item->rows * (size_t)d->k);
        s.x = st->scratch[item->thread];
    }
    for (int i = item->panel; i < item->panel + item->panels; i++) {
        s.y = item->y + (size_t)i * (size_t)width;
        s.w = d->w + (size_t)i * d->stripe;
        s.ahead = i + 1 < stripes(d->code, d->n) ? s.w + d->stripe : NULL;
        s.columns = d->n - i * width < width ? d->n - i * width : width;
        if (d->kind == KIND_F32)
            d->code->f32(&s);
        else
            d->code->bf16(&s);
    }
    return MIX_OK;
}

#define ENGINE(which, text) \
    [which] = { \
        .name = text, \
        .isa = which, \
        .chunk = CHUNK, \
        .here = here, \
        .panel = panel, \
        .rate = rate, \
        .bytes = bytes, \
        .pack = pack, \
        .release = release, \
        .invariant = invariant, \
        .run = run, \
    }

const struct mix_product_engine mix_product_simd[MIX_ISAS] = {
    ENGINE(MIX_ISA_ANY, "any"),
    ENGINE(MIX_ISA_AVX2, "avx2"),
    ENGINE(MIX_ISA_AVX512, "avx512"),
    ENGINE(MIX_ISA_AVX512_BF16, "avx512_bf16"),
};
