/* sum.c - partials in rank order, by bits. */
#include "kern.h"

#include "base/err.h"
#include "base/log.h"

static void shape(struct kern *k, int parts, size_t n)
{
    float *part[8], *on_device[8], *y = kern_random(n, 99, MIX_F32);
    float *want = kern_random(n, 99, MIX_F32), *got;
    int rc;

    for (int p = 0; p < parts; p++) {
        part[p] = kern_random(n, (unsigned)p + 1, MIX_F32);
        on_device[p] = kern_up(k, part[p], n * sizeof(float));
    }
    for (size_t i = 0; i < n; i++) {
        volatile float sum = part[0][i];

        for (int p = 1; p < parts; p++)
            sum = sum + part[p][i];
        want[i] = want[i] + sum;
    }
    struct mix_sum a = {.y = kern_up(k, y, n * sizeof *y),
                        .part = (const float *const *)on_device,
                        .parts = parts,
                        .n = n};
    rc = k->ops->sum(k->dev, &a);
    got = kern_down_as(k, a.y, n, MIX_F32);
    ok(rc == 0 && memcmp(got, want, n * sizeof *got) == 0, "%s: %d parts of %zu", k->name, parts,
       n);
    for (int p = 0; p < parts; p++) {
        kern_free(k, on_device[p]);
        free(part[p]);
    }
    free(y);
    free(want);
    free(got);
}

static void all(struct kern *k)
{
    static const struct {
        int parts;
        size_t n;
    } shapes[] = {{1, 0},    {1, 1},    {2, 15},     {3, 1023},
                  {4, 1024}, {5, 1025}, {8, 131072}, {2, 500001}};
    struct mix_sum none = {.parts = 0};

    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++)
        shape(k, shapes[s].parts, shapes[s].n);
    mix_log_level(MIX_LOG_SILENT);
    ok(k->ops->sum(k->dev, &none) == MIX_EBUG, "%s: a sum of nothing is a bug", k->name);
    mix_log_level(MIX_LOG_INFO);
}

int main(void)
{
    kern_each(all);
    return tap_done();
}
