/* pack.c - rows in another order and type. */
#include "kern.h"

#include "base/err.h"
#include "base/log.h"

enum { FROM = 37 };
enum way { GATHER, SCATTER, POINTERS, IN_ORDER, WAYS };

static const char *const way_names[] = {"gathered", "scattered", "from pointers", "in order"};

static void shape(struct kern *k, int rows, int dim, enum way way, enum mix_dtype x_type,
                  enum mix_dtype y_type)
{
    size_t most = (size_t)rows > FROM ? (size_t)rows : FROM, n = most * (size_t)dim;
    float *x = kern_random(n, 5, x_type), *got; /* as the type rounds them */
    char *up = kern_up_as(k, x, n, x_type);
    int32_t *from = calloc(most, sizeof *from), *to = calloc(most, sizeof *to);
    const void **at = calloc(most, sizeof *at);
    size_t row = (size_t)dim * mix_dtype_size(x_type);
    struct mix_pack a = {.y = kern_up(k, NULL, n * mix_dtype_size(y_type)),
                         .x = up,
                         .x_type = x_type,
                         .y_type = y_type,
                         .rows = rows,
                         .dim = dim};
    bool good = true;
    int rc;

    for (int i = 0; i < rows; i++) {
        from[i] = way == GATHER || way == POINTERS ? i * 11 % FROM : i;
        to[i] = way == SCATTER ? rows - 1 - i : i;
        at[i] = up + (size_t)from[i] * row;
    }
    if (way == GATHER)
        a.from = kern_up(k, from, most * sizeof *from);
    if (way == SCATTER)
        a.to = kern_up(k, to, most * sizeof *to);
    if (way == POINTERS)
        a.at = kern_up(k, at, most * sizeof *at);
    rc = k->ops->pack(k->dev, &a);
    got = kern_down_as(k, a.y, n, y_type);
    for (int i = 0; i < rows; i++)
        for (int c = 0; c < dim; c++) {
            float want = x[(size_t)from[i] * (size_t)dim + (size_t)c];

            if (y_type == MIX_BF16)
                want = mix_bf16_to_f32(mix_f32_to_bf16(want));
            good &= got[(size_t)to[i] * (size_t)dim + (size_t)c] == want;
        }
    ok(rc == 0 && good, "%s: %d rows of %d, %s to %s, %s", k->name, rows, dim,
       mix_dtype_name(x_type), mix_dtype_name(y_type), way_names[way]);
    kern_free(k, up);
    kern_free(k, (void *)(size_t)a.from);
    kern_free(k, (void *)(size_t)a.to);
    kern_free(k, (void *)(size_t)a.at);
    free(x);
    free(got);
    free(from);
    free(to);
    free(at);
}

/* Rounding is that of mix_f32_to_bf16 also where numbers end. */
static void edges(struct kern *k)
{
    uint32_t bits[] = {0x7F800000, 0xFF800000, 0x7F800001, 0xFFC12345, 0x7F7FFFFF,
                       0x3F808000, 0x3F818000, 0x3F808001, 0x00000001, 0x80000000};
    enum { N = sizeof bits / sizeof bits[0] };
    uint16_t got[N];
    struct mix_pack a = {.y = kern_up(k, NULL, sizeof got),
                         .x = kern_up(k, bits, sizeof bits),
                         .y_type = MIX_BF16,
                         .rows = 1,
                         .dim = N};
    bool good = k->ops->pack(k->dev, &a) == 0;

    kern_down(k, got, a.y, sizeof got);
    for (int i = 0; i < N; i++) {
        float f;

        memcpy(&f, &bits[i], sizeof f);
        good &= got[i] == mix_f32_to_bf16(f);
    }
    ok(good, "%s: infinities, NaNs, ties and denormals are rounded alike", k->name);
    kern_free(k, (void *)(size_t)a.x);
}

static void all(struct kern *k)
{
    static const struct {
        int rows, dim;
    } shapes[] = {{0, 4}, {1, 2}, {5, 0}, {36, 30}, {37, 1}, {100, 1024}, {300, 2048}};
    struct mix_pack wrong = {.x_type = MIX_F16};

    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++)
        for (int way = 0; way < WAYS; way++)
            for (int types = 0; types < 4; types++)
                shape(k, shapes[s].rows, shapes[s].dim, (enum way)way,
                      types & 1 ? MIX_BF16 : MIX_F32, types & 2 ? MIX_BF16 : MIX_F32);
    edges(k);
    mix_log_level(MIX_LOG_SILENT);
    ok(k->ops->pack(k->dev, &wrong) == MIX_EBUG, "%s: a type that it does not know", k->name);
    mix_log_level(MIX_LOG_INFO);
}

int main(void)
{
    kern_each(all);
    return tap_done();
}
