/* machine_json.c - one table of members a struct, read both ways.
 *
 * What is read must be what some machine could have: a bound on each number catches a
 * wrong unit (GB for bytes, us for seconds), which would be a plan nobody understands. */
#include "topo/machine.h"

#include "base/err.h"
#include "io/file.h"

#include <jansson.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    FORMAT = 2,            /* of the file, and of what "steps" are factors of; others are refused */
    LARGEST = 1024 * 1024, /* bytes of a file; ours have about 8,000 */
};

enum type { TEXT, BOOL, INT, NUMBER, POINTS, RISING }; /* RISING: each larger than the last */

struct member {
    const char *name;
    enum type type;
    size_t at, room;
    double least, most;
};

#define IN(type, field, kind, least, most) \
    { \
#field, kind, offsetof(type, field), sizeof((type *)0)->field, least, most \
    }

static const struct member all_of_it[] = {
    IN(struct mix_machine, name, TEXT, 0, 0),
    IN(struct mix_machine, device, TEXT, 0, 0),
    IN(struct mix_machine, shared, BOOL, 0, 0),
    IN(struct mix_machine, ranks, INT, 0, 1 << 20),
    IN(struct mix_machine, domain, INT, 0, 1 << 20),
    IN(struct mix_machine, memory, NUMBER, 1e6, 1e16),
    IN(struct mix_machine, reserved, NUMBER, 0, 1e15),
};
static const struct member link[] = {
    IN(struct mix_link, latency, NUMBER, 0, 10),
    IN(struct mix_link, ports, INT, 1, 1 << 20),
    IN(struct mix_link, bytes, RISING, 1, 1e13),
    IN(struct mix_link, seconds, POINTS, 1e-12, 1e4),
};
static const struct member rate[] = {
    IN(struct mix_rate, launch, NUMBER, 0, 1),
    IN(struct mix_rate, each, NUMBER, 0, 1), /* of attention; 0 elsewhere */
    IN(struct mix_rate, bandwidth, NUMBER, 1e5, 1e16),
    IN(struct mix_rate, rows, RISING, 1, 1e9),
    IN(struct mix_rate, speed, POINTS, 1e5, 1e19),
};
static const struct member steps[] = {
    IN(struct mix_whole, tokens, RISING, 1, 1e9),
    IN(struct mix_whole, times, POINTS, 1e-2, 1e3),
};
static const char *const link_name[MIX_LINK_KINDS] = {"inside", "between"};
static const char *const type_name[MIX_MACHINE_TYPES] = {"float32", "bfloat16"};
static const char *const work_name[MIX_WORKS] = {"dense", "experts", "attention", "memory"};

enum {
    ALL = sizeof all_of_it / sizeof all_of_it[0],
    LINK = sizeof link / sizeof link[0],
    RATE = sizeof rate / sizeof rate[0],
    STEPS = sizeof steps / sizeof steps[0],
};

/* ---- out */

static json_t *array(const double *x, int n)
{
    json_t *a = json_array();

    for (int i = 0; a && i < n; i++)
        json_array_append_new(a, json_real(x[i]));
    return a;
}

static json_t *value(const struct member *m, const void *from, int points)
{
    const char *at = (const char *)from + m->at;
    int32_t i;
    double x;

    switch (m->type) {
    case TEXT:
        return json_stringn(at, strnlen(at, m->room));
    case BOOL:
        return json_boolean(*(const bool *)at);
    case INT:
        memcpy(&i, at, sizeof i);
        return json_integer(i);
    case NUMBER:
        memcpy(&x, at, sizeof x);
        return json_real(x);
    default:
        return array((const double *)(const void *)at, points);
    }
}

static json_t *object(const struct member *m, int n, const void *from, int points)
{
    json_t *o = json_object();

    for (int i = 0; o && i < n; i++)
        if (json_object_set_new(o, m[i].name, value(&m[i], from, points))) {
            json_decref(o);
            return NULL;
        }
    return o;
}

