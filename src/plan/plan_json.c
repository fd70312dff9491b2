/* plan_json.c - one table of members, read both ways. */
#include "plan/plan_json.h"

#include "base/err.h"

#include <jansson.h>
#include <stddef.h>
#include <string.h>

enum { FORMAT = 1 }; /* of the file; another one is refused */

enum type { INT, LONG, TEXT, DTYPE, EXCHANGE };

struct member {
    const char *name;
    enum type type;
    size_t at, room;
};

#define IN(type, field, kind) \
    { \
#field, kind, offsetof(type, field), sizeof((type *)0)->field \
    }

static const struct member numeric[] = {
    IN(struct mix_plan_numeric, tp, INT),          IN(struct mix_plan_numeric, etp, INT),
    IN(struct mix_plan_numeric, dtype, DTYPE),     IN(struct mix_plan_numeric, kv_dtype, DTYPE),
    IN(struct mix_plan_numeric, wire, DTYPE),      IN(struct mix_plan_numeric, sums, INT),
    IN(struct mix_plan_numeric, sum_domains, INT), IN(struct mix_plan_numeric, dispatch, DTYPE),
    IN(struct mix_plan_numeric, invariant, INT),   IN(struct mix_plan_numeric, device, TEXT),
    IN(struct mix_plan_numeric, kernels, TEXT),
};

static const struct member placement[] = {
    IN(struct mix_plan, world, INT),
    IN(struct mix_plan, domains, INT),
    IN(struct mix_plan, domain_size, INT),
    IN(struct mix_plan, dp, INT),
    IN(struct mix_plan, ep, INT),
    IN(struct mix_plan, edp, INT),
    IN(struct mix_plan, exchange, EXCHANGE),
    IN(struct mix_plan, chunks, INT),
    IN(struct mix_plan, chunk_bytes, INT),
    IN(struct mix_plan, depth, INT),
    IN(struct mix_plan, threads, INT),
    IN(struct mix_plan, max_num_seqs, INT),
    IN(struct mix_plan, max_batched_tokens, INT),
    IN(struct mix_plan, max_model_len, INT),
    IN(struct mix_plan, pages, INT),
    IN(struct mix_plan, bytes_weights, LONG),
    IN(struct mix_plan, bytes_kv, LONG),
    IN(struct mix_plan, bytes_activations, LONG),
};

enum {
    NUMERIC = sizeof numeric / sizeof numeric[0],
    PLACEMENT = sizeof placement / sizeof placement[0],
};

/* ---- out */

static json_t *value(const struct member *m, const void *from)
{
    const char *at = (const char *)from + m->at;
    int32_t x = 0;
    int64_t y;

    switch (m->type) {
    case TEXT:
        return json_stringn(at, strnlen(at, m->room));
    case LONG:
        memcpy(&y, at, sizeof y);
        return json_integer(y);
    default:
        memcpy(&x, at, sizeof x);
    }
    if (m->type == DTYPE)
        return json_string(x >= 0 && x < MIX_DTYPES ? mix_dtype_name((enum mix_dtype)x) : "?");
    return m->type == EXCHANGE ? json_string(mix_exchange_kind_name(x)) : json_integer(x);
}

static bool put(json_t *to, const struct member *m, int n, const void *from)
{
    for (int i = 0; i < n; i++)
        if (json_object_set_new(to, m[i].name, value(&m[i], from)))
            return false;
    return true;
}

int mix_plan_to_json(const struct mix_plan *plan, struct mix_str *out)
{
    json_t *all = json_object(), *part = json_object();
    char *text = NULL;
    int rc = MIX_OK;

    if (all && part && put(part, numeric, NUMERIC, &plan->numeric) &&
        json_object_set_new(all, "format", json_integer(FORMAT)) == 0 &&
        json_object_set(all, "numeric", part) == 0 && put(all, placement, PLACEMENT, plan))
        text = json_dumps(all, JSON_INDENT(2));
    if (!text) {
        rc = MIX_FAIL(MIX_EBUG, "a plan cannot be written as JSON");
        goto out;
    }
    TRY(mix_str_add(out, text, strlen(text)));
    TRY(mix_str_add(out, "\n", 1));
out:
    free(text);
    json_decref(part);
    json_decref(all);
    return rc;
}

