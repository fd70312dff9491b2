/* dnnl_cpu.c - see dnnl_cpu.h. */
#include "kernels/dnnl_cpu.h"

#include "base/err.h"
#include "base/mem.h"

#include <dnnl.h>
#include <omp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// ---- the two interfaces

#if DNNL_VERSION_MAJOR >= 3
typedef dnnl_memory_desc_t desc_t; /* owned */
typedef const_dnnl_memory_desc_t desc_ref;

static dnnl_status_t desc_strided(desc_t *d, int rows, int columns, dnnl_data_type_t type,
                                  int row_stride, int column_stride)
{
    return dnnl_memory_desc_create_with_strides(d, 2, (dnnl_dims_t){rows, columns}, type,
                                                (dnnl_dims_t){row_stride, column_stride});
}

static dnnl_status_t desc_any(desc_t *d, int rows, int columns, dnnl_data_type_t type)
{
    return dnnl_memory_desc_create_with_tag(d, 2, (dnnl_dims_t){rows, columns}, type,
                                            dnnl_format_tag_any);
}

static dnnl_status_t desc_copy(desc_t *d, desc_ref from)
{
    return dnnl_memory_desc_clone(d, from);
}

static void desc_free(desc_t *d)
{
    if (*d)
        dnnl_memory_desc_destroy(*d);
    *d = NULL;
}

static desc_ref ref(const desc_t *d)
{
    return *d;
}

static dnnl_status_t product_desc(dnnl_primitive_desc_t *pd, desc_ref x, desc_ref w, desc_ref y,
                                  dnnl_engine_t engine, const_dnnl_primitive_attr_t attr)
{
    return dnnl_matmul_primitive_desc_create(pd, engine, x, w, NULL, y, attr);
}
#else
typedef dnnl_memory_desc_t desc_t;
typedef const dnnl_memory_desc_t *desc_ref;

static dnnl_status_t desc_strided(desc_t *d, int rows, int columns, dnnl_data_type_t type,
                                  int row_stride, int column_stride)
{
    return dnnl_memory_desc_init_by_strides(d, 2, (dnnl_dims_t){rows, columns}, type,
                                            (dnnl_dims_t){row_stride, column_stride});
}

static dnnl_status_t desc_any(desc_t *d, int rows, int columns, dnnl_data_type_t type)
{
    return dnnl_memory_desc_init_by_tag(d, 2, (dnnl_dims_t){rows, columns}, type,
                                        dnnl_format_tag_any);
}

static dnnl_status_t desc_copy(desc_t *d, desc_ref from)
{
    *d = *from;
    return dnnl_success;
}

static void desc_free(desc_t *d)
{
    (void)d;
}

static desc_ref ref(const desc_t *d)
{
    return d;
}

static dnnl_status_t product_desc(dnnl_primitive_desc_t *pd, desc_ref x, desc_ref w, desc_ref y,
                                  dnnl_engine_t engine, const_dnnl_primitive_attr_t attr)
{
    dnnl_matmul_desc_t d;
    dnnl_status_t status = dnnl_matmul_desc_init(&d, x, w, NULL, y);

    return status == dnnl_success ? dnnl_primitive_desc_create(pd, &d, attr, engine, NULL) : status;
}
#endif

// ---- both

