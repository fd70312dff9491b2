/* jsonl_write.c - see jsonl_write.h. */
#include "text/jsonl_write.h"

#include "base/err.h"
#include "text/jsonl_row.h"
#include "text/utf8.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

int mix_jsonl_write_begin(struct mix_str *out)
{
    return mix_str_add(out, "{", 1);
}

int mix_jsonl_write_end(struct mix_str *out)
{
    return mix_str_add(out, "}\n", 2);
}

/* ---- values */

/* Well-formed s[0..n) with its quotes; only what JSON demands is escaped (RFC 8259, section 7). */
static int add_string(struct mix_str *out, const char *s, size_t n)
{
    int rc;
    size_t plain = 0;

    TRY(mix_str_add(out, "\"", 1));
    for (size_t i = 0; i < n; i++) {
        unsigned char c = (unsigned char)s[i];
        static const char names[] = "\"\\\n\r\t\b\f", shorts[] = "\"\\nrtbf";
        const char *name = c ? strchr(names, c) : NULL;

        if (c >= 0x20 && !name)
            continue;
        TRY(mix_str_add(out, s + plain, i - plain));
        plain = i + 1;
        if (name)
            TRY(mix_str_addf(out, "\\%c", shorts[name - names]));
        else
            TRY(mix_str_addf(out, "\\u%04x", c));
    }
    TRY(mix_str_add(out, s + plain, n - plain));
    TRY(mix_str_add(out, "\"", 1));
out:
    return rc;
}

static int add_text(struct mix_str *out, const char *s, size_t n)
{
    int rc;
    struct mix_str clean = {0};

    if (!s)
        return mix_str_add(out, "null", 4);
    if (mix_utf8_valid(s, n, NULL))
        return add_string(out, s, n);
    TRY(mix_utf8_lossy(&clean, s, n));
    TRY(add_string(out, clean.s, clean.len));
out:
    mix_str_fini(&clean);
    return rc;
}

/* With as few digits as read back to the same number: digits of a double or of a float. */
static int add_number(struct mix_str *out, double value, bool single)
{
    char text[40];

    if (!isfinite(value))
        return mix_str_add(out, "null", 4);
    if (value == floor(value) && fabs(value) < 1e15)
        return mix_str_addf(out, "%.0f", value);
    for (int digits = single ? 6 : 15; digits <= (single ? 9 : 17); digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (single ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value)
            break;
    }
    return mix_str_add(out, text, strlen(text));
}

int mix_jsonl_write_value(struct mix_str *out, const json_t *value)
{
    int rc = MIX_OK;
    const char *key;
    json_t *v;
    size_t i;

    switch (json_typeof(value)) {
    case JSON_OBJECT:
        TRY(mix_str_add(out, "{", 1));
        i = 0;
        json_object_foreach((json_t *)value, key, v)
        {
            TRY(mix_str_add(out, ",", i++ > 0));
            TRY(add_text(out, key, strlen(key)));
            TRY(mix_str_add(out, ":", 1));
            TRY(mix_jsonl_write_value(out, v));
        }
        return mix_str_add(out, "}", 1);
    case JSON_ARRAY:
        TRY(mix_str_add(out, "[", 1));
        json_array_foreach(value, i, v)
        {
            TRY(mix_str_add(out, ",", i > 0));
            TRY(mix_jsonl_write_value(out, v));
        }
        return mix_str_add(out, "]", 1);
    case JSON_STRING:
        return add_text(out, json_string_value(value), json_string_length(value));
    case JSON_INTEGER:
        return mix_str_addf(out, "%lld", (long long)json_integer_value(value));
    case JSON_REAL: /* it stays a real */
        if (json_real_value(value) == floor(json_real_value(value)) &&
            fabs(json_real_value(value)) < 1e15)
            return mix_str_addf(out, "%.1f", json_real_value(value));
        return add_number(out, json_real_value(value), false);
    default:
        return mix_str_addf(out, "%s",
                            json_is_true(value)    ? "true"
                            : json_is_false(value) ? "false"
                                                   : "null");
    }
out:
    return rc;
}

