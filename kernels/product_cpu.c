/* product_cpu.c - products on the cpu backend: one parallel region over items.
 *
 * The panels of all weights with the rows that meet them are cut into items of about
 * ITEM nanoseconds, which the threads take one by one.  All groups go through one
 * region: a fork for each would cost more than a small product.  How rows and panels are
 * grouped changes no bits (product_engine.h). */
#include "kernels/product.h"

#include "base/err.h"
#include "base/mem.h"
#include "dev/dev.h"
#include "kernels/product_engine.h"

#include <omp.h>
#include <stdlib.h>

static const double ITEM = 60e3;   /* ns that an item should take */
static const double LONG = 180e3;  /* ns that it may take: the tick's 200 us */
static const double SERIAL = 40e3; /* ns below which waking a team costs more */
static const double STREAM = 20;   /* bytes of weights that a core reads in a nanosecond */

struct mix_packed {
    const struct mix_product_engine *engine;
    struct mix_product_state *state;
    struct mix_product_data *data;
    void *memory; /* of the device */
    enum mix_dtype type;
    int n, k, panels;
};

const struct mix_product_engine *mix_product_engine_of(enum mix_dtype type)
{
    if (mix_product_dnnl.here(&mix_product_dnnl, type))
        return &mix_product_dnnl;
    return &mix_product_simd[mix_isa_best()];
}

// ---- weights

static void destroy_state(void *p)
{
    struct mix_product_state *st = p;

    if (!st)
        return;
    mix_product_dnnl_forget(st);
    for (int t = 0; st->scratch && t < st->threads; t++)
        free(st->scratch[t]);
    free(st->scratch);
    free(st);
}

static int find_state(struct mix_product_state **out, struct mix_dev *dev)
{
    struct mix_product_state *st = mix_dev_state(dev);
    int rc = MIX_OK, threads = mix_dev_threads(dev);

    if (st) {
        *out = st;
        return MIX_OK;
    }
    TRY(mix_calloc(&st, 1, sizeof *st, "products"));
    st->threads = threads;
    TRY(mix_calloc(&st->scratch, (size_t)threads, sizeof *st->scratch, "products"));
    mix_dev_state_set(dev, st, destroy_state);
    *out = st;
    st = NULL;
out:
    destroy_state(st);
    return rc;
}

int mix_product_scratch(struct mix_product_state *st, size_t bytes)
{
    int rc = MIX_OK;

    if (bytes <= st->scratch_bytes)
        return MIX_OK;
    for (int t = 0; t < st->threads; t++) {
        char *more = NULL;

        TRY(mix_alloc_aligned(&more, bytes, "scratch of a product"));
        free(st->scratch[t]);
        st->scratch[t] = more;
    }
    st->scratch_bytes = bytes;
out:
    return rc;
}

int mix_product_pack_with(const struct mix_product_engine *engine, struct mix_dev *dev,
                          struct mix_packed **out, const void *w, enum mix_dtype type, int n, int k)
{
    struct mix_packed *p = NULL;
    size_t bytes;
    int rc = MIX_OK;

    if (n < 1 || k < 1 || (type != MIX_F32 && type != MIX_BF16))
        return MIX_FAIL(MIX_EBUG, "a product with %s weights [%d][%d]", mix_dtype_name(type), n, k);
    TRY(mix_calloc(&p, 1, sizeof *p, "a packed weight"));
    p->engine = engine;
    p->type = type;
    p->n = n;
    p->k = k;
    p->panels = (n + engine->panel(engine) - 1) / engine->panel(engine);
    TRY(find_state(&p->state, dev));
    TRY(engine->bytes(engine, &bytes, type, n, k));
    TRY(mix_dev_alloc(dev, &p->memory, bytes, "packed weights"));
    TRY(engine->pack(engine, dev, p->state, &p->data, p->memory, w, type, n, k));
    *out = p;
    p = NULL;
out:
    mix_product_release_cpu(dev, p);
    return rc;
}

int mix_product_pack_cpu(struct mix_dev *dev, struct mix_packed **packed, const void *w,
                         enum mix_dtype type, int n, int k)
{
    return mix_product_pack_with(mix_product_engine_of(type), dev, packed, w, type, n, k);
}

void mix_product_release_cpu(struct mix_dev *dev, struct mix_packed *p)
{
    if (!p)
        return;
    p->engine->release(p->data);
    mix_dev_release(dev, p->memory);
    free(p);
}

