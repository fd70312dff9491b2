/* product_dnnl_cpu.c - products by oneDNN: see product_engine.h and dnnl_cpu.h.
 *
 * A panel is a weight of its own for the library, and rows are taken in a few fixed
 * sizes whose primitives are compiled when the first weight of a shape is packed, so
 * that nothing is compiled in a step.  Shapes belong to the device and are shared by all
 * weights.  When one is made its sizes are compared with each other: where rows are
 * not bit-equal, one size that does not mix rows serves all (rows are padded to it).
 *
 * Chosen only for bf16 on processors with AMX: elsewhere our own code was faster at
 * every number of rows (docs/perf.md). */
#include "kernels/product_engine.h"

#include "base/err.h"
#include "base/mem.h"
#include "dev/dev.h"
#include "kernels/dnnl_cpu.h"

#include <omp.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
    PANEL = 256, /* columns */
    CHUNK = 64,  /* rows of an item: the largest size */
};

/* Sizes with a primitive of their own. */
static const int sizes[] = {64, 32, 16, 8, 4, 2, 1};

enum { SIZES = sizeof sizes / sizeof sizes[0] };

/* The primitives of one panel width, k and type. */
struct mix_dnnl_shape {
    struct mix_dnnl_shape *next;
    struct mix_dnnl *dnnl;
    enum mix_dtype type; /* that the library computes in */
    int n, k;
    size_t bytes;   /* of a packed panel */
    int only;       /* index of the one size to use; -1: all */
    bool invariant; /* rows are bit-equal whatever the number of rows */
};

struct mix_product_data {
    enum mix_dtype type; /* of x, and of w before it was packed */
    int n, k, panels;
    struct mix_dnnl_shape *full, *last; /* of all panels but the last, and of the last */
    void *weights[];                    /* [panels] */
};

static size_t round64(size_t bytes)
{
    return (bytes + 63) / 64 * 64;
}

/* bf16 is multiplied as fp32 where the processor has no bf16 products: the library would take a
 * slow path whose bits depend on the number of rows. */
static enum mix_dtype compute_type(enum mix_dtype type)
{
    return type == MIX_BF16 && mix_dnnl_bf16() ? MIX_BF16 : MIX_F32;
}

static void destroy_shape(struct mix_dnnl_shape *s)
{
    if (!s)
        return;
    mix_dnnl_destroy(s->dnnl);
    free(s);
}