/* Needs `rc` and `out`, like TRY. */
#define TRY_DNNL(call) \
    do { \
        dnnl_status_t status_ = (call); \
        if (status_ != dnnl_success) { \
            rc = MIX_FAIL(MIX_EBUG, "oneDNN: %s: status %d", #call, (int)status_); \
            goto out; \
        } \
    } while (0)

/* The memory objects of one (size, thread). */
struct slot {
    dnnl_memory_t x, y, scratch;
};

struct mix_dnnl {
    dnnl_engine_t engine;
    dnnl_data_type_t type;
    int n, k, sizes, threads;
    desc_t packed;             /* of the weights */
    dnnl_primitive_t reorder;  /* [n][k] to packed */
    dnnl_primitive_t *product; /* [sizes] */
    char (*how)[48];           /* [sizes] */
    struct slot *slot;         /* [sizes][threads] */
    dnnl_stream_t *stream;     /* [threads] */
    void **scratchpad;         /* [threads], for the hungriest size */
};

static dnnl_data_type_t type_of(enum mix_dtype type)
{
    return type == MIX_BF16 ? dnnl_bf16 : dnnl_f32;
}

/* The primitive descriptor of m rows; packed NULL: the library chooses the layout. */
static int describe(dnnl_primitive_desc_t *pd, dnnl_engine_t engine, dnnl_data_type_t type, int m,
                    int n, int k, desc_ref packed)
{
    dnnl_primitive_attr_t attr = NULL;
    desc_t x = {0}, w = {0}, y = {0};
    int rc = MIX_OK;

    TRY_DNNL(desc_strided(&x, m, k, type, k, 1));
    TRY_DNNL(desc_any(&w, k, n, type));
    TRY_DNNL(desc_strided(&y, m, n, dnnl_f32, n, 1));
    TRY_DNNL(dnnl_primitive_attr_create(&attr));
    TRY_DNNL(dnnl_primitive_attr_set_scratchpad_mode(attr, dnnl_scratchpad_mode_user));
    TRY_DNNL(product_desc(pd, ref(&x), packed ? packed : ref(&w), ref(&y), engine, attr));
out:
    if (attr)
        dnnl_primitive_attr_destroy(attr);
    desc_free(&x);
    desc_free(&w);
    desc_free(&y);
    return rc;
}

static int create_reorder(struct mix_dnnl *d)
{
    dnnl_primitive_desc_t pd = NULL;
    desc_t plain = {0};
    int rc = MIX_OK;

    TRY_DNNL(desc_strided(&plain, d->k, d->n, d->type, 1, d->k));
    TRY_DNNL(dnnl_reorder_primitive_desc_create(&pd, ref(&plain), d->engine, ref(&d->packed),
                                                d->engine, NULL));
    TRY_DNNL(dnnl_primitive_create(&d->reorder, pd));
out:
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    desc_free(&plain);
    return rc;
}

/* Compile the product of m rows; *scratch: bytes it wants. */
static int create_product(struct mix_dnnl *d, int size, int m, size_t *scratch)
{
    dnnl_primitive_desc_t pd = NULL;
    const char *name = NULL;
    size_t bytes;
    desc_ref pad;
    int rc = MIX_OK;

    TRY(describe(&pd, d->engine, d->type, m, d->n, d->k, ref(&d->packed)));
    TRY_DNNL(dnnl_primitive_create(&d->product[size], pd));
    TRY_DNNL(dnnl_primitive_desc_query(pd, dnnl_query_impl_info_str, 0, &name));
    strncpy(d->how[size], name, sizeof d->how[size] - 1);
    pad = dnnl_primitive_desc_query_md(pd, dnnl_query_scratchpad_md, 0);
    bytes = pad ? dnnl_memory_desc_get_size(pad) : 0;
    *scratch = bytes > *scratch ? bytes : *scratch;
    for (int t = 0; t < d->threads; t++) {
        struct slot *s = &d->slot[size * d->threads + t];

        TRY_DNNL(dnnl_memory_create(&s->x, dnnl_primitive_desc_query_md(pd, dnnl_query_src_md, 0),
                                    d->engine, NULL));
        TRY_DNNL(dnnl_memory_create(&s->y, dnnl_primitive_desc_query_md(pd, dnnl_query_dst_md, 0),
                                    d->engine, NULL));
        if (bytes)
            TRY_DNNL(dnnl_memory_create(&s->scratch, pad, d->engine, NULL));
    }
out:
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    return rc;
}

static int create_all(struct mix_dnnl *d, const int *m)
{
    dnnl_primitive_desc_t pd = NULL;
    size_t scratch = 0;
    int rc = MIX_OK;

    TRY_DNNL(dnnl_engine_create(&d->engine, dnnl_cpu, 0));
    TRY(describe(&pd, d->engine, d->type, 64, d->n, d->k, NULL));
    TRY_DNNL(desc_copy(&d->packed, dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0)));
    TRY(create_reorder(d));
    for (int i = 0; i < d->sizes; i++)
        TRY(create_product(d, i, m[i], &scratch));
    for (int t = 0; t < d->threads; t++) {
        TRY_DNNL(dnnl_stream_create(&d->stream[t], d->engine, dnnl_stream_default_flags));
        TRY(mix_alloc_aligned(&d->scratchpad[t], scratch, "scratch of a product"));
        for (int i = 0; i < d->sizes; i++)
            if (d->slot[i * d->threads + t].scratch)
                TRY_DNNL(dnnl_memory_set_data_handle(d->slot[i * d->threads + t].scratch,
                                                     d->scratchpad[t]));
    }
out:
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    return rc;
}

