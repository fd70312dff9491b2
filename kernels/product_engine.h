/* product_engine.h - ways to multiply on CPUs: between product_cpu.c, which cuts a call
 * into items, and those that do an item.  Nobody else includes it but tests.
 *
 *   simd   own code, product_simd_cpu.c: every output is a chain of multiply-adds over k
 *          of its own, so it cannot depend on other rows
 *   dnnl   oneDNN, product_dnnl_cpu.c: where it has matrix units (AMX) to drive and is
 *          found to keep rows apart
 *
 * A weight is cut into panels of rows of w, which are columns of y.  An item is some
 * panels with at most chunk rows of x; one thread does it. */
#ifndef MIX_KERN_PRODUCT_ENGINE_H
#define MIX_KERN_PRODUCT_ENGINE_H

#include "kernels/isa.h"
#include "kernels/product.h"

struct mix_product_data; /* one weight, as its engine packed it */

/* What a device keeps for its products. */
struct mix_product_state {
    int threads;
    char **scratch; /* [threads], scratch_bytes each */
    size_t scratch_bytes;
    struct mix_dnnl_shape *shapes; /* of the dnnl engine */
};

struct mix_item {
    float *y;      /* the item's first row, at column 0 of all n */
    const void *x; /* the item's first row */
    int rows;      /* at most chunk */
    int panel, panels;
    int thread;
};

struct mix_product_engine {
    const char *name;
    enum mix_isa isa; /* simd: the instruction set that it is for */
    int chunk;        /* rows of an item, at most */

    /* Can it run here, and keep the contract? */
    bool (*here)(const struct mix_product_engine *e, enum mix_dtype type);

    /* Columns of a panel, and multiply-adds of one core in a nanosecond, roughly. */
    int (*panel)(const struct mix_product_engine *e);
    double (*rate)(const struct mix_product_engine *e, enum mix_dtype type);

    /* Device memory for a weight. */
    int (*bytes)(const struct mix_product_engine *e, size_t *bytes, enum mix_dtype type, int n,
                 int k);

    /* Pack w into so much device memory.  Scratch has room for the shape afterwards. */
    int (*pack)(const struct mix_product_engine *e, struct mix_dev *dev,
                struct mix_product_state *st, struct mix_product_data **packed, void *memory,
                const void *w, enum mix_dtype type, int n, int k);
    void (*release)(struct mix_product_data *packed); /* NULL is allowed */
    bool (*invariant)(const struct mix_product_data *packed);

    int (*run)(const struct mix_product_state *st, const struct mix_product_data *packed,
               const struct mix_item *item);
};

extern const struct mix_product_engine mix_product_simd[MIX_ISAS];
extern const struct mix_product_engine mix_product_dnnl;
void mix_product_dnnl_forget(struct mix_product_state *st); /* its shapes */

/* The engine for products of this type here. */
const struct mix_product_engine *mix_product_engine_of(enum mix_dtype type);

/* pack_cpu with a given engine. */
int mix_product_pack_with(const struct mix_product_engine *engine, struct mix_dev *dev,
                          struct mix_packed **packed, const void *w, enum mix_dtype type, int n,
                          int k);

bool mix_product_invariant(const struct mix_packed *packed);

/* Make room for so many bytes in the scratch of every thread. */
int mix_product_scratch(struct mix_product_state *st, size_t bytes);

#endif
