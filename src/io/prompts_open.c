/* prompts_open.c - opening the input file: what is in it, and whether it fits together. */
#include "io/prompts_open.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/h5type.h"

#include <stdlib.h>
#include <string.h>

#define GROUP "/prompts"

enum { TEXT_MOST = 1 << 26 }; /* bytes of a fixed-length string: blocks hold many */

bool mix_prompts_name_taken(const char *name)
{
    static const char *const taken[] = {
        "row",       "sample",        "text",
        "tokens",    "offsets",       "finish_reason",
        "error",     "prompt_tokens", "completion_tokens",
        "custom_id", "messages",
    };
    static const char *const start[] = {"logprob", "prompt_logprob", "top_logprob",
                                        "cumulative_logprob"};

    for (size_t i = 0; i < sizeof taken / sizeof taken[0]; i++)
        if (strcmp(name, taken[i]) == 0)
            return true;
    for (size_t i = 0; i < sizeof start / sizeof start[0]; i++)
        if (strncmp(name, start[i], strlen(start[i])) == 0)
            return true;
    return false;
}

void mix_prompts_close(struct mix_prompts *p)
{
    if (!p)
        return;
    mix_h5_quiet();
    (void)mix_h5set_close(&p->body);
    (void)mix_h5set_close(&p->offsets);
    (void)mix_h5set_close(&p->custom_id);
    for (int i = 0; p->param && i < p->params; i++)
        (void)mix_h5set_close(&p->param[i]);
    for (int i = 0; i < mix_columns_count(p->columns); i++)
        (void)mix_h5set_close(&p->column[i]);
    free(p->param);
    free(p->column);
    mix_columns_destroy(p->columns);
    mix_h5_abandon(p->file);
    free(p);
}

/* One-dimensional, and of one of the two classes. */
static int check_form(const struct mix_h5set *s, H5T_class_t a, H5T_class_t b, const char *expected)
{
    H5T_class_t is = H5Tget_class(s->type);

    if (s->rank != 1)
        return MIX_FAIL(MIX_EINPUT, "%s: %s has %d dimensions, expected one value per row",
                        s->file->path, s->name, s->rank);
    if (is != a && is != b)
        return MIX_FAIL(MIX_EINPUT, "%s: %s is %s, expected %s", s->file->path, s->name,
                        mix_h5type_name(s->type), expected);
    if (H5Tget_size(s->type) > TEXT_MOST)
        return MIX_FAIL(MIX_EINPUT,
                        "%s: %s has strings of %zu bytes each; store variable-length ones",
                        s->file->path, s->name, H5Tget_size(s->type));
    return MIX_OK;
}

static int add_column(struct mix_prompts *p, struct mix_h5set *s)
{
    const char *leaf = strrchr(s->name, '/') + 1;
    int rc = MIX_OK;
    size_t n = (size_t)mix_columns_count(p->columns);

    if (mix_prompts_name_taken(leaf)) {
        rc = MIX_FAIL(MIX_EINPUT,
                      "%s: the column %s has the name of a dataset of the results; rename it",
                      p->file->path, s->name);
        goto out;
    }
    TRY(mix_grow(&p->column, &p->column_room, n + 1, sizeof *p->column, "columns"));
    TRY(mix_columns_add_set(p->columns, s));
    MIX_CHECK(mix_columns_find(p->columns, leaf) == (int)n, "columns out of order at %s", leaf);
    p->column[n] = *s;
    *s = (struct mix_h5set){0};
out:
    return rc;
}

/* Put a dataset where it belongs by its name. */
static int take_set(struct mix_prompts *p, struct mix_h5set *s)
{
    static const struct {
        const char *name;
        enum mix_prompt_kind kind;
        H5T_class_t class;
        const char *expected;
    } bodies[] = {{"text", MIX_PROMPT_TEXT, H5T_STRING, "strings"},
                  {"tokens", MIX_PROMPT_TOKENS, H5T_INTEGER, "integers (int32)"},
                  {"messages", MIX_PROMPT_MESSAGES, H5T_STRING, "strings (JSON)"}};
    const char *leaf = strrchr(s->name, '/') + 1;
    struct mix_h5set *to = NULL;
    int rc = MIX_OK;

    for (size_t i = 0; !to && i < sizeof bodies / sizeof bodies[0]; i++) {
        if (strcmp(leaf, bodies[i].name) != 0)
            continue;
        if (p->body.file) {
            rc = MIX_FAIL(MIX_EINPUT, "%s: both %s and %s; keep one of them", p->file->path,
                          p->body.name, s->name);
            goto out;
        }
        TRY(check_form(s, bodies[i].class, bodies[i].class, bodies[i].expected));
        to = &p->body;
        p->kind = bodies[i].kind;
    }
    if (!to && strcmp(leaf, "offsets") == 0) {
        TRY(check_form(s, H5T_INTEGER, H5T_INTEGER, "integers (int64)"));
        to = &p->offsets;
    } else if (!to && strcmp(leaf, "custom_id") == 0) {
        TRY(check_form(s, H5T_STRING, H5T_STRING, "strings; convert it, or rename the column"));
        to = &p->custom_id;
    }
    for (int i = 0; !to && i < p->params; i++) {
        if (strcmp(leaf, p->param_name[i]) != 0)
            continue;
        if (strcmp(mix_h5type_name(s->type), "bool") != 0)
            TRY(check_form(s, H5T_INTEGER, H5T_FLOAT,
                           "numbers: it is a sampling parameter by its name"));
        else
            TRY(check_form(s, H5T_ENUM, H5T_ENUM, "numbers"));
        to = &p->param[i];
    }
    if (to) {
        *to = *s;
        *s = (struct mix_h5set){0};
    } else {
        TRY(add_column(p, s));
    }
out:
    return rc;
}

