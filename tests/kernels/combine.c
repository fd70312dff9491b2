/* combine.c - the tree over experts, by bits, against a literal tree over all leaves. */
#include "kern.h"

#include "base/err.h"
#include "base/log.h"

/* The header's words: P leaves, neighbours added level by level, absent ones skipped. */
static float tree(float *leaf, bool *present, int experts)
{
    int p = 1;

    while (p < experts)
        p *= 2;
    for (; p > 1; p /= 2)
        for (int i = 0; i < p / 2; i++) {
            volatile float a = leaf[2 * i], b = leaf[2 * i + 1], sum = a + b;
            bool left = present[2 * i], right = present[2 * i + 1];

            leaf[i] = left && right ? sum : left ? a : b;
            present[i] = left || right;
        }
    return present[0] ? leaf[0] : 0.0f;
}

static uint32_t next(uint32_t *s)
{
    *s = *s * 1664525u + 1013904223u;
    return *s >> 8;
}

static void shape(struct kern *k, int tokens, int n, int experts, int dim, bool add, bool to)
{
    size_t many = (size_t)tokens * (size_t)n, out = (size_t)tokens * (size_t)dim;
    float *x = kern_random((many + 1) * (size_t)dim, 1, MIX_F32);
    float *weight = kern_random(many, 2, MIX_F32), *y = kern_random(out, 3, MIX_F32);
    float *want = calloc(out + 1, sizeof *want), *got, leaf[256];
    int32_t *row = calloc(many + 1, sizeof *row), *expert = calloc(many + 1, sizeof *expert);
    int32_t *place = calloc((size_t)tokens + 1, sizeof *place);
    bool present[256];
    uint32_t seed = 7;
    int rc;

    for (int t = 0; t < tokens; t++) {
        int id[256];

        place[t] = to ? tokens - 1 - t : t;
        for (int e = 0; e < experts; e++)
            id[e] = e;
        for (int j = 0; j < n; j++) { /* n different ids in any order, some not here */
            int at = j + (int)(next(&seed) % (uint32_t)(experts - j)), e = id[at];

            id[at] = id[j];
            expert[t * n + j] = e;
            row[t * n + j] = t % 5 == 4 || next(&seed) % 4 == 0
                                 ? -1
                                 : (int32_t)(next(&seed) % (uint32_t)(many + 1));
        }
        for (int c = 0; c < dim; c++) {
            int at = place[t] * dim + c;
            volatile float sum;

            memset(present, 0, sizeof present);
            memset(leaf, 0, sizeof leaf);
            for (int j = 0; j < n; j++)
                if (row[t * n + j] >= 0) {
                    present[expert[t * n + j]] = true;
                    leaf[expert[t * n + j]] =
                        weight[t * n + j] * x[(size_t)row[t * n + j] * (size_t)dim + (size_t)c];
                }
            sum = tree(leaf, present, experts);
            want[at] = add ? y[at] + sum : sum;
        }
    }
    struct mix_combine a = {.y = kern_up(k, y, out * sizeof *y),
                            .x = kern_up(k, x, (many + 1) * (size_t)dim * sizeof *x),
                            .row = kern_up(k, row, many * sizeof *row),
                            .expert = kern_up(k, expert, many * sizeof *expert),
                            .weight = kern_up(k, weight, many * sizeof *weight),
                            .tokens = tokens,
                            .k = n,
                            .dim = dim,
                            .experts = experts,
                            .add = add};
    if (to)
        a.to = kern_up(k, place, (size_t)tokens * sizeof *place);
    rc = k->ops->combine(k->dev, &a);
    got = kern_down_as(k, a.y, out, MIX_F32);
    ok(rc == 0 && memcmp(got, want, out * sizeof *got) == 0,
       "%s: %d tokens, %d of %d experts, [%d]%s%s", k->name, tokens, n, experts, dim,
       add ? ", added" : "", to ? ", to rows from last to first" : "");
    kern_free(k, (void *)(size_t)a.x);
    kern_free(k, (void *)(size_t)a.row);
    kern_free(k, (void *)(size_t)a.expert);
    kern_free(k, (void *)(size_t)a.weight);
    kern_free(k, (void *)(size_t)a.to);
    free(x);
    free(weight);
    free(y);
    free(want);
    free(got);
    free(row);
    free(expert);
    free(place);
}

static void all(struct kern *k)
{
    static const int shapes[][4] = {{0, 2, 4, 8},     {1, 1, 1, 1},      {9, 3, 6, 96},
                                    {20, 2, 2, 255},  {20, 4, 16, 256},  {20, 16, 16, 257},
                                    {40, 8, 128, 65}, {33, 64, 256, 12}, {64, 8, 128, 512}};
    struct mix_combine wrong = {.k = 65};

    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++)
        for (int way = 0; way < 4; way++)
            shape(k, shapes[s][0], shapes[s][1], shapes[s][2], shapes[s][3], way & 1, way & 2);
    mix_log_level(MIX_LOG_SILENT);
    ok(k->ops->combine(k->dev, &wrong) == MIX_EBUG, "%s: 65 experts a token are refused", k->name);
    mix_log_level(MIX_LOG_INFO);
}

int main(void)
{
    kern_each(all);
    return tap_done();
}
