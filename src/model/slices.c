/* slices.c - see slices.h. */
#include "model/slices.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/str.h"
#include "io/safetensors.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 8 << 20 };

struct mix_slices {
    const char *dir;
    struct mix_safetensors *files; /* NULL: dummy */
    char *block;                   /* [BLOCK] */
};

int mix_slices_open(struct mix_slices **out, const char *dir, bool dummy)
{
    int rc = MIX_OK;
    struct mix_slices *s = NULL;

    TRY(mix_calloc(&s, 1, sizeof *s, "a loader"));
    s->dir = dir;
    TRY(mix_alloc_aligned(&s->block, BLOCK, "a block of a model file"));
    if (!dummy)
        TRY(mix_safetensors_open(&s->files, dir));
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
    free(s);
}

/* ---- from files */

static void say_shape(char *text, size_t room, const uint64_t *shape, int rank)
{
    size_t used = 0;

    text[0] = '\0';
    for (int i = 0; i < rank && used < room; i++)
        used += (size_t)snprintf(text + used, room - used, "%s%llu", i ? ", " : "",
                                 (unsigned long long)shape[i]);
}

static int find(const struct mix_slices *s, const struct mix_slice *want,
                const struct mix_tensor **found)
{
    const struct mix_tensor *t = mix_safetensors_find(s->files, want->name);
    uint64_t shape[2] = {(uint64_t)want->all_rows, (uint64_t)want->all_columns};
    const uint64_t *expected = want->vector ? shape + 1 : shape;
    int rank = want->vector ? 1 : 2;
    char expect_text[200], found_text[200];

    say_shape(expect_text, sizeof expect_text, expected, rank);
    if (!t)
        return MIX_FAIL(MIX_EINPUT, "%s: tensor %s is missing, expected [%s]", s->dir, want->name,
                        expect_text);
    if (!t->supported || (t->dtype != MIX_F32 && t->dtype != MIX_BF16 && t->dtype != MIX_F16))
        return MIX_FAIL(MIX_EINPUT, "%s: tensor %s is %s, expected F32, BF16 or F16",
                        mix_safetensors_path(s->files, t->file), want->name, t->dtype_name);
    if (t->rank != rank || memcmp(t->shape, expected, sizeof *expected * (size_t)rank) != 0) {
        say_shape(found_text, sizeof found_text, t->shape, t->rank);
        return MIX_FAIL(MIX_EINPUT, "%s: tensor %s is [%s], expected [%s]",
                        mix_safetensors_path(s->files, t->file), want->name, found_text,
                        expect_text);
    }
    *found = t;
    return MIX_OK;
}

/* Numbers [at, at + n) of the tensor, n within one row, are at src: convert those that are wanted.
 */
static int keep(const struct mix_slice *want, uint64_t at, uint64_t n, const char *src,
                enum mix_dtype from, char *dst, enum mix_dtype to)
{
    uint64_t all = (uint64_t)want->all_columns, row = at / all - (uint64_t)want->rows.first;
    uint64_t first = (uint64_t)want->columns.first, count = (uint64_t)want->columns.count;
    uint64_t low = at % all, high = low + n;

    low = low < first ? first : low;
    high = high > first + count ? first + count : high;
    if (low >= high)
        return MIX_OK;
    return mix_dtype_convert(dst + (row * count + low - first) * mix_dtype_size(to), to,
                             src + (low - at % all) * mix_dtype_size(from), from, high - low);
}

/* The wanted rows are one range of the file: read it block by block. */
static int read_file(struct mix_slices *s, const struct mix_slice *want, char *dst,
                     enum mix_dtype to)
{
    int rc = MIX_OK;
    const struct mix_tensor *t = NULL;
    uint64_t all = (uint64_t)want->all_columns, size, at, end;

    TRY(find(s, want, &t));
    size = mix_dtype_size(t->dtype);
    at = (uint64_t)want->rows.first * all;
    end = at + (uint64_t)want->rows.count * all;
    while (at < end) {
        uint64_t room = (BLOCK - (t->offset + at * size) % BLOCK) / size; /* to the boundary */
        uint64_t n = end - at < (room ? room : 1) ? end - at : (room ? room : 1);

        TRY(mix_safetensors_read(s->files, t, at * size, n * size, s->block));
        for (uint64_t done = 0; done < n;) {
            uint64_t in_row = all - (at + done) % all;
            uint64_t piece = n - done < in_row ? n - done : in_row;

            TRY(keep(want, at + done, piece, s->block + done * size, t->dtype, dst, to));
            done += piece;
        }
        at += n;
    }
out:
    return rc;
}

/* ---- from a seed */

/* Number i of a tensor: 1 in a vector (a norm), else uniform with variance 1 / columns, so that a
 * product keeps the size of what it is given.  The same whatever slice it is read for. */
static float number(uint64_t seed, uint64_t i, int columns)
{
    uint32_t counter[4] = {(uint32_t)(i / 4), (uint32_t)(i / 4 >> 32), 0, 0};
    uint32_t key[2] = {(uint32_t)seed, (uint32_t)(seed >> 32)}, word[4];

    mix_philox(word, counter, key);
    return (float)(((double)word[i % 4] * 0x1p-31 - 1.0) * sqrt(3.0 / columns));
}

static int make_up(const struct mix_slice *want, char *dst, enum mix_dtype to)
{
    int rc = MIX_OK;
    uint64_t seed = mix_hash(want->name, strlen(want->name));
    size_t size = mix_dtype_size(to);

    for (int r = 0; r < want->rows.count; r++)
        for (int c = 0; c < want->columns.count; c++) {
            uint64_t i = (uint64_t)(want->rows.first + r) * (uint64_t)want->all_columns +
                         (uint64_t)(want->columns.first + c);
            float x = want->vector ? 1.0f : number(seed, i, want->all_columns);

            TRY(mix_dtype_convert(dst, to, &x, MIX_F32, 1));
            dst += size;
        }
out:
    return rc;
}

int mix_slices_read(struct mix_slices *s, const struct mix_slice *slice, void *dst,
                    enum mix_dtype to)
{
    return s->files ? read_file(s, slice, dst, to) : make_up(slice, dst, to);
}
