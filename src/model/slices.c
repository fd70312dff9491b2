/* slices.c - see slices.h. */
#include "model/slices.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"
#include "io/safetensors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 8 << 20 };

struct mix_slices {
    char *dir;
    struct mix_safetensors *files; /* NULL: dummy */
    char *block;                   /* [BLOCK] */
};

/* What is wanted of a tensor of [all_rows][all_columns] numbers; a vector has one column. */
struct slice {
    uint64_t all_columns;
    struct mix_part rows, columns;
};

static struct slice slice_of(const struct mix_tensor_spec *t, struct mix_part part)
{
    int columns = t->rank == 2 ? t->shape[1] : 1;
    struct mix_part all_rows = {0, t->shape[0]}, all_columns = {0, columns};

    return (struct slice){
        .all_columns = (uint64_t)columns,
        .rows = t->axis == 0 ? part : all_rows,
        .columns = t->axis == 1 ? part : all_columns,
    };
}

int mix_slices_open(struct mix_slices **out, const char *dir, bool dummy)
{
    int rc = MIX_OK;
    struct mix_slices *s = NULL;

    TRY(mix_calloc(&s, 1, sizeof *s, "a loader"));
    TRY(mix_alloc_aligned(&s->block, BLOCK, "a block of a model file"));
    if (!dummy) {
        TRY(mix_safetensors_open(&s->files, dir));
        TRY(mix_calloc(&s->dir, strlen(dir) + 1, 1, "a loader"));
        strcpy(s->dir, dir);
    }
    *out = s;
    s = NULL;
out:
    mix_slices_close(s);
    return rc;
}

void mix_slices_close(struct mix_slices *s)
{
    if (!s)
        return;
    mix_safetensors_close(s->files);
    free(s->block);
    free(s->dir);
    free(s);
}

/* ---- from files */

static int find(const struct mix_slices *s, const struct mix_tensor_spec *want,
                const struct mix_tensor **found)
{
    const struct mix_tensor *t = mix_safetensors_find(s->files, want->name);
    char why[MIX_TENSOR_WHY];

    if (!mix_tensors_fits(want, t ? t->dtype_name : NULL, t ? t->rank : 0, t ? t->shape : NULL,
                          why))
        return MIX_FAIL(MIX_EINPUT, "%s: tensor %s: %s",
                        t ? mix_safetensors_path(s->files, t->file) : s->dir, want->name, why);
    *found = t;
    return MIX_OK;
}

/* Numbers [at, at + n) of the tensor, n within one row, are at src: convert those that are wanted.
 */
static int keep(const struct slice *want, uint64_t at, uint64_t n, const char *src,
                enum mix_dtype from, char *dst, enum mix_dtype to)
{
    uint64_t row = at / want->all_columns - (uint64_t)want->rows.first;
    uint64_t column = at % want->all_columns, low = column, high = column + n;
    uint64_t first = (uint64_t)want->columns.first, count = (uint64_t)want->columns.count;

    low = low < first ? first : low;
    high = high > first + count ? first + count : high;
    if (low >= high)
        return MIX_OK;
    return mix_dtype_convert(dst + (row * count + low - first) * mix_dtype_size(to), to,
                             src + (low - column) * mix_dtype_size(from), from, high - low);
}

/* Numbers [at, at + n) of the tensor are in the block: keep what is wanted. */
static int keep_block(const struct mix_slices *s, const struct slice *want, uint64_t at, uint64_t n,
                      enum mix_dtype from, char *dst, enum mix_dtype to)
{
    int rc = MIX_OK;
    size_t size = mix_dtype_size(from);
    bool whole_rows = (uint64_t)want->columns.count == want->all_columns;
    uint64_t done = 0;

    if (whole_rows) {
        at -= (uint64_t)want->rows.first * want->all_columns;
        return mix_dtype_convert(dst + at * mix_dtype_size(to), to, s->block, from, n);
    }
    while (done < n) {
        uint64_t in_row = want->all_columns - (at + done) % want->all_columns;
        uint64_t piece = n - done < in_row ? n - done : in_row;

        TRY(keep(want, at + done, piece, s->block + done * size, from, dst, to));
        done += piece;
    }
out:
    return rc;
}

/* The wanted rows are one range of the file: read it block by block. */
static int read_file(struct mix_slices *s, const struct mix_tensor_spec *tensor,
                     const struct slice *want, char *dst, enum mix_dtype to)
{
    int rc = MIX_OK;
    const struct mix_tensor *t = NULL;
    uint64_t size, at, end;

    TRY(find(s, tensor, &t));
    size = mix_dtype_size(t->dtype);
    at = (uint64_t)want->rows.first * want->all_columns;
    end = at + (uint64_t)want->rows.count * want->all_columns;
    while (at < end) {
        uint64_t n = (BLOCK - (t->offset + at * size) % BLOCK) / size; /* to the boundary */

        n = n == 0 ? 1 : n; /* a number may lie across it */
        n = n > end - at ? end - at : n;
        TRY(mix_safetensors_read(s->files, t, at * size, n * size, s->block));
        TRY(keep_block(s, want, at, n, t->dtype, dst, to));
        at += n;
    }
out:
    return rc;
}

/* ---- from a seed */

/* Numbers [first, first + n) of a tensor: ones in a vector (a norm), else uniform with variance
 * 1 / columns, so that a product keeps the size of what it is given.  The same whatever slice they
 * are made for. */
static void make_numbers(float *x, const struct mix_tensor_spec *tensor, uint64_t first, int n)
{
    uint64_t seed = mix_hash(tensor->name, strlen(tensor->name)), have = UINT64_MAX;
    double scale = sqrt(3.0 / tensor->shape[1]);
    uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)}, word[4];

    for (int c = 0; c < n; c++) {
        uint64_t i = first + (uint64_t)c;
        uint32_t counter[4] = {(uint32_t)(i / 4), (uint32_t)(i / 4 >> 32), 0, 0};

        if (i / 4 != have)
            mix_philox(word, counter, key);
        have = i / 4;
        x[c] = tensor->rank == 1 ? 1.0f : (float)(((double)word[i % 4] * 0x1p-31 - 1.0) * scale);
    }
}

static int make_up(struct mix_slices *s, const struct mix_tensor_spec *tensor,
                   const struct slice *want, char *dst, enum mix_dtype to)
{
    int rc = MIX_OK;
    size_t row = (size_t)want->columns.count;

    MIX_CHECK(row <= BLOCK / sizeof(float), "tensor %s has rows of %zu numbers", tensor->name, row);
    for (int r = 0; r < want->rows.count; r++, dst += row * mix_dtype_size(to)) {
        make_numbers((float *)(void *)s->block, tensor,
                     (uint64_t)(want->rows.first + r) * want->all_columns +
                         (uint64_t)want->columns.first,
                     want->columns.count);
        TRY(mix_dtype_convert(dst, to, s->block, MIX_F32, row));
    }
out:
    return rc;
}

int mix_slices_read(struct mix_slices *s, const struct mix_tensor_spec *tensor,
                    struct mix_part part, void *dst, enum mix_dtype to)
{
    struct slice want = slice_of(tensor, part);

    return s->files ? read_file(s, tensor, &want, dst, to) : make_up(s, tensor, &want, dst, to);
}
