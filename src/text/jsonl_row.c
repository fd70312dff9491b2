/* jsonl_row.c - see jsonl_row.h. */
#include "text/jsonl_row.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "text/jsonl_write.h"
#include "text/utf8.h"

#include <jansson.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mix_jsonl_row_fini(struct mix_jsonl_row *row)
{
    free(row->custom_id);
    free(row->text);
    free(row->tokens);
    free(row->param);
    free(row->error);
    free(row->extra);
    *row = (struct mix_jsonl_row){0};
}

/* The first thing that is wrong with a row is its error; bytes that are not UTF-8 are replaced. */
static int say_list(struct mix_jsonl_row *row, const char *fmt, va_list ap)
{
    int rc;
    char text[512];
    struct mix_str clean = {0};

    if (row->error)
        return MIX_OK;
    vsnprintf(text, sizeof text, fmt, ap);
    TRY(mix_utf8_lossy(&clean, text, strlen(text)));
    row->error = clean.s;
    clean.s = NULL;
out:
    mix_str_fini(&clean);
    return rc;
}

static int say(struct mix_jsonl_row *row, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

static int say(struct mix_jsonl_row *row, const char *fmt, ...)
{
    va_list ap;
    int rc;

    va_start(ap, fmt);
    rc = say_list(row, fmt, ap);
    va_end(ap);
    return rc;
}

static int begin_row(struct mix_jsonl_row *row, int count)
{
    int rc;

    *row = (struct mix_jsonl_row){0};
    TRY(mix_calloc(&row->param, (size_t)count, sizeof *row->param, "the parameters of a row"));
    for (int i = 0; i < count; i++)
        row->param[i] = NAN;
out:
    return rc;
}

int mix_jsonl_row_error(struct mix_jsonl_row *row, int count, const char *fmt, ...)
{
    int rc;
    va_list ap;

    TRY(begin_row(row, count));
    va_start(ap, fmt);
    rc = say_list(row, fmt, ap);
    va_end(ap);
out:
    if (rc)
        mix_jsonl_row_fini(row);
    return rc;
}

/* ---- body */

/* Values that ask for nothing where 0 would ask for something. */
static const struct {
    const char *name;
    double value;
} nothing[] = {
    {"n", 1},
    {"best_of", 1},
    {"temperature", 1},
    {"top_p", 1},
    {"repetition_penalty", 1},
    {"length_penalty", 1},
    {"logprobs", NAN}, /* 0 asks for the chosen token's */
    {"prompt_logprobs", NAN},
    {"add_special_tokens", 1},
    {"skip_special_tokens", 1},
    {"spaces_between_special_tokens", 1},
};

/* Numbers, and true and false as 1 and 0. */
static bool number_of(const json_t *value, double *number)
{
    if (json_is_boolean(value))
        *number = json_is_true(value);
    else if (json_is_number(value))
        *number = json_number_value(value);
    else
        return false;
    return true;
}

static bool asks_for_nothing(const char *name, const json_t *value)
{
    double number;

    if (json_is_null(value))
        return true;
    if (!number_of(value, &number))
        return json_is_string(value)  ? json_string_length(value) == 0
               : json_is_array(value) ? json_array_size(value) == 0
                                      : json_object_size(value) == 0;
    for (size_t i = 0; i < sizeof nothing / sizeof nothing[0]; i++)
        if (strcmp(nothing[i].name, name) == 0)
            return number == nothing[i].value;
    return number == 0 || (number == -1 && strcmp(name, "top_k") == 0);
}

static int read_param(struct mix_jsonl_row *row, const char *name, const json_t *value,
                      double *param)
{
    static const double exact =
        9007199254740992.0; /* 2^53: from there doubles leave out integers */

    if (json_is_null(value))
        return MIX_OK;
    if (json_is_integer(value) && (json_integer_value(value) > (json_int_t)exact ||
                                   json_integer_value(value) < -(json_int_t)exact))
        return say(row, "body.%s: %lld is beyond 2^53", name, (long long)json_integer_value(value));
    if (!number_of(value, param))
        return say(row, "body.%s must be a number", name);
    return MIX_OK;
}

static int read_tokens(struct mix_jsonl_row *row, const json_t *prompt)
{
    int rc = MIX_OK;
    size_t i, n = json_array_size(prompt);
    const json_t *v;

    v = json_array_get(prompt, 0);
    if (json_is_array(v) || json_is_string(v))
        return say(row, "body.prompt holds a list of prompts; give one prompt a line");
    TRY(mix_calloc(&row->tokens, n, sizeof *row->tokens, "the tokens of a prompt"));
    json_array_foreach(prompt, i, v)
    {
        json_int_t id = json_integer_value(v);

        if (!json_is_integer(v) || id < 0 || id > INT32_MAX)
            return say(row, "body.prompt[%zu] is no token id", i);
        row->tokens[i] = (int32_t)id;
    }
    row->tokens_count = n;
out:
    return rc;
}

static int read_prompt(struct mix_jsonl_row *row, const json_t *prompt)
{
    int rc = MIX_OK;
    size_t n = json_string_length(prompt);

    if (!prompt)
        return say(row, "body.prompt is missing");
    if (json_is_array(prompt))
        return read_tokens(row, prompt);
    if (!json_is_string(prompt))
        return say(row, "body.prompt must be a text or a list of token ids");
    TRY(mix_calloc(&row->text, n + 1, 1, "the text of a prompt"));
    memcpy(row->text, json_string_value(prompt), n);
    row->text_len = n;
out:
    return rc;
}

static int say_chat(struct mix_jsonl_row *row)
{
    return say(row, "chat messages are not supported yet: there are no chat formats; give the "
                    "whole text, as the model's chat template makes it, as body.prompt with the "
                    "url /v1/completions");
}

static int read_body(struct mix_jsonl_row *row, json_t *body, const char *const *names, int count)
{
    int rc = MIX_OK;
    const char *name;
    json_t *value;

    if (!json_is_object(body))
        return say(row, body ? "body must be an object" : "body is missing");
    if (json_object_get(body, "messages"))
        return say_chat(row);
    TRY(read_prompt(row, json_object_get(body, "prompt")));
    json_object_foreach(body, name, value)
    {
        static const char *const known[] = {"prompt", "model", "user", "metadata"};
        bool skip = false;
        int p = 0;

        for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
            skip |= strcmp(known[i], name) == 0;
        if (skip)
            continue;
        while (p < count && strcmp(names[p], name) != 0)
            p++;
        if (p < count)
            TRY(read_param(row, name, value, &row->param[p]));
        else if (!asks_for_nothing(name, value)) {
            char *what = json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
            rc = say(row, "body.%.60s: %.60s is not supported", name, what ? what : "its value");
            free(what);
            TRY(rc);
        }
    }
out:
    return rc;
}

/* ---- the line */

static int read_custom_id(struct mix_jsonl_row *row, const json_t *id)
{
    if (!id || json_is_null(id))
        return MIX_OK;
    if (!json_is_string(id))
        return say(row, "custom_id must be a text");
    if (strlen(json_string_value(id)) != json_string_length(id))
        return say(row, "custom_id holds a zero byte");
    return (row->custom_id = mix_strdup(json_string_value(id))) ? MIX_OK : MIX_EFIT;
}

static int read_extra(struct mix_jsonl_row *row, json_t *line)
{
    static const char *const known[] = {"custom_id", "method", "url", "body"};
    int rc = MIX_OK;
    struct mix_str text = {0};

    for (int i = 0; i < 4; i++)
        json_object_del(line, known[i]);
    if (json_object_size(line) == 0)
        return MIX_OK;
    TRY(mix_jsonl_write_value(&text, line));
    row->extra = text.s;
    text.s = NULL;
out:
    mix_str_fini(&text);
    return rc;
}

/* Does the name of a member hold a zero byte?  Names are C strings from here on. */
static bool zero_in_name(const json_t *value)
{
    const char *name;
    json_t *v;
    size_t i;

    if (json_is_object(value)) {
        json_object_foreach((json_t *)value, name, v)
        {
            if (json_object_get(value, name) != v || zero_in_name(v))
                return true;
        }
    } else if (json_is_array(value)) {
        json_array_foreach(value, i, v)
        {
            if (zero_in_name(v))
                return true;
        }
    }
    return false;
}

static int read_line(struct mix_jsonl_row *row, json_t *line, const char *const *names, int count)
{
    int rc;
    const json_t *method = json_object_get(line, "method"), *url = json_object_get(line, "url");
    const char *where = json_string_value(url);

    if (zero_in_name(line))
        return say(row, "the name of a member holds a zero byte");
    TRY(read_custom_id(row, json_object_get(line, "custom_id")));
    if (method && (!json_is_string(method) || strcmp(json_string_value(method), "POST") != 0))
        TRY(say(row, "method must be POST"));
    if (where && strcmp(where, "/v1/chat/completions") == 0)
        TRY(say_chat(row));
    else if (url && (!where || strcmp(where, "/v1/completions") != 0))
        TRY(say(row, "the url \"%.60s\" is not supported, only /v1/completions",
                where ? where : ""));
    TRY(read_body(row, json_object_get(line, "body"), names, count));
    TRY(read_extra(row, line));
out:
    return rc;
}

static size_t count_commas(const char *s, size_t n)
{
    size_t commas = 0;

    for (size_t i = 0; i < n; i++)
        commas += s[i] == ',';
    return commas;
}

int mix_jsonl_row_parse(struct mix_jsonl_row *row, const char *line, size_t n,
                        const char *const *names, int count)
{
    int rc;
    json_error_t error;
    json_t *root = NULL;
    size_t blank = 0, bad;

    TRY(begin_row(row, count));
    while (blank < n && strchr(" \t\r\n", line[blank]) && line[blank])
        blank++;
    if (blank == n)
        TRY(say(row, "the line is blank"));
    else if (n > MIX_JSONL_LONGEST)
        TRY(say(row, "the line has more than %d bytes", MIX_JSONL_LONGEST));
    else if (!mix_utf8_valid(line, n, &bad))
        TRY(say(row, "byte %zu of the line is not UTF-8", bad));
    else if (count_commas(line, n) > MIX_JSONL_MOST_VALUES)
        TRY(say(row, "the line has more than %d values", MIX_JSONL_MOST_VALUES));
    else if (!(root = json_loadb(line, n, JSON_ALLOW_NUL | JSON_REJECT_DUPLICATES, &error)))
        TRY(say(row, "not JSON: %s, at byte %d", error.text, error.position));
    else if (!json_is_object(root))
        TRY(say(row, "a line must be an object"));
    else
        TRY(read_line(row, root, names, count));
    if (row->error) { /* a prompt that is not served is not needed */
        free(row->text);
        free(row->tokens);
        row->text = NULL;
        row->tokens = NULL;
        row->text_len = row->tokens_count = 0;
    }
out:
    json_decref(root);
    if (rc)
        mix_jsonl_row_fini(row);
    return rc;
}
