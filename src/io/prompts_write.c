/* prompts_write.c - an input file, appended to block by block, as h5py would lay it out. */
#include "io/prompts_open.h"

#include "base/err.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define GROUP "/prompts"

enum { ROWS_PER_CHUNK = 1024, TOKENS_PER_CHUNK = 16384 };

struct mix_prompts_writer {
    struct mix_h5 *file;
    enum mix_prompt_kind kind;
    int64_t rows, tokens; /* written so far */
    struct mix_h5set body, offsets, custom_id;
    int params;
    struct mix_h5set *param; /* [params] */
    struct mix_columns *columns;
    struct mix_h5set *column; /* [columns] */
    hid_t text;               /* variable-length UTF-8 */
};

static int close_sets(struct mix_prompts_writer *w)
{
    int rc = mix_h5set_close(&w->body), also = mix_h5set_close(&w->offsets);

    rc = rc ? rc : also;
    also = mix_h5set_close(&w->custom_id);
    rc = rc ? rc : also;
    for (int i = 0; w->param && i < w->params; i++) {
        also = mix_h5set_close(&w->param[i]);
        rc = rc ? rc : also;
    }
    for (int i = 0; w->column && i < mix_columns_count(w->columns); i++) {
        also = mix_h5set_close(&w->column[i]);
        rc = rc ? rc : also;
    }
    return rc;
}

void mix_prompts_destroy(struct mix_prompts_writer *w)
{
    if (!w)
        return;
    mix_h5_quiet();
    (void)close_sets(w);
    mix_h5_drop(w->text);
    mix_h5_abandon(w->file);
    free(w->param);
    free(w->column);
    mix_columns_destroy(w->columns);
    free(w);
}

static int check_names(const char *path, const struct mix_prompts_schema *s)
{
    for (int i = 0; i < mix_columns_count(s->columns); i++) {
        const char *name = mix_columns_name(s->columns, i);
        bool taken = mix_prompts_name_taken(name);

        for (int k = 0; k < s->params; k++)
            taken |= strcmp(name, s->param[k]) == 0;
        if (taken)
            return MIX_FAIL(MIX_EINPUT,
                            "%s: a column cannot be named %s: the format needs the name", path,
                            name);
    }
    return MIX_OK;
}

static int create_body(struct mix_prompts_writer *w)
{
    int rc = MIX_OK;
    const int64_t zero = 0;

    if (w->kind == MIX_PROMPT_TOKENS) {
        TRY(mix_h5set_create(&w->body, w->file, GROUP, "tokens", H5T_STD_I32LE, 1, NULL,
                             TOKENS_PER_CHUNK));
        TRY(mix_h5set_create(&w->offsets, w->file, GROUP, "offsets", H5T_STD_I64LE, 1, NULL,
                             ROWS_PER_CHUNK));
        TRY(mix_h5set_append(&w->offsets, 1, H5T_NATIVE_INT64, &zero));
    } else {
        TRY(mix_h5set_create(&w->body, w->file, GROUP,
                             w->kind == MIX_PROMPT_TEXT ? "text" : "messages", w->text, 1, NULL,
                             ROWS_PER_CHUNK));
    }
out:
    return rc;
}

int mix_prompts_create(struct mix_prompts_writer **out, const char *path,
                       const struct mix_prompts_schema *s)
{
    int rc = MIX_OK;
    struct mix_prompts_writer *w = NULL;

    TRY(check_names(path, s));
    TRY(mix_calloc(&w, 1, sizeof *w, "prompts"));
    w->text = H5I_INVALID_HID;
    w->kind = s->kind;
    TRY(mix_h5_create(&w->file, path, 0));
    TRY(mix_h5_make_group(w->file, GROUP));
    TRY(mix_h5_text_type(w->file, &w->text));
    TRY(mix_calloc(&w->param, (size_t)s->params, sizeof *w->param, "parameters"));
    w->params = s->params;
    TRY(mix_columns_create_like(&w->columns, s->columns));
    TRY(mix_calloc(&w->column, (size_t)mix_columns_count(w->columns), sizeof *w->column,
                   "columns"));
    TRY(create_body(w));
    for (int i = 0; i < s->params; i++)
        TRY(mix_h5set_create(&w->param[i], w->file, GROUP, s->param[i], H5T_IEEE_F64LE, 1, NULL,
                             ROWS_PER_CHUNK));
    if (s->custom_id)
        TRY(mix_h5set_create(&w->custom_id, w->file, GROUP, "custom_id", w->text, 1, NULL,
                             ROWS_PER_CHUNK));
    TRY(mix_columns_create_sets(w->columns, w->file, GROUP, ROWS_PER_CHUNK, w->column));
    *out = w;
    w = NULL;
out:
    mix_prompts_destroy(w);
    return rc;
}

