/* extras.c - see extras.h.  A table of members with the kinds of values that each has had. */
#include "engine/extras.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "io/columns.h"
#include "text/jsonl_write.h"

#include <jansson.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum { INTEGER = 1, BIG = 2, REAL = 4, TRUTH = 8, NOTHING = 16, OTHER = 32 }; /* bits of seen */

struct member {
    char *name;
    int seen;
    int64_t rows; /* that have it */
};

struct mix_extras {
    struct member *member;
    size_t count, room;
    int64_t rows; /* looked at */
};

int mix_extras_create(struct mix_extras **extras)
{
    return mix_calloc(extras, 1, sizeof **extras, "members of lines");
}

void mix_extras_destroy(struct mix_extras *e)
{
    if (!e)
        return;
    for (size_t i = 0; i < e->count; i++)
        free(e->member[i].name);
    free(e->member);
    free(e);
}

static int parse(const char *object, json_t **root)
{
    json_error_t error;

    *root = object ? json_loads(object, JSON_ALLOW_NUL, &error) : json_object();
    if (json_is_object(*root))
        return MIX_OK;
    json_decref(*root);
    *root = NULL;
    return object ? MIX_FAIL(MIX_EBUG, "members of a line are no JSON object: %s", error.text)
                  : MIX_FAIL(MIX_EFIT, "out of host memory: members of a line");
}

static int kind_of(const json_t *value)
{
    static const json_int_t exact = (json_int_t)1 << 53; /* doubles leave out integers from there */
    json_int_t i = json_integer_value(value);

    switch (json_typeof(value)) {
    case JSON_INTEGER:
        return i > exact || i < -exact ? BIG : INTEGER;
    case JSON_REAL:
        return REAL;
    case JSON_TRUE:
    case JSON_FALSE:
        return TRUTH;
    case JSON_NULL:
        return NOTHING;
    default:
        return OTHER;
    }
}

/* Lines of one file mostly have the same members in the same order: hint is where to look first.
 * *at is count if there is no such member. */
static void find(const struct mix_extras *e, const char *name, size_t hint, size_t *at)
{
    for (size_t k = 0; k < e->count; k++) {
        *at = (hint + k) % e->count;
        if (strcmp(e->member[*at].name, name) == 0)
            return;
    }
    *at = e->count;
}

static int add(struct mix_extras *e, const char *name)
{
    int rc;
    char *copy = NULL;

    TRY(mix_grow(&e->member, &e->room, e->count + 1, sizeof *e->member, "members of lines"));
    if (!(copy = mix_strdup(name)))
        return MIX_EFIT;
    e->member[e->count++] = (struct member){.name = copy};
out:
    return rc;
}

/* Can the member be a column, as far as this row tells?  NULL: it can. */
static const char *objection(const char *name, const json_t *value)
{
    const char *s = json_string_value(value);

    if (!name[0] || strchr(name, '/') || strcmp(name, ".") == 0)
        return "the name of a member beside body is empty, \".\" or has a \"/\", and cannot be "
               "that of a column";
    if (s && memchr(s, 0, json_string_length(value)))
        return "a member beside body has a zero byte, which HDF5 strings cannot hold";
    return NULL;
}

int mix_extras_look(struct mix_extras *e, const char *object, const char **why)
{
    int rc;
    json_t *root = NULL, *value;
    const char *name;
    size_t at = (size_t)-1;

    *why = NULL;
    TRY(parse(object, &root));
    json_object_foreach(root, name, value)
    {
        if ((*why = objection(name, value)))
            goto out;
        find(e, name, at + 1, &at);
        if (at == MIX_EXTRAS_MOST) {
            *why = "there are more than 1000 different members beside body: they would be as many "
                   "columns";
            goto out;
        }
        if (at == e->count)
            TRY(add(e, name));
        e->member[at].seen |= kind_of(value);
        e->member[at].rows++;
    }
    e->rows++;
out:
    json_decref(root);
    return rc;
}

static enum mix_column_kind column_kind(const struct mix_extras *e, const struct member *m)
{
    bool every = m->rows == e->rows && !(m->seen & NOTHING);

    if (every && !(m->seen & ~(INTEGER | BIG)))
        return MIX_COLUMN_INT;
    if (every && m->seen == TRUTH)
        return MIX_COLUMN_BOOL;
    if (!(m->seen & ~(INTEGER | REAL | NOTHING)))
        return MIX_COLUMN_FLOAT;
    return MIX_COLUMN_TEXT;
}

int mix_extras_columns(const struct mix_extras *e, struct mix_columns **out)
{
    int rc;
    struct mix_columns *c = NULL;

    TRY(mix_columns_create(&c));
    for (size_t i = 0; i < e->count; i++)
        TRY(mix_columns_add(c, e->member[i].name, column_kind(e, &e->member[i])));
    *out = c;
    c = NULL;
out:
    mix_columns_destroy(c);
    return rc;
}

static int set_text(struct mix_columns *c, int column, int64_t row, const json_t *value)
{
    int rc = MIX_OK;
    struct mix_str text = {0};

    if (json_is_null(value)) /* as if it were not there: "" */
        goto out;
    if (json_is_string(value)) {
        rc = mix_columns_set_text(c, column, row, json_string_value(value),
                                  json_string_length(value));
        goto out;
    }
    TRY(mix_jsonl_write_value(&text, value));
    TRY(mix_columns_set_text(c, column, row, text.s, text.len));
out:
    mix_str_fini(&text);
    return rc;
}

static int set(struct mix_columns *c, int column, int64_t row, enum mix_column_kind kind,
               const json_t *value)
{
    switch (kind) {
    case MIX_COLUMN_INT:
        return mix_columns_set_int(c, column, row, json_integer_value(value));
    case MIX_COLUMN_BOOL:
        return mix_columns_set_int(c, column, row, json_is_true(value));
    case MIX_COLUMN_FLOAT:
        return mix_columns_set_float(c, column, row,
                                     json_is_null(value) ? NAN : json_number_value(value));
    default:
        return set_text(c, column, row, value);
    }
}

int mix_extras_append(const struct mix_extras *e, const char *object, struct mix_columns *c)
{
    int rc;
    int64_t row = mix_columns_rows(c);
    json_t *root = NULL;

    TRY(parse(object, &root));
    TRY(mix_columns_append_empty(c));
    for (size_t i = 0; i < e->count; i++) {
        const struct member *m = &e->member[i];
        const json_t *value = json_object_get(root, m->name);
        int column = mix_columns_find(c, m->name);

        MIX_CHECK(column >= 0, "no column %s", m->name);
        if (value)
            TRY(set(c, column, row, column_kind(e, m), value));
    }
out:
    json_decref(root);
    return rc;
}