int mix_dnnl_create(struct mix_dnnl **out, enum mix_dtype type, int n, int k, const int *m,
                    int sizes, int threads)
{
    struct mix_dnnl *d = NULL;
    int rc = MIX_OK, before;

    TRY(mix_calloc(&d, 1, sizeof *d, "a product"));
    d->type = type_of(type);
    d->n = n;
    d->k = k;
    d->sizes = sizes;
    d->threads = threads;
    TRY(mix_calloc(&d->product, (size_t)sizes, sizeof *d->product, "products"));
    TRY(mix_calloc(&d->how, (size_t)sizes, sizeof *d->how, "products"));
    TRY(mix_calloc(&d->slot, (size_t)sizes * (size_t)threads, sizeof *d->slot, "products"));
    TRY(mix_calloc(&d->stream, (size_t)threads, sizeof *d->stream, "products"));
    TRY(mix_calloc(&d->scratchpad, (size_t)threads, sizeof *d->scratchpad, "products"));

    /* The library divides a product among the threads that it sees when it compiles; ours run
     * inside our own team, one thread each. */
    before = omp_get_max_threads();
    omp_set_num_threads(1);
    rc = create_all(d, m);
    omp_set_num_threads(before);
    if (rc)
        goto out;
    *out = d;
    d = NULL;
out:
    mix_dnnl_destroy(d);
    return rc;
}

void mix_dnnl_destroy(struct mix_dnnl *d)
{
    if (!d)
        return;
    for (int i = 0; d->slot && i < d->sizes * d->threads; i++) {
        if (d->slot[i].x)
            dnnl_memory_destroy(d->slot[i].x);
        if (d->slot[i].y)
            dnnl_memory_destroy(d->slot[i].y);
        if (d->slot[i].scratch)
            dnnl_memory_destroy(d->slot[i].scratch);
    }
    for (int i = 0; d->product && i < d->sizes; i++)
        if (d->product[i])
            dnnl_primitive_destroy(d->product[i]);
    for (int t = 0; t < d->threads; t++) {
        if (d->stream && d->stream[t])
            dnnl_stream_destroy(d->stream[t]);
        if (d->scratchpad)
            free(d->scratchpad[t]);
    }
    if (d->reorder)
        dnnl_primitive_destroy(d->reorder);
    desc_free(&d->packed);
    if (d->engine)
        dnnl_engine_destroy(d->engine);
    free(d->product);
    free(d->how);
    free(d->slot);
    free(d->stream);
    free(d->scratchpad);
    free(d);
}

int mix_dnnl_bytes(size_t *bytes, enum mix_dtype type, int n, int k)
{
    dnnl_primitive_desc_t pd = NULL;
    dnnl_engine_t engine = NULL;
    int rc = MIX_OK, before = omp_get_max_threads();

    omp_set_num_threads(1);
    TRY_DNNL(dnnl_engine_create(&engine, dnnl_cpu, 0));
    TRY(describe(&pd, engine, type_of(type), 64, n, k, NULL));
    *bytes = dnnl_memory_desc_get_size(dnnl_primitive_desc_query_md(pd, dnnl_query_weights_md, 0));
out:
    omp_set_num_threads(before);
    if (pd)
        dnnl_primitive_desc_destroy(pd);
    if (engine)
        dnnl_engine_destroy(engine);
    return rc;
}

