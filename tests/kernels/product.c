/* product.c - products against a double-precision loop, and their bits; on every engine. */
#include "kern.h"

#include "base/err.h"
#include "base/log.h"
#include "kernels/product_engine.h"

#include <math.h>
#include <stdio.h>

static const struct mix_product_engine *engine; /* NULL: what the table takes */
static const char *only;                        /* the name of one engine to test, or NULL */

static int pack(struct kern *k, struct mix_packed **packed, const void *w, enum mix_dtype type,
                int n, int inner)
{
    return engine ? mix_product_pack_with(engine, k->dev, packed, w, type, n, inner)
                  : k->ops->product_pack(k->dev, packed, w, type, n, inner);
}

static size_t bytes_of(struct kern *k, enum mix_dtype type, int n, int inner)
{
    size_t bytes = 0;

    if (!engine)
        return k->ops->product_bytes(type, n, inner);
    return engine->bytes(engine, &bytes, type, n, inner) == MIX_OK ? bytes : 0;
}

static const char *name_of(const struct kern *k)
{
    static char text[96];

    snprintf(text, sizeof text, "%s%s%s", k->name, engine ? ", " : "", engine ? engine->name : "");
    return text;
}

/* groups weights [n][k], with rows[g] rows each. */
static void shape(struct kern *k, int n, int inner, const int *rows, int groups,
                  enum mix_dtype type)
{
    struct mix_packed *w[16] = {NULL};
    int first[17] = {0}, rc = 0;
    size_t bytes = bytes_of(k, type, n, inner) * (size_t)groups;
    float *host[16], *x, *got;
    double *want;
    size_t out;

    for (int g = 0; g < groups; g++) {
        char *raw = calloc((size_t)n * (size_t)inner, 4);

        first[g + 1] = first[g] + rows[g];
        host[g] = kern_random((size_t)n * (size_t)inner, (unsigned)g + 10, type);
        mix_dtype_convert(raw, type, host[g], MIX_F32, (size_t)n * (size_t)inner);
        rc = rc ? rc : pack(k, &w[g], raw, type, n, inner);
        free(raw);
    }
    ok(rc == 0 && mix_dev_allocated(k->dev) == bytes, "%s: pack takes what bytes says: %zu",
       name_of(k), bytes);
    x = kern_random((size_t)first[groups] * (size_t)inner, 1, type);
    out = (size_t)first[groups] * (size_t)n;
    want = calloc(out + 1, sizeof *want);
    for (int g = 0; g < groups; g++)
        for (int i = first[g]; i < first[g + 1]; i++)
            for (int j = 0; j < n; j++) {
                double sum = 0;

                for (int c = 0; c < inner; c++)
                    sum += (double)x[(size_t)i * (size_t)inner + (size_t)c] *
                           host[g][(size_t)j * (size_t)inner + (size_t)c];
                want[(size_t)i * (size_t)n + (size_t)j] = sum;
            }
    struct mix_product a = {.y = kern_up(k, NULL, out * sizeof(float)),
                            .x = kern_up_as(k, x, (size_t)first[groups] * (size_t)inner, type),
                            .w = (const struct mix_packed *const *)w,
                            .first = first,
                            .groups = groups};
    rc = rc ? rc : k->ops->product(k->dev, &a);
    got = kern_down_as(k, a.y, out, MIX_F32);
    ok(rc == 0 && kern_distance(got, want, out, 3e-7 * sqrt(inner) * 4, 1e-6) <= 1,
       "%s: %s [%d][%d], %d rows in %d groups", name_of(k), mix_dtype_name(type), n, inner,
       first[groups], groups);
    kern_free(k, (void *)(size_t)a.x);
    for (int g = 0; g < groups; g++) {
        k->ops->product_release(k->dev, w[g]);
        free(host[g]);
    }
    free(x);
    free(got);
    free(want);
}

