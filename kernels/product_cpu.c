/* product_cpu.c - products on the cpu backend: panels, tiles, one parallel region.
 *
 * A weight is cut into panels of rows of w, each packed for itself.  The rows of a
 * group are cut into chunks of at most CHUNK; an item is (group, panel, chunk), done
 * by one thread as a few primitives of fixed sizes, so that nothing is compiled in a
 * step and a panel stays in its cache.  All groups go through one parallel region:
 * a fork for each would cost more than a small product.
 *
 * Shapes (panel, k, type) with their primitives belong to the device and are shared
 * by all weights.  When one is made, its sizes are compared with each other: where
 * rows are not bit-equal, one size that does not mix rows serves all (rows are
 * padded to it); where there is none, selftest says so. */
#include "kernels/product.h"

#include "base/err.h"
#include "base/mem.h"
#include "dev/dev.h"
#include "kernels/dnnl_cpu.h"

#include <omp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    PANEL = 256, /* rows of w in a panel */
    CHUNK = 64,  /* rows of x in an item: the largest size */
};

/* Sizes with a primitive of their own. */
static const int sizes[] = {64, 32, 16, 8, 4, 2, 1};

enum { SIZES = sizeof sizes / sizeof sizes[0] };

struct shape {
    struct shape *next;
    struct mix_dnnl *dnnl;
    enum mix_dtype type; /* that the library computes in */
    int n, k;
    size_t bytes;   /* of a packed panel */
    int only;       /* index of the one size to use; -1: all */
    bool invariant; /* rows are bit-equal whatever the number of rows */
};

/* What the product keeps with a device. */
struct state {
    struct shape *shapes;
    int threads;
    size_t x_bytes, y_bytes; /* of each thread's scratch */
    char **x;                /* [threads] rows converted or padded, [CHUNK][k] */
    float **y;               /* [threads] a panel's results, [CHUNK][PANEL] */
};

struct mix_packed {
    enum mix_dtype type; /* of x, and of w before it was packed */
    int n, k, panels;
    struct state *state;
    struct shape *full, *last; /* of all panels but the last, and of the last */
    char *data;                /* device memory: the panels */
    void *weights[];           /* [panels] */
};

