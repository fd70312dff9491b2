/* embed.c - rows of a table, the slice of a rank, both types. */
#include "kern.h"

static void shape(struct kern *k, int tokens, int dim, enum mix_dtype type)
{
    enum { FIRST = 10, ROWS = 7 }; /* of a vocabulary of 24 */
    size_t n = (size_t)tokens * (size_t)dim;
    float *table = kern_random((size_t)ROWS * (size_t)dim, 1, type), *got;
    int32_t *id = calloc((size_t)tokens + 1, sizeof *id);
    bool good = true;
    int rc;

    for (int t = 0; t < tokens; t++)
        id[t] = t == 3 ? -1 : (t * 5 + 9) % 24;
    struct mix_embed a = {.y = kern_up(k, NULL, n * sizeof(float)),
                          .table = kern_up_as(k, table, (size_t)ROWS * (size_t)dim, type),
                          .id = kern_up(k, id, (size_t)tokens * sizeof *id),
                          .type = type,
                          .tokens = tokens,
                          .dim = dim,
                          .first = FIRST,
                          .rows = ROWS};
    rc = k->ops->embed(k->dev, &a);
    got = kern_down_as(k, a.y, n, MIX_F32);
    for (int t = 0; t < tokens; t++)
        for (int c = 0; c < dim; c++) {
            bool here = id[t] >= FIRST && id[t] < FIRST + ROWS;
            float want = here ? table[(id[t] - FIRST) * dim + c] : 0;

            good = good && got[t * dim + c] == want;
        }
    ok(rc == 0 && good, "%s: %d tokens, %s [.. 7][%d]", k->name, tokens, mix_dtype_name(type), dim);
    kern_free(k, (void *)(size_t)a.table);
    kern_free(k, (void *)(size_t)a.id);
    free(table);
    free(id);
    free(got);
}

static void all(struct kern *k)
{
    static const int shapes[][2] = {{0, 8}, {1, 1}, {5, 31}, {9, 96}, {64, 2048}, {200, 2048}};

    for (size_t s = 0; s < sizeof shapes / sizeof shapes[0]; s++) {
        shape(k, shapes[s][0], shapes[s][1], MIX_F32);
        shape(k, shapes[s][0], shapes[s][1], MIX_BF16);
    }
}

int main(void)
{
    kern_each(all);
    return tap_done();
}
