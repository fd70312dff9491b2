/* fp8.c - rows in eight bits, against a search through all codes of the format's definition. */
#include "kern.h"

#include "base/err.h"
#include "base/log.h"

#include <math.h>

enum { BLOCK = 128, LEAST = -124, MOST = 119 }; /* the contract's words */

/* What a code is: sign, 4 bits of exponent with bias 7, 3 of mantissa. */
static double value_of(int code)
{
    int e = code >> 3 & 15, m = code & 7;
    double v = e ? ldexp(8 + m, e - 7 - 3) : ldexp(m, 1 - 7 - 3);

    if ((code & 0x7F) == 0x7F)
        return NAN;
    return code & 0x80 ? -v : v;
}

/* The nearest of all codes; of two that are as near the even one; of two zeros that of x's sign. */
static int code_of(double x)
{
    int best = -1;

    for (int c = 0; c < 256; c++) {
        double d = fabs(value_of(c) - x), least = best < 0 ? INFINITY : fabs(value_of(best) - x);

        if (!signbit(x) == !(c & 0x80) && (d < least || (d == least && c % 2 == 0)))
            best = c;
    }
    return best;
}

/* The scales, tried from the least. */
static int scale_of(const float *x, int n)
{
    double most = 0;
    int s = LEAST;

    for (int i = 0; i < n; i++)
        most = fmax(most, fabs((double)x[i]));
    if (most == 0)
        return 0;
    while (s < MOST && most > ldexp(448, s))
        s++;
    return s;
}

static void reference(uint8_t *y, const float *x, int rows, int dim)
{
    for (int r = 0; r < rows; r++, x += dim, y += mix_fp8_row(dim))
        for (int c = 0; c < dim; c += BLOCK) {
            int n = dim - c < BLOCK ? dim - c : BLOCK, s = scale_of(x + c, n);
            bool finite = true;

            for (int i = 0; i < n; i++)
                finite &= isfinite(x[c + i]) != 0;
            for (int i = 0; i < n; i++)
                y[c + i] = (uint8_t)(finite ? code_of(ldexp(x[c + i], -s)) : 0x7F);
            y[dim + c / BLOCK] = (uint8_t)(finite ? s : 0);
        }
}

/* Rows in another order than they lie in, to and from the device. */
static uint8_t *pack(struct kern *k, const float *x, enum mix_dtype type, int rows, int dim)
{
    size_t bytes = (size_t)rows * mix_fp8_row(dim), row = (size_t)dim * mix_dtype_size(type);
    char *up = kern_up_as(k, x, (size_t)rows * (size_t)dim, type);
    const void **at = calloc((size_t)rows + 1, sizeof *at);
    uint8_t *y = malloc(bytes + 1);
    struct mix_fp8_pack a = {kern_up(k, NULL, bytes), NULL, type, rows, dim};

    for (int r = 0; r < rows; r++)
        at[r] = up + (size_t)r * row;
    a.at = kern_up(k, at, ((size_t)rows + 1) * sizeof *at);
    if (k->ops->fp8_pack(k->dev, &a))
        exit(99);
    kern_down(k, y, a.y, bytes);
    kern_free(k, up);
    kern_free(k, (void *)(size_t)a.at);
    free(at);
    return y;
}

/* From the last row to the first, each where it lies, and again one after the other. */
static float *unpack(struct kern *k, const uint8_t *x, enum mix_dtype type, int rows, int dim)
{
    size_t n = (size_t)rows * (size_t)dim;
    const void **at = malloc(((size_t)rows + 1) * sizeof *at);
    struct mix_fp8_unpack a = {.y = kern_up(k, NULL, n * mix_dtype_size(type)),
                               .x = kern_up(k, x, (size_t)rows * mix_fp8_row(dim)),
                               .y_type = type,
                               .rows = rows,
                               .dim = dim};
    float *reversed, *y;

    for (int r = 0; r < rows; r++)
        at[r] = (const char *)a.x + (size_t)(rows - 1 - r) * mix_fp8_row(dim);
    a.at = kern_up(k, at, (size_t)rows * sizeof *at);
    if (k->ops->fp8_unpack(k->dev, &a))
        exit(99);
    reversed = kern_down_as(k, a.y, n, type);
    kern_free(k, (void *)(size_t)a.at);
    a.at = NULL;
    a.y = kern_up(k, NULL, n * mix_dtype_size(type));
    if (k->ops->fp8_unpack(k->dev, &a))
        exit(99);
    y = kern_down_as(k, a.y, n, type);
    for (int r = 0; r < rows; r++)
        if (memcmp(y + (size_t)r * (size_t)dim, reversed + (size_t)(rows - 1 - r) * (size_t)dim,
                   (size_t)dim * sizeof *y))
            exit(98);
    kern_free(k, (void *)(size_t)a.x);
    free(reversed);
    free(at);
    return y;
}

/* Is y what the codes and scales of packed rows say?  Signs of zeros count. */
static bool values(const float *y, const uint8_t *x, int rows, int dim)
{
    bool good = true;

    for (int r = 0; r < rows; r++, y += dim, x += mix_fp8_row(dim))
        for (int c = 0; c < dim; c++) {
            double want = ldexp(value_of(x[c]), (int8_t)x[dim + c / BLOCK]);

            good &=
                isnan(want) ? isnan(y[c]) != 0 : y[c] == want && !signbit(y[c]) == !signbit(want);
        }
    return good;
}

