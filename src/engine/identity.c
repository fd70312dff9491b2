/* identity.c - see identity.h.  The record is a JSON tree all its life; the plain structs that
 * callers see point into it.  Hashes are hexadecimal strings: JSON numbers lose 64-bit ones in
 * many readers. */
#include "engine/identity.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/folder.h"
#include "io/file.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FORM = 1 }; /* of job.json; a reader takes this one and older ones */

struct mix_job_record {
    json_t *root;
    char *parameters, *run_info;
    struct mix_job_identity id;
    struct mix_attempt last;
};

void mix_job_record_destroy(struct mix_job_record *r)
{
    if (!r)
        return;
    json_decref(r->root);
    free(r->parameters);
    free(r->run_info);
    free(r);
}

/* ---- in */

static bool hash_member(const json_t *o, const char *key, uint64_t *hash)
{
    const char *s = json_string_value(json_object_get(o, key));
    int used = 0;

    return s && sscanf(s, "%16" SCNx64 "%n", hash, &used) == 1 && used == 16 && s[used] == '\0';
}

static bool text_member(const json_t *o, const char *key, const char **text)
{
    return (*text = json_string_value(json_object_get(o, key))) != NULL;
}

static bool dump_member(const json_t *o, const char *key, char **text)
{
    const json_t *value = json_object_get(o, key);

    free(*text);
    *text = json_is_object(value) ? json_dumps(value, JSON_COMPACT) : NULL;
    return *text != NULL;
}

static bool read_attempt(const json_t *o, struct mix_attempt *a)
{
    const char *host, *started;

    if (!json_is_integer(json_object_get(o, "attempt")) || !text_member(o, "host", &host) ||
        !text_member(o, "started", &started))
        return false;
    a->attempt = (int)json_integer_value(json_object_get(o, "attempt"));
    a->world = (int)json_integer_value(json_object_get(o, "ranks"));
    a->pid = json_integer_value(json_object_get(o, "pid"));
    snprintf(a->host, sizeof a->host, "%s", host);
    snprintf(a->started, sizeof a->started, "%s", started);
    return a->attempt > 0;
}

/* Point the plain structs into the tree.  *missing: the member that is not as it should be. */
static bool look(struct mix_job_record *r, const char **missing)
{
    const json_t *rows = json_object_get(r->root, "rows");
    const json_t *attempts = json_object_get(r->root, "attempts");
    size_t n = json_array_size(attempts);

    r->id.rows = json_integer_value(rows);
    *missing = !text_member(r->root, "output", &r->id.output)                  ? "output"
               : !text_member(r->root, "input", &r->id.input)                  ? "input"
               : !text_member(r->root, "model", &r->id.model)                  ? "model"
               : !hash_member(r->root, "model_hash", &r->id.model_hash)        ? "model_hash"
               : !hash_member(r->root, "input_hash", &r->id.input_hash)        ? "input_hash"
               : !json_is_integer(rows) || r->id.rows < 0                      ? "rows"
               : !dump_member(r->root, "parameters", &r->parameters)           ? "parameters"
               : !dump_member(r->root, "run", &r->run_info)                    ? "run"
               : !json_is_array(attempts)                                      ? "attempts"
               : n && !read_attempt(json_array_get(attempts, n - 1), &r->last) ? "attempts"
                                                                               : NULL;
    r->id.parameters = r->parameters;
    r->id.run_info = r->run_info;
    return *missing == NULL;
}

int mix_job_record_parse(struct mix_job_record **out, const char *text, const char *name)
{
    struct mix_job_record *r = NULL;
    const char *missing;
    json_error_t e;
    json_int_t form;
    int rc;

    TRY(mix_calloc(&r, 1, sizeof *r, "the job's record"));
    if (!(r->root = json_loads(text, 0, &e))) {
        rc = MIX_FAIL(MIX_EINPUT, "%s: not JSON, line %d: %s", name, e.line, e.text);
        goto out;
    }
    form = json_integer_value(json_object_get(r->root, "form"));
    if (form < 1 || form > FORM) {
        rc = MIX_FAIL(MIX_EINPUT,
                      "%s: form %lld, this mixserve knows 1 to %d; go on with the version that "
                      "started the job",
                      name, (long long)form, FORM);
        goto out;
    }
    if (!look(r, &missing)) {
        rc = MIX_FAIL(MIX_EINPUT, "%s: \"%s\" is missing or malformed", name, missing);
        goto out;
    }
    *out = r;
    r = NULL;
out:
    mix_job_record_destroy(r);
    return rc;
}

