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

static bool right(const char *got, const struct mix_slice *s, enum mix_dtype to)
{
    for (int r = 0; r < s->rows.count; r++)
        for (int c = 0; c < s->columns.count; c++) {
            long i = (long)(s->rows.first + r) * s->all_columns + s->columns.first + c;
            long at = (long)r * s->columns.count + c;
            float x;

            if (to == MIX_F32)
                memcpy(&x, got + at * 4, 4);
            else
                x = mix_bf16_to_f32(((const uint16_t *)(const void *)got)[at]);
            if (x != value(i))
                return false;
        }
    return true;
}

/* All parts of every split of rows and columns. */
static int wrong_slices(const char *dir, int rows, int columns, enum mix_dtype to, int most)
{
    int wrong = 0;
    struct mix_slices *s = NULL;
    char *got = malloc((size_t)rows * (size_t)columns * 4);

    if (mix_slices_open(&s, dir, false) != MIX_OK)
        return -1;
    for (int p = 1; p <= most; p++)
        for (int q = 1; q <= most; q++)
            for (int i = 0; i < p * q; i++) {
                struct mix_slice slice = {.name = "t",
                                          .all_rows = rows,
                                          .all_columns = columns,
                                          .rows = mix_split(rows, p, i / q),
                                          .columns = mix_split(columns, q, i % q)};

                memset(got, 0x77, (size_t)rows * (size_t)columns * 4);
                wrong += mix_slices_read(s, &slice, got, to) != MIX_OK || !right(got, &slice, to);
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
        const char *what, *says;
        struct mix_slice slice;
    } cases[] = {
        {"a tensor that is not there",
         "tensor u is missing, expected [7, 5]",
         {.name = "u", .all_rows = 7, .all_columns = 5, .rows = {0, 7}, .columns = {0, 5}}},
        {"another shape",
         "tensor t is [7, 5], expected [5, 7]",
         {.name = "t", .all_rows = 5, .all_columns = 7, .rows = {0, 5}, .columns = {0, 7}}},
        {"a vector that is a matrix",
         "tensor t is [7, 5], expected [35]",
         {.name = "t",
          .all_rows = 1,
          .all_columns = 35,
          .vector = true,
          .rows = {0, 1},
          .columns = {0, 35}}},
    };
    struct mix_slices *s = NULL;
    float got[35];

    mix_log_level(MIX_LOG_SILENT);
    write_model(MIX_BF16, 7, 5);
    ok(mix_slices_open(&s, scratch(""), false) == MIX_OK, "open");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        ok(mix_slices_read(s, &cases[i].slice, got, MIX_F32) == MIX_EINPUT &&
               strstr(mix_err_last(), cases[i].says),
           "%s: %s", cases[i].what, cases[i].says);
    mix_slices_close(s);
    ok(mix_slices_open(&s, scratch("none"), false) == MIX_EINPUT, "a folder that is not there");
    mix_log_level(MIX_LOG_INFO);
}

static void from_a_seed(void)
{
    struct mix_slices *s = NULL;
    enum { ROWS = 60, COLUMNS = 101 };
    static float all[ROWS * COLUMNS], part[ROWS * COLUMNS], vector[COLUMNS];
    struct mix_slice slice = {.name = "w",
                              .all_rows = ROWS,
                              .all_columns = COLUMNS,
                              .rows = {0, ROWS},
                              .columns = {0, COLUMNS}};
    double sum = 0, squares = 0;
    int wrong = 0;

    ok(mix_slices_open(&s, NULL, true) == MIX_OK &&
           mix_slices_read(s, &slice, all, MIX_F32) == MIX_OK,
       "a tensor without files");
    for (int i = 0; i < ROWS * COLUMNS; i++) {
        sum += (double)all[i];
        squares += (double)(all[i] * all[i]);
    }
    ok(fabs(sum / (ROWS * COLUMNS)) < 0.01 && fabs(squares / ROWS - 1) < 0.1,
       "mean 0 (%.4f), variance 1 / columns (%.3f)", sum / (ROWS * COLUMNS), squares / ROWS);
    for (int p = 0; p < 3; p++) {
        slice.rows = mix_split(ROWS, 3, p);
        slice.columns = mix_split(COLUMNS, 3, 2 - p);
        wrong += mix_slices_read(s, &slice, part, MIX_F32) != MIX_OK;
        for (int r = 0; r < slice.rows.count; r++)
            wrong += memcmp(part + r * slice.columns.count,
                            all + (slice.rows.first + r) * COLUMNS + slice.columns.first,
                            sizeof *part * (size_t)slice.columns.count) != 0;
    }
    ok(wrong == 0, "a slice is the same numbers as in the whole");
    slice = (struct mix_slice){.name = "w",
                               .all_rows = 1,
                               .all_columns = COLUMNS,
                               .vector = true,
                               .rows = {0, 1},
                               .columns = {0, COLUMNS}};
    ok(mix_slices_read(s, &slice, vector, MIX_F32) == MIX_OK && vector[0] == 1 &&
           vector[COLUMNS - 1] == 1,
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
