/* model_slices.c - any part of a tensor, from files of every type and from a seed. */
#include "model/slices.h"

#include "base/err.h"
#include "base/log.h"
#include "scratch.h"
#include "tap.h"

#include <math.h>
#include <stdint.h>
#include <string.h>

/* What number i of the tensors is: small integers, which every type holds. */
static float value(long i)
{
    return (float)((i * 7 + i / 31) % 127 - 63);
}

static uint16_t to_f16(float x) /* of a small integer */
{
    int e;
    float m = frexpf(fabsf(x), &e);

    if (x == 0)
        return 0;
    return (uint16_t)((x < 0 ? 0x8000 : 0) | (e + 14) << 10 | (int)((m * 2 - 1) * 1024));
}

/* One tensor [rows][columns] (or [columns]) named t, its data at an odd offset of the file. */
static void write_model(enum mix_dtype type, int rows, int columns)
{
    char header[200];
    size_t size = mix_dtype_size(type), n = (size_t)rows * (size_t)columns, used;
    unsigned char *p = malloc(256 + n * size);

    snprintf(header, sizeof header,
             "{\"t\":{\"dtype\":\"%s\",\"shape\":[%d,%d],\"data_offsets\":[0,%zu]}}",
             mix_dtype_name(type), rows, columns, n * size);
    used = strlen(header);
    header[used++] = ' ';
    if (used % 2 == 0)
        header[used++] = ' ';
    memset(p, 0, 8);
    p[0] = (unsigned char)used;
    memcpy(p + 8, header, used);
    for (size_t i = 0; i < n; i++) {
        float f = value((long)i);
        uint16_t half = type == MIX_F16 ? to_f16(f) : mix_f32_to_bf16(f);

        memcpy(p + 8 + used + i * size, type == MIX_F32 ? (void *)&f : (void *)&half, size);
    }
    scratch_write("model.safetensors", p, 8 + used + n * size);
    free(p);
}

static struct mix_tensor_spec spec(const char *name, int rank, int rows, int columns, int axis)
{
    struct mix_tensor_spec t = {.rank = rank, .shape = {rows, columns}, .axis = axis};

    snprintf(t.name, sizeof t.name, "%s", name);
    return t;
}

static bool right(const char *got, const struct mix_tensor_spec *t, struct mix_part part,
                  enum mix_dtype to)
{
    int rows = t->axis == 0 ? part.count : t->shape[0];
    int columns = t->axis == 1 ? part.count : t->shape[1];

    for (int r = 0; r < rows; r++)
        for (int c = 0; c < columns; c++) {
            long row = t->axis == 0 ? part.first + r : r,
                 column = t->axis == 1 ? part.first + c : c;
            long at = (long)r * columns + c;
            float x;

            if (to == MIX_F32)
                memcpy(&x, got + at * 4, 4);
            else
                x = mix_bf16_to_f32(((const uint16_t *)(const void *)got)[at]);
            if (x != value(row * t->shape[1] + column))
                return false;
        }
    return true;
}

/* All parts of every split, of rows and of columns. */
static int wrong_slices(const char *dir, int rows, int columns, enum mix_dtype to, int most)
{
    int wrong = 0;
    struct mix_slices *s = NULL;
    char *got = malloc((size_t)rows * (size_t)columns * 4);

    if (mix_slices_open(&s, dir, false, NULL) != MIX_OK)
        return -1;
    for (int axis = 0; axis < 2; axis++)
        for (int p = 1; p <= most; p++)
            for (int i = 0; i < p; i++) {
                struct mix_tensor_spec t = spec("t", 2, rows, columns, axis);
                struct mix_part part = mix_split(t.shape[axis], p, i);

                memset(got, 0x77, (size_t)rows * (size_t)columns * 4);
                wrong +=
                    mix_slices_read(s, &t, part, got, to) != MIX_OK || !right(got, &t, part, to);
            }
    mix_slices_close(s);
    free(got);
    return wrong;
}

