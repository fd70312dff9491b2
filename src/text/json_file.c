/* json_file.c - see json_file.h. */
#include "text/json_file.h"

#include "base/err.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

int mix_json_open(struct mix_json_file *f, const char *dir, const char *name, bool must)
{
    int rc;
    json_error_t error;

    TRY(mix_str_addf(&f->path, "%s/%s", dir, name));
    if (access(f->path.s, R_OK) != 0) {
        if (errno == ENOENT && !must)
            return MIX_OK;
        return MIX_FAIL(MIX_EINPUT, "open %s: %s", f->path.s, strerror(errno));
    }
    f->root = json_load_file(f->path.s, 0, &error);
    if (!f->root)
        return mix_json_bad(f, "line %d: %s", error.line, error.text);
    if (!json_is_object(f->root))
        return mix_json_bad(f, "not a JSON object");
out:
    return rc;
}

void mix_json_close(struct mix_json_file *f)
{
    json_decref(f->root);
    f->root = NULL;
    mix_str_fini(&f->path);
}

int mix_json_bad(const struct mix_json_file *f, const char *fmt, ...)
{
    char text[512];
    va_list ap;

    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    return MIX_FAIL(MIX_EINPUT, "%s: %s", f->path.s, text);
}

int mix_json_bool(const struct mix_json_file *f, const json_t *object, const char *where,
                  const char *name, bool absent, bool *value)
{
    const json_t *v = json_object_get(object, name);

    *value = absent;
    if (!v || json_is_null(v))
        return MIX_OK;
    if (!json_is_boolean(v))
        return mix_json_bad(f, "%s.%s must be true or false", where, name);
    *value = json_is_true(v);
    return MIX_OK;
}

const char *mix_json_type(const json_t *object)
{
    return json_string_value(json_object_get(object, "type"));
}

int mix_json_unsupported(const struct mix_json_file *f, const char *where, const json_t *object,
                         const char *supported)
{
    const char *type = mix_json_type(object);

    if (!type)
        return mix_json_bad(f, "%s: the type is missing; supported: %s", where, supported);
    return mix_json_bad(f, "%s: the type \"%.60s\" is not supported, only %s", where, type,
                        supported);
}
