/* gather_sum.c - rows of scattered parts: by bits against a recursion and against sum, and near
 * a sum in double precision. */
#include "kern.h"

#include "base/err.h"
#include "base/log.h"

#include <math.h>

/* A sum that may have no terms at all. */
struct maybe {
    bool present;
    float sum;
    double exact;
};

static struct maybe plus(struct maybe a, struct maybe b)
{
    volatile float sum = a.sum + b.sum;

    if (!a.present || !b.present)
        return a.present ? a : b;
    return (struct maybe){true, sum, a.exact + b.exact};
}

/* Groups [first, first + width) of a row's numbers at a column; NULL parts and groups beyond the
 * last have no terms. */
static struct maybe tree(const float **part, int c, int run, int groups, int first, int width)
{
    struct maybe sum = {0};

    if (first >= groups)
        return sum;
    if (width > 1)
        return plus(tree(part, c, run, groups, first, width / 2),
                    tree(part, c, run, groups, first + width / 2, width / 2));
    for (int p = first * run; p < (first + 1) * run; p++)
        if (part[p])
            sum = plus(sum, (struct maybe){true, part[p][c], part[p][c]});
    return sum;
}

struct shape {
    int rows, dim, parts, run;
    int there; /* how many of 8 parts are there, about */
};

/* One call's host and device sides.  Parts are rows of x, some in several places. */
struct data {
    struct shape s;
    enum mix_dtype x_type, y_type;
    float *x, *y;
    const float **part; /* [rows][parts] in x, or NULL */
    char *up;
    const void **at; /* the same, on the device */
};

enum { POOL = 41 };

static void make(struct data *d, struct kern *k)
{
    size_t many = (size_t)d->s.rows * (size_t)d->s.parts;
    size_t row = (size_t)d->s.dim * mix_dtype_size(d->x_type);
    uint32_t seed = 17;

    d->x = kern_random((size_t)POOL * (size_t)d->s.dim, 1, d->x_type);
    d->y = kern_random((size_t)d->s.rows * (size_t)d->s.dim, 2, MIX_F32);
    d->up = kern_up_as(k, d->x, (size_t)POOL * (size_t)d->s.dim, d->x_type);
    d->part = calloc(many + 1, sizeof *d->part);
    d->at = calloc(many + 1, sizeof *d->at);
    for (size_t i = 0; i < many; i++) {
        seed = seed * 1664525u + 1013904223u;
        if ((int)(seed >> 29) >= d->s.there || (d->s.there < 8 && i / (size_t)d->s.parts % 6 == 5))
            continue; /* not even one in a sixth row */
        d->part[i] = d->x + (size_t)(seed >> 8) % POOL * (size_t)d->s.dim;
        d->at[i] = d->up + (size_t)(seed >> 8) % POOL * row;
    }
}

static void drop(struct data *d, struct kern *k)
{
    kern_free(k, d->up);
    free(d->x);
    free(d->y);
    free(d->part);
    free(d->at);
}

/* y of the operation, as floats. */
static float *run(struct data *d, struct kern *k, bool add)
{
    size_t n = (size_t)d->s.rows * (size_t)d->s.dim;
    size_t many = (size_t)d->s.rows * (size_t)d->s.parts;
    struct mix_gather_sum a = {.y = kern_up_as(k, d->y, n, d->y_type),
                               .at = kern_up(k, d->at, (many + 1) * sizeof *d->at),
                               .y_type = d->y_type,
                               .x_type = d->x_type,
                               .rows = d->s.rows,
                               .dim = d->s.dim,
                               .parts = d->s.parts,
                               .run = d->s.run,
                               .add = add};

    if (k->ops->gather_sum(k->dev, &a))
        exit(99);
    kern_free(k, (void *)(size_t)a.at);
    return kern_down_as(k, a.y, n, d->y_type);
}

static void check(struct kern *k, const struct shape *s, enum mix_dtype x_type,
                  enum mix_dtype y_type, bool add)
{
    struct data d = {.s = *s, .x_type = x_type, .y_type = y_type};
    size_t n = (size_t)s->rows * (size_t)s->dim;
    float *want = malloc((n + 1) * sizeof *want), *got;
    double *exact = malloc((n + 1) * sizeof *exact);
    int width = 1;