/* Rows alone, and hidden among others at other places, with other groups: the same bits. */
static void bits(struct kern *k, int n, int inner, enum mix_dtype type)
{
    enum { MOST = 66 };
    struct mix_packed *w = NULL, *both[2];
    float *host = kern_random((size_t)n * (size_t)inner, 3, type);
    float *x = kern_random((size_t)MOST * (size_t)inner, 4, type), *alone[MOST], *got;
    size_t row = (size_t)inner * mix_dtype_size(type);
    char *raw = calloc((size_t)n, row), *raw_x = calloc(MOST, row), *moved = calloc(MOST, row);
    bool same = true, invariant = false;
    int rc = 0;

    mix_dtype_convert(raw, type, host, MIX_F32, (size_t)n * (size_t)inner);
    mix_dtype_convert(raw_x, type, x, MIX_F32, (size_t)MOST * (size_t)inner);
    rc = pack(k, &w, raw, type, n, inner);
    if (engine)
        invariant = rc == 0 && mix_product_invariant(w);
    else
        rc = rc ? rc : k->ops->product_selftest(k->dev, type, n, inner, &invariant);
    both[0] = both[1] = w;
    for (int i = 0; i < MOST; i++) {
        int first[] = {0, 1};
        struct mix_product a = {.y = kern_up(k, NULL, (size_t)n * sizeof(float)),
                                .x = kern_up(k, raw_x + (size_t)i * row, row),
                                .w = (const struct mix_packed *const *)both,
                                .first = first,
                                .groups = 1};

        rc = rc ? rc : k->ops->product(k->dev, &a);
        alone[i] = kern_down_as(k, a.y, (size_t)n, MIX_F32);
        kern_free(k, (void *)(size_t)a.x);
    }
    for (int m = 2; m < MOST; m++) {
        int shift = m * 7 % MOST, first[] = {0, m / 3, m};
        struct mix_product a = {.y = kern_up(k, NULL, (size_t)m * (size_t)n * sizeof(float)),
                                .w = (const struct mix_packed *const *)both,
                                .first = first,
                                .groups = 2};

        for (int i = 0; i < m; i++)
            memcpy(moved + (size_t)i * row, raw_x + (size_t)((i + shift) % MOST) * row, row);
        a.x = kern_up(k, moved, (size_t)m * row);
        rc = rc ? rc : k->ops->product(k->dev, &a);
        got = kern_down_as(k, a.y, (size_t)m * (size_t)n, MIX_F32);
        for (int i = 0; i < m; i++)
            same = same && memcmp(got + (size_t)i * (size_t)n, alone[(i + shift) % MOST],
                                  (size_t)n * sizeof *got) == 0;
        kern_free(k, (void *)(size_t)a.x);
        free(got);
    }
    ok(rc == 0 && (same || !invariant), "%s: %s [%d][%d]: selftest says %s, rows are %s",
       name_of(k), mix_dtype_name(type), n, inner, invariant ? "invariant" : "not invariant",
       same ? "bit-equal" : "not bit-equal");
    k->ops->product_release(k->dev, w);
    for (int i = 0; i < MOST; i++)
        free(alone[i]);
    free(host);
    free(x);
    free(raw);
    free(raw_x);
    free(moved);
}

static void one_engine(struct kern *k)
{
    static const struct {
        int n, inner, groups, rows[8];
    } shapes[] = {
        {1, 1, 1, {1}},       {6, 96, 1, {5}},         {40, 96, 3, {0, 3, 0}},
        {255, 64, 1, {64}},   {256, 33, 2, {65, 63}},  {257, 40, 8, {1, 0, 2, 7, 0, 130, 4, 31}},
        {128, 2048, 1, {17}}, {1536, 2048, 2, {3, 1}}, {2048, 768, 2, {0, 9}},
    };
    int none[] = {0, 0};

    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
        shape(k, shapes[s].n, shapes[s].inner, shapes[s].rows, shapes[s].groups, MIX_F32);
        shape(k, shapes[s].n, shapes[s].inner, shapes[s].rows, shapes[s].groups, MIX_BF16);
    }
    shape(k, 64, 64, none, 2, MIX_F32);
    shape(k, 64, 64, none, 0, MIX_F32);
    bits(k, 320, 1030, MIX_F32);
    bits(k, 320, 1030, MIX_BF16);
    bits(k, 72, 129, MIX_F32);
    bits(k, 72, 129, MIX_BF16);
    bits(k, 6, 97, MIX_F32);
    bits(k, 6, 97, MIX_BF16);
}

/* The engines that this processor can run: all of them give what they are asked for, though only
 * one is taken. */
static void all(struct kern *k)
{
    struct mix_packed *w = NULL;

    if (!only)
        one_engine(k);
    for (int i = 0; !(TAP_SANITIZED && !only && mix_dev_threads(k->dev) > 1) &&
                    strcmp(mix_dev_name(k->dev), "cpu") == 0 && i <= MIX_ISAS;
         i++) {
        engine = i < MIX_ISAS ? &mix_product_simd[i] : &mix_product_dnnl;
        if (only && strcmp(only, engine->name) != 0)
            continue;
        if (i < MIX_ISAS && !mix_isa_here((enum mix_isa)i))
            tap_skip(engine->name, "not on this processor");
        else
            one_engine(k);
    }
    engine = NULL;
    k->ops->product_release(k->dev, NULL);
    mix_log_level(MIX_LOG_SILENT);
    ok(k->ops->product_pack(k->dev, &w, "", MIX_I64, 4, 4) == MIX_EBUG && !w,
       "%s: integers are refused", k->name);
    ok(k->ops->product_pack(k->dev, &w, "", MIX_F32, 0, 4) == MIX_EBUG && !w,
       "%s: a weight without rows is refused", k->name);
    mix_log_level(MIX_LOG_INFO);
}

int main(int argc, char **argv)
{
    char text[256], small[4];
    bool described = true;

    only = argc > 1 ? argv[1] : NULL;
    kern_each(all);
    for (int type = MIX_F32; type <= MIX_BF16; type++)
        described = described && mix_kernels_cpu.describe((enum mix_dtype)type, text, 256) == 0;
    ok(described, "the kernels describe themselves: %s", text);
    mix_log_level(MIX_LOG_SILENT);
    ok(mix_kernels_cpu.describe(MIX_F32, small, sizeof small) == MIX_EBUG, "or say what is short");
    return tap_done();
}
