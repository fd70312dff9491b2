/* results_write.c - entries are gathered and written a chunk at a time.
 *
 * When to write is decided by the entries alone, never by how they were handed
 * in, so that HDF5 sees the same calls, and lays out the same file, however many
 * pieces the entries came in. */
#include "io/results_open.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

enum { FLUSH_BYTES = 8 << 20 }; /* or MIX_RESULTS_CHUNK entries; part of the form, like a chunk */

struct mix_results {
    struct mix_h5 *file;
    hid_t text; /* variable-length UTF-8 */
    bool custom_id;
    struct mix_h5set set[MIX_RESULTS_SETS];
    struct mix_h5set *column; /* [columns] */
    struct mix_hasher *hash;
    int64_t entries, all_tokens; /* appended so far */
    /* What is not written yet: */
    int n;
    int64_t row[MIX_RESULTS_CHUNK], end[MIX_RESULTS_CHUNK]; /* end: of the entry's tokens */
    int32_t sample[MIX_RESULTS_CHUNK];
    int32_t prompt_tokens[MIX_RESULTS_CHUNK], completion_tokens[MIX_RESULTS_CHUNK];
    const char *body[MIX_RESULTS_CHUNK], *finish_reason[MIX_RESULTS_CHUNK];
    const char *error[MIX_RESULTS_CHUNK], *id[MIX_RESULTS_CHUNK];
    struct mix_h5arena strings;
    int32_t *tokens;
    size_t tokens_n, tokens_room;
    struct mix_columns *columns;
};

static int close_sets(struct mix_results *r)
{
    int rc = MIX_OK;

    for (int i = 0; i < MIX_RESULTS_SETS; i++) {
        int also = mix_h5set_close(&r->set[i]);
        rc = rc ? rc : also;
    }
    for (int i = 0; r->column && i < mix_columns_count(r->columns); i++) {
        int also = mix_h5set_close(&r->column[i]);
        rc = rc ? rc : also;
    }
    return rc;
}

void mix_results_destroy(struct mix_results *r)
{
    if (!r)
        return;
    mix_h5_quiet();
    (void)close_sets(r);
    mix_h5_drop(r->text);
    mix_h5_abandon(r->file);
    mix_hasher_destroy(r->hash);
    mix_h5arena_fini(&r->strings);
    mix_columns_destroy(r->columns);
    free(r->column);
    free(r->tokens);
    free(r);
}

int mix_results_create(struct mix_results **out, const char *path,
                       const struct mix_results_schema *schema)
{
    int rc = MIX_OK;
    struct mix_results *r = NULL;
    const int64_t zero = 0;

    TRY(mix_calloc(&r, 1, sizeof *r, "results"));
    r->text = H5I_INVALID_HID;
    r->custom_id = schema->custom_id;
    TRY(mix_columns_create_like(&r->columns, schema->columns));
    TRY(mix_calloc(&r->column, (size_t)mix_columns_count(r->columns), sizeof *r->column,
                   "columns"));
    TRY(mix_hasher_create(&r->hash));
    mix_results_hash_schema(r->hash, schema);
    TRY(mix_h5_create(&r->file, path, MIX_RESULTS_SEAL));
    TRY(mix_h5_make_group(r->file, MIX_RESULTS_GROUP));
    TRY(mix_h5_text_type(r->file, &r->text));
    for (int i = 0; i < MIX_RESULTS_SETS; i++)
        if (i != MIX_RESULTS_CUSTOM_ID || r->custom_id)
            TRY(mix_h5set_create(&r->set[i], r->file, MIX_RESULTS_GROUP, mix_results_set_name(i),
                                 mix_results_set_type(i, r->text), 1, NULL,
                                 i == MIX_RESULTS_TOKENS ? MIX_RESULTS_TOKEN_CHUNK
                                                         : MIX_RESULTS_CHUNK));
    TRY(mix_columns_create_sets(r->columns, r->file, MIX_RESULTS_GROUP, MIX_RESULTS_CHUNK,
                                r->column));
    TRY(mix_h5set_append(&r->set[MIX_RESULTS_OFFSETS], 1, H5T_NATIVE_INT64, &zero));
    TRY(mix_h5_written(r->file));
    *out = r;
    r = NULL;
out:
    mix_results_destroy(r);
    return rc;
}

