/* columns.c - see columns.h: per column one array of values in the form of io/h5type.h, and one
 * arena for all that they point to. */
#include "io/columns.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/columns_h5.h"
#include "io/h5type.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { ROW_MOST = 1 << 26 }; /* bytes of one row of a column: a chunk must hold it */

struct column {
    char *name;
    struct mix_h5type *type;
    int rank;
    hsize_t dims[H5S_MAX_RANK]; /* [0] is not used */
    size_t row_values;          /* values of type in a row */
    size_t row_bytes;
    char *value; /* [rows][row_bytes] */
    size_t room; /* rows */
};

struct mix_columns {
    int count;
    size_t room;
    struct column *column;
    int64_t rows;
    struct mix_h5arena arena;
};

int mix_columns_create(struct mix_columns **columns)
{
    return mix_calloc(columns, 1, sizeof **columns, "columns");
}

void mix_columns_destroy(struct mix_columns *c)
{
    if (!c)
        return;
    for (int i = 0; i < c->count; i++) {
        free(c->column[i].name);
        mix_h5type_destroy(c->column[i].type);
        free(c->column[i].value);
    }
    free(c->column);
    mix_h5arena_fini(&c->arena);
    free(c);
}

int mix_columns_count(const struct mix_columns *c)
{
    return c ? c->count : 0;
}

int64_t mix_columns_rows(const struct mix_columns *c)
{
    return c ? c->rows : 0;
}

const char *mix_columns_name(const struct mix_columns *c, int column)
{
    return c->column[column].name;
}

int mix_columns_find(const struct mix_columns *c, const char *name)
{
    for (int i = 0; i < mix_columns_count(c); i++)
        if (strcmp(c->column[i].name, name) == 0)
            return i;
    return -1;
}

size_t mix_columns_bytes(const struct mix_columns *c)
{
    size_t bytes = c ? c->arena.bytes : 0;

    for (int i = 0; i < mix_columns_count(c); i++)
        bytes += (size_t)c->rows * c->column[i].row_bytes;
    return bytes;
}

static bool same_column(const struct column *a, const struct column *b)
{
    bool same = strcmp(a->name, b->name) == 0 && a->rank == b->rank &&
                H5Tequal(a->type->id, b->type->id) > 0;

    for (int i = 1; same && i < a->rank; i++)
        same = a->dims[i] == b->dims[i];
    return same;
}

bool mix_columns_same(const struct mix_columns *a, const struct mix_columns *b, const char **why)
{
    int na = mix_columns_count(a), nb = mix_columns_count(b);

    for (int i = 0; i < na || i < nb; i++) {
        if (i < na && i < nb && same_column(&a->column[i], &b->column[i]))
            continue;
        if (why)
            *why = i < na ? a->column[i].name : b->column[i].name;
        return false;
    }
    return true;
}

/* Add a column of the given type; the name is already known to be free. */
static int add_column(struct mix_columns *c, const char *name, hid_t type, int rank,
                      const hsize_t *dims, const char **why)
{
    int rc = MIX_OK, at;
    struct column new = {.rank = rank, .row_values = 1};

    *why = NULL;
    MIX_CHECK(c->rows == 0, "a column %s for a set that has rows", name);
    TRY(mix_h5type_create(&new.type, type, why));
    if (*why)
        goto out;
    for (int i = 1; i < rank; i++) {
        new.dims[i] = dims[i];
        new.row_values *= dims[i]; /* cannot overflow: io/h5set.c has looked */
    }
    if (new.row_values > ROW_MOST / new.type->size) {
        *why = "rows of more than 64 MiB";
        goto out;
    }
    new.row_bytes = new.row_values *new.type->size;
    if (!(new.name = mix_strdup(name))) {
        rc = MIX_EFIT;
        goto out;
    }
    TRY(mix_grow(&c->column, &c->room, (size_t)c->count + 1, sizeof *c->column, "columns"));
    at = c->count;
    while (at > 0 && strcmp(c->column[at - 1].name, name) > 0)
        at--;
    memmove(&c->column[at + 1], &c->column[at], (size_t)(c->count - at) * sizeof *c->column);
    c->column[at] = new;
    c->count++;
    new = (struct column){0};
out:
    mix_h5type_destroy(new.type);
    free(new.name);
    return rc;
}

int mix_columns_create_like(struct mix_columns **out, const struct mix_columns *other)
{
    int rc = MIX_OK;
    struct mix_columns *c = NULL;
    const char *why;

    TRY(mix_columns_create(&c));
    for (int i = 0; i < mix_columns_count(other); i++) {
        const struct column *o = &other->column[i];

        TRY(add_column(c, o->name, o->type->id, o->rank, o->dims, &why));
    }
    *out = c;
    c = NULL;
out:
    mix_columns_destroy(c);
    return rc;
}