static size_t round64(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

/* bf16 weights are multiplied as fp32 where the processor has no bf16 products: the library
 * would take a slow path whose bits depend on the number of rows. */
static enum mix_dtype compute_type(enum mix_dtype type)
{
    return type == MIX_BF16 && mix_dnnl_bf16() ? MIX_BF16 : MIX_F32;
}

static void destroy_shape(struct shape *s)
{
    if (!s)
        return;
    mix_dnnl_destroy(s->dnnl);
    free(s);
}

static void destroy_state(void *p)
{
    struct state *st = p;

    if (!st)
        return;
    while (st->shapes) {
        struct shape *s = st->shapes;

        st->shapes = s->next;
        destroy_shape(s);
    }
    for (int t = 0; t < st->threads; t++) {
        if (st->x)
            free(st->x[t]);
        if (st->y)
            free(st->y[t]);
    }
    free(st->x);
    free(st->y);
    free(st);
}

static int find_state(struct state **out, struct mix_dev *dev)
{
    struct state *st = mix_dev_state(dev);
    int rc = MIX_OK, threads = mix_dev_threads(dev);

    if (st) {
        *out = st;
        return MIX_OK;
    }
    TRY(mix_calloc(&st, 1, sizeof *st, "products"));
    st->threads = threads;
    TRY(mix_calloc(&st->x, (size_t)threads, sizeof *st->x, "products"));
    TRY(mix_calloc(&st->y, (size_t)threads, sizeof *st->y, "products"));
    mix_dev_state_set(dev, st, destroy_state);
    *out = st;
    st = NULL;
out:
    destroy_state(st);
    return rc;
}

/* Make room in the scratch of every thread. */
static int make_room(struct state *st, int k)
{
    size_t x = round64((size_t)CHUNK * (size_t)k * sizeof(float));
    size_t y = (size_t)CHUNK * PANEL * sizeof(float);
    int rc = MIX_OK;

    for (int t = 0; t < st->threads && x > st->x_bytes; t++) {
        char *more = NULL;

        TRY(mix_alloc_aligned(&more, x, "rows of a product"));
        free(st->x[t]);
        st->x[t] = more;
        if (!st->y[t])
            TRY(mix_alloc_aligned(&st->y[t], y, "results of a product"));
    }
    st->x_bytes = x > st->x_bytes ? x : st->x_bytes;
out:
    return rc;
}

/* Numbers in [-1, 1) of the computing type, the same every time. */
static void fill(void *x, enum mix_dtype type, size_t n)
{
    uint32_t seed = 1;

    for (size_t i = 0; i < n; i++) {
        float v;

        seed = seed * 1664525u + 1013904223u;
        v = (float)(int32_t)seed * 0x1p-31f;
        if (type == MIX_BF16)
            ((uint16_t *)x)[i] = mix_f32_to_bf16(v);
        else
            ((float *)x)[i] = v;
    }
}

/* Look which sizes give the same bits: every size against the rows that size 1 gives, else one
 * size that gives a row the same bits at every place. */
static int probe(struct shape *s)
{
    size_t size = mix_dtype_size(s->type), row = (size_t)s->k * size, n = (size_t)s->n;
    char *x = NULL, *w = NULL, *packed = NULL, *moved = NULL;
    float *want = NULL, *got = NULL;
    void *weights = NULL;
    int rc = MIX_OK;

    TRY(mix_alloc_aligned(&x, CHUNK * row, "a look at products"));
    TRY(mix_alloc_aligned(&moved, CHUNK * row, "a look at products"));
    TRY(mix_alloc_aligned(&w, n * row, "a look at products"));
    TRY(mix_alloc_aligned(&packed, s->bytes, "a look at products"));
    TRY(mix_alloc_aligned(&want, CHUNK * n * sizeof *want, "a look at products"));
    TRY(mix_alloc_aligned(&got, CHUNK * n * sizeof *got, "a look at products"));
    fill(x, s->type, CHUNK * (size_t)s->k);
    fill(w, s->type, n * (size_t)s->k);
    TRY(mix_dnnl_pack(s->dnnl, &weights, packed, w));

    s->invariant = true;
    s->only = -1;
    for (int i = 0; i < CHUNK; i++)
        TRY(mix_dnnl_run(s->dnnl, SIZES - 1, 0, want + (size_t)i * n, x + (size_t)i * row,
                         weights));
    for (int z = 0; z < SIZES - 1 && s->invariant; z++)
        for (int i = 0; i < CHUNK && s->invariant; i += sizes[z]) {
            TRY(mix_dnnl_run(s->dnnl, z, 0, got, x + (size_t)i * row, weights));
            s->invariant =
                memcmp(got, want + (size_t)i * n, (size_t)sizes[z] * n * sizeof *got) == 0;
        }
    if (s->invariant)
        goto out;
    for (int z = 2; z < SIZES && !s->invariant; z++) { /* 16 rows first: little padding */
        size_t m = (size_t)sizes[z];

        TRY(mix_dnnl_run(s->dnnl, z, 0, want, x, weights));
        s->invariant = true;
        for (size_t shift = 1; shift < m && s->invariant; shift++) {
            memcpy(moved, x + shift * row, (m - shift) * row);
            memcpy(moved + (m - shift) * row, x, shift * row);
            TRY(mix_dnnl_run(s->dnnl, z, 0, got, moved, weights));
            s->invariant = memcmp(got, want + shift * n, (m - shift) * n * sizeof *got) == 0 &&
                           memcmp(got + (m - shift) * n, want, shift * n * sizeof *got) == 0;
        }
        s->only = s->invariant ? z : -1;
    }
out:
    mix_dnnl_forget(weights);
    free(x);
    free(moved);
    free(w);
    free(packed);
    free(want);
    free(got);
    return rc;
}

static int find_shape(struct shape **out, struct state *st, enum mix_dtype type, int n, int k)
{
    struct shape *s = NULL;
    int rc = MIX_OK, before = omp_get_max_threads();

    for (s = st->shapes; s; s = s->next)
        if (s->type == type && s->n == n && s->k == k) {
            *out = s;
            return MIX_OK;
        }
    TRY(mix_calloc(&s, 1, sizeof *s, "a product"));
    s->type = type;
    s->n = n;
    s->k = k;
    TRY(mix_dnnl_bytes(&s->bytes, type, n, k));
    TRY(mix_dnnl_create(&s->dnnl, type, n, k, sizes, SIZES, st->threads));
    omp_set_num_threads(1);
    rc = probe(s);
    omp_set_num_threads(before);
    TRY(rc);
    s->next = st->shapes;
    st->shapes = s;
    *out = s;
    s = NULL;
out:
    destroy_shape(s);
    return rc;
}

static int panel_rows(int n, int panel)
{
    return n - panel * PANEL < PANEL ? n - panel * PANEL : PANEL;
}

int mix_product_pack_cpu(struct mix_dev *dev, struct mix_packed **out, const void *w,
                         enum mix_dtype type, int n, int k)
{
    enum mix_dtype compute = compute_type(type);
    size_t row = (size_t)k * mix_dtype_size(compute), given = (size_t)k * mix_dtype_size(type);
    int rc = MIX_OK, panels = (n + PANEL - 1) / PANEL;
    struct mix_packed *p = NULL;
    char *wide = NULL;

    if (n < 1 || k < 1 || (type != MIX_F32 && type != MIX_BF16))
        return MIX_FAIL(MIX_EBUG, "a product with %s weights [%d][%d]", mix_dtype_name(type), n, k);
    TRY(mix_calloc(&p, 1, sizeof *p + (size_t)panels * sizeof p->weights[0], "a packed weight"));
    p->type = type;
    p->n = n;
    p->k = k;
    p->panels = panels;
    TRY(find_state(&p->state, dev));
    TRY(make_room(p->state, k));
    TRY(find_shape(&p->full, p->state, compute, panel_rows(n, 0), k));
    TRY(find_shape(&p->last, p->state, compute, panel_rows(n, panels - 1), k));
    TRY(mix_dev_alloc(dev, &p->data,
                      (size_t)(panels - 1) * round64(p->full->bytes) + round64(p->last->bytes),
                      "packed weights"));
    if (compute != type)
        TRY(mix_calloc(&wide, (size_t)PANEL, row, "weights in fp32"));
    for (int i = 0; i < panels; i++) {
        struct shape *s = i + 1 < panels ? p->full : p->last;
        const void *from = (const char *)w + (size_t)i * PANEL * given;

        if (wide) {
            TRY(mix_dtype_convert(wide, compute, from, type, (size_t)s->n * (size_t)k));
            from = wide;
        }
        TRY(mix_dnnl_pack(s->dnnl, &p->weights[i], p->data + (size_t)i * round64(p->full->bytes),
                          from));
    }
    *out = p;
    p = NULL;
out:
    free(wide);
    mix_product_release_cpu(dev, p);
    return rc;
}

void mix_product_release_cpu(struct mix_dev *dev, struct mix_packed *p)
{
    if (!p)
        return;
    for (int i = 0; i < p->panels; i++)
        mix_dnnl_forget(p->weights[i]);
    mix_dev_release(dev, p->data);
    free(p);
}

size_t mix_product_bytes_cpu(enum mix_dtype type, int n, int k)
{
    int panels = (n + PANEL - 1) / PANEL;
    size_t full = 0, last = 0;

    if (mix_dnnl_bytes(&full, compute_type(type), panel_rows(n, 0), k) ||
        mix_dnnl_bytes(&last, compute_type(type), panel_rows(n, panels - 1), k))
        return 0;
    return (size_t)(panels - 1) * round64(full) + round64(last);
}

/* The index of the largest size that m rows fill, and how many rows of them it takes. */
static int next_size(const struct shape *s, int m, int *take)
{
    int z = 0;

    if (s->only >= 0) {
        *take = m < sizes[s->only] ? m : sizes[s->only];
        return s->only;
    }
    while (sizes[z] > m)
        z++;
    *take = sizes[z];
    return z;
}

/* Rows [first, first + m) of a group through one panel. */
static int do_item(const struct mix_product *a, const struct mix_packed *p, int panel, int first,
                   int m, int thread)
{
    const struct shape *s = panel + 1 < p->panels ? p->full : p->last;
    size_t size = mix_dtype_size(p->type), k = (size_t)p->k, n = (size_t)p->n;
    int rc = MIX_OK, take;

    for (int end = first + m; first < end; first += take) {
        int z = next_size(s, end - first, &take);
        const char *x = (const char *)a->x + (size_t)first * k * size;
        float *y = a->y + (size_t)first * n + (size_t)panel * PANEL;
        bool direct = p->panels == 1 && take == sizes[z];

        if (s->type != p->type) {
            TRY(mix_dtype_convert(p->state->x[thread], s->type, x, p->type, (size_t)take * k));
            x = p->state->x[thread];
        } else if (take < sizes[z]) {
            memcpy(p->state->x[thread], x, (size_t)take * k * size);
            x = p->state->x[thread];
        }
        TRY(mix_dnnl_run(s->dnnl, z, thread, direct ? y : p->state->y[thread], x,
                         p->weights[panel]));
        for (int i = 0; i < take && !direct; i++)
            memcpy(y + (size_t)i * n, p->state->y[thread] + (size_t)i * (size_t)s->n,
                   (size_t)s->n * sizeof *y);
    }
out:
    return rc;
}

static long chunks(const struct mix_product *a, int g)
{
    return (a->first[g + 1] - a->first[g] + CHUNK - 1) / CHUNK;
}

int mix_product_cpu(struct mix_dev *dev, const struct mix_product *a)
{
    int threads = mix_dev_threads(dev), failed = MIX_OK, before = omp_get_max_threads();
    long items = 0;

    for (int g = 0; g < a->groups; g++)
        items += chunks(a, g) * a->w[g]->panels;
    if (items == 0)
        return MIX_OK;
    omp_set_num_threads(1); /* what the library sees: alone on this thread it would fork */
#pragma omp parallel num_threads(threads) if (items > 1)
    {
        long past = 0; /* items of the groups before g; a thread's items rise */
        int g = 0, thread = omp_get_thread_num();

#pragma omp for schedule(monotonic : dynamic, 1)
        for (long i = 0; i < items; i++) {
            const struct mix_packed *p;
            long at, n;
            int first, m, rc;

            while (i >= past + chunks(a, g) * a->w[g]->panels)
                past += chunks(a, g) * a->w[g]->panels, g++;
            p = a->w[g];
            n = chunks(a, g);
            at = (i - past) % n * CHUNK;
            first = a->first[g] + (int)at;
            m = a->first[g + 1] - first < CHUNK ? a->first[g + 1] - first : CHUNK;
            rc = do_item(a, p, (int)((i - past) / n), first, m, thread);
            if (rc) {
#pragma omp atomic write
                failed = rc;
            }
            if (thread == 0)
                mix_dev_tick(dev);
        }
    }
    omp_set_num_threads(before);
    return failed;
}

int mix_product_selftest_cpu(struct mix_dev *dev, enum mix_dtype type, int n, int k,
                             bool *invariant)
{
    struct mix_packed *p = NULL;
    char *w = NULL;
    int rc = MIX_OK;

    TRY(mix_calloc(&w, (size_t)n * (size_t)k, mix_dtype_size(type), "a look at products"));
    TRY(mix_product_pack_cpu(dev, &p, w, type, n, k));
    *invariant = p->full->invariant && p->last->invariant;
out:
    free(w);
    mix_product_release_cpu(dev, p);
    return rc;
}
