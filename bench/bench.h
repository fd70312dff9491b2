/* bench.h - what the programs of this folder share: time, the machine's limits, medians. */
#ifndef MIX_BENCH_BENCH_H
#define MIX_BENCH_BENCH_H

#include <stddef.h>

/* Seconds, of the wall or, if cpu was chosen, of this process's processors: on a machine that is
 * shared only that says how long one thread works. */
double bench_now(void);
void bench_clock(const char *name); /* "wall" or "cpu" */

/* Seconds to read so many bytes of the buffer with so many threads, once. */
double bench_read(const void *buffer, size_t bytes, int threads);

/* fp32 multiply-adds in registers: FLOP/s of so many threads for about 50 ms. */
double bench_peak(int threads);

double bench_median(double *x, int n); /* sorts x */
void bench_best(void);                 /* from now on the least instead, for busy machines */

/* Memory in huge pages, filled with small fp32 numbers.  NULL: none. */
void *bench_memory(size_t bytes);

#endif