int mix_machine_to_json(const struct mix_machine *m, struct mix_str *out)
{
    json_t *all = object(all_of_it, ALL, m, 0), *links = json_object(), *rates = json_object(),
           *part;
    json_t *wholes = json_object();
    char *text = NULL;
    int rc = MIX_OK;
    int bad = json_object_set_new(all, "format", json_integer(FORMAT));

    for (int k = 0; k < MIX_LINK_KINDS; k++)
        bad |= json_object_set_new(links, link_name[k],
                                   object(link, LINK, &m->link[k], m->link[k].points));
    for (int t = 0; t < MIX_MACHINE_TYPES; t++) {
        part = json_object();
        for (int w = 0; w < MIX_WORKS; w++)
            bad |= json_object_set_new(part, work_name[w],
                                       object(rate, RATE, &m->rate[t][w], m->rate[t][w].points));
        bad |= json_object_set_new(rates, type_name[t], part);
        if (m->whole[t].points)
            bad |= json_object_set_new(wholes, type_name[t],
                                       object(steps, STEPS, &m->whole[t], m->whole[t].points));
    }
    bad |= json_object_set(all, "links", links) | json_object_set(all, "rates", rates);
    bad |= json_object_set(all, "steps", wholes);
    if (bad || !(text = json_dumps(all, JSON_INDENT(2)))) {
        rc = MIX_FAIL(MIX_EBUG, "a machine cannot be written as JSON");
        goto out;
    }
    TRY(mix_str_add(out, text, strlen(text)));
    TRY(mix_str_add(out, "\n", 1));
out:
    free(text);
    json_decref(wholes);
    json_decref(rates);
    json_decref(links);
    json_decref(all);
    return rc;
}

/* ---- in */

/* Where we are in the file, for messages: "rates.float32.dense". */
struct place {
    const char *file;
    char path[64];
};

static const char *kind(const json_t *x)
{
    static const char *const name[] = {"an object", "an array", "a string", "an integer",
                                       "a number",  "true",     "false",    "null"};

    return x ? name[json_typeof(x)] : "nothing";
}

static int wrong(const struct place *p, const char *member, const char *expected, const json_t *x)
{
    return MIX_FAIL(MIX_EINPUT, "%s: \"%s%s%s\": expected %s, found %s", p->file, p->path,
                    p->path[0] ? "." : "", member, expected, kind(x));
}

static int in_bounds(const struct place *p, const struct member *m, double x)
{
    if (x >= m->least && x <= m->most)
        return MIX_OK;
    return MIX_FAIL(MIX_EINPUT, "%s: \"%s%s%s\": expected %g to %g, found %g", p->file, p->path,
                    p->path[0] ? "." : "", m->name, m->least, m->most, x);
}

static int get_text(const struct place *p, const struct member *m, const json_t *x, char *to)
{
    size_t n = json_string_length(x);

    if (!json_is_string(x))
        return wrong(p, m->name, "a string", x);
    if (n == 0 || n >= m->room)
        return MIX_FAIL(MIX_EINPUT, "%s: \"%s\": expected 1 to %zu bytes, found %zu", p->file,
                        m->name, m->room - 1, n);
    memcpy(to, json_string_value(x), n); /* the rest is zero */
    return MIX_OK;
}

/* *points: of the struct; 0 as long as no array has been read. */
static int get_points(const struct place *p, const struct member *m, const json_t *x, double *to,
                      int32_t *points)
{
    int rc = MIX_OK;
    size_t n = json_array_size(x), i;

    if (!json_is_array(x))
        return wrong(p, m->name, "an array of numbers", x);
    if (n < 1 || n > MIX_MACHINE_POINTS || (*points > 0 && n != (size_t)*points))
        return MIX_FAIL(MIX_EINPUT, "%s: \"%s.%s\": expected %s%d numbers, found %zu", p->file,
                        p->path, m->name, *points > 0 ? "" : "1 to ",
                        *points > 0 ? (int)*points : MIX_MACHINE_POINTS, n);
    for (i = 0; i < n; i++) {
        const json_t *one = json_array_get(x, i);

        if (!json_is_number(one))
            return wrong(p, m->name, "an array of numbers", one);
        to[i] = json_number_value(one);
        TRY(in_bounds(p, m, to[i]));
        if (m->type == RISING && i > 0 && !(to[i] > to[i - 1]))
            return MIX_FAIL(MIX_EINPUT, "%s: \"%s.%s\": expected rising numbers, found %g after %g",
                            p->file, p->path, m->name, to[i], to[i - 1]);
    }
    *points = (int32_t)n;
out:
    return rc;
}

static int get(const struct place *p, const struct member *m, const json_t *from, void *to,
               int32_t *points)
{
    const json_t *x = json_object_get(from, m->name);
    char *at = (char *)to + m->at;
    double number = json_number_value(x);
    int32_t i;
    int rc = MIX_OK;

    switch (m->type) {
    case TEXT:
        return get_text(p, m, x, at);
    case BOOL:
        if (!json_is_boolean(x))
            return wrong(p, m->name, "true or false", x);
        *(bool *)at = json_is_true(x);
        return MIX_OK;
    case INT:
        if (!json_is_integer(x))
            return wrong(p, m->name, "an integer", x);
        TRY(in_bounds(p, m, number));
        i = (int32_t)number;
        memcpy(at, &i, sizeof i);
        break;
    case NUMBER:
        if (!json_is_number(x))
            return wrong(p, m->name, "a number", x);
        TRY(in_bounds(p, m, number));
        memcpy(at, &number, sizeof number);
        break;
    case POINTS:
    case RISING:
        return get_points(p, m, x, (double *)(void *)at, points);
    }
out:
    return rc;
}

