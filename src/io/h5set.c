/* h5set.c - see h5set.h. */
#include "io/h5set.h"

#include "base/err.h"
#include "base/mem.h"
#include "io/h5type.h"

#include <stdlib.h>
#include <string.h>

enum { CHUNK_MOST = 1 << 20, DEFLATE = 4 };

static int name_it(struct mix_h5set *s, struct mix_h5 *file, const char *group, const char *leaf)
{
    size_t n = strlen(group) + strlen(leaf) + 2;
    int rc = MIX_OK;

    *s = (struct mix_h5set){.file = file, .id = H5I_INVALID_HID, .type = H5I_INVALID_HID};
    TRY(mix_calloc(&s->name, n, 1, "a name"));
    memcpy(s->name, group, strlen(group));
    s->name[strlen(group)] = '/';
    memcpy(s->name + strlen(group) + 1, leaf, strlen(leaf));
out:
    return rc;
}

int mix_h5set_close(struct mix_h5set *s)
{
    int rc = MIX_OK;

    if (s->file && s->id > 0 && H5Dclose(s->id) < 0)
        rc = mix_h5_fail(s->file, "cannot close %s", s->name);
    if (s->file)
        mix_h5_drop(s->type);
    free(s->name);
    *s = (struct mix_h5set){0};
    return rc;
}

/* How the rows are stored: everything that this library cannot give back is refused by name. */
static int check_storage(const struct mix_h5set *s)
{
    int rc = MIX_OK;
    hid_t dcpl = H5I_INVALID_HID;

    TRY_H5(dcpl = H5Dget_create_plist(s->id), s->file, "cannot open %s", s->name);
    if (H5Pget_layout(dcpl) == H5D_VIRTUAL || H5Pget_external_count(dcpl) > 0) {
        rc = MIX_FAIL(MIX_EINPUT,
                      "%s: %s keeps its values in other files; copy them into this one (h5repack)",
                      s->file->path, s->name);
        goto out;
    }
    for (int i = 0; i < H5Pget_nfilters(dcpl); i++) {
        unsigned flags, config;
        size_t values = 0;
        char name[64] = "";
        H5Z_filter_t f =
            H5Pget_filter2(dcpl, (unsigned)i, &flags, &values, NULL, sizeof name, name, &config);

        if (H5Zfilter_avail(f) <= 0) {
            rc =
                MIX_FAIL(MIX_EINPUT,
                         "%s: %s is compressed with filter %d (%s), which this HDF5 does not have; "
                         "store it with gzip or uncompressed",
                         s->file->path, s->name, (int)f, name[0] ? name : "no name");
            goto out;
        }
    }
out:
    mix_h5_drop(dcpl);
    return rc;
}

static int measure(struct mix_h5set *s)
{
    int rc = MIX_OK;
    hid_t space = H5I_INVALID_HID;

    TRY_H5(space = H5Dget_space(s->id), s->file, "cannot open %s", s->name);
    if (H5Sget_simple_extent_type(space) != H5S_SIMPLE) {
        rc = MIX_FAIL(MIX_EINPUT,
                      "%s: %s is a single value, expected one value per row; make it an array, or "
                      "an attribute",
                      s->file->path, s->name);
        goto out;
    }
    TRY_H5(s->rank = H5Sget_simple_extent_dims(space, s->dims, NULL), s->file, "cannot open %s",
           s->name);
    s->row_values = 1;
    for (int i = 0; i < s->rank; i++) {
        if (s->dims[i] > INT64_MAX / 2 ||
            (i && s->dims[i] && s->row_values > SIZE_MAX / s->dims[i])) {
            rc = MIX_FAIL(MIX_EINPUT, "%s: %s has an impossible size", s->file->path, s->name);
            goto out;
        }
        if (i)
            s->row_values *= s->dims[i];
    }
    s->rows = (int64_t)s->dims[0];
out:
    mix_h5_drop(space);
    return rc;
}

