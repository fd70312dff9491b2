/* results_open.c - opening result files, and what /run says. */
#include "io/results_open.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

void mix_results_close(struct mix_results_file *f)
{
    if (!f)
        return;
    mix_h5_quiet();
    for (int i = 0; i < MIX_RESULTS_SETS; i++)
        (void)mix_h5set_close(&f->set[i]);
    for (int i = 0; i < mix_columns_count(f->columns); i++)
        (void)mix_h5set_close(&f->column[i]);
    free(f->column);
    mix_columns_destroy(f->columns);
    mix_h5_abandon(f->file);
    free(f);
}

int mix_results_get_number(struct mix_results_file *f, const char *group, const char *name,
                           hid_t memory, void *value)
{
    int rc = MIX_OK;
    hid_t id = H5I_INVALID_HID, space = H5I_INVALID_HID;

    if (H5Aexists_by_name(f->file->id, group, name, H5P_DEFAULT) <= 0) {
        rc = MIX_FAIL(MIX_EINPUT, "%s: not a finished result file: %s has no attribute %s",
                      f->file->path, group, name);
        goto out;
    }
    TRY_H5(id = H5Aopen_by_name(f->file->id, group, name, H5P_DEFAULT, H5P_DEFAULT), f->file,
           "cannot read %s of %s", name, group);
    TRY_H5(space = H5Aget_space(id), f->file, "cannot read %s of %s", name, group);
    if (H5Sget_simple_extent_npoints(space) != 1) {
        rc = MIX_FAIL(MIX_EINPUT, "%s: %s of %s is not one number", f->file->path, name, group);
        goto out;
    }
    TRY_H5(H5Aread(id, memory, value), f->file, "cannot read %s of %s", name, group);
out:
    mix_h5_drop(space);
    mix_h5_drop(id);
    return rc;
}

static int check_form(struct mix_results_file *f)
{
    static const char *const groups[] = {MIX_RESULTS_GROUP, MIX_RESULTS_RUN};
    int rc = MIX_OK;
    int32_t version;

    for (int i = 0; i < 2; i++) {
        H5I_type_t kind;

        TRY(mix_h5_kind(f->file, groups[i], &kind));
        if (kind != H5I_GROUP) {
            rc = MIX_FAIL(MIX_EINPUT, "%s: not a finished result file: no group %s", f->file->path,
                          groups[i]);
            goto out;
        }
    }
    TRY(mix_results_get_number(f, MIX_RESULTS_GROUP, MIX_RESULTS_FORMAT, H5T_NATIVE_INT32,
                               &version));
    TRY(mix_results_get_number(f, MIX_RESULTS_GROUP, MIX_RESULTS_ENTRIES, H5T_NATIVE_INT64,
                               &f->entries));
    TRY(mix_results_get_number(f, MIX_RESULTS_GROUP, MIX_RESULTS_CHECKSUM, H5T_NATIVE_UINT64,
                               &f->sum));
    if (version != MIX_RESULTS_VERSION || f->entries < 0)
        rc = MIX_FAIL(MIX_EINPUT,
                      "%s: form %d of result files, expected %d; written by another "
                      "version of mixserve",
                      f->file->path, (int)version, MIX_RESULTS_VERSION);
out:
    return rc;
}

/* A dataset of the form, or a column. */
static int take_set(struct mix_results_file *f, const char *leaf)
{
    int rc = MIX_OK;
    struct mix_h5set s = {0};
    size_t n = (size_t)mix_columns_count(f->columns);

    TRY(mix_h5set_open(&s, f->file, MIX_RESULTS_GROUP, leaf));
    for (int i = 0; i < MIX_RESULTS_SETS; i++)
        if (strcmp(leaf, mix_results_set_name(i)) == 0) {
            if (H5Tget_class(s.type) != H5Tget_class(mix_results_set_type(i, H5T_C_S1)) ||
                s.rank != 1) {
                rc = MIX_FAIL(MIX_EINPUT, "%s: %s is not of the type of a result file",
                              f->file->path, s.name);
                goto out;
            }
            f->set[i] = s;
            return MIX_OK;
        }
    TRY(mix_grow(&f->column, &f->column_room, n + 1, sizeof *f->column, "columns"));
    TRY(mix_columns_add_set(f->columns, &s));
    MIX_CHECK(mix_columns_find(f->columns, leaf) == (int)n, "columns out of order at %s", leaf);
    f->column[n] = s;
    s = (struct mix_h5set){0};
out:
    (void)mix_h5set_close(&s);
    return rc;
}

