/* sum.c - partials in rank order, by bits. */
#include "kern.h"

#include "base/err.h"
#include "base/log.h"

/* The tree over groups, written as a recursion: leaves beyond the last are absent. */
static float tree(float **part, size_t i, int run, int groups, int first, int width)
{
    volatile float sum;

    if (width == 1) {
        sum = part[first * run][i];
        for (int p = 1; p < run; p++)
            sum = sum + part[first * run + p][i];
        return sum;
    }
    sum = tree(part, i, run, groups, first, width / 2);
    if (first + width / 2 < groups)
        sum = sum + tree(part, i, run, groups, first + width / 2, width / 2);
    return sum;
}

static void shape(struct kern *k, int parts, int run, bool add, size_t n)
{
    float *part[8], *on_device[8], *y = kern_random(n, 99, MIX_F32);
    float *want = kern_random(n, 99, MIX_F32), *got;
    int rc;

    for (int p = 0; p < parts; p++) {
        part[p] = kern_random(n, (unsigned)p + 1, MIX_F32);
        on_device[p] = kern_up(k, part[p], n * sizeof(float));
    }
    for (size_t i = 0; i < n; i++) {
        float sum = tree(part, i, run, parts / run, 0, 8);

        want[i] = add ? want[i] + sum : sum;
    }
    struct mix_sum a = {.y = kern_up(k, y, n * sizeof *y),
                        .part = (const float *const *)on_device,
                        .parts = parts,
                        .run = run,
                        .add = add,
                        .n = n};
    rc = k->ops->sum(k->dev, &a);
    got = kern_down_as(k, a.y, n, MIX_F32);
    ok(rc == 0 && memcmp(got, want, n * sizeof *got) == 0, "%s: %d parts of %zu in groups of %d%s",
       k->name, parts, n, run, add ? ", added" : "");
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
        int parts, run;
        size_t n;
    } shapes[] = {{1, 1, 0},    {1, 1, 1},    {2, 2, 15},     {3, 3, 1023},
                  {4, 4, 1024}, {5, 5, 1025}, {8, 8, 131072}, {2, 2, 500001},
                  {2, 1, 700},  {3, 1, 700},  {6, 2, 700},    {7, 1, 512},
                  {8, 1, 513},  {5, 1, 1},    {8, 2, 20000},  {8, 4, 600}};
    struct mix_sum none = {.parts = 0, .run = 1}, uneven = {.parts = 3, .run = 2};

    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++)
        for (int add = 0; add < 2; add++)
            shape(k, shapes[s].parts, shapes[s].run, add, shapes[s].n);
    mix_log_level(MIX_LOG_SILENT);
    ok(k->ops->sum(k->dev, &none) == MIX_EBUG, "%s: a sum of nothing is a bug", k->name);
    ok(k->ops->sum(k->dev, &uneven) == MIX_EBUG, "%s: so is half a group", k->name);
    mix_log_level(MIX_LOG_INFO);
}

int main(void)
{
    kern_each(all);
    return tap_done();
}
