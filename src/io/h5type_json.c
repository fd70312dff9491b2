/* h5type_json.c - HDF5 values as JSON text. */
#include "io/h5type.h"

#include "base/err.h"
#include "base/str.h"
#include "io/h5.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int mix_h5type_json_text(const char *s, size_t n, struct mix_str *out)
{
    int rc = MIX_OK;

    TRY(mix_str_add(out, "\"", 1));
    while (n) {
        size_t good = n;

        if (!mix_utf8_valid(s, n, &good) && good == 0) {
            TRY(mix_str_add(out, "\xEF\xBF\xBD", 3)); /* one bad byte, one U+FFFD */
            s++;
            n--;
            continue;
        }
        for (size_t i = 0; i < good;) {
            size_t plain = i;

            while (plain < good && (unsigned char)s[plain] >= 0x20 && s[plain] != '"' &&
                   s[plain] != '\\')
                plain++;
            TRY(mix_str_add(out, s + i, plain - i));
            if (plain < good && strchr("\n\t\r", s[plain]) && s[plain])
                TRY(mix_str_addf(out, "\\%c",
                                 s[plain] == '\n'   ? 'n'
                                 : s[plain] == '\t' ? 't'
                                                    : 'r'));
            else if (plain < good && (unsigned char)s[plain] < 0x20)
                TRY(mix_str_addf(out, "\\u%04x", (unsigned)s[plain]));
            else if (plain < good)
                TRY(mix_str_addf(out, "\\%c", s[plain]));
            i = plain + 1;
        }
        s += good;
        n -= good;
    }
    TRY(mix_str_add(out, "\"", 1));
out:
    return rc;
}

/* A number in the native form that HDF5 converts it to. */
static bool convert(const struct mix_h5type *t, const void *value, hid_t to, void *number)
{
    char buf[64] = ""; /* the conversion is in place: the wider of the two */

    if (t->size > sizeof buf)
        return false;
    memcpy(buf, value, t->size);
    if (H5Tconvert(t->id, to, 1, buf, NULL, H5P_DEFAULT) < 0)
        return false;
    memcpy(number, buf, 8);
    return true;
}

/* The shortest decimal that reads back as the same number of the column's own width. */
static int add_float(const struct mix_h5type *t, const void *value, struct mix_str *out)
{
    char text[40];
    double x;

    if (!convert(t, value, H5T_NATIVE_DOUBLE, &x) || !isfinite(x))
        return mix_str_add(out, "null", 4);
    for (int digits = t->size <= 4 ? 6 : 15; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, x);
        if (t->size <= 4 ? strtof(text, NULL) == (float)x : strtod(text, NULL) == x)
            break;
    }
    /* 3 is an integer in JSON; 3.0 says that the column holds floats. */
    return mix_str_addf(out, "%s%s", text, strpbrk(text, ".e") ? "" : ".0");
}

static int add_int(const struct mix_h5type *t, const void *value, struct mix_str *out)
{
    bool plain = H5Tget_sign(t->id) == H5T_SGN_NONE;
    unsigned long long u;
    long long i;

    if (!convert(t, value, plain ? H5T_NATIVE_ULLONG : H5T_NATIVE_LLONG, &u))
        return mix_str_add(out, "null", 4);
    memcpy(&i, &u, sizeof i);
    return plain ? mix_str_addf(out, "%llu", u) : mix_str_addf(out, "%lld", i);
}

static int add_enum(const struct mix_h5type *t, const void *value, struct mix_str *out)
{
    char name[256];

    if (H5Tenum_nameof(t->id, value, name, sizeof name) < 0) { /* a value without a name */
        struct mix_h5type number = {.kind = MIX_H5_INT, .id = H5Tget_super(t->id), .size = t->size};
        int rc = add_int(&number, value, out);

        mix_h5_drop(number.id);
        return rc;
    }
    if (t->kind == MIX_H5_BOOL)
        return mix_str_addf(out, "%s", strcmp(name, "TRUE") == 0 ? "true" : "false");
    return mix_h5type_json_text(name, strlen(name), out);
}

static int add_many(const struct mix_h5type *t, const char *at, size_t n, struct mix_str *out)
{
    int rc = MIX_OK;

    TRY(mix_str_add(out, "[", 1));
    for (size_t i = 0; i < n; i++) {
        if (i)
            TRY(mix_str_add(out, ", ", 2));
        TRY(mix_h5type_json(t, at + i * t->size, out));
    }
    TRY(mix_str_add(out, "]", 1));
out:
    return rc;
}

static int add_members(const struct mix_h5type *t, const char *value, struct mix_str *out)
{
    int rc = MIX_OK;

    TRY(mix_str_add(out, "{", 1));
    for (size_t i = 0; i < t->count; i++) {
        const struct mix_h5member *m = &t->member[i];

        if (i)
            TRY(mix_str_add(out, ", ", 2));
        TRY(mix_h5type_json_text(m->name, strlen(m->name), out));
        TRY(mix_str_add(out, ": ", 2));
        TRY(mix_h5type_json(m->type, value + m->offset, out));
    }
    TRY(mix_str_add(out, "}", 1));
out:
    return rc;
}

static int add_raw(const struct mix_h5type *t, const unsigned char *value, struct mix_str *out)
{
    int rc = MIX_OK;

    TRY(mix_str_add(out, "\"", 1));
    for (size_t i = 0; i < t->size; i++)
        TRY(mix_str_addf(out, "%02x", value[i]));
    TRY(mix_str_add(out, "\"", 1));
out:
    return rc;
}

int mix_h5type_json(const struct mix_h5type *t, const void *value, struct mix_str *out)
{
    size_t n;
    const char *s;
    hvl_t v;

    switch (t->kind) {
    case MIX_H5_INT:
        return add_int(t, value, out);
    case MIX_H5_FLOAT:
        return add_float(t, value, out);
    case MIX_H5_BOOL:
    case MIX_H5_ENUM:
        return add_enum(t, value, out);
    case MIX_H5_TEXT:
    case MIX_H5_VAR_TEXT:
        s = mix_h5type_text(t, value, &n);
        return mix_h5type_json_text(s, n, out);
    case MIX_H5_VAR:
        memcpy(&v, value, sizeof v);
        return add_many(t->base, v.p, v.p ? v.len : 0, out);
    case MIX_H5_ARRAY:
        return add_many(t->base, value, t->count, out);
    case MIX_H5_COMPOUND:
        return add_members(t, value, out);
    default:
        return add_raw(t, value, out);
    }
}
