/* dnnl_cpu.h - single-threaded matrix products of oneDNN, for product_dnnl_cpu.c.
 *
 * y[m][n] = x[m][k] w[n][k]^T for fixed n, k and type and a few fixed m, with w in
 * one packed layout that all of them share.  Everything a product needs (compiled
 * primitives, memory objects, scratchpads of every thread) is made in advance: a
 * run does not allocate.  The two C interfaces of the library, 2.x and 3.x, meet
 * in dnnl_cpu.c and nowhere else.
 *
 * Not collective.  Runs of different threads may overlap; nothing else may. */
#ifndef MIX_KERN_DNNL_CPU_H
#define MIX_KERN_DNNL_CPU_H

#include "base/dtype.h"

#include <stdbool.h>
#include <stddef.h>

struct mix_dnnl; /* the products of one shape */

/* m: [sizes] numbers of rows, each compiled once, for threads numbered below threads. */
int mix_dnnl_create(struct mix_dnnl **d, enum mix_dtype type, int n, int k, const int *m, int sizes,
                    int threads);
void mix_dnnl_destroy(struct mix_dnnl *d); /* NULL is allowed */

/* Bytes of w when packed, without compiling anything. */
int mix_dnnl_bytes(size_t *bytes, enum mix_dtype type, int n, int k);

/* Pack w, [n][k] row by row, into to (64-byte aligned), and name it: *weights is released with
 * mix_dnnl_forget, before to is. */
int mix_dnnl_pack(struct mix_dnnl *d, void **weights, void *to, const void *w);
void mix_dnnl_forget(void *weights); /* NULL is allowed */

/* The product of m[size] rows, in the thread of that number.  x and y are dense. */
int mix_dnnl_run(struct mix_dnnl *d, int size, int thread, float *y, const void *x, void *weights);

bool mix_dnnl_bf16(void); /* does it use bf16 instructions here? */
bool mix_dnnl_amx(void);  /* matrix units? */

/* "2.6.3 avx512_core_bf16": the library that runs, and the instruction set it picked. */
const char *mix_dnnl_describe(void);

/* What computes size m[size]: the library's own name for it. */
const char *mix_dnnl_how(const struct mix_dnnl *d, int size);

#endif
