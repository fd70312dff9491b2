/* pack.c - rows in another order. */
#include "kern.h"

static void shape(struct kern *k, int rows, size_t row_bytes)
{
    enum { FROM = 37 };
    char *x = calloc(FROM, row_bytes + 1), *got = calloc((size_t)rows + 1, row_bytes + 1);
    int32_t *from = calloc((size_t)rows + 1, sizeof *from);
    bool good = true;
    int rc;

    for (size_t i = 0; i < FROM * row_bytes; i++)
        x[i] = (char)(i * 31 + i / row_bytes);
    for (int i = 0; i < rows; i++)
        from[i] = i * 11 % FROM;
    struct mix_pack a = {.y = kern_up(k, NULL, (size_t)rows * row_bytes),
                         .x = kern_up(k, x, FROM * row_bytes),
                         .from = kern_up(k, from, (size_t)rows * sizeof *from),
                         .rows = rows,
                         .row_bytes = row_bytes};
    rc = k->ops->pack(k->dev, &a);
    kern_down(k, got, a.y, (size_t)rows * row_bytes);
    for (int i = 0; i < rows; i++)
        good = good &&
               memcmp(got + (size_t)i * row_bytes, x + (size_t)from[i] * row_bytes, row_bytes) == 0;
    ok(rc == 0 && good, "%s: %d rows of %zu bytes", k->name, rows, row_bytes);
    kern_free(k, (void *)(size_t)a.x);
    kern_free(k, (void *)(size_t)a.from);
    free(x);
    free(got);
    free(from);
}

static void all(struct kern *k)
{
    static const struct {
        int rows;
        size_t bytes;
    } shapes[] = {{0, 4}, {1, 2}, {5, 0}, {36, 30}, {100, 4096}, {1000, 8192}};

    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++)
        shape(k, shapes[s].rows, shapes[s].bytes);
}

int main(void)
{
    kern_each(all);
    return tap_done();
}