const struct mix_job_identity *mix_job_record_identity(const struct mix_job_record *r)
{
    return &r->id;
}

const struct mix_attempt *mix_job_record_attempt(const struct mix_job_record *r)
{
    return r->last.attempt ? &r->last : NULL;
}

/* ---- made */

static int json_failed(void)
{
    return MIX_FAIL(MIX_EFIT, "out of host memory: the job's record");
}

/* The members that a later attempt may change; takes nothing over when it fails. */
static int set_free_members(json_t *root, const struct mix_job_identity *id)
{
    json_error_t e;
    json_t *run = json_loads(id->run_info, 0, &e);

    if (!json_is_object(run)) {
        json_decref(run);
        return MIX_FAIL(MIX_EBUG, "run information is no JSON object: %s", id->run_info);
    }
    if (json_object_set_new(root, "output", json_string(id->output)) ||
        json_object_set_new(root, "input", json_string(id->input)) ||
        json_object_set_new(root, "model", json_string(id->model)) ||
        json_object_set_new(root, "run", run))
        return json_failed();
    return MIX_OK;
}

int mix_job_record_create(struct mix_job_record **out, const struct mix_job_identity *id)
{
    struct mix_job_record *r = NULL;
    json_t *parameters = NULL;
    const char *missing;
    char model_hash[17], input_hash[17];
    json_error_t e;
    int rc;

    TRY(mix_calloc(&r, 1, sizeof *r, "the job's record"));
    parameters = json_loads(id->parameters, 0, &e);
    MIX_CHECK(json_is_object(parameters), "parameters are no JSON object: %s", id->parameters);
    snprintf(model_hash, sizeof model_hash, "%016" PRIx64, id->model_hash);
    snprintf(input_hash, sizeof input_hash, "%016" PRIx64, id->input_hash);
    /* A path that is not UTF-8 cannot be a JSON string; the pack fails and says so below. */
    r->root = json_pack("{s:i, s:s, s:s, s:s, s:s, s:I, s:s, s:O, s:{}, s:[]}", "form", FORM,
                        "output", id->output, "input", id->input, "model", id->model, "model_hash",
                        model_hash, "rows", (json_int_t)id->rows, "input_hash", input_hash,
                        "parameters", parameters, "run", "attempts");
    if (!r->root) {
        rc = MIX_FAIL(MIX_EUSAGE, "the names of output, input and model must be UTF-8: %s, %s, %s",
                      id->output, id->input, id->model);
        goto out;
    }
    TRY(set_free_members(r->root, id));
    MIX_CHECK(look(r, &missing), "a record without %s", missing);
    *out = r;
    r = NULL;
out:
    json_decref(parameters);
    mix_job_record_destroy(r);
    return rc;
}

int mix_job_record_add(struct mix_job_record *r, const struct mix_attempt *a,
                       const struct mix_job_identity *id)
{
    const char *missing;
    int rc = set_free_members(r->root, id);
    json_t *o = json_pack("{s:i, s:i, s:s, s:I, s:s}", "attempt", a->attempt, "ranks", a->world,
                          "host", a->host, "pid", (json_int_t)a->pid, "started", a->started);

    if (rc) {
        json_decref(o);
        return rc;
    }
    if (!o || json_array_append_new(json_object_get(r->root, "attempts"), o))
        return json_failed();
    return look(r, &missing) ? MIX_OK : MIX_FAIL(MIX_EBUG, "a record without %s", missing);
}

/* ---- compared */

static bool same(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b)) /* 1 and 1.0 are one value */
        return json_is_integer(a) && json_is_integer(b)
                   ? json_integer_value(a) == json_integer_value(b)
                   : json_number_value(a) == json_number_value(b);
    return json_equal(a, b);
}

/* 15 digits: all that a person typed, and not 0.69999999999999996 for 0.7. */
static int add_value(struct mix_str *what, const json_t *value)
{
    size_t form = JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15);
    char *text = value ? json_dumps(value, form) : NULL;
    int rc = value && !text ? json_failed() : mix_str_addf(what, "%s", text ? text : "not set");

    free(text);
    return rc;
}