static int get_all(const struct place *p, const struct member *m, int n, const json_t *from,
                   void *to, int32_t *points)
{
    int rc = MIX_OK;

    if (!json_is_object(from))
        return MIX_FAIL(MIX_EINPUT, "%s: \"%s\": expected an object, found %s", p->file, p->path,
                        kind(from));
    for (int i = 0; i < n; i++)
        TRY(get(p, &m[i], from, to, points));
out:
    return rc;
}

/* What single members cannot say. */
static int together(const struct mix_machine *m, const char *file)
{
    if (strcmp(m->device, "cpu") != 0 && strcmp(m->device, "cuda") != 0)
        return MIX_FAIL(MIX_EINPUT, "%s: \"device\": expected cpu or cuda, found %s", file,
                        m->device);
    if (m->shared && m->ranks == 0)
        return MIX_FAIL(MIX_EINPUT,
                        "%s: \"ranks\": expected how many shared the node when its rates were "
                        "measured, found 0",
                        file);
    if (m->reserved >= m->memory)
        return MIX_FAIL(MIX_EINPUT, "%s: \"reserved\": expected less than \"memory\" %g, found %g",
                        file, m->memory, m->reserved);
    for (int k = 0; k < MIX_LINK_KINDS; k++)
        for (int i = 1; i < m->link[k].points; i++)
            if (m->link[k].seconds[i] < m->link[k].seconds[i - 1])
                return MIX_FAIL(MIX_EINPUT,
                                "%s: \"links.%s.seconds\": expected no less for more bytes, found "
                                "%g after %g",
                                file, link_name[k], m->link[k].seconds[i],
                                m->link[k].seconds[i - 1]);
    return MIX_OK;
}

static int read_all(struct mix_machine *m, const json_t *all, const char *file)
{
    struct place p = {file, ""};
    const json_t *links = json_object_get(all, "links"), *rates = json_object_get(all, "rates");
    const json_t *wholes = json_object_get(all, "steps"), *some;
    int rc = MIX_OK;

    TRY(get_all(&p, all_of_it, ALL, all, m, NULL));
    for (int k = 0; k < MIX_LINK_KINDS; k++) {
        snprintf(p.path, sizeof p.path, "links.%s", link_name[k]);
        TRY(get_all(&p, link, LINK, json_object_get(links, link_name[k]), &m->link[k],
                    &m->link[k].points));
    }
    for (int t = 0; t < MIX_MACHINE_TYPES; t++)
        for (int w = 0; w < MIX_WORKS; w++) {
            snprintf(p.path, sizeof p.path, "rates.%s.%s", type_name[t], work_name[w]);
            TRY(get_all(&p, rate, RATE,
                        json_object_get(json_object_get(rates, type_name[t]), work_name[w]),
                        &m->rate[t][w], &m->rate[t][w].points));
        }
    for (int t = 0; t < MIX_MACHINE_TYPES; t++) {
        snprintf(p.path, sizeof p.path, "steps.%s", type_name[t]);
        if ((some = json_object_get(wholes, type_name[t])))
            TRY(get_all(&p, steps, STEPS, some, &m->whole[t], &m->whole[t].points));
    }
    TRY(together(m, file));
out:
    return rc;
}

int mix_machine_load(struct mix_machine *m, const char *path)
{
    struct mix_str text = {0};
    struct mix_machine read = {0};
    json_error_t error;
    json_t *all = NULL, *format;
    int rc = MIX_OK;

    TRY(mix_file_read(&text, path, LARGEST));
    all = json_loadb(text.s ? text.s : "", text.len, JSON_REJECT_DUPLICATES, &error);
    if (!all) {
        rc = MIX_FAIL(MIX_EINPUT, "%s: not JSON: line %d: %s", path, error.line, error.text);
        goto out;
    }
    format = json_object_get(all, "format");
    if (!json_is_integer(format) || json_integer_value(format) != FORMAT) {
        rc = MIX_FAIL(MIX_EINPUT,
                      "%s: \"format\": expected %d, found %s: save it anew with mixserve probe "
                      "--save",
                      path, FORMAT, json_is_integer(format) ? "another" : kind(format));
        goto out;
    }
    TRY(read_all(&read, all, path));
    *m = read;
out:
    json_decref(all);
    mix_str_fini(&text);
    return rc;
}