static hid_t bool_type(void)
{
    hid_t t = H5Tenum_create(H5T_STD_I8LE);

    H5Tenum_insert(t, "FALSE", &(int8_t){0});
    H5Tenum_insert(t, "TRUE", &(int8_t){1});
    return t;
}

static hid_t text_type(void)
{
    hid_t t = H5Tcopy(H5T_C_S1);

    H5Tset_size(t, H5T_VARIABLE);
    H5Tset_cset(t, H5T_CSET_UTF8);
    return t;
}

int mix_columns_add(struct mix_columns *c, const char *name, enum mix_column_kind kind)
{
    hid_t type = kind == MIX_COLUMN_INT     ? H5Tcopy(H5T_STD_I64LE)
                 : kind == MIX_COLUMN_FLOAT ? H5Tcopy(H5T_IEEE_F64LE)
                 : kind == MIX_COLUMN_BOOL  ? bool_type()
                                            : text_type();
    const char *why = NULL;
    int rc;

    if (!name[0] || strchr(name, '/') || strcmp(name, ".") == 0 || mix_columns_find(c, name) >= 0)
        rc = MIX_FAIL(MIX_EINPUT, "a column cannot be named \"%s\"%s", name,
                      mix_columns_find(c, name) >= 0 ? ": there is one of that name" : "");
    else
        rc = add_column(c, name, type, 1, NULL, &why);
    mix_h5_drop(type);
    return rc;
}

static int make_room(struct mix_columns *c, int64_t n)
{
    int rc = MIX_OK;

    for (int i = 0; n && i < c->count; i++) {
        struct column *k = &c->column[i];

        TRY(mix_grow(&k->value, &k->room, (size_t)(c->rows + n), k->row_bytes ? k->row_bytes : 1,
                     k->name));
        memset(k->value + (size_t)c->rows * k->row_bytes, 0, (size_t)n * k->row_bytes);
    }
out:
    return rc;
}

int mix_columns_append(struct mix_columns *c, const struct mix_columns *from, const int64_t *row,
                       int64_t n)
{
    int rc = MIX_OK;
    const char *why = "";

    MIX_CHECK(mix_columns_same(c, from, &why), "column %s is not the same in both sets", why);
    if (mix_columns_count(c) == 0)
        goto out;
    TRY(make_room(c, n));
    for (int i = 0; i < c->count; i++) {
        struct column *k = &c->column[i];

        for (int64_t j = 0; j < n; j++) {
            int64_t r = row ? row[j] : j;
            char *to = k->value + (size_t)(c->rows + j) * k->row_bytes;

            MIX_CHECK(r >= 0 && r < from->rows, "row %lld of %lld of column %s", (long long)r,
                      (long long)from->rows, k->name);
            memcpy(to, from->column[i].value + (size_t)r * k->row_bytes, k->row_bytes);
            for (size_t v = 0; k->type->points && v < k->row_values; v++)
                TRY(mix_h5type_own(k->type, to + v * k->type->size, &c->arena));
        }
    }
    c->rows += n;
out:
    return rc;
}

int mix_columns_append_empty(struct mix_columns *c)
{
    int rc = MIX_OK;

    TRY(make_room(c, 1)); /* zeroed: 0, false, no text */
    c->rows++;
    for (int i = 0; i < c->count; i++)
        if (c->column[i].type->kind == MIX_H5_FLOAT)
            TRY(mix_columns_set_float(c, i, c->rows - 1, NAN));
out:
    return rc;
}

/* Where to put a value of a column made by mix_columns_add; NULL if it is not of that kind. */
static void *place(struct mix_columns *c, int column, int64_t row, enum mix_h5kind kind,
                   size_t size)
{
    struct column *k = column >= 0 && column < c->count ? &c->column[column] : NULL;

    if (!k || row < 0 || row >= c->rows || k->type->kind != kind || k->row_bytes != size)
        return NULL;
    return k->value + (size_t)row * size;
}

int mix_columns_set_int(struct mix_columns *c, int column, int64_t row, int64_t value)
{
    void *at = place(c, column, row, MIX_H5_INT, sizeof value);
    void *truth = place(c, column, row, MIX_H5_BOOL, 1);

    if (at)
        memcpy(at, &value, sizeof value);
    else if (truth)
        memset(truth, value != 0, 1);
    else
        return MIX_FAIL(MIX_EBUG, "no place for an integer at row %lld of column %d",
                        (long long)row, column);
    return MIX_OK;
}

int mix_columns_set_float(struct mix_columns *c, int column, int64_t row, double value)
{
    void *at = place(c, column, row, MIX_H5_FLOAT, sizeof value);

    if (!at)
        return MIX_FAIL(MIX_EBUG, "no place for a number at row %lld of column %d", (long long)row,
                        column);
    memcpy(at, &value, sizeof value);
    return MIX_OK;
}

