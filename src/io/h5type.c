/* h5type.c - see h5type.h: taking a type apart, and walking values by it. */
#include "io/h5type.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "io/h5.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { DEEPEST = 16 }; /* types inside types; more than people write, less than the stack holds */

static int build(struct mix_h5type **out, hid_t id, int depth, const char **why);

void mix_h5type_destroy(struct mix_h5type *t)
{
    if (!t)
        return;
    for (size_t i = 0; t->member && i < t->count; i++) {
        free(t->member[i].name);
        mix_h5type_destroy(t->member[i].type);
    }
    free(t->member);
    mix_h5type_destroy(t->base);
    mix_h5_drop(t->id);
    free(t);
}

static bool is_bool(hid_t id)
{
    bool yes = H5Tget_nmembers(id) == 2;

    for (unsigned i = 0; yes && i < 2; i++) {
        char *name = H5Tget_member_name(id, i);

        yes = name && strcmp(name, i ? "TRUE" : "FALSE") == 0;
        H5free_memory(name);
    }
    return yes;
}

const char *mix_h5type_name(hid_t id)
{
    static const char *const ints[2][4] = {{"uint8", "uint16", "uint32", "uint64"},
                                           {"int8", "int16", "int32", "int64"}};
    size_t size = H5Tget_size(id);

    switch (H5Tget_class(id)) {
    case H5T_INTEGER:
        return size == 1 || size == 2 || size == 4 || size == 8
                   ? ints[H5Tget_sign(id) != H5T_SGN_NONE][size == 1   ? 0
                                                           : size == 2 ? 1
                                                           : size == 4 ? 2
                                                                       : 3]
                   : "integer";
    case H5T_FLOAT:
        return size == 2 ? "float16" : size == 4 ? "float32" : size == 8 ? "float64" : "float";
    case H5T_STRING:
        return H5Tis_variable_str(id) > 0 ? "variable-length string" : "fixed-length string";
    case H5T_ENUM:
        return is_bool(id) ? "bool" : "enum";
    case H5T_COMPOUND:
        return "compound";
    case H5T_ARRAY:
        return "array";
    case H5T_VLEN:
        return "variable-length sequence";
    case H5T_REFERENCE:
        return "reference";
    case H5T_OPAQUE:
        return "opaque";
    case H5T_BITFIELD:
        return "bit field";
    case H5T_TIME:
        return "time";
    default:
        return "unknown type";
    }
}

static int build_members(struct mix_h5type *t, int depth, const char **why)
{
    int rc = MIX_OK, n = H5Tget_nmembers(t->id);
    size_t covered = 0;
    bool flat = true;

    if (n < 0) {
        *why = "a compound type without members";
        return MIX_OK;
    }
    TRY(mix_calloc(&t->member, (size_t)n, sizeof *t->member, "members of a type"));
    t->count = (size_t)n;
    for (unsigned i = 0; i < (unsigned)n && !*why; i++) {
        struct mix_h5member *m = &t->member[i];
        char *name = H5Tget_member_name(t->id, i);
        hid_t type = H5Tget_member_type(t->id, i);

        m->name = strdup(name ? name : "");
        H5free_memory(name);
        m->offset = H5Tget_member_offset(t->id, i);
        rc = m->name ? build(&m->type, type, depth + 1, why)
                     : MIX_FAIL(MIX_EFIT, "out of host memory: a name");
        mix_h5_drop(type);
        TRY(rc);
        if (*why)
            break;
        if (m->offset > t->size || m->type->size > t->size - m->offset) {
            *why = "a compound type whose members do not fit in it";
            break;
        }
        covered += m->type->size;
        flat &= m->type->flat;
        t->points |= m->type->points;
    }
    t->flat = flat && covered == t->size;
out:
    return rc;
}

/* Base and count of arrays and sequences. */
static int build_base(struct mix_h5type *t, int depth, const char **why)
{
    hsize_t dims[H5S_MAX_RANK];
    hid_t base = H5Tget_super(t->id);
    int rc = build(&t->base, base, depth + 1, why);
    int rank = t->kind == MIX_H5_ARRAY ? H5Tget_array_dims2(t->id, dims) : 0;

    mix_h5_drop(base);
    if (rc || *why)
        return rc;
    t->count = 1;
    for (int i = 0; i < rank; i++)
        t->count *= (size_t)dims[i];
    if (t->kind == MIX_H5_ARRAY && (rank < 0 || t->count * t->base->size != t->size))
        *why = "an array type that does not add up";
    t->flat = t->kind == MIX_H5_ARRAY && t->base->flat;
    t->points = t->kind == MIX_H5_VAR || t->base->points;
    return rc;
}

