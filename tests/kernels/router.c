/* router.c - softmax and the k largest, against a double-precision loop; ties and NaNs. */
#include "kern.h"

#include "base/err.h"
#include "base/log.h"

#include <math.h>

struct choice {
    int32_t *expert;
    float *weight;
};

static struct choice run(struct kern *k, const float *logits, int tokens, int experts, int n,
                         bool normalise, int *rc)
{
    size_t many = (size_t)tokens * (size_t)n;
    struct choice c = {calloc(many + 1, sizeof *c.expert), NULL};
    struct mix_router a = {
        .expert = kern_up(k, NULL, many * sizeof *c.expert),
        .weight = kern_up(k, NULL, many * sizeof *c.weight),
        .logits = kern_up(k, logits, (size_t)tokens * (size_t)experts * sizeof *logits),
        .tokens = tokens,
        .experts = experts,
        .k = n,
        .normalise = normalise};

    *rc = k->ops->router(k->dev, &a);
    kern_down(k, c.expert, a.expert, many * sizeof *c.expert);
    c.weight = kern_down_as(k, a.weight, many, MIX_F32);
    kern_free(k, (void *)(size_t)a.logits);
    return c;
}

static void shape(struct kern *k, int tokens, int experts, int n, bool normalise)
{
    float *logits = kern_random((size_t)tokens * (size_t)experts, 5, MIX_F32);
    double *want = calloc((size_t)tokens * (size_t)n + 1, sizeof *want);
    struct choice c, one;
    bool ordered = true, same = true;
    int rc, rc1 = 0;

    for (long i = 0; i < (long)tokens * experts; i++)
        logits[i] *= 8;
    c = run(k, logits, tokens, experts, n, normalise, &rc);
    for (int t = 0; t < tokens; t++) {
        const float *x = logits + (long)t * experts;
        const int32_t *expert = c.expert + (long)t * n;
        double sum = 0, kept = 0, max = -INFINITY;

        for (int e = 0; e < experts; e++)
            max = fmax(max, x[e]);
        for (int e = 0; e < experts; e++)
            sum += exp(x[e] - max);
        for (int j = 0; j < n; j++) {
            int above = 0;

            for (int e = 0; e < experts; e++)
                above += x[e] > x[expert[j]] || (x[e] == x[expert[j]] && e < expert[j]);
            ordered = ordered && above == j;
            want[(long)t * n + j] = exp(x[expert[j]] - max) / sum;
            kept += want[(long)t * n + j];
        }
        for (int j = 0; j < n && normalise; j++)
            want[(long)t * n + j] /= kept;
        one = run(k, x, 1, experts, n, normalise, &rc1);
        same = same && rc1 == 0 && memcmp(one.expert, expert, (size_t)n * sizeof *expert) == 0 &&
               memcmp(one.weight, c.weight + (long)t * n, (size_t)n * sizeof *one.weight) == 0;
        free(one.expert);
        free(one.weight);
    }
    ok(rc == 0 && ordered, "%s: %d tokens, the %d largest of %d in order", k->name, tokens, n,
       experts);
    ok(kern_distance(c.weight, want, (size_t)tokens * (size_t)n, 1e-9, 2e-6) <= 1,
       "%s: their weights%s", k->name, normalise ? ", summing to 1" : "");
    ok(same, "%s: each token alone gives the same bits", k->name);
    free(logits);
    free(want);
    free(c.expert);
    free(c.weight);
}

static void special(struct kern *k)
{
    float tie[8] = {1, 3, 2, 3, 0, 3, 2, 1}, nan[8] = {NAN, 1, 2, 3, 4, 5, 6, 7};
    float masked[8] = {-INFINITY, -INFINITY, 1, -INFINITY, 1, 0, 0, 0};
    struct choice c;
    bool different = true;
    int rc;

    c = run(k, tie, 1, 8, 5, true, &rc);
    ok(rc == 0 && c.expert[0] == 1 && c.expert[1] == 3 && c.expert[2] == 5 && c.expert[3] == 2 &&
           c.expert[4] == 6,
       "%s: ties go to the lower id", k->name);
    free(c.expert);
    free(c.weight);
    c = run(k, masked, 1, 8, 8, false, &rc);
    ok(rc == 0 && c.expert[0] == 2 && c.expert[1] == 4 && c.weight[5] == 0 && c.weight[7] == 0 &&
           c.expert[5] == 0 && c.expert[7] == 3,
       "%s: minus infinity has no weight", k->name);
    free(c.expert);
    free(c.weight);
    c = run(k, nan, 1, 8, 4, true, &rc);
    for (int j = 0; j < 4; j++)
        for (int i = 0; i <= j; i++)
            different = different && c.expert[j] >= 0 && c.expert[j] < 8 &&
                        (i == j || c.expert[i] != c.expert[j]);
    ok(rc == 0 && different && isnan(c.weight[0]), "%s: NaN gives NaN, and ids that exist",
       k->name);
    free(c.expert);
    free(c.weight);
}

static void all(struct kern *k)
{
    static const int shapes[][3] = {{0, 8, 2},    {1, 1, 1},     {3, 6, 3},
                                    {5, 15, 4},   {7, 16, 16},   {9, 17, 1},
                                    {65, 128, 8}, {300, 256, 8}, {2, 1024, 16}};
    struct mix_router wrong = {.experts = 4, .k = 5};

    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
        shape(k, shapes[s][0], shapes[s][1], shapes[s][2], false);
        shape(k, shapes[s][0], shapes[s][1], shapes[s][2], true);
    }
    special(k);
    mix_log_level(MIX_LOG_SILENT);
    ok(k->ops->router(k->dev, &wrong) == MIX_EBUG, "%s: 5 of 4 experts is a bug", k->name);
    mix_log_level(MIX_LOG_INFO);
}

int main(void)
{
    kern_each(all);
    return tap_done();
}