static int flush(struct mix_results *r)
{
    const void *from[MIX_RESULTS_SETS] = {
        [MIX_RESULTS_ROW] = r->row,
        [MIX_RESULTS_SAMPLE] = r->sample,
        [MIX_RESULTS_PROMPT_TOKENS] = r->prompt_tokens,
        [MIX_RESULTS_COMPLETION_TOKENS] = r->completion_tokens,
        [MIX_RESULTS_FINISH_REASON] = r->finish_reason,
        [MIX_RESULTS_ERROR] = r->error,
        [MIX_RESULTS_TEXT] = r->body,
        [MIX_RESULTS_TOKENS] = r->tokens,
        [MIX_RESULTS_OFFSETS] = r->end,
        [MIX_RESULTS_CUSTOM_ID] = r->id,
    };
    int rc = MIX_OK;

    if (r->n == 0)
        goto out;
    for (int i = 0; i < MIX_RESULTS_SETS; i++)
        if (i != MIX_RESULTS_CUSTOM_ID || r->custom_id)
            TRY(mix_h5set_append(&r->set[i], i == MIX_RESULTS_TOKENS ? (int64_t)r->tokens_n : r->n,
                                 mix_results_set_memory(i, r->text), from[i]));
    TRY(mix_columns_append_sets(r->columns, r->column));
    TRY(mix_h5_written(r->file));
    r->n = 0;
    r->tokens_n = 0;
    mix_h5arena_fini(&r->strings);
    mix_columns_clear(r->columns);
out:
    return rc;
}

/* A copy of the text; U+FFFD for each NUL. */
static int keep_text(struct mix_results *r, const char *s, size_t n, const char **kept)
{
    int rc = MIX_OK;
    char *copy;
    size_t nuls = 0, at = 0;

    for (size_t i = 0; i < n; i++)
        nuls += s[i] == '\0';
    if (nuls == 0)
        return mix_h5arena_text(&r->strings, s, n, kept);
    if (!(copy = mix_h5arena_alloc(n + 2 * nuls + 1, &r->strings))) {
        rc = MIX_FAIL(MIX_EFIT, "out of host memory: %zu bytes of text", n);
        goto out;
    }
    for (size_t i = 0; i < n; i++) {
        if (s[i]) {
            copy[at++] = s[i];
        } else {
            memcpy(copy + at, "\xEF\xBF\xBD", 3);
            at += 3;
        }
    }
    copy[at] = '\0';
    *kept = copy;
out:
    return rc;
}

static int append_one(struct mix_results *r, const struct mix_result *e,
                      const struct mix_columns *columns, int64_t col_row)
{
    int rc = MIX_OK;
    int i = r->n;
    struct mix_result kept = *e;

    MIX_CHECK(e->finish_reason && e->error && e->tokens_count >= 0 && e->text_len < UINT32_MAX / 4,
              "entry of row %lld is not complete", (long long)e->row);
    MIX_CHECK(!e->custom_id == !r->custom_id, "row %lld: custom_id %s", (long long)e->row,
              r->custom_id ? "is missing" : "has no place");
    r->row[i] = e->row;
    r->sample[i] = e->sample;
    r->prompt_tokens[i] = e->prompt_tokens;
    r->completion_tokens[i] = e->completion_tokens;
    TRY(keep_text(r, e->text, e->text_len, &r->body[i]));
    TRY(keep_text(r, e->finish_reason, strlen(e->finish_reason), &r->finish_reason[i]));
    TRY(keep_text(r, e->error, strlen(e->error), &r->error[i]));
    if (r->custom_id)
        TRY(keep_text(r, e->custom_id, strlen(e->custom_id), &r->id[i]));
    TRY(mix_grow(&r->tokens, &r->tokens_room, r->tokens_n + (size_t)e->tokens_count,
                 sizeof *r->tokens, "tokens"));
    if (e->tokens_count)
        memcpy(r->tokens + r->tokens_n, e->tokens, (size_t)e->tokens_count * sizeof *e->tokens);
    TRY(mix_columns_append(r->columns, columns, &col_row, 1));
    kept.text = r->body[i];
    kept.text_len = strlen(kept.text);
    mix_results_hash_entry(r->hash, &kept, r->columns, r->n);
    r->tokens_n += (size_t)e->tokens_count;
    r->all_tokens += e->tokens_count;
    r->end[i] = r->all_tokens;
    r->entries++;
    r->n++;
    if (r->n == MIX_RESULTS_CHUNK ||
        r->strings.bytes + r->tokens_n * sizeof *r->tokens + mix_columns_bytes(r->columns) >=
            FLUSH_BYTES)
        TRY(flush(r));
out:
    return rc;
}

int mix_results_append(struct mix_results *r, const struct mix_result *entries, int64_t n,
                       const struct mix_columns *columns, const int64_t *col_row)
{
    int rc = MIX_OK;

    mix_h5_quiet();
    MIX_CHECK(r->file, "results appended to a finished file");
    for (int64_t i = 0; i < n; i++)
        TRY(append_one(r, &entries[i], columns, col_row ? col_row[i] : i));
out:
    return rc;
}

void mix_results_target(const struct mix_results *r, struct mix_results_schema *schema,
                        const char **path)
{
    *schema = (struct mix_results_schema){.custom_id = r->custom_id, .columns = r->columns};
    *path = r->file ? r->file->path : "a finished file";
}

