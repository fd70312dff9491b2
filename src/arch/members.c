/* members.c - see members.h. */
#include "arch/members.h"

#include "base/err.h"

#include <errno.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const long long most_file = 16 << 20;

int mix_members_load(json_t **root, const char *path)
{
    struct stat st;
    json_error_t e;
    json_t *j;

    if (stat(path, &st) != 0)
        return MIX_FAIL(MIX_EINPUT, "open %s: %s", path, strerror(errno));
    if (!S_ISREG(st.st_mode) || st.st_size > most_file)
        return MIX_FAIL(MIX_EINPUT, "%s: expected a file of at most %lld bytes", path, most_file);
    j = json_load_file(path, JSON_REJECT_DUPLICATES, &e);
    if (!json_is_object(j)) {
        json_decref(j);
        if (j)
            return MIX_FAIL(MIX_EINPUT, "%s: expected a JSON object", path);
        return MIX_FAIL(MIX_EINPUT, "%s: line %d: %s", path, e.line, e.text);
    }
    *root = j;
    return MIX_OK;
}

const json_t *mix_members_get(const struct mix_members *m, const char *key)
{
    const json_t *j = NULL;
    char one[64];

    for (const char *k = key; k && !j; k = strchr(k, '|') ? strchr(k, '|') + 1 : NULL) {
        snprintf(one, sizeof one, "%.*s", (int)strcspn(k, "|"), k);
        j = json_object_get(m->object, one);
        if (json_is_null(j))
            j = NULL;
    }
    return j;
}

int mix_members_wrong(const struct mix_members *m, const char *key, const char *fmt, ...)
{
    const json_t *j = mix_members_get(m, key);
    char *found = j ? json_dumps(j, JSON_COMPACT | JSON_ENCODE_ANY | JSON_ENSURE_ASCII) : NULL;
    char expected[160];
    va_list ap;
    int rc;

    va_start(ap, fmt);
    vsnprintf(expected, sizeof expected, fmt, ap);
    va_end(ap);
    rc = MIX_FAIL(MIX_EINPUT, "%s: %s%.*s: expected %s, found %.60s", m->path, m->parent,
                  (int)strcspn(key, "|"), key, expected, found ? found : "nothing");
    free(found);
    return rc;
}

static bool in_range(const json_t *j, int least, int most)
{
    return json_is_integer(j) && json_integer_value(j) >= least && json_integer_value(j) <= most;
}

int mix_members_int(const struct mix_members *m, const char *key, int least, int most, int *v)
{
    const json_t *j = mix_members_get(m, key);

    if (!in_range(j, least, most))
        return mix_members_wrong(m, key, "an integer from %d to %d", least, most);
    *v = (int)json_integer_value(j);
    return MIX_OK;
}

int mix_members_real(const struct mix_members *m, const char *key, double least, double most,
                     double *v)
{
    const json_t *j = mix_members_get(m, key);
    double x = json_number_value(j);

    if (!json_is_number(j) || !(x >= least && x <= most))
        return mix_members_wrong(m, key, "a number from %g to %g", least, most);
    *v = x;
    return MIX_OK;
}

int mix_members_int_or(const struct mix_members *m, const char *key, int least, int most, int *v)
{
    return mix_members_get(m, key) ? mix_members_int(m, key, least, most, v) : MIX_OK;
}

int mix_members_real_or(const struct mix_members *m, const char *key, double least, double most,
                        double *v)
{
    return mix_members_get(m, key) ? mix_members_real(m, key, least, most, v) : MIX_OK;
}

int mix_members_bool_or(const struct mix_members *m, const char *key, bool *v)
{
    const json_t *j = mix_members_get(m, key);

    if (j && !json_is_boolean(j))
        return mix_members_wrong(m, key, "true or false");
    if (j)
        *v = json_is_true(j);
    return MIX_OK;
}

int mix_members_text_or(const struct mix_members *m, const char *key, const char **v)
{
    const json_t *j = mix_members_get(m, key);

    if (j && !json_is_string(j))
        return mix_members_wrong(m, key, "a text");
    if (j)
        *v = json_string_value(j);
    return MIX_OK;
}

int mix_members_ints_or(const struct mix_members *m, const char *key, int least, int most, int *v,
                        int room, int *n)
{
    const json_t *j = mix_members_get(m, key);
    size_t count = json_is_array(j) ? json_array_size(j) : 1;
    bool good = count <= (size_t)room;

    if (!j)
        return MIX_OK;
    for (size_t i = 0; good && i < count; i++) {
        const json_t *e = json_is_array(j) ? json_array_get(j, i) : j;
        good = in_range(e, least, most);
        if (good)
            v[i] = (int)json_integer_value(e);
    }
    if (!good)
        return mix_members_wrong(m, key, "at most %d integers from %d to %d", room, least, most);
    *n = (int)count;
    return MIX_OK;
}
