/* kern.h - run one operation on every backend of this build and this machine. */
#ifndef MIX_TESTS_KERN_H
#define MIX_TESTS_KERN_H

#include "base/dtype.h"
#include "dev/dev.h"
#include "kernels/kernels.h"
#include "tap.h"

#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* An open device of a backend with a number of threads, and its operations. */
struct kern {
    struct mix_dev *dev;
    const struct mix_kernels *ops;
    char name[64]; /* "cpu, 2 threads" */
};

/* Call test for every backend, with 1 and with 3 threads. */
void kern_each(void (*test)(struct kern *k));

/* Fixed pseudo-random numbers in [-1, 1), the same on every machine, different for every seed.
 * Rounded to the type where that is bf16, so that a double-precision loop can use them. */
float *kern_random(size_t n, unsigned seed, enum mix_dtype type);

/* Copies on the device (of NULL: zeros); kern_down also frees the device's memory. */
void *kern_up(struct kern *k, const void *host, size_t bytes);
void *kern_up_as(struct kern *k, const float *x, size_t n, enum mix_dtype type);
void kern_down(struct kern *k, void *host, void *device, size_t bytes);
void kern_free(struct kern *k, void *device);
/* A result of type on the device, as floats. */
float *kern_down_as(struct kern *k, void *device, size_t n, enum mix_dtype type);

/* Largest |a - b| / (atol + rtol |b|); 1 or less means equal.  NaN where only one is NaN. */
double kern_distance(const float *a, const double *b, size_t n, double atol, double rtol);

/* atol and rtol of a result rounded to the type, on top of an fp32 error. */
double kern_rounding(enum mix_dtype type);

#endif
