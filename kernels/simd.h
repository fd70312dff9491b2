/* simd.h - leaf functions compiled for several instruction sets in one binary.
 *
 *   MIX_SIMD static void leaf(float *y, const float *x, int n) { ... }
 *
 * The compiler makes a copy for AVX-512, one for AVX2 with FMA and one for any
 * x86-64, and the loader picks one.  The body of a `#pragma omp parallel` region
 * is a function of its own that does not inherit the copies, so loops that matter
 * stand in leaf functions.  Before 12, gcc knows no levels of the architecture
 * here; the nearest single features are used. */
#ifndef MIX_KERN_SIMD_H
#define MIX_KERN_SIMD_H

#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && __GNUC__ >= 12
#define MIX_SIMD \
    __attribute__((noinline, target_clones("arch=x86-64-v4", "arch=x86-64-v3", "default")))
#elif defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define MIX_SIMD __attribute__((noinline, target_clones("avx512f", "fma", "default")))
#else
#define MIX_SIMD __attribute__((noinline))
#endif

/* For `#pragma GCC unroll`: instrumented, unrolled blocks would take a minute to compile. */
#ifdef __SANITIZE_ADDRESS__
enum { MIX_UNROLL = 1 };
#else
enum { MIX_UNROLL = 32 };
#endif

/* Partial sums to one, as a tree: (i, i + lanes / 2), then (i, i + lanes / 4), ...  lanes: a
 * constant, a power of two of at most 32. */
static inline __attribute__((always_inline)) float mix_tree_sum(float *lane, const int lanes)
{
#pragma GCC unroll 6
    for (int step = lanes / 2; step > 0; step /= 2)
#pragma omp simd
        for (int i = 0; i < step; i++)
            lane[i] += lane[i + step];
    return lane[0];
}

static inline __attribute__((always_inline)) float mix_tree_max(float *lane, const int lanes)
{
#pragma GCC unroll 6
    for (int step = lanes / 2; step > 0; step /= 2)
#pragma omp simd
        for (int i = 0; i < step; i++)
            lane[i] = lane[i + step] > lane[i] ? lane[i + step] : lane[i];
    return lane[0];
}

#endif
