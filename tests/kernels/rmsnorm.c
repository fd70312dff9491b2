/* rmsnorm.c - rmsnorm against a double-precision loop, in place, and its rows alone. */
#include "kern.h"

#include <math.h>

static float *run(struct kern *k, const float *x, const float *w, int tokens, int dim,
                  enum mix_dtype type, bool in_place, int *rc)
{
    size_t n = (size_t)tokens * (size_t)dim;
    void *dx = kern_up(k, x, n * sizeof *x), *dw = kern_up(k, w, (size_t)dim * sizeof *w);
    void *dy = in_place ? dx : kern_up(k, NULL, n * mix_dtype_size(type));
    struct mix_rmsnorm a = {
        .y = dy, .x = dx, .w = dw, .type = type, .tokens = tokens, .dim = dim, .eps = 1e-6f};

    *rc = k->ops->rmsnorm(k->dev, &a);
    if (!in_place)
        kern_free(k, dx);
    kern_free(k, dw);
    return kern_down_as(k, dy, n, type);
}

static void shape(struct kern *k, int tokens, int dim, enum mix_dtype type, bool in_place)
{
    size_t n = (size_t)tokens * (size_t)dim;
    float *x = kern_random(n, 1, MIX_F32), *w = kern_random((size_t)dim, 2, MIX_F32), *got, *one;
    double *want = calloc(n + 1, sizeof *want);
    bool same = true;
    int rc, rc1 = 0;

    for (int t = 0; t < tokens; t++) {
        double sum = 0;

        for (int c = 0; c < dim; c++)
            sum += (double)x[t * dim + c] * x[t * dim + c];
        for (int c = 0; c < dim; c++)
            want[t * dim + c] = x[t * dim + c] / sqrt(sum / dim + 1e-6) * w[c];
    }
    got = run(k, x, w, tokens, dim, type, in_place, &rc);
    ok(rc == 0 && kern_distance(got, want, n, 1e-6, 1e-5 + kern_rounding(type)) <= 1,
       "%s: %d tokens [%d] to %s%s", k->name, tokens, dim, mix_dtype_name(type),
       in_place ? " in place" : "");
    for (int t = 0; t < tokens; t++) {
        one = run(k, x + (size_t)t * (size_t)dim, w, 1, dim, type, in_place, &rc);
        rc1 = rc1 ? rc1 : rc;
        same = same && memcmp(one, got + (size_t)t * (size_t)dim, (size_t)dim * sizeof *one) == 0;
        free(one);
    }
    ok(rc1 == 0 && same, "%s: each of them alone gives the same bits", k->name);
    free(x);
    free(w);
    free(got);
    free(want);
}

static void all(struct kern *k)
{
    static const int shapes[][2] = {{0, 64},  {1, 1},    {3, 31},    {5, 32},    {9, 33},
                                    {17, 96}, {2, 2048}, {65, 2048}, {90, 4096}, {3, 7168}};

    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
        shape(k, shapes[s][0], shapes[s][1], MIX_F32, false);
        shape(k, shapes[s][0], shapes[s][1], MIX_F32, true);
        shape(k, shapes[s][0], shapes[s][1], MIX_BF16, false);
    }
}

int main(void)
{
    kern_each(all);
    return tap_done();
}