int mix_columns_set_text(struct mix_columns *c, int column, int64_t row, const char *s, size_t n)
{
    void *at = place(c, column, row, MIX_H5_VAR_TEXT, sizeof s);
    const char *copy;
    int rc = MIX_OK;

    MIX_CHECK(at, "no place for text at row %lld of column %d", (long long)row, column);
    if (n && memchr(s, 0, n)) {
        rc = MIX_FAIL(MIX_EINPUT,
                      "row %lld of column %s has a NUL character, which HDF5 strings "
                      "cannot hold",
                      (long long)row, c->column[column].name);
        goto out;
    }
    TRY(mix_h5arena_text(&c->arena, s, n, &copy));
    memcpy(at, &copy, sizeof copy);
out:
    return rc;
}

void mix_columns_clear(struct mix_columns *c)
{
    c->rows = 0;
    mix_h5arena_fini(&c->arena);
}

static int json_level(const struct column *k, int level, const char *at, struct mix_str *out)
{
    int rc = MIX_OK;
    size_t step = k->type->size;

    if (level == k->rank)
        return mix_h5type_json(k->type, at, out);
    for (int i = level + 1; i < k->rank; i++)
        step *= k->dims[i];
    TRY(mix_str_add(out, "[", 1));
    for (hsize_t i = 0; i < k->dims[level]; i++) {
        if (i)
            TRY(mix_str_add(out, ", ", 2));
        TRY(json_level(k, level + 1, at + i * step, out));
    }
    TRY(mix_str_add(out, "]", 1));
out:
    return rc;
}

int mix_columns_json(const struct mix_columns *c, int column, int64_t row, struct mix_str *out)
{
    int rc = MIX_OK;

    MIX_CHECK(column >= 0 && column < c->count && row >= 0 && row < c->rows,
              "row %lld of column %d", (long long)row, column);
    TRY(json_level(&c->column[column], 1,
                   c->column[column].value + (size_t)row * c->column[column].row_bytes, out));
out:
    return rc;
}

void mix_columns_hash_names(const struct mix_columns *c, struct mix_hasher *h)
{
    for (int i = 0; i < mix_columns_count(c); i++) {
        const struct column *k = &c->column[i];
        uint64_t shape[3] = {strlen(k->name), k->row_values, k->type->size};

        mix_hasher_add(h, shape, sizeof shape);
        mix_hasher_add(h, k->name, shape[0]);
    }
}

void mix_columns_hash_row(const struct mix_columns *c, int64_t row, struct mix_hasher *h)
{
    for (int i = 0; i < mix_columns_count(c); i++) {
        const struct column *k = &c->column[i];
        const char *at = k->value + (size_t)row * k->row_bytes;

        if (k->type->flat)
            mix_hasher_add(h, at, k->row_bytes);
        for (size_t v = 0; !k->type->flat && v < k->row_values; v++)
            mix_h5type_hash(k->type, at + v * k->type->size, h);
    }
}

int mix_columns_add_set(struct mix_columns *c, const struct mix_h5set *s)
{
    const char *leaf = strrchr(s->name, '/') + 1, *why;
    int rc = add_column(c, leaf, s->type, s->rank, s->dims, &why);

    if (rc == MIX_OK && why)
        rc = MIX_FAIL(MIX_EINPUT,
                      "%s: %s holds %s and cannot be passed through to the results; move it out of "
                      "this group",
                      s->file->path, s->name, why);
    return rc;
}

int mix_columns_read_sets(struct mix_columns *c, const struct mix_h5set *set, int64_t first,
                          int64_t n)
{
    int rc = MIX_OK;

    TRY(make_room(c, n));
    for (int i = 0; i < c->count; i++) {
        struct column *k = &c->column[i];

        TRY(mix_h5set_read(&set[i], first, n, k->type->id,
                           k->value + (size_t)c->rows * k->row_bytes, &c->arena));
    }
    c->rows += n;
out:
    return rc;
}

int mix_columns_create_sets(const struct mix_columns *c, struct mix_h5 *file, const char *group,
                            int64_t rows_per_chunk, struct mix_h5set *set)
{
    int rc = MIX_OK;

    for (int i = 0; i < mix_columns_count(c); i++) {
        const struct column *k = &c->column[i];

        TRY(mix_h5set_create(&set[i], file, group, k->name, k->type->id, k->rank, k->dims,
                             rows_per_chunk));
    }
out:
    return rc;
}

int mix_columns_append_sets(const struct mix_columns *c, struct mix_h5set *set)
{
    int rc = MIX_OK;

    for (int i = 0; i < mix_columns_count(c); i++)
        TRY(mix_h5set_append(&set[i], c->rows, c->column[i].type->id, c->column[i].value));
out:
    return rc;
}