int mix_dnnl_pack(struct mix_dnnl *d, void **weights, void *to, const void *w)
{
    dnnl_memory_t plain = NULL, packed = NULL;
    desc_t from = {0};
    int rc = MIX_OK;

    TRY_DNNL(desc_strided(&from, d->k, d->n, d->type, 1, d->k));
    TRY_DNNL(dnnl_memory_create(&plain, ref(&from), d->engine, (void *)(size_t)w));
    TRY_DNNL(dnnl_memory_create(&packed, ref(&d->packed), d->engine, to));
    TRY_DNNL(
        dnnl_primitive_execute(d->reorder, d->stream[0], 2,
                               (dnnl_exec_arg_t[]){{DNNL_ARG_FROM, plain}, {DNNL_ARG_TO, packed}}));
    TRY_DNNL(dnnl_stream_wait(d->stream[0]));
    *weights = packed;
    packed = NULL;
out:
    if (plain)
        dnnl_memory_destroy(plain);
    if (packed)
        dnnl_memory_destroy(packed);
    desc_free(&from);
    return rc;
}

void mix_dnnl_forget(void *weights)
{
    if (weights)
        dnnl_memory_destroy(weights);
}

int mix_dnnl_run(struct mix_dnnl *d, int size, int thread, float *y, const void *x, void *weights)
{
    struct slot *s = &d->slot[size * d->threads + thread];
    dnnl_exec_arg_t arg[] = {{DNNL_ARG_SRC, s->x},
                             {DNNL_ARG_WEIGHTS, weights},
                             {DNNL_ARG_DST, s->y},
                             {DNNL_ARG_SCRATCHPAD, s->scratch}};
    int rc = MIX_OK;

    TRY_DNNL(dnnl_memory_set_data_handle(s->x, (void *)(size_t)x));
    TRY_DNNL(dnnl_memory_set_data_handle(s->y, y));
    TRY_DNNL(dnnl_primitive_execute(d->product[size], d->stream[thread], s->scratch ? 4 : 3, arg));
out:
    return rc;
}

static bool has(dnnl_cpu_isa_t isa)
{
    return ((unsigned)dnnl_get_effective_cpu_isa() & (unsigned)isa) == (unsigned)isa;
}

bool mix_dnnl_bf16(void)
{
    return has(dnnl_cpu_isa_avx512_core_bf16);
}

bool mix_dnnl_amx(void)
{
    return has(dnnl_cpu_isa_avx512_core_amx);
}

const char *mix_dnnl_describe(void)
{
    static char text[64];
    static const struct {
        dnnl_cpu_isa_t isa;
        const char *name;
    } names[] = {
        {dnnl_cpu_isa_sse41, "sse41"},
        {dnnl_cpu_isa_avx2, "avx2"},
        {dnnl_cpu_isa_avx2_vnni, "avx2_vnni"},
        {dnnl_cpu_isa_avx512_core, "avx512_core"},
        {dnnl_cpu_isa_avx512_core_vnni, "avx512_core_vnni"},
        {dnnl_cpu_isa_avx512_core_bf16, "avx512_core_bf16"},
        {dnnl_cpu_isa_avx512_core_amx, "avx512_core_amx"},
    };
    dnnl_cpu_isa_t isa = dnnl_get_effective_cpu_isa();
    const dnnl_version_t *v = dnnl_version();
    const char *name = NULL;

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (names[i].isa == isa)
            name = names[i].name;
    if (name)
        snprintf(text, sizeof text, "%d.%d.%d %s", v->major, v->minor, v->patch, name);
    else
        snprintf(text, sizeof text, "%d.%d.%d isa %#x", v->major, v->minor, v->patch,
                 (unsigned)isa);
    return text;
}

const char *mix_dnnl_how(const struct mix_dnnl *d, int size)
{
    return d->how[size];
}
