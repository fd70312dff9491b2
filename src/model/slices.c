/* slices.c - see slices.h. */
#include "model/slices.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "comm/window.h"
#include "io/safetensors.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { BLOCK = 8 << 20 };

struct mix_slices {
    char *dir;
    struct mix_safetensors *files; /* NULL: dummy */
    char *block;                   /* [2 BLOCK] when there is no window */
    struct mix_group *host;        /* the ranks that read together; NULL: I am alone */
    struct mix_window *window;     /* two blocks a member: one is filled while one is read */
    int turn;                      /* who reads the next piece */
    int round;                     /* which of the two blocks is next */
    int64_t bytes_read;
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

/* The group of the ranks of my host, and their window, if there are others. */
static int open_host(struct mix_slices *s, struct mix_comm *comm)
{
    int rc = MIX_OK, *rank = NULL, ranks = 0;
    const char *mine = mix_comm_host(comm, mix_comm_rank(comm));

    TRY(mix_calloc(&rank, (size_t)mix_comm_size(comm), sizeof *rank, "the ranks of a host"));
    for (int i = 0; i < mix_comm_size(comm); i++)
        if (!strcmp(mix_comm_host(comm, i), mine))
            rank[ranks++] = i;
    if (ranks == 1)
        goto out;
    TRY(mix_group_open(&s->host, comm, "host", rank, ranks));
    TRY(mix_window_open(&s->window, s->host, 2 * BLOCK));
out:
    free(rank);
    return rc;
}

int mix_slices_open(struct mix_slices **out, const char *dir, bool dummy, struct mix_comm *comm)
{
    int rc = MIX_OK;
    struct mix_slices *s = NULL;

    TRY(mix_calloc(&s, 1, sizeof *s, "a loader"));
    if (!dummy) {
        TRY(mix_safetensors_open(&s->files, dir));
        if (comm)
            TRY(open_host(s, comm));
        TRY(mix_calloc(&s->dir, strlen(dir) + 1, 1, "a loader"));
        strcpy(s->dir, dir);
    }
    if (!s->window)
        TRY(mix_alloc_aligned(&s->block, 2 * BLOCK, "two blocks of a model file"));
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
    mix_window_close(s->window);
    mix_group_close(s->host);
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

/* Numbers [at, at + n) of the tensor are at src: keep what is wanted of them. */
static int keep_piece(const struct slice *want, uint64_t at, uint64_t n, const char *src,
                      enum mix_dtype from, char *dst, enum mix_dtype to)
{
    int rc = MIX_OK;
    size_t size = mix_dtype_size(from);
    bool whole_rows = (uint64_t)want->columns.count == want->all_columns;
    uint64_t low = (uint64_t)want->rows.first * want->all_columns;
    uint64_t high = low + (uint64_t)want->rows.count * want->all_columns;

    if (at + n <= low || at >= high)
        return MIX_OK;
    if (at < low) {
        src += (low - at) * size;
        n -= low - at;
        at = low;
    }
    n = at + n > high ? high - at : n;
    if (whole_rows)
        return mix_dtype_convert(dst + (at - low) * mix_dtype_size(to), to, src, from, n);
    for (uint64_t done = 0, piece; done < n; done += piece) {
        uint64_t in_row = want->all_columns - (at + done) % want->all_columns;

        piece = n - done < in_row ? n - done : in_row;
        TRY(keep(want, at + done, piece, src + done * size, from, dst, to));
    }
out:
    return rc;
}

/* How many numbers of the tensor, from number at on, lie before the next boundary of the file. */
static uint64_t piece_at(const struct mix_tensor *t, uint64_t at, uint64_t all)
{
    uint64_t size = mix_dtype_size(t->dtype), n = (BLOCK - (t->offset + at * size) % BLOCK) / size;

    n = n == 0 ? 1 : n; /* a number may lie across it */
    return n > all - at ? all - at : n;
}

/* A member's two blocks. */
static char *piece_of(const struct mix_slices *s, int member)
{
    return s->window ? mix_window_at(s->window, member) : s->block;
}

/* The whole tensor, a round of one piece a member at a time. A member that has passed the sync of a
 * round has kept its part of the round before: that block may be filled again. */
static int read_file(struct mix_slices *s, const struct mix_tensor_spec *tensor,
                     const struct slice *want, char *dst, enum mix_dtype to)
{
    int rc = MIX_OK, members = s->host ? mix_group_size(s->host) : 1;
    int me = s->host ? mix_group_rank(s->host) : 0;
    const struct mix_tensor *t = NULL;
    uint64_t size, all, at = 0;

    TRY(find(s, tensor, &t));
    size = mix_dtype_size(t->dtype);
    all = t->bytes / size;
    while (at < all) {
        size_t block = (size_t)(s->round++ % 2) * BLOCK;
        int reader = s->turn;
        uint64_t next = at, n;

        for (int i = 0; i < members && next < all; i++, next += n) {
            n = piece_at(t, next, all);
            if (s->turn == me) {
                TRY(mix_safetensors_read(s->files, t, next * size, n * size,
                                         piece_of(s, me) + block));
                s->bytes_read += (int64_t)(n * size);
            }
            s->turn = (s->turn + 1) % members;
        }
        if (s->window)
            TRY(mix_window_sync(s->window));
        for (; at < next; at += n, reader = (reader + 1) % members) {
            n = piece_at(t, at, all);
            TRY(keep_piece(want, at, n, piece_of(s, reader) + block, t->dtype, dst, to));
        }
    }
out:
    return rc;
}

int64_t mix_slices_bytes_read(const struct mix_slices *s)
{
    return s->bytes_read;
}

/* ---- from a seed */

/* Neighbours have nothing in common: the finalizer of MurmurHash3.  Numbers by the billion are made
 * at a start, which took twice as long with philox. */
static uint32_t scrambled(uint32_t x)
{
    x = (x ^ x >> 16) * 0x85EBCA6Bu;
    x = (x ^ x >> 13) * 0xC2B2AE35u;
    return x ^ x >> 16;
}

/* Numbers [first, first + n) of a tensor: ones in a vector (a norm), else uniform with variance
 * 1 / columns, so that a product keeps the size of what it is given.  The same whatever slice they
 * are made for. */
static void make_numbers(float *x, const struct mix_tensor_spec *tensor, uint64_t first, int n)
{
    static const uint32_t step = 0x9E3779B1u;
    uint64_t seed = mix_hash(tensor->name, strlen(tensor->name));
    float scale = tensor->rank == 1 ? 0 : (float)sqrt(3.0 / tensor->shape[1]) * 0x1p-31F;
    uint32_t from = (uint32_t)seed + (uint32_t)first * step;

    for (int c = 0; c < n; c++)
        x[c] = scale > 0 ? (float)(int32_t)scrambled(from + (uint32_t)c * step) * scale : 1;
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