/* ---- in */

static const char *type_name(const json_t *x)
{
    static const char *const name[] = {"an object", "an array", "a string", "an integer",
                                       "a real",    "true",     "false",    "null"};

    return x ? name[json_typeof(x)] : "nothing";
}

static int get_text(const struct member *m, const json_t *x, char *to, const char *file)
{
    const char *s = json_string_value(x);
    size_t n = json_string_length(x);

    if (!s)
        return MIX_FAIL(MIX_EINPUT, "%s: \"%s\": expected a string, found %s", file, m->name,
                        type_name(x));
    if (n >= m->room || strlen(s) != n)
        return MIX_FAIL(MIX_EINPUT,
                        "%s: \"%s\": expected at most %zu bytes without zeros, found %zu", file,
                        m->name, m->room - 1, n);
    memcpy(to, s, n); /* the rest is zero */
    return MIX_OK;
}

static int get_name(const struct member *m, const json_t *x, int32_t *to, const char *file)
{
    const char *s = json_string_value(x);
    enum mix_dtype t;

    if (s && m->type == EXCHANGE && mix_exchange_kind_parse(s) >= 0)
        *to = mix_exchange_kind_parse(s);
    else if (s && m->type == DTYPE && mix_dtype_parse(s, &t))
        *to = (int32_t)t;
    else
        return MIX_FAIL(MIX_EINPUT, "%s: \"%s\": expected %s, found %.40s", file, m->name,
                        m->type == DTYPE
                            ? "F32 or BF16"
                            : "an exchange of this build (tp, ep, hybrid, mixserve, fused)",
                        s ? s : type_name(x));
    return MIX_OK;
}

static int get(const struct member *m, const json_t *from, void *to, const char *file)
{
    const json_t *x = json_object_get(from, m->name);
    char *at = (char *)to + m->at;
    int64_t y = json_integer_value(x);
    int32_t z;

    if (m->type == TEXT)
        return get_text(m, x, at, file);
    if (m->type == DTYPE || m->type == EXCHANGE)
        return get_name(m, x, (int32_t *)(void *)at, file);
    if (!json_is_integer(x))
        return MIX_FAIL(MIX_EINPUT, "%s: \"%s\": expected an integer, found %s", file, m->name,
                        type_name(x));
    if (m->type == LONG) {
        memcpy(at, &y, sizeof y);
        return MIX_OK;
    }
    if (y < INT32_MIN || y > INT32_MAX)
        return MIX_FAIL(MIX_EINPUT, "%s: \"%s\": %lld is out of range", file, m->name,
                        (long long)y);
    z = (int32_t)y;
    memcpy(at, &z, sizeof z);
    return MIX_OK;
}

int mix_plan_from_json(struct mix_plan *plan, const char *text, size_t n, const char *file)
{
    json_error_t error;
    json_t *all = json_loadb(text, n, 0, &error), *part;
    struct mix_plan p = {0};
    const char *wrong;
    int rc = MIX_OK;

    if (!all) {
        rc = MIX_FAIL(MIX_EINPUT, "%s: not JSON: line %d: %s", file, error.line, error.text);
        goto out;
    }
    if (!json_is_integer(json_object_get(all, "format")) ||
        json_integer_value(json_object_get(all, "format")) != FORMAT) {
        rc = MIX_FAIL(MIX_EINPUT, "%s: \"format\": expected %d: written by another mixserve", file,
                      FORMAT);
        goto out;
    }
    part = json_object_get(all, "numeric");
    for (int i = 0; i < NUMERIC; i++)
        TRY(get(&numeric[i], part, &p.numeric, file));
    for (int i = 0; i < PLACEMENT; i++)
        TRY(get(&placement[i], all, &p, file));
    if ((wrong = mix_plan_wrong(&p))) {
        rc = MIX_FAIL(MIX_EINPUT, "%s: not a plan: %s", file, wrong);
        goto out;
    }
    *plan = p;
out:
    json_decref(all);
    return rc;
}