static int check_rows(const struct mix_results_file *f, const struct mix_h5set *s, int64_t rows)
{
    if (s->rows == rows)
        return MIX_OK;
    return MIX_FAIL(MIX_EINPUT, "%s: %s has %lld values, expected %lld", f->file->path, s->name,
                    (long long)s->rows, (long long)rows);
}

static int check_sets(struct mix_results_file *f)
{
    int rc = MIX_OK;
    int64_t last;

    for (int i = 0; i < MIX_RESULTS_SETS; i++) {
        if (i == MIX_RESULTS_CUSTOM_ID && !f->set[i].file)
            continue;
        if (!f->set[i].file) {
            rc = MIX_FAIL(MIX_EINPUT, "%s: not a result file: no dataset " MIX_RESULTS_GROUP "/%s",
                          f->file->path, mix_results_set_name(i));
            goto out;
        }
        if (i != MIX_RESULTS_TOKENS)
            TRY(check_rows(f, &f->set[i], f->entries + (i == MIX_RESULTS_OFFSETS)));
    }
    for (int i = 0; i < mix_columns_count(f->columns); i++)
        TRY(check_rows(f, &f->column[i], f->entries));
    TRY(mix_h5set_read(&f->set[MIX_RESULTS_OFFSETS], f->entries, 1, H5T_NATIVE_INT64, &last, NULL));
    TRY(check_rows(f, &f->set[MIX_RESULTS_TOKENS], last));
out:
    return rc;
}

int mix_results_open(struct mix_results_file **out, const char *path)
{
    int rc = MIX_OK, n = 0;
    struct mix_results_file *f = NULL;
    char **names = NULL;

    TRY(mix_calloc(&f, 1, sizeof *f, "results"));
    TRY(mix_h5_open(&f->file, path));
    TRY(check_form(f));
    TRY(mix_columns_create(&f->columns));
    TRY(mix_h5_names(f->file, MIX_RESULTS_GROUP, &names, &n));
    for (int i = 0; i < n; i++)
        TRY(take_set(f, names[i]));
    TRY(check_sets(f));
    *out = f;
    f = NULL;
out:
    mix_h5_names_free(names, n);
    mix_results_close(f);
    return rc;
}

int64_t mix_results_entries(const struct mix_results_file *f)
{
    return f->entries;
}

struct mix_results_schema mix_results_schema(const struct mix_results_file *f)
{
    return (struct mix_results_schema){.custom_id = f->set[MIX_RESULTS_CUSTOM_ID].file != NULL,
                                       .columns = f->columns};
}

int mix_results_read_run(struct mix_results_file *f, const char *name, struct mix_str *text,
                         bool *found)
{
    int rc = MIX_OK;
    struct mix_str path = {0};
    hid_t id = H5I_INVALID_HID, type = H5I_INVALID_HID, dxpl = H5I_INVALID_HID;
    hid_t space = H5I_INVALID_HID;
    H5I_type_t kind;
    char *s = NULL;
    struct mix_h5arena memory = {0};

    mix_h5_quiet();
    TRY(mix_str_addf(&path, MIX_RESULTS_RUN "/%s", name));
    TRY(mix_h5_kind(f->file, path.s, &kind));
    *found = kind == H5I_DATASET;
    if (!*found)
        goto out;
    TRY_H5(id = H5Dopen2(f->file->id, path.s, H5P_DEFAULT), f->file, "cannot open %s", path.s);
    TRY_H5(type = H5Dget_type(id), f->file, "cannot open %s", path.s);
    TRY_H5(space = H5Dget_space(id), f->file, "cannot open %s", path.s);
    if (H5Tis_variable_str(type) <= 0 || H5Sget_simple_extent_npoints(space) != 1) {
        rc = MIX_FAIL(MIX_EINPUT, "%s: %s is not one string", f->file->path, path.s);
        goto out;
    }
    TRY(mix_h5_transfer(f->file, type, type, &dxpl));
    TRY(mix_h5set_use_arena(f->file, dxpl, &memory));
    TRY_H5(H5Dread(id, type, H5S_ALL, H5S_ALL, dxpl, &s), f->file, "cannot read %s", path.s);
    TRY(mix_str_add(text, s ? s : "", s ? strlen(s) : 0));
out:
    mix_h5arena_fini(&memory);
    mix_h5_drop(dxpl);
    mix_h5_drop(space);
    mix_h5_drop(type);
    mix_h5_drop(id);
    mix_str_fini(&path);
    return rc;
}