/* There and back and there again, in both types. */
static void check(struct kern *k, const float *x, enum mix_dtype type, int rows, int dim,
                  const char *what)
{
    size_t n = (size_t)rows * (size_t)dim, bytes = (size_t)rows * mix_fp8_row(dim);
    uint8_t *got = pack(k, x, type, rows, dim), *want = malloc(bytes + 1), *again;
    float *f32 = unpack(k, got, MIX_F32, rows, dim), *bf16 = unpack(k, got, MIX_BF16, rows, dim);
    float *twice;

    memset(want, 0, bytes);
    reference(want, x, rows, dim);
    ok(memcmp(got, want, bytes) == 0, "%s: %s, %d rows of %d, %s: codes and scales", k->name, what,
       rows, dim, mix_dtype_name(type));
    ok(values(f32, got, rows, dim) && values(bf16, got, rows, dim), "%s: and what they stand for",
       k->name);
    again = pack(k, bf16, MIX_BF16, rows, dim);
    twice = unpack(k, again, MIX_F32, rows, dim);
    ok(memcmp(twice, f32, n * sizeof *f32) == 0, "%s: a second pass loses nothing", k->name);
    free(got);
    free(want);
    free(again);
    free(f32);
    free(bf16);
    free(twice);
}

/* Random numbers, each block and each number of another order of magnitude. */
static void random_rows(struct kern *k, int rows, int dim, enum mix_dtype type, int low, int high,
                        const char *what)
{
    size_t n = (size_t)rows * (size_t)dim;
    float *x = kern_random(n, 1, MIX_F32), *e = kern_random(n, 2, MIX_F32);

    for (size_t i = 0; i < n; i++) {
        float block = e[i / BLOCK] * 0.5f + 0.5f, own = (e[i] - 1) * 6;

        x[i] = ldexpf(x[i], low + (int)(block * (float)(high - low)) + (int)own);
        if (i % 7 == 3)
            x[i] = i % 2 ? 0.0f : -0.0f;
        if (type == MIX_BF16)
            x[i] = mix_bf16_to_f32(mix_f32_to_bf16(x[i]));
    }
    check(k, x, type, rows, dim, what);
    free(x);
    free(e);
}

/* Every code, half-way to the next, and a last bit to either side of that, at a scale. */
static void ties(struct kern *k, int s)
{
    enum { ROWS = 126, DIM = 9 };
    float x[ROWS][DIM];

    for (int c = 0; c < ROWS; c++) {
        float low = (float)ldexp(value_of(c), s), high = (float)ldexp(value_of(c + 1), s);
        float half = low / 2 + high / 2;
        float row[DIM] = {(float)ldexp(448, s),     low,   half, nextafterf(half, 0),
                          nextafterf(half, 1e38f),  -half, -low, nextafterf(-half, 0),
                          nextafterf(-half, -1e38f)};

        memcpy(x[c], row, sizeof row);
    }
    check(k, x[0], MIX_F32, ROWS, DIM, "ties");
}

/* Blocks of one kind next to blocks of another. */
static void edges(struct kern *k)
{
    static const float largest[] = {0,         -0.0f,     448,        448.00003f,  -447.99997f,
                                    0x1p-149f, 0x1p-133f, -0x1p-126f, 0x1p-116f,   0x1.cp-116f,
                                    0x1p-115f, 0x1p127f,  0x1.cp127f, -0x1.dp127f, 0x1.fffffep127f,
                                    INFINITY,  -INFINITY, NAN,        1,           0x1.d2p8f};
    enum { ROWS = sizeof largest / sizeof largest[0], DIM = 2 * BLOCK + 5 };
    float *x = kern_random((size_t)ROWS * DIM, 3, MIX_BF16);

    for (int r = 0; r < ROWS; r++)
        for (int c = 0; c < DIM; c++) {
            float *at = &x[r * DIM + c];

            if (c < BLOCK || c >= 2 * BLOCK)
                *at = isfinite(largest[r]) ? *at * largest[r] : *at;
            if (c == 77 || c == DIM - 1)
                *at = largest[r];
        }
    check(k, x, MIX_F32, ROWS, DIM, "edges");
    for (int i = 0; i < ROWS * DIM; i++)
        x[i] = mix_bf16_to_f32(mix_f32_to_bf16(x[i]));
    check(k, x, MIX_BF16, ROWS, DIM, "edges");
    free(x);
}

static void all(struct kern *k)
{
    static const struct {
        int rows, dim;
    } shapes[] = {{0, 4}, {3, 0}, {7, 1}, {5, 5}, {9, 96}, {4, 127}, {4, 128}, {11, 129}};
    struct mix_fp8_pack from = {.x_type = MIX_F16};
    struct mix_fp8_unpack to = {.y_type = MIX_F16};

    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++)
        for (int t = 0; t < 2; t++)
            random_rows(k, shapes[s].rows, shapes[s].dim, t ? MIX_BF16 : MIX_F32, -2, 2, "random");
    random_rows(k, 70, 2048, MIX_BF16, -1, 4, "random"); /* enough for the team */
    for (int t = 0; t < 2; t++) {
        random_rows(k, 20, 260, t ? MIX_BF16 : MIX_F32, -140, -110, "tiny");
        random_rows(k, 20, 260, t ? MIX_BF16 : MIX_F32, 100, 128, "huge");
    }
    edges(k);
    ties(k, 0);
    ties(k, LEAST);
    ties(k, MOST);
    mix_log_level(MIX_LOG_SILENT);
    ok(k->ops->fp8_pack(k->dev, &from) == MIX_EBUG, "%s: a type that it does not know", k->name);
    ok(k->ops->fp8_unpack(k->dev, &to) == MIX_EBUG, "%s: and back", k->name);
    mix_log_level(MIX_LOG_INFO);
}

int main(void)
{
    kern_each(all);
    return tap_done();
}