    make(&d, k);
    while (width < s->parts / s->run)
        width *= 2;
    for (size_t i = 0; i < n; i++) {
        size_t r = i / (size_t)s->dim;
        struct maybe sum = tree(d.part + r * (size_t)s->parts, (int)(i % (size_t)s->dim), s->run,
                                s->parts / s->run, 0, width);

        want[i] = add ? d.y[i] + sum.sum : sum.sum;
        exact[i] = (add ? d.y[i] : 0.0) + sum.exact;
        if (y_type == MIX_BF16)
            want[i] = mix_bf16_to_f32(mix_f32_to_bf16(want[i]));
    }
    got = run(&d, k, add);
    ok(memcmp(got, want, n * sizeof *got) == 0 &&
           kern_distance(got, exact, n, 1e-5, 1e-6 + kern_rounding(y_type)) <= 1,
       "%s: %d rows of %d, %d parts in groups of %d, %d/8 there, %s to %s%s", k->name, s->rows,
       s->dim, s->parts, s->run, s->there, mix_dtype_name(x_type), mix_dtype_name(y_type),
       add ? ", added" : "");
    drop(&d, k);
    free(want);
    free(exact);
    free(got);
}

/* With all parts there, the bits are those of sum, row by row. */
static void like_sum(struct kern *k, int parts, int run_of)
{
    struct data d = {.s = {3, 700, parts, run_of, 8}, .x_type = MIX_F32, .y_type = MIX_F32};
    bool good = true;
    float *got, *row;

    make(&d, k);
    got = run(&d, k, false);
    for (int r = 0; r < d.s.rows; r++) {
        struct mix_sum a = {.y = kern_up(k, NULL, (size_t)d.s.dim * sizeof(float)),
                            .part = (const float *const *)(d.at + (size_t)r * (size_t)parts),
                            .parts = parts,
                            .run = run_of,
                            .n = (size_t)d.s.dim};

        if (k->ops->sum(k->dev, &a))
            exit(99);
        row = kern_down_as(k, a.y, (size_t)d.s.dim, MIX_F32);
        good &= memcmp(row, got + r * d.s.dim, (size_t)d.s.dim * sizeof *row) == 0;
        free(row);
    }
    ok(good, "%s: %d parts in groups of %d give the bits of sum", k->name, parts, run_of);
    drop(&d, k);
    free(got);
}

static void refusals(struct kern *k)
{
    struct mix_gather_sum none = {.run = 1}, uneven = {.parts = 3, .run = 2};
    struct mix_gather_sum many = {.parts = 65537, .run = 1};
    struct mix_gather_sum type = {.parts = 1, .run = 1, .x_type = MIX_F16};
    struct mix_gather_sum add = {.parts = 1, .run = 1, .y_type = MIX_BF16, .add = true};

    mix_log_level(MIX_LOG_SILENT);
    ok(k->ops->gather_sum(k->dev, &none) == MIX_EBUG, "%s: no parts are a bug", k->name);
    ok(k->ops->gather_sum(k->dev, &uneven) == MIX_EBUG, "%s: so is half a group", k->name);
    ok(k->ops->gather_sum(k->dev, &many) == MIX_EBUG, "%s: and 65537 groups", k->name);
    ok(k->ops->gather_sum(k->dev, &type) == MIX_EBUG, "%s: and a strange type", k->name);
    ok(k->ops->gather_sum(k->dev, &add) == MIX_EBUG, "%s: and adding to bf16", k->name);
    mix_log_level(MIX_LOG_INFO);
}

static void all(struct kern *k)
{
    static const struct shape shapes[] = {
        {0, 8, 2, 1, 8},   {1, 1, 1, 1, 8},     {7, 1, 3, 1, 4},     {7, 5, 6, 2, 3},
        {13, 96, 8, 1, 4}, {12, 129, 12, 3, 5}, {6, 129, 5, 1, 8},   {9, 513, 28, 4, 4},
        {30, 5, 64, 1, 1}, {4, 3, 2000, 1, 1},  {2, 1, 65536, 1, 7}, {20, 2048, 16, 2, 4}};
    static const int alike[][2] = {{1, 1}, {2, 1}, {8, 1}, {7, 1}, {6, 2}, {9, 3}, {20, 4}, {4, 4}};

    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++)
        for (int t = 0; t < 4; t++) {
            enum mix_dtype x_type = t & 1 ? MIX_BF16 : MIX_F32, y_type = t & 2 ? MIX_BF16 : MIX_F32;

            check(k, &shapes[s], x_type, y_type, false);
            if (y_type == MIX_F32)
                check(k, &shapes[s], x_type, y_type, true);
        }
    for (size_t i = 0; i < sizeof alike / sizeof alike[0]; i++)
        like_sum(k, alike[i][0], alike[i][1]);
    refusals(k);
}

int main(void)
{
    kern_each(all);
    return tap_done();
}