static int append_text(struct mix_prompts_writer *w, const struct mix_prompt_block *b)
{
    int rc = MIX_OK;

    for (int64_t i = 0; i < b->rows; i++)
        if (memchr(b->text[i], 0, b->text_len[i])) {
            rc = MIX_FAIL(MIX_EINPUT,
                          "%s: row %lld: the text has a NUL character, which HDF5 strings cannot "
                          "hold",
                          w->file->path, (long long)(w->rows + i));
            goto out;
        }
    TRY(mix_h5set_append(&w->body, b->rows, w->text, b->text));
out:
    return rc;
}

static int append_tokens(struct mix_prompts_writer *w, const struct mix_prompt_block *b)
{
    int64_t *end = NULL;
    int rc = MIX_OK;

    TRY(mix_calloc(&end, (size_t)b->rows, sizeof *end, "offsets"));
    for (int64_t i = 0; i < b->rows; i++)
        end[i] = w->tokens + b->offset[i + 1];
    TRY(mix_h5set_append(&w->body, b->offset[b->rows], H5T_NATIVE_INT32, b->tokens));
    TRY(mix_h5set_append(&w->offsets, b->rows, H5T_NATIVE_INT64, end));
    w->tokens += b->offset[b->rows];
out:
    free(end);
    return rc;
}

static int append_param(struct mix_h5set *s, int64_t rows, const double *value)
{
    double *none = NULL;
    int rc = MIX_OK;

    if (!value) {
        TRY(mix_calloc(&none, (size_t)rows, sizeof *none, "parameters"));
        for (int64_t i = 0; i < rows; i++)
            none[i] = NAN;
    }
    TRY(mix_h5set_append(s, rows, H5T_NATIVE_DOUBLE, value ? value : none));
out:
    free(none);
    return rc;
}

int mix_prompts_append(struct mix_prompts_writer *w, const struct mix_prompt_block *b)
{
    int rc = MIX_OK;
    const char *why = "";

    mix_h5_quiet();
    MIX_CHECK(b->kind == w->kind && b->params == w->params && !b->custom_id == !w->custom_id.file,
              "%s: a block of another form than the file", w->file->path);
    MIX_CHECK(mix_columns_same(w->columns, b->columns, &why) &&
                  (mix_columns_count(w->columns) == 0 || mix_columns_rows(b->columns) == b->rows),
              "%s: column %s is not what the file was made for", w->file->path, why);
    if (b->rows == 0)
        goto out;
    TRY(w->kind == MIX_PROMPT_TOKENS ? append_tokens(w, b) : append_text(w, b));
    for (int i = 0; i < w->params; i++)
        TRY(append_param(&w->param[i], b->rows, b->param[i]));
    if (w->custom_id.file)
        TRY(mix_h5set_append(&w->custom_id, b->rows, w->text, b->custom_id));
    if (mix_columns_count(w->columns))
        TRY(mix_columns_append_sets(b->columns, w->column));
    TRY(mix_h5_written(w->file));
    w->rows += b->rows;
out:
    return rc;
}

int mix_prompts_finish(struct mix_prompts_writer *w)
{
    int rc = MIX_OK;
    struct mix_h5 *file = w->file;

    mix_h5_quiet();
    MIX_CHECK(file, "prompts finished twice");
    rc = close_sets(w);
    mix_h5_drop(w->text);
    w->text = H5I_INVALID_HID;
    w->file = NULL;
    if (rc)
        mix_h5_abandon(file);
    else
        rc = mix_h5_close(file);
out:
    return rc;
}
