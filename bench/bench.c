/* bench.c - see bench.h. */
#include "bench.h"

#include "base/clock.h"
#include "base/median.h"
#include "kernels/simd.h"

#include <omp.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

static bool cpu_clock, best;

void bench_clock(const char *name)
{
    cpu_clock = strcmp(name, "cpu") == 0;
}

void bench_best(void)
{
    best = true;
}

double bench_now(void)
{
    struct timespec t;

    if (!cpu_clock)
        return mix_now();
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

MIX_SIMD static float read_all(const float *x, size_t n)
{
    float lane[64] = {0}, sum = 0;

    for (size_t i = 0; i + 64 <= n; i += 64)
#pragma omp simd
        for (int l = 0; l < 64; l++)
            lane[l] += x[i + (size_t)l];
    for (int l = 0; l < 64; l++)
        sum += lane[l];
    return sum;
}

double bench_read(const void *buffer, size_t bytes, int threads)
{
    volatile float sink = 0;
    double start = bench_now();

#pragma omp parallel num_threads(threads)
    {
        size_t n = bytes / sizeof(float) / (size_t)threads;
        float sum = read_all((const float *)buffer + n * (size_t)omp_get_thread_num(), n);

#pragma omp critical
        sink = sink + sum;
    }
    return bench_now() - start;
}

enum { CHAINS = 12, WIDTH = 16 }; /* enough independent sums for any unit's latency */

typedef float lanes __attribute__((vector_size(4 * WIDTH)));

MIX_SIMD static float multiply_add(long times, float x)
{
    lanes a[CHAINS], b = x - (lanes){0}, c = x * 0.5f - (lanes){0};
    float sum = 0;

    for (int i = 0; i < CHAINS; i++)
        a[i] = (float)i - (lanes){0};
    for (long t = 0; t < times; t++)
#pragma GCC unroll 16
        for (int i = 0; i < CHAINS; i++)
            a[i] = a[i] * b + c;
    for (int i = 0; i < CHAINS; i++)
        for (int l = 0; l < WIDTH; l++)
            sum += a[i][l];
    return sum;
}

double bench_peak(int threads)
{
    const long times = 4000000;
    volatile float sink = 0;
    double start = bench_now();

#pragma omp parallel num_threads(threads)
    {
        float sum = multiply_add(times, 0.5f);

#pragma omp critical
        sink = sink + sum;
    }
    return 2.0 * CHAINS * WIDTH * (double)times * threads / (bench_now() - start);
}

double bench_median(double *x, int n)
{
    double middle = mix_median(x, n);

    return best ? x[0] : middle;
}

void *bench_memory(size_t bytes)
{
    float *p = NULL;

    if (!(p = aligned_alloc(2 << 20, ((bytes >> 21) + 1) << 21)))
        return NULL;
    madvise(p, bytes, MADV_HUGEPAGE);
    for (size_t i = 0; i < bytes / sizeof *p; i++)
        p[i] = (float)((i * 2654435761u >> 16) % 1000) * 0.001f - 0.5f;
    return p;
}