int mix_h5set_open(struct mix_h5set *s, struct mix_h5 *file, const char *group, const char *leaf)
{
    int rc = MIX_OK;
    hid_t type = H5I_INVALID_HID;
    H5I_type_t kind;

    TRY(name_it(s, file, group, leaf));
    TRY(mix_h5_kind(file, s->name, &kind));
    if (kind != H5I_DATASET) {
        rc = MIX_FAIL(MIX_EINPUT, "%s: no dataset %s", file->path, s->name);
        goto out;
    }
    TRY_H5(s->id = H5Dopen2(file->id, s->name, H5P_DEFAULT), file, "cannot open %s", s->name);
    TRY_H5(type = H5Dget_type(s->id), file, "cannot open %s", s->name);
    TRY_H5(s->type = H5Tcopy(type), file, "cannot open %s", s->name); /* of a named type, its own */
    TRY(measure(s));
    TRY(check_storage(s));
out:
    mix_h5_drop(type);
    if (rc)
        (void)mix_h5set_close(s);
    return rc;
}

int mix_h5set_create(struct mix_h5set *s, struct mix_h5 *file, const char *group, const char *leaf,
                     hid_t type, int rank, const hsize_t *dims, int64_t rows_per_chunk)
{
    int rc = MIX_OK;
    bool points;
    struct mix_h5type *tree = NULL;
    const char *why;
    hsize_t most[H5S_MAX_RANK], chunk[H5S_MAX_RANK];
    hid_t space = H5I_INVALID_HID, dcpl = H5I_INVALID_HID, lcpl = H5I_INVALID_HID;
    size_t row_bytes;

    TRY(name_it(s, file, group, leaf));
    s->rank = rank;
    s->row_values = 1;
    for (int i = 1; i < rank; i++) {
        s->dims[i] = most[i] = chunk[i] = dims[i];
        s->row_values *= dims[i];
        if (dims[i] == 0) { /* chunks have no empty side, and must fit into the dataset */
            most[i] = H5S_UNLIMITED;
            chunk[i] = 1;
        }
    }
    row_bytes = H5Tget_size(type) * (s->row_values ? s->row_values : 1);
    s->dims[0] = 0;
    most[0] = H5S_UNLIMITED;
    chunk[0] = (hsize_t)rows_per_chunk;
    if (row_bytes > CHUNK_MOST / chunk[0])
        chunk[0] = row_bytes >= CHUNK_MOST ? 1 : CHUNK_MOST / row_bytes;
    TRY_H5(space = H5Screate_simple(rank, s->dims, most), file, "cannot make %s", s->name);
    TRY_H5(dcpl = H5Pcreate(H5P_DATASET_CREATE), file, "cannot make %s", s->name);
    TRY_H5(H5Pset_obj_track_times(dcpl, false), file, "cannot make %s", s->name);
    TRY_H5(H5Pset_chunk(dcpl, rank, chunk), file, "cannot make %s", s->name);
    /* Of what has pointers only the pointers would be compressed, and HDF5 1.12 refuses to. */
    TRY(mix_h5type_create(&tree, type, &why));
    points = !tree || tree->points;
    mix_h5type_destroy(tree);
    if (!points) {
        TRY_H5(H5Pset_shuffle(dcpl), file, "cannot make %s", s->name);
        TRY_H5(H5Pset_deflate(dcpl, DEFLATE), file, "cannot make %s", s->name);
    }
    TRY_H5(lcpl = H5Pcreate(H5P_LINK_CREATE), file, "cannot make %s", s->name);
    TRY_H5(H5Pset_char_encoding(lcpl, H5T_CSET_UTF8), file, "cannot make %s", s->name);
    TRY_H5(s->type = H5Tcopy(type), file, "cannot make %s", s->name);
    TRY_H5(s->id = H5Dcreate2(file->id, s->name, type, space, lcpl, dcpl, H5P_DEFAULT), file,
           "cannot make %s", s->name);
out:
    mix_h5_drop(space);
    mix_h5_drop(dcpl);
    mix_h5_drop(lcpl);
    if (rc)
        (void)mix_h5set_close(s);
    return rc;
}

/* The dataspaces of rows [first, first + n): in the file and in memory. */
static int select_rows(const struct mix_h5set *s, int64_t first, int64_t n, hid_t *file, hid_t *mem)
{
    int rc = MIX_OK;
    hsize_t start[H5S_MAX_RANK] = {(hsize_t)first}, count[H5S_MAX_RANK];

    memcpy(count, s->dims, sizeof count);
    count[0] = (hsize_t)n;
    TRY_H5(*file = H5Dget_space(s->id), s->file, "cannot select rows of %s", s->name);
    TRY_H5(H5Sselect_hyperslab(*file, H5S_SELECT_SET, start, NULL, count, NULL), s->file,
           "cannot select rows of %s", s->name);
    TRY_H5(*mem = H5Screate_simple(s->rank, count, NULL), s->file, "cannot select rows of %s",
           s->name);
out:
    return rc;
}