static int take_name(struct mix_prompts *p, const char *leaf)
{
    int rc = MIX_OK;
    struct mix_h5set s = {0};
    struct mix_str path = {0};
    H5I_type_t kind;

    TRY(mix_str_addf(&path, GROUP "/%s", leaf));
    TRY(mix_h5_kind(p->file, path.s, &kind));
    if (kind == H5I_GROUP)
        mix_log(MIX_LOG_WARN, "%s: %s is a group: what is in it is not passed through",
                p->file->path, path.s);
    if (kind == H5I_DATASET) {
        TRY(mix_h5set_open(&s, p->file, GROUP, leaf));
        TRY(take_set(p, &s));
    }
out:
    (void)mix_h5set_close(&s);
    mix_str_fini(&path);
    return rc;
}

static int take_names(struct mix_prompts *p)
{
    int rc = MIX_OK, n = 0;
    H5I_type_t kind;
    char **names = NULL;

    TRY(mix_h5_kind(p->file, GROUP, &kind));
    if (kind != H5I_GROUP) {
        rc = MIX_FAIL(MIX_EINPUT,
                      "%s: %s " GROUP "; write the prompts as the dataset " GROUP "/text",
                      p->file->path, kind == H5I_BADID ? "there is no group" : "not a group:");
        goto out;
    }
    TRY(mix_h5_names(p->file, GROUP, &names, &n));
    for (int i = 0; i < n; i++)
        TRY(take_name(p, names[i]));
out:
    mix_h5_names_free(names, n);
    return rc;
}

/* The ends of offsets; what is between them is checked when it is read. */
static int check_offsets(struct mix_prompts *p)
{
    const char *path = p->file->path;
    int64_t first = 0, last = 0;
    int rc = MIX_OK;

    if (!p->offsets.file || p->offsets.rows < 1) {
        rc = MIX_FAIL(MIX_EINPUT,
                      "%s: %s needs " GROUP "/offsets with one value more than there are rows",
                      path, p->body.name);
        goto out;
    }
    p->rows = p->offsets.rows - 1;
    TRY(mix_h5set_read(&p->offsets, 0, 1, H5T_NATIVE_INT64, &first, NULL));
    TRY(mix_h5set_read(&p->offsets, p->rows, 1, H5T_NATIVE_INT64, &last, NULL));
    if (first != 0)
        rc = MIX_FAIL(MIX_EINPUT, "%s: %s starts with %lld, expected 0", path, p->offsets.name,
                      (long long)first);
    else if (last != p->body.rows)
        rc = MIX_FAIL(MIX_EINPUT, "%s: %s ends with %lld, but %s has %lld values", path,
                      p->offsets.name, (long long)last, p->body.name, (long long)p->body.rows);
out:
    return rc;
}

static int check_rows(const struct mix_prompts *p, const struct mix_h5set *s)
{
    if (!s->file || s->rows == p->rows)
        return MIX_OK;
    return MIX_FAIL(MIX_EINPUT, "%s: %s has %lld rows, expected %lld, one for each prompt",
                    p->file->path, s->name, (long long)s->rows, (long long)p->rows);
}

static int check_all(struct mix_prompts *p)
{
    int rc = MIX_OK;

    if (!p->body.file) {
        rc =
            MIX_FAIL(MIX_EINPUT,
                     "%s: no prompts: expected " GROUP "/text, or tokens with offsets, or messages",
                     p->file->path);
        goto out;
    }
    if (p->kind == MIX_PROMPT_TOKENS) {
        TRY(check_offsets(p));
    } else if (p->offsets.file) {
        rc = MIX_FAIL(MIX_EINPUT, "%s: %s belongs to tokens, but the prompts are %s; rename it",
                      p->file->path, p->offsets.name, p->body.name);
        goto out;
    } else {
        p->rows = p->body.rows;
    }
    TRY(check_rows(p, &p->custom_id));
    for (int i = 0; i < p->params; i++)
        TRY(check_rows(p, &p->param[i]));
    for (int i = 0; i < mix_columns_count(p->columns); i++)
        TRY(check_rows(p, &p->column[i]));
out:
    return rc;
}

int mix_prompts_open(struct mix_prompts **out, const char *path, const char *const *param,
                     int params)
{
    int rc = MIX_OK;
    struct mix_prompts *p = NULL;

    TRY(mix_calloc(&p, 1, sizeof *p, "prompts"));
    TRY(mix_h5_open(&p->file, path));
    p->param_name = param;
    p->params = params;
    TRY(mix_calloc(&p->param, (size_t)params, sizeof *p->param, "parameters"));
    TRY(mix_columns_create(&p->columns));
    TRY(take_names(p));
    TRY(check_all(p));
    *out = p;
    p = NULL;
out:
    mix_prompts_close(p);
    return rc;
}

int64_t mix_prompts_rows(const struct mix_prompts *p)
{
    return p->rows;
}

enum mix_prompt_kind mix_prompts_kind(const struct mix_prompts *p)
{
    return p->kind;
}

bool mix_prompts_have_custom_id(const struct mix_prompts *p)
{
    return p->custom_id.file != NULL;
}

bool mix_prompts_have_param(const struct mix_prompts *p, int param)
{
    return p->param[param].file != NULL;
}

const struct mix_columns *mix_prompts_columns(const struct mix_prompts *p)
{
    return p->columns;
}
