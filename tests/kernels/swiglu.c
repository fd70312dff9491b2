/* swiglu.c - the gate against a double-precision loop. */
#include "kern.h"

#include <math.h>

static void shape(struct kern *k, int rows, int inner, enum mix_dtype type)
{
    size_t n = (size_t)rows * (size_t)inner;
    float *x = kern_random(2 * n, 3, MIX_F32), *got;
    double *want = calloc(n + 1, sizeof *want);
    int rc;

    for (size_t i = 0; i < 2 * n; i++)
        x[i] *= 20; /* both ends of the sigmoid */
    for (int i = 0; i < rows; i++)
        for (int c = 0; c < inner; c++) {
            double v = x[(size_t)i * 2 * (size_t)inner + (size_t)c];
            double up = x[((size_t)i * 2 + 1) * (size_t)inner + (size_t)c];

            want[i * inner + c] = v / (1 + exp(-v)) * up;
        }
    struct mix_swiglu a = {.y = kern_up(k, NULL, n * mix_dtype_size(type)),
                           .x = kern_up(k, x, 2 * n * sizeof *x),
                           .type = type,
                           .rows = rows,
                           .inner = inner};
    rc = k->ops->swiglu(k->dev, &a);
    got = kern_down_as(k, a.y, n, type);
    ok(rc == 0 && kern_distance(got, want, n, 1e-6, 1e-6 + kern_rounding(type)) <= 1,
       "%s: %d rows [2 %d] to %s", k->name, rows, inner, mix_dtype_name(type));
    kern_free(k, (void *)(size_t)a.x);
    free(x);
    free(got);
    free(want);
}

static void extremes(struct kern *k)
{
    float x[16] = {-INFINITY, INFINITY, NAN, -1000, 1000, 0, -88, 88, 1, 1, 1, 1, 1, 1, 1, 1};
    float *got;
    struct mix_swiglu a = {.y = kern_up(k, NULL, 8 * sizeof *x),
                           .x = kern_up(k, x, sizeof x),
                           .type = MIX_F32,
                           .rows = 1,
                           .inner = 8};
    int rc = k->ops->swiglu(k->dev, &a);

    got = kern_down_as(k, a.y, 8, MIX_F32);
    ok(rc == 0 && isnan(got[0]) && isinf(got[1]) && isnan(got[2]),
       "%s: infinities and NaNs are not hidden", k->name);
    ok(got[3] == 0 && got[4] == 1000 && got[5] == 0 && got[7] == 88, "%s: saturation", k->name);
    kern_free(k, (void *)(size_t)a.x);
    free(got);
}

static void all(struct kern *k)
{
    static const int shapes[][2] = {{0, 8},  {1, 1},   {3, 15},  {5, 16},
                                    {7, 17}, {9, 768}, {1, 768}, {130, 768}};

    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
        shape(k, shapes[s][0], shapes[s][1], MIX_F32);
        shape(k, shapes[s][0], shapes[s][1], MIX_BF16);
    }
    extremes(k);
}

int main(void)
{
    kern_each(all);
    return tap_done();
}
