/* kern.c - see kern.h. */
#include "kern.h"

#include "base/err.h"

#include <math.h>
#include <stdio.h>

void kern_each(void (*test)(struct kern *k))
{
    static const int threads[] = {1, 3};

    for (int i = 0; mix_dev_backends[i]; i++)
        for (size_t t = 0; t < sizeof threads / sizeof threads[0]; t++) {
            struct kern k = {0};

            snprintf(k.name, sizeof k.name, "%s, %d thread%s", mix_dev_backends[i]->name,
                     threads[t], threads[t] == 1 ? "" : "s");
            if (mix_dev_open(&k.dev, mix_dev_backends[i]->name, 0, threads[t]) != MIX_OK) {
                tap_skip(k.name, "no such device here");
                continue;
            }
            k.ops = mix_kernels_of(k.dev);
            test(&k);
            ok(mix_dev_allocated(k.dev) == 0, "%s: all device memory was given back", k.name);
            mix_dev_close(k.dev);
        }
}

static void *get(size_t bytes)
{
    void *p = malloc(bytes ? bytes : 1);

    if (!p)
        exit(99);
    return p;
}

float *kern_random(size_t n, unsigned seed, enum mix_dtype type)
{
    float *x = get(n * sizeof *x);
    uint64_t s = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;

    for (size_t i = 0; i < n; i++) {
        s = s * UINT64_C(6364136223846793005) + 1442695040888963407u;
        x[i] = (float)(int32_t)(s >> 32) * 0x1p-31f;
        if (type == MIX_BF16)
            x[i] = mix_bf16_to_f32(mix_f32_to_bf16(x[i]));
    }
    return x;
}

void *kern_up(struct kern *k, const void *host, size_t bytes)
{
    void *p = NULL;

    if (mix_dev_alloc(k->dev, &p, bytes, "a test") ||
        (host && mix_dev_upload(k->dev, p, host, bytes)))
        exit(99);
    return p;
}

void *kern_up_as(struct kern *k, const float *x, size_t n, enum mix_dtype type)
{
    void *as = get(n * mix_dtype_size(type)), *p;

    mix_dtype_convert(as, type, x, MIX_F32, n);
    p = kern_up(k, as, n * mix_dtype_size(type));
    free(as);
    return p;
}

void kern_down(struct kern *k, void *host, void *device, size_t bytes)
{
    if (mix_dev_sync(k->dev) || mix_dev_download(k->dev, host, device, bytes))
        exit(99);
    mix_dev_release(k->dev, device);
}

void kern_free(struct kern *k, void *device)
{
    mix_dev_release(k->dev, device);
}

float *kern_down_as(struct kern *k, void *device, size_t n, enum mix_dtype type)
{
    void *as = get(n * mix_dtype_size(type));
    float *x = get(n * sizeof *x);

    kern_down(k, as, device, n * mix_dtype_size(type));
    mix_dtype_convert(x, MIX_F32, as, type, n);
    free(as);
    return x;
}

double kern_distance(const float *a, const double *b, size_t n, double atol, double rtol)
{
    double most = 0;

    for (size_t i = 0; i < n; i++) {
        double d = fabs(a[i] - b[i]) / (atol + rtol * fabs(b[i]));

        if (isnan(a[i]) != isnan(b[i]))
            return NAN;
        if (!isnan(a[i]) && d > most)
            most = d;
    }
    return most;
}

double kern_rounding(enum mix_dtype type)
{
    return type == MIX_BF16 ? 0x1p-8 : 0;
}