static void from_files(void)
{
    static const enum mix_dtype types[] = {MIX_F32, MIX_BF16, MIX_F16};
    static const struct {
        int rows, columns, most;
    } shapes[] = {
        {1, 1, 1}, {7, 5, 5}, {37, 53, 4}, {1200, 4001, 2}}; /* the last: several blocks */

    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++)
        for (size_t t = 0; t < 3; t++) {
            int rows = shapes[i].rows, columns = shapes[i].columns;

            write_model(types[t], rows, columns);
            for (int to = 0; to < 2; to++)
                ok(wrong_slices(scratch(""), rows, columns, to ? MIX_BF16 : MIX_F32,
                                shapes[i].most) == 0,
                   "%s [%d][%d] in up to %d x %d parts, as %s", mix_dtype_name(types[t]), rows,
                   columns, shapes[i].most, shapes[i].most, to ? "BF16" : "F32");
        }
}

static void refused(void)
{
    static const struct {
        const char *what, *name;
        int rank, rows, columns;
        const char *says;
    } cases[] = {
        {"a tensor that is not there", "u", 2, 7, 5, "tensor u: expected BF16, F16 or F32 [7, 5]"},
        {"another shape", "t", 2, 5, 7, "expected BF16, F16 or F32 [5, 7], found BF16 [7, 5]"},
        {"a vector that is a matrix", "t", 1, 35, 1, "[35], found BF16 [7, 5]"},
    };
    struct mix_slices *s = NULL;
    float got[35];

    mix_log_level(MIX_LOG_SILENT);
    write_model(MIX_BF16, 7, 5);
    ok(mix_slices_open(&s, scratch(""), false, NULL) == MIX_OK, "open");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mix_tensor_spec t =
            spec(cases[i].name, cases[i].rank, cases[i].rows, cases[i].columns, 0);

        ok(mix_slices_read(s, &t, (struct mix_part){0, cases[i].rows}, got, MIX_F32) ==
                   MIX_EINPUT &&
               strstr(mix_err_last(), cases[i].says),
           "%s: %s", cases[i].what, mix_err_last());
    }
    mix_slices_close(s);
    ok(mix_slices_open(&s, scratch("none"), false, NULL) == MIX_EINPUT,
       "a folder that is not there");
    mix_log_level(MIX_LOG_INFO);
}

static void from_a_seed(void)
{
    struct mix_slices *s = NULL;
    enum { ROWS = 60, COLUMNS = 101 };
    static float all[ROWS * COLUMNS], got[ROWS * COLUMNS], vector[COLUMNS];
    struct mix_tensor_spec t = spec("w", 2, ROWS, COLUMNS, 0);
    double sum = 0, squares = 0;
    int wrong = 0;

    ok(mix_slices_open(&s, NULL, true, NULL) == MIX_OK &&
           mix_slices_read(s, &t, (struct mix_part){0, ROWS}, all, MIX_F32) == MIX_OK,
       "a tensor without files");
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        sum += (double)all[i];
        squares += (double)(all[i] * all[i]);
    }
    ok(fabs(sum / (ROWS * COLUMNS)) < 0.01 && fabs(squares / ROWS - 1) < 0.1,
       "mean 0 (%.4f), variance 1 / columns (%.3f)", sum / (ROWS * COLUMNS), squares / ROWS);
    t.axis = 1;
    for (int p = 0; p < 3; p++) {
        struct mix_part part = mix_split(COLUMNS, 3, p);

        wrong += mix_slices_read(s, &t, part, got, MIX_F32) != MIX_OK;
        for (int r = 0; r < ROWS; r++)
            wrong += memcmp(got + r * part.count, all + r * COLUMNS + part.first,
                            sizeof *got * (size_t)part.count) != 0;
    }
    ok(wrong == 0, "a slice is the same numbers as in the whole");
    t = spec("w", 1, COLUMNS, 1, 0);
    ok(mix_slices_read(s, &t, (struct mix_part){0, COLUMNS}, vector, MIX_F32) == MIX_OK &&
           vector[0] == 1 && vector[COLUMNS - 1] == 1,
       "a norm is ones");
    mix_slices_close(s);
}

int main(void)
{
    scratch_begin();
    from_files();
    refused();
    from_a_seed();
    scratch_end();
    return tap_done();
}