static void *take(size_t size, void *arena)
{
    return mix_h5arena_alloc(size, arena);
}

static void give(void *mem, void *arena) /* the arena is freed as a whole */
{
    (void)mem;
    (void)arena;
}

int mix_h5set_use_arena(const struct mix_h5 *file, hid_t dxpl, struct mix_h5arena *arena)
{
    int rc = MIX_OK;

    TRY_H5(H5Pset_vlen_mem_manager(dxpl, take, arena, give, arena), file, "properties");
out:
    return rc;
}

int mix_h5set_read(const struct mix_h5set *s, int64_t first, int64_t n, hid_t mem, void *to,
                   struct mix_h5arena *arena)
{
    int rc = MIX_OK;
    hid_t dxpl = H5I_INVALID_HID, rows = H5I_INVALID_HID, flat = H5I_INVALID_HID;

    MIX_CHECK(first >= 0 && n >= 0 && first <= s->rows && n <= s->rows - first,
              "rows %lld to %lld of %lld in %s", (long long)first, (long long)(first + n),
              (long long)s->rows, s->name);
    if (n == 0 || s->row_values == 0)
        goto out;
    TRY(mix_h5_transfer(s->file, s->type, mem, &dxpl));
    if (arena)
        TRY(mix_h5set_use_arena(s->file, dxpl, arena));
    TRY(select_rows(s, first, n, &rows, &flat));
    TRY_H5(H5Dread(s->id, mem, flat, rows, dxpl, to), s->file,
           "cannot read rows %lld to %lld of %s", (long long)first, (long long)(first + n - 1),
           s->name);
out:
    mix_h5_drop(rows);
    mix_h5_drop(flat);
    mix_h5_drop(dxpl);
    return rc;
}

static int read_fixed_text(const struct mix_h5set *s, int64_t first, int64_t n, const char **text,
                           size_t *len, struct mix_h5arena *arena)
{
    struct mix_h5type type = {.kind = MIX_H5_TEXT, .id = s->type, .size = H5Tget_size(s->type)};
    char *raw = NULL;
    int rc = MIX_OK;

    TRY(mix_calloc(&raw, (size_t)n, type.size, s->name));
    TRY(mix_h5set_read(s, first, n, s->type, raw, NULL));
    for (int64_t i = 0; i < n; i++) {
        size_t bytes;
        const char *value = mix_h5type_text(&type, raw + (size_t)i * type.size, &bytes);

        TRY(mix_h5arena_text(arena, value, bytes, &text[i]));
        if (len)
            len[i] = bytes;
    }
out:
    free(raw);
    return rc;
}

int mix_h5set_read_text(const struct mix_h5set *s, int64_t first, int64_t n, const char **text,
                        size_t *len, struct mix_h5arena *arena)
{
    int rc = MIX_OK;

    MIX_CHECK(s->rank == 1, "%s has %d dimensions", s->name, s->rank);
    if (H5Tis_variable_str(s->type) <= 0)
        return read_fixed_text(s, first, n, text, len, arena);
    TRY(mix_h5set_read(s, first, n, s->type, text, arena));
    for (int64_t i = 0; i < n; i++) {
        if (!text[i]) /* how HDF5 gives an empty string */
            text[i] = "";
        if (len)
            len[i] = strlen(text[i]);
    }
out:
    return rc;
}

int mix_h5set_append(struct mix_h5set *s, int64_t n, hid_t mem, const void *from)
{
    int rc = MIX_OK;
    hid_t dxpl = H5I_INVALID_HID, rows = H5I_INVALID_HID, flat = H5I_INVALID_HID;
    int64_t before = s->rows;

    if (n == 0)
        return MIX_OK;
    s->dims[0] = (hsize_t)(before + n);
    TRY_H5(H5Dset_extent(s->id, s->dims), s->file, "cannot write %s", s->name);
    s->rows = before + n;
    if (s->row_values == 0)
        goto out;
    TRY(mix_h5_transfer(s->file, s->type, mem, &dxpl));
    TRY(select_rows(s, before, n, &rows, &flat));
    TRY_H5(H5Dwrite(s->id, mem, flat, rows, dxpl, from), s->file, "cannot write %s", s->name);
out:
    mix_h5_drop(rows);
    mix_h5_drop(flat);
    mix_h5_drop(dxpl);
    return rc;
}