/* ---- members */

static int add_name(struct mix_str *out, const char *name)
{
    int rc;

    if (out->len && out->s[out->len - 1] != '{')
        TRY(mix_str_add(out, ",", 1));
    TRY(add_text(out, name, strlen(name)));
    TRY(mix_str_add(out, ":", 1));
out:
    return rc;
}

int mix_jsonl_write_text(struct mix_str *out, const char *name, const char *s, size_t n)
{
    int rc;

    TRY(add_name(out, name));
    TRY(add_text(out, s, n));
out:
    return rc;
}

int mix_jsonl_write_int(struct mix_str *out, const char *name, int64_t value)
{
    int rc;

    TRY(add_name(out, name));
    TRY(mix_str_addf(out, "%lld", (long long)value));
out:
    return rc;
}

int mix_jsonl_write_double(struct mix_str *out, const char *name, double value)
{
    int rc;

    TRY(add_name(out, name));
    TRY(add_number(out, value, false));
out:
    return rc;
}

int mix_jsonl_write_tokens(struct mix_str *out, const char *name, const int32_t *ids, size_t n)
{
    int rc;

    TRY(add_name(out, name));
    TRY(mix_str_add(out, "[", 1));
    for (size_t i = 0; i < n; i++)
        TRY(mix_str_addf(out, "%s%d", i ? "," : "", ids[i]));
    TRY(mix_str_add(out, "]", 1));
out:
    return rc;
}

int mix_jsonl_write_floats(struct mix_str *out, const char *name, const float *value, size_t n)
{
    int rc;

    TRY(add_name(out, name));
    TRY(mix_str_add(out, "[", 1));
    for (size_t i = 0; i < n; i++) {
        TRY(mix_str_add(out, ",", i > 0));
        TRY(add_number(out, (double)value[i], true));
    }
    TRY(mix_str_add(out, "]", 1));
out:
    return rc;
}

int mix_jsonl_write_json(struct mix_str *out, const char *name, const char *value)
{
    int rc;

    TRY(add_name(out, name));
    TRY(mix_str_add(out, value, strlen(value)));
out:
    return rc;
}

int mix_jsonl_write_members(struct mix_str *out, const char *object)
{
    int rc = MIX_OK;
    size_t n = object ? strlen(object) : 0;

    if (!object || strcmp(object, "{}") == 0)
        return MIX_OK;
    MIX_CHECK(n >= 2 && object[0] == '{' && object[n - 1] == '}', "no JSON object: %.40s", object);
    if (out->len && out->s[out->len - 1] != '{')
        TRY(mix_str_add(out, ",", 1));
    TRY(mix_str_add(out, object + 1, n - 2));
out:
    return rc;
}

int mix_jsonl_write_request(struct mix_str *out, const struct mix_jsonl_row *row, const char *model,
                            const char *const *names, int count)
{
    int rc;

    MIX_CHECK(!row->error, "a row with an error is no request: %s", row->error);
    TRY(mix_jsonl_write_begin(out));
    if (row->custom_id)
        TRY(mix_jsonl_write_text(out, "custom_id", row->custom_id, strlen(row->custom_id)));
    TRY(mix_jsonl_write_text(out, "method", "POST", 4));
    TRY(mix_jsonl_write_text(out, "url", "/v1/completions", strlen("/v1/completions")));
    TRY(add_name(out, "body"));
    TRY(mix_jsonl_write_begin(out));
    if (model)
        TRY(mix_jsonl_write_text(out, "model", model, strlen(model)));
    if (row->text)
        TRY(mix_jsonl_write_text(out, "prompt", row->text, row->text_len));
    else
        TRY(mix_jsonl_write_tokens(out, "prompt", row->tokens, row->tokens_count));
    for (int i = 0; i < count; i++)
        if (row->param && !isnan(row->param[i]))
            TRY(mix_jsonl_write_double(out, names[i], row->param[i]));
    TRY(mix_str_add(out, "}", 1));
    TRY(mix_jsonl_write_members(out, row->extra));
    TRY(mix_jsonl_write_end(out));
out:
    return rc;
}