static int add_difference(struct mix_str *what, const char *key, const json_t *was,
                          const json_t *is)
{
    int rc;

    if (was && is && same(was, is))
        return MIX_OK;
    TRY(mix_str_addf(what, "%s%s was ", what->len ? "; " : "", key));
    TRY(add_value(what, was));
    TRY(mix_str_addf(what, ", is "));
    TRY(add_value(what, is));
out:
    return rc;
}

int mix_job_record_difference(const struct mix_job_record *r, const struct mix_job_identity *id,
                              struct mix_str *what)
{
    json_t *was = json_object_get(r->root, "parameters"), *is, *value;
    const char *key, *separator;
    json_error_t e;
    int rc = MIX_OK;

    is = json_loads(id->parameters, 0, &e);
    MIX_CHECK(json_is_object(is), "parameters are no JSON object: %s", id->parameters);
    if (r->id.model_hash != id->model_hash)
        TRY(mix_str_addf(what, "the model was %s (%016" PRIx64 "), is %s (%016" PRIx64 ")",
                         r->id.model, r->id.model_hash, id->model, id->model_hash));
    separator = what->len ? "; " : "";
    if (r->id.rows != id->rows)
        TRY(mix_str_addf(what, "%sthe input %s had %lld rows, %s has %lld", separator, r->id.input,
                         (long long)r->id.rows, id->input, (long long)id->rows));
    else if (r->id.input_hash != id->input_hash)
        TRY(mix_str_addf(what,
                         "%sthe content of the input was that of %s (%016" PRIx64
                         "), is that of %s (%016" PRIx64 ")",
                         separator, r->id.input, r->id.input_hash, id->input, id->input_hash));
    json_object_foreach(was, key, value)
        TRY(add_difference(what, key, value, json_object_get(is, key)));
    json_object_foreach(is, key, value) if (!json_object_get(was, key))
        TRY(add_difference(what, key, NULL, value));
out:
    json_decref(is);
    return rc;
}

/* ---- out */

int mix_job_record_text(const struct mix_job_record *r, const char *plan, struct mix_str *out)
{
    json_t *copy = NULL, *value = NULL;
    char *text = NULL;
    json_error_t e;
    int rc = MIX_OK;

    if (plan) {
        value = json_loads(plan, 0, &e);
        MIX_CHECK(value, "the plan is not JSON: %s", e.text);
    }
    copy = json_copy(r->root);
    if (!copy || (value && json_object_set(copy, "plan", value)) ||
        !(text = json_dumps(copy, JSON_INDENT(2) | JSON_SORT_KEYS))) {
        rc = json_failed();
        goto out;
    }
    TRY(mix_str_addf(out, "%s\n", text));
out:
    json_decref(value);
    json_decref(copy);
    free(text);
    return rc;
}

/* ---- the file */

enum { MOST_JOB = 64 << 20 }; /* bytes of a job.json: no command line or environment is longer */

static int job_path(struct mix_str *path, const char *folder)
{
    return mix_folder_path(path, folder, &(struct mix_folder_name){.kind = MIX_FOLDER_JOB});
}

int mix_job_record_load(struct mix_job_record **r, const char *folder)
{
    int rc;
    struct mix_str path = {0}, text = {0};

    TRY(job_path(&path, folder));
    if (!mix_file_exists(path.s)) {
        *r = NULL;
        goto out;
    }
    TRY(mix_file_read(&text, path.s, MOST_JOB));
    TRY(mix_job_record_parse(r, text.s ? text.s : "", path.s));
out:
    mix_str_fini(&path);
    mix_str_fini(&text);
    return rc;
}

int mix_job_record_save(const struct mix_job_record *r, const char *folder)
{
    int rc;
    struct mix_str path = {0}, text = {0};

    TRY(job_path(&path, folder));
    TRY(mix_job_record_text(r, NULL, &text));
    TRY(mix_file_write(path.s, text.s, text.len));
out:
    mix_str_fini(&path);
    mix_str_fini(&text);
    return rc;
}

int mix_job_record_attempt_in(const char *folder, int *attempt)
{
    struct mix_job_record *r = NULL;
    int rc = mix_job_record_load(&r, folder);

    if (rc == MIX_OK)
        *attempt = r && r->last.attempt ? r->last.attempt : 0;
    mix_job_record_destroy(r);
    return rc;
}