/* An attribute of one number. */
static int put_number(struct mix_results *r, hid_t group, const char *name, hid_t type,
                      hid_t memory, const void *value)
{
    int rc = MIX_OK;
    hid_t space = H5I_INVALID_HID, id = H5I_INVALID_HID;

    TRY_H5(space = H5Screate(H5S_SCALAR), r->file, "cannot write %s", name);
    TRY_H5(id = H5Acreate2(group, name, type, space, H5P_DEFAULT, H5P_DEFAULT), r->file,
           "cannot write %s", name);
    TRY_H5(H5Awrite(id, memory, value), r->file, "cannot write %s", name);
out:
    mix_h5_drop(id);
    mix_h5_drop(space);
    return rc;
}

static int put_text(struct mix_results *r, hid_t group, const struct mix_results_run *run)
{
    int rc = MIX_OK;
    hid_t space = H5I_INVALID_HID, dcpl = H5I_INVALID_HID, id = H5I_INVALID_HID;
    hid_t dxpl = H5I_INVALID_HID;

    MIX_CHECK(run->name[0] && !strchr(run->name, '/'), "/run cannot hold \"%s\"", run->name);
    TRY_H5(space = H5Screate(H5S_SCALAR), r->file, "cannot write %s", run->name);
    TRY_H5(dcpl = H5Pcreate(H5P_DATASET_CREATE), r->file, "cannot write %s", run->name);
    TRY_H5(H5Pset_obj_track_times(dcpl, false), r->file, "cannot write %s", run->name);
    TRY_H5(id = H5Dcreate2(group, run->name, r->text, space, H5P_DEFAULT, dcpl, H5P_DEFAULT),
           r->file, "cannot write /run/%s", run->name);
    TRY(mix_h5_transfer(r->file, r->text, r->text, &dxpl));
    TRY_H5(H5Dwrite(id, r->text, H5S_ALL, H5S_ALL, dxpl, &run->text), r->file,
           "cannot write /run/%s", run->name);
out:
    mix_h5_drop(dxpl);
    mix_h5_drop(id);
    mix_h5_drop(dcpl);
    mix_h5_drop(space);
    return rc;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct mix_results_run *)a)->name,
                  ((const struct mix_results_run *)b)->name);
}

static int put_run(struct mix_results *r, const struct mix_results_run *run, int n)
{
    int rc = MIX_OK;
    hid_t group = H5I_INVALID_HID;
    struct mix_results_run *sorted = NULL;
    struct mix_hasher *h = NULL;
    uint64_t sum;

    TRY(mix_h5_make_group(r->file, MIX_RESULTS_RUN));
    TRY_H5(group = H5Gopen2(r->file->id, MIX_RESULTS_RUN, H5P_DEFAULT), r->file,
           "cannot write " MIX_RESULTS_RUN);
    TRY(mix_hasher_create(&h));
    TRY(mix_calloc(&sorted, (size_t)n, sizeof *sorted, "run attributes"));
    if (n) {
        memcpy(sorted, run, (size_t)n * sizeof *sorted);
        qsort(sorted, (size_t)n, sizeof *sorted, by_name);
    }
    for (int i = 0; i < n; i++) {
        TRY(put_text(r, group, &sorted[i]));
        mix_results_hash_run(h, sorted[i].name, sorted[i].text);
    }
    sum = mix_hasher_value(h);
    TRY(put_number(r, group, MIX_RESULTS_CHECKSUM, H5T_STD_U64LE, H5T_NATIVE_UINT64, &sum));
out:
    mix_h5_drop(group);
    free(sorted);
    mix_hasher_destroy(h);
    return rc;
}

static int put_sums(struct mix_results *r)
{
    int rc = MIX_OK;
    const int32_t version = MIX_RESULTS_VERSION;
    const uint64_t sum = mix_hasher_value(r->hash);
    hid_t group = H5I_INVALID_HID;

    TRY_H5(group = H5Gopen2(r->file->id, MIX_RESULTS_GROUP, H5P_DEFAULT), r->file,
           "cannot write " MIX_RESULTS_GROUP);
    TRY(put_number(r, group, MIX_RESULTS_FORMAT, H5T_STD_I32LE, H5T_NATIVE_INT32, &version));
    TRY(put_number(r, group, MIX_RESULTS_ENTRIES, H5T_STD_I64LE, H5T_NATIVE_INT64, &r->entries));
    TRY(put_number(r, group, MIX_RESULTS_CHECKSUM, H5T_STD_U64LE, H5T_NATIVE_UINT64, &sum));
out:
    mix_h5_drop(group);
    return rc;
}

int mix_results_finish(struct mix_results *r, const struct mix_results_run *run, int n)
{
    int rc = MIX_OK;
    struct mix_h5 *file = r->file;
    char *path = NULL;

    mix_h5_quiet();
    MIX_CHECK(file, "results finished twice");
    if (!(path = mix_strdup(file->path))) {
        rc = MIX_EFIT;
        goto out;
    }
    TRY(flush(r));
    TRY(put_run(r, run, n));
    TRY(close_sets(r));
    TRY(mix_h5_written(file));
    TRY(put_sums(r));
    r->file = NULL;
    TRY(mix_h5_close(file));
    TRY(mix_results_seal(path));
out:
    free(path);
    return rc;
}