void mix_product_dnnl_forget(struct mix_product_state *st)
{
    while (st->shapes) {
        struct mix_dnnl_shape *s = st->shapes;

        st->shapes = s->next;
        destroy_shape(s);
    }
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
static int probe(struct mix_dnnl_shape *s)
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

static int find_shape(struct mix_dnnl_shape **out, struct mix_product_state *st,
                      enum mix_dtype type, int n, int k)
{
    struct mix_dnnl_shape *s = NULL;
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
    omp_set_num_threads(1); /* what the library sees: it would fork */
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

static int panel(const struct mix_product_engine *e)
{
    (void)e;
    return PANEL;
}

static double rate(const struct mix_product_engine *e, enum mix_dtype type)
{
    (void)e;
    return compute_type(type) == MIX_F32 ? 50 : mix_dnnl_amx() ? 400 : 95;
}

static int panel_rows(int n, int i)
{
    return n - i * PANEL < PANEL ? n - i * PANEL : PANEL;
}

static int bytes(const struct mix_product_engine *e, size_t *out, enum mix_dtype type, int n, int k)
{
    int panels = (n + PANEL - 1) / PANEL, rc = MIX_OK;
    size_t full = 0, last = 0;

    (void)e;
    TRY(mix_dnnl_bytes(&full, compute_type(type), panel_rows(n, 0), k));
    TRY(mix_dnnl_bytes(&last, compute_type(type), panel_rows(n, panels - 1), k));
    *out = (size_t)(panels - 1) * round64(full) + round64(last);
out:
    return rc;
}

static void release(struct mix_product_data *d)
{
    if (!d)
        return;
    for (int i = 0; i < d->panels; i++)
        mix_dnnl_forget(d->weights[i]);
    free(d);
}

static int pack(const struct mix_product_engine *e, struct mix_dev *dev,
                struct mix_product_state *st, struct mix_product_data **out, void *memory,
                const void *w, enum mix_dtype type, int n, int k)
{
    enum mix_dtype compute = compute_type(type);
    size_t given = (size_t)k * mix_dtype_size(type);
    int rc = MIX_OK, panels = (n + PANEL - 1) / PANEL;
    struct mix_product_data *d = NULL;
    char *wide = NULL;

    (void)e;
    (void)dev;
    TRY(mix_calloc(&d, 1, sizeof *d + (size_t)panels * sizeof d->weights[0], "a packed weight"));
    d->type = type;
    d->n = n;
    d->k = k;
    d->panels = panels;
    TRY(mix_product_scratch(st, (size_t)CHUNK * ((size_t)k + PANEL) * sizeof(float)));
    TRY(find_shape(&d->full, st, compute, panel_rows(n, 0), k));
    TRY(find_shape(&d->last, st, compute, panel_rows(n, panels - 1), k));
    if (compute != type)
        TRY(mix_calloc(&wide, (size_t)PANEL * (size_t)k, sizeof(float), "weights in fp32"));
    for (int i = 0; i < panels; i++) {
        struct mix_dnnl_shape *s = i + 1 < panels ? d->full : d->last;
        const void *from = (const char *)w + (size_t)i * PANEL * given;

        if (wide) {
            TRY(mix_dtype_convert(wide, compute, from, type, (size_t)s->n * (size_t)k));
            from = wide;
        }
        TRY(mix_dnnl_pack(s->dnnl, &d->weights[i],
                          (char *)memory + (size_t)i * round64(d->full->bytes), from));
    }
    *out = d;
    d = NULL;
out:
    free(wide);
    release(d);
    return rc;
}

static bool invariant(const struct mix_product_data *d)
{
    return d->full->invariant && d->last->invariant;
}

/* The index of the largest size that m rows fill, and how many rows of them it takes. */
static int next_size(const struct mix_dnnl_shape *s, int m, int *take)
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

/* All rows of the item through one panel. */
static int run_panel(const struct mix_product_state *st, const struct mix_product_data *d,
                     const struct mix_item *item, int i)
{
    const struct mix_dnnl_shape *s = i + 1 < d->panels ? d->full : d->last;
    size_t size = mix_dtype_size(d->type), k = (size_t)d->k, n = (size_t)d->n;
    float *out = (float *)st->scratch[item->thread];
    char *in = st->scratch[item->thread] + (size_t)CHUNK * PANEL * sizeof(float);
    int rc = MIX_OK, take;

    for (int row = 0; row < item->rows; row += take) {
        int z = next_size(s, item->rows - row, &take);
        const char *x = (const char *)item->x + (size_t)row * k * size;
        float *y = item->y + (size_t)row * n + (size_t)i * PANEL;
        bool direct = d->panels == 1 && take == sizes[z];

        if (s->type != d->type) {
            TRY(mix_dtype_convert(in, s->type, x, d->type, (size_t)take * k));
            x = in;
        } else if (take < sizes[z]) {
            memcpy(in, x, (size_t)take * k * size);
            x = in;
        }
        TRY(mix_dnnl_run(s->dnnl, z, item->thread, direct ? y : out, x, d->weights[i]));
        for (int r = 0; r < take && !direct; r++)
            memcpy(y + (size_t)r * n, out + (size_t)r * (size_t)s->n, (size_t)s->n * sizeof *y);
    }
out:
    return rc;
}

static int run(const struct mix_product_state *st, const struct mix_product_data *d,
               const struct mix_item *item)
{
    int rc = MIX_OK;

    for (int i = item->panel; i < item->panel + item->panels; i++)
        TRY(run_panel(st, d, item, i));
out:
    return rc;
}

/* Does the library keep rows apart on this processor?  Looked at once, in a few shapes. */
static bool keeps_rows_apart;

static void look(void)
{
    static const int shapes[][2] = {{256, 2048}, {256, 768}, {40, 96}};
    struct mix_product_state st = {.threads = 1};
    bool good = true;

    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0] && good; i++) {
        struct mix_dnnl_shape *s;

        good = find_shape(&s, &st, MIX_BF16, shapes[i][0], shapes[i][1]) == MIX_OK && s->invariant;
    }
    mix_product_dnnl_forget(&st);
    keeps_rows_apart = good;
}

static bool here(const struct mix_product_engine *e, enum mix_dtype type)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;

    (void)e;
    if (type != MIX_BF16 || !mix_dnnl_amx())
        return false;
    pthread_once(&once, look);
    return keeps_rows_apart;
}

const struct mix_product_engine mix_product_dnnl = {
    .name = "dnnl",
    .chunk = CHUNK,
    .here = here,
    .panel = panel,
    .rate = rate,
    .bytes = bytes,
    .pack = pack,
    .release = release,
    .invariant = invariant,
    .run = run,
};