static int build(struct mix_h5type **out, hid_t id, int depth, const char **why)
{
    int rc = MIX_OK;
    struct mix_h5type *t = NULL;

    TRY(mix_calloc(&t, 1, sizeof *t, "a type"));
    t->id = H5Tcopy(id);
    t->size = t->id < 0 ? 0 : H5Tget_size(t->id);
    t->flat = true;
    if (t->size == 0 || depth > DEEPEST) {
        *why = t->size ? "a type nested too deep" : "a type without size";
        goto out;
    }
    switch (H5Tget_class(t->id)) {
    case H5T_INTEGER:
        t->kind = MIX_H5_INT;
        break;
    case H5T_FLOAT:
        t->kind = MIX_H5_FLOAT;
        break;
    case H5T_ENUM:
        t->kind = is_bool(t->id) ? MIX_H5_BOOL : MIX_H5_ENUM;
        break;
    case H5T_STRING:
        t->points = H5Tis_variable_str(t->id) > 0;
        t->flat = !t->points;
        t->kind = t->points ? MIX_H5_VAR_TEXT : MIX_H5_TEXT;
        break;
    case H5T_VLEN:
        t->kind = MIX_H5_VAR;
        TRY(build_base(t, depth, why));
        break;
    case H5T_ARRAY:
        t->kind = MIX_H5_ARRAY;
        TRY(build_base(t, depth, why));
        break;
    case H5T_COMPOUND:
        t->kind = MIX_H5_COMPOUND;
        TRY(build_members(t, depth, why));
        break;
    case H5T_OPAQUE:
    case H5T_BITFIELD:
    case H5T_TIME:
        t->kind = MIX_H5_RAW;
        break;
    case H5T_REFERENCE:
        *why = "references, which point into the file they come from";
        break;
    default:
        *why = "a type that this HDF5 does not know";
        break;
    }
    if (!*why) {
        *out = t;
        t = NULL;
    }
out:
    mix_h5type_destroy(t);
    return rc;
}

int mix_h5type_create(struct mix_h5type **type, hid_t id, const char **why)
{
    *type = NULL;
    *why = NULL;
    return build(type, id, 0, why);
}

/* Values may lie anywhere in a packed compound, so pointers are read byte by byte. */
static const char *var_text(const void *value)
{
    const char *s;

    memcpy(&s, value, sizeof s);
    return s ? s : ""; /* HDF5 gives NULL for an empty string */
}

const char *mix_h5type_text(const struct mix_h5type *t, const void *value, size_t *len)
{
    const char *s = t->kind == MIX_H5_VAR_TEXT ? var_text(value) : value;
    size_t n = t->size;

    if (t->kind == MIX_H5_VAR_TEXT) {
        n = strlen(s);
    } else if (H5Tget_strpad(t->id) == H5T_STR_NULLTERM) {
        n = strnlen(s, n);
    } else {
        char pad = H5Tget_strpad(t->id) == H5T_STR_SPACEPAD ? ' ' : '\0';

        while (n && s[n - 1] == pad)
            n--;
    }
    *len = n;
    return s;
}

static int own_sequence(const struct mix_h5type *t, void *value, struct mix_h5arena *arena)
{
    int rc = MIX_OK;
    hvl_t v;
    char *copy = NULL;

    memcpy(&v, value, sizeof v);
    if (v.len == 0 || !v.p)
        v.len = 0;
    if (v.len > SIZE_MAX / t->base->size ||
        (v.len && !(copy = mix_h5arena_alloc(v.len * t->base->size, arena)))) {
        rc = MIX_FAIL(MIX_EFIT, "out of host memory: a sequence of %zu values", v.len);
        goto out;
    }
    if (v.len)
        memcpy(copy, v.p, v.len * t->base->size);
    for (size_t i = 0; t->base->points && i < v.len; i++)
        TRY(mix_h5type_own(t->base, copy + i * t->base->size, arena));
    v.p = copy;
    memcpy(value, &v, sizeof v);
out:
    return rc;
}

int mix_h5type_own(const struct mix_h5type *t, void *value, struct mix_h5arena *arena)
{
    int rc = MIX_OK;
    const char *copy;

    if (!t->points)
        return MIX_OK;
    switch (t->kind) {
    case MIX_H5_VAR_TEXT:
        TRY(mix_h5arena_text(arena, var_text(value), strlen(var_text(value)), &copy));
        memcpy(value, &copy, sizeof copy);
        break;
    case MIX_H5_VAR:
        TRY(own_sequence(t, value, arena));
        break;
    case MIX_H5_ARRAY:
        for (size_t i = 0; i < t->count; i++)
            TRY(mix_h5type_own(t->base, (char *)value + i * t->base->size, arena));
        break;
    case MIX_H5_COMPOUND:
        for (size_t i = 0; i < t->count; i++)
            TRY(mix_h5type_own(t->member[i].type, (char *)value + t->member[i].offset, arena));
        break;
    default:
        break;
    }
out:
    return rc;
}

static void hash_many(const struct mix_h5type *t, const char *at, size_t n, struct mix_hasher *h)
{
    if (t->flat)
        mix_hasher_add(h, at, n * t->size);
    for (size_t i = 0; !t->flat && i < n; i++)
        mix_h5type_hash(t, at + i * t->size, h);
}

void mix_h5type_hash(const struct mix_h5type *t, const void *value, struct mix_hasher *h)
{
    uint64_t len;
    hvl_t v;

    if (t->flat) {
        mix_hasher_add(h, value, t->size);
        return;
    }
    switch (t->kind) {
    case MIX_H5_VAR_TEXT:
        len = strlen(var_text(value));
        mix_hasher_add(h, &len, sizeof len);
        mix_hasher_add(h, var_text(value), len);
        break;
    case MIX_H5_VAR:
        memcpy(&v, value, sizeof v);
        len = v.p ? v.len : 0;
        mix_hasher_add(h, &len, sizeof len);
        hash_many(t->base, v.p, len, h);
        break;
    case MIX_H5_ARRAY:
        hash_many(t->base, value, t->count, h);
        break;
    default: /* a compound: without its padding */
        for (size_t i = 0; i < t->count; i++)
            mix_h5type_hash(t->member[i].type, (const char *)value + t->member[i].offset, h);
        break;
    }
}