size_t mix_product_bytes_cpu(enum mix_dtype type, int n, int k)
{
    const struct mix_product_engine *e = mix_product_engine_of(type);
    size_t bytes = 0;

    return e->bytes(e, &bytes, type, n, k) == MIX_OK ? bytes : 0;
}

bool mix_product_invariant(const struct mix_packed *p)
{
    return p->engine->invariant(p->data);
}

int mix_product_selftest_cpu(struct mix_dev *dev, enum mix_dtype type, int n, int k,
                             bool *invariant)
{
    struct mix_packed *p = NULL;
    char *w = NULL;
    int rc = MIX_OK;

    TRY(mix_calloc(&w, (size_t)n * (size_t)k, mix_dtype_size(type), "a look at products"));
    TRY(mix_product_pack_cpu(dev, &p, w, type, n, k));
    *invariant = mix_product_invariant(p);
out:
    free(w);
    mix_product_release_cpu(dev, p);
    return rc;
}

// ---- products

/* How the work of a group is cut: chunks of rows of nearly equal size x runs of panels. */
struct cut {
    int rows, chunks, panels, runs;
};

/* ns that so many rows take with one panel. */
static double panel_time(const struct mix_packed *p, int rows)
{
    double numbers = (double)p->k * p->engine->panel(p->engine);
    double compute = numbers * rows / p->engine->rate(p->engine, p->type);
    double stream = numbers * (double)mix_dtype_size(p->type) / STREAM;

    return compute > stream ? compute : stream;
}

static struct cut cut_of(const struct mix_product *a, int g, double share)
{
    const struct mix_packed *p = a->w[g];
    struct cut c = {.rows = a->first[g + 1] - a->first[g]};
    int most = p->engine->chunk;
    double time;

    if (c.rows == 0)
        return c;
    time = panel_time(p, most);
    if (time > LONG)
        most = (int)(most * LONG / time) > 0 ? (int)(most * LONG / time) : 1;
    c.chunks = (c.rows + most - 1) / most;
    c.panels = (int)(share / panel_time(p, (c.rows + c.chunks - 1) / c.chunks));
    c.panels = c.panels < 1 ? 1 : c.panels > p->panels ? p->panels : c.panels;
    c.runs = (p->panels + c.panels - 1) / c.panels;
    return c;
}

/* Item i of group g. */
static int do_item(const struct mix_product *a, int g, const struct cut *c, long i, int thread)
{
    const struct mix_packed *p = a->w[g];
    int chunk = (int)(i % c->chunks), panel = (int)(i / c->chunks) * c->panels;
    int first = (int)((long)c->rows * chunk / c->chunks);
    int last = (int)((long)c->rows * (chunk + 1) / c->chunks);
    size_t row = (size_t)(a->first[g] + first);
    struct mix_item item = {
        .y = a->y + row * (size_t)p->n,
        .x = (const char *)a->x + row * (size_t)p->k * mix_dtype_size(p->type),
        .rows = last - first,
        .panel = panel,
        .panels = p->panels - panel < c->panels ? p->panels - panel : c->panels,
        .thread = thread,
    };

    return p->engine->run(p->state, p->data, &item);
}

int mix_product_cpu(struct mix_dev *dev, const struct mix_product *a)
{
    int threads = mix_dev_threads(dev), failed = MIX_OK, before = omp_get_max_threads();
    double time = 0, share;
    long items = 0;

    for (int g = 0; g < a->groups; g++) {
        int rows = a->first[g + 1] - a->first[g];

        time += rows ? a->w[g]->panels * panel_time(a->w[g], rows) : 0;
    }
    /* At least four items for each thread, so that they end together. */
    share = time / (4 * threads) < ITEM && threads > 1 ? time / (4 * threads) : ITEM;
    for (int g = 0; g < a->groups; g++) {
        struct cut c = cut_of(a, g, share);

        items += (long)c.chunks * c.runs;
    }
    if (items == 0)
        return MIX_OK;
    omp_set_num_threads(1); /* what oneDNN sees: alone on this thread it would fork */
#pragma omp parallel num_threads(threads) if (time > SERIAL)
    {
        struct cut c = {0};
        int g = -1, thread = omp_get_thread_num();
        long past = 0, end = 0; /* items of the groups before g, and with it */

        /* A thread's items rise, so that it finds their groups by walking once. */
#pragma omp for schedule(monotonic : dynamic, 1)
        for (long i = 0; i < items; i++) {
            int rc;

            while (i >= end) {
                c = cut_of(a, ++g, share);
                past = end;
                end += (long)c.chunks * c.runs;
            }
            rc = do_item(a, g, &c, i - past, thread);
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
