/* jsonl_row.c - lines of a batch file: what is taken, and what is an error row. */
#include "text/jsonl_row.h"

#include "base/err.h"
#include "base/str.h"
#include "tap.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const names[] = {"max_tokens", "temperature", "seed", "ignore_eos"};
enum { NAMES = 4 };

static struct mix_jsonl_row parse(const char *line, size_t n)
{
    struct mix_jsonl_row row;

    if (mix_jsonl_row_parse(&row, line, n, names, NAMES) != MIX_OK)
        row = (struct mix_jsonl_row){.error = mix_strdup("failed")};
    return row;
}

static struct mix_jsonl_row parse_text(const char *line)
{
    return parse(line, strlen(line));
}

static void taken(void)
{
    static const char line[] =
        "{\"custom_id\": \"a\", \"method\": \"POST\", \"url\": \"/v1/completions\", \"answer\": "
        "\"42\","
        " \"body\": {\"model\": \"m\", \"prompt\": \"x\\u0000\\u00e9\\n\", \"max_tokens\": 64,"
        " \"temperature\": 0.5, \"seed\": null, \"ignore_eos\": true, \"n\": 1, \"stream\": false,"
        " \"top_p\": 1.0, \"stop\": [], \"logit_bias\": {}, \"suffix\": \"\", \"echo\": false,"
        " \"top_k\": -1, \"user\": \"u\", \"metadata\": {\"k\": [1]}, \"presence_penalty\": 0.0},"
        " \"deep\": {\"b\": [1, 2.50, null, true], \"a\": \"\\u0007\\\"\"}, \"score\": 2.0}\r";
    struct mix_jsonl_row row = parse_text(line);

    ok(!row.error && strcmp(row.custom_id, "a") == 0, "a full line");
    ok(row.text_len == 5 && memcmp(row.text, "x\0\xC3\xA9\n", 6) == 0 && !row.tokens,
       "its text, with a zero byte");
    ok(row.param[0] == 64 && row.param[1] == 0.5 && isnan(row.param[2]) && row.param[3] == 1,
       "its parameters; null is absent, true is 1");
    ok(strcmp(row.extra, "{\"answer\":\"42\",\"deep\":{\"b\":[1,2.5,null,true],"
                         "\"a\":\"\\u0007\\\"\"},\"score\":2.0}") == 0,
       "what else was there");
    mix_jsonl_row_fini(&row);
    mix_jsonl_row_fini(&row);
    row = parse_text("{\"body\": {\"prompt\": [5, 0, 2147483647]}}");
    ok(!row.error && !row.custom_id && !row.text && !row.extra && row.tokens_count == 3 &&
           row.tokens[0] == 5 && row.tokens[2] == INT32_MAX && isnan(row.param[0]),
       "the least line, with ids");
    mix_jsonl_row_fini(&row);
    row = parse_text("{\"body\": {\"prompt\": []}}");
    ok(!row.error && !row.text && row.tokens_count == 0, "no ids");
    mix_jsonl_row_fini(&row);
    row = parse_text("{\"body\": {\"prompt\": \"\"}}");
    ok(!row.error && row.text && row.text_len == 0, "an empty text");
    mix_jsonl_row_fini(&row);
}

static void errors(void)
{
    static const struct {
        const char *line, *why;
    } cases[] = {
        {"", "blank"},
        {" \t\r", "blank"},
        {"x", "not JSON"},
        {"{", "not JSON"},
        {"{}", "body is missing"},
        {"[]", "must be an object"},
        {"\"text\"", "not JSON"},
        {"{\"body\": {\"prompt\": \"a\"}} {}", "not JSON"},
        {"{\"body\": 1}", "body must be an object"},
        {"{\"body\": {}}", "body.prompt is missing"},
        {"{\"body\": {\"prompt\": null}}", "body.prompt must be"},
        {"{\"body\": {\"prompt\": 5}}", "body.prompt must be"},
        {"{\"body\": {\"prompt\": [\"a\", \"b\"]}}", "one prompt a line"},
        {"{\"body\": {\"prompt\": [[1], [2]]}}", "one prompt a line"},
        {"{\"body\": {\"prompt\": [1, -1]}}", "body.prompt[1] is no token id"},
        {"{\"body\": {\"prompt\": [2147483648]}}", "body.prompt[0] is no token id"},
        {"{\"body\": {\"prompt\": [1, 2.0]}}", "body.prompt[1] is no token id"},
        {"{\"body\": {\"prompt\": [1, \"2\"]}}", "body.prompt[1] is no token id"},
        {"{\"body\": {\"messages\": []}}", "as body.prompt"},
        {"{\"url\": \"/v1/chat/completions\", \"body\": {\"prompt\": \"a\"}}", "chat"},
        {"{\"url\": \"/v1/embeddings\", \"body\": {\"prompt\": \"a\"}}", "\"/v1/embeddings\""},
        {"{\"url\": 5, \"body\": {\"prompt\": \"a\"}}", "the url"},
        {"{\"method\": \"GET\", \"body\": {\"prompt\": \"a\"}}", "method must be POST"},
        {"{\"method\": null, \"body\": {\"prompt\": \"a\"}}", "method must be POST"},
        {"{\"custom_id\": 5, \"body\": {\"prompt\": \"a\"}}", "custom_id must be a text"},
        {"{\"custom_id\": \"a\\u0000b\", \"body\": {\"prompt\": \"a\"}}", "custom_id holds"},
        {"{\"a\\u0000b\": 1, \"body\": {\"prompt\": \"a\"}}",
         ""}, /* jansson may refuse it before */
        {"{\"body\": {\"prompt\": \"a\", \"n\": 2}}", "body.n: 2 is not supported"},
        {"{\"body\": {\"prompt\": \"a\", \"stream\": true}}", "body.stream: true is not supported"},
        {"{\"body\": {\"prompt\": \"a\", \"stop\": [\"x\"]}}", "body.stop: [\"x\"]"},
        {"{\"body\": {\"prompt\": \"a\", \"logprobs\": 0}}", "body.logprobs"},
        {"{\"body\": {\"prompt\": \"a\", \"top_p\": 0.5}}", "body.top_p: 0.5"},
        {"{\"body\": {\"prompt\": \"a\", \"best_of\": 0}}", "body.best_of"},
        {"{\"body\": {\"prompt\": \"a\", \"guided\": {\"x\": 1}}}", "body.guided"},
        {"{\"body\": {\"prompt\": \"a\", \"max_tokens\": \"5\"}}",
         "body.max_tokens must be a number"},
        {"{\"body\": {\"prompt\": \"a\", \"seed\": 9007199254740993}}", "beyond 2^53"},
        {"{\"body\": {\"prompt\": \"a\", \"seed\": 99999999999999999999}}", "not JSON"},
        {"{\"body\": {\"prompt\": \"a\", \"temperature\": 1e999}}", "not JSON"},
        {"{\"body\": {\"prompt\": \"a\", \"prompt\": \"b\"}}", "not JSON: duplicate"},
        {"{\"body\": {\"prompt\": \"a\xC3\"}}", "byte 22 of the line is not UTF-8"},
        {"\xFF\xFE{", "byte 0 of the line is not UTF-8"},
        {"{\"body\": {\"prompt\": \"\\ud800\"}}", "not JSON"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mix_jsonl_row row = parse_text(cases[i].line);

        if (!ok(row.error && strstr(row.error, cases[i].why) && !row.text && !row.tokens &&
                    mix_utf8_valid(row.error, strlen(row.error), NULL),
                "line %zu is an error: %s", i, cases[i].why))
            printf("# %s\n", row.error ? row.error : "no error");
        mix_jsonl_row_fini(&row);
    }
    struct mix_jsonl_row row = parse("{\"body\":\0{\"prompt\": \"a\"}}", 25);
    ok(row.error && strstr(row.error, "not JSON"), "a zero byte between values");
    mix_jsonl_row_fini(&row);
    row = parse_text("{\"custom_id\": \"x\", \"k\": 1, \"body\": {}}");
    ok(row.error && strcmp(row.custom_id, "x") == 0 && strcmp(row.extra, "{\"k\":1}") == 0,
       "an error row keeps its custom_id and what else was there");
    mix_jsonl_row_fini(&row);
    ok(mix_jsonl_row_error(&row, NAMES, "row %d: %s", 5, "\xFF") == MIX_OK &&
           strcmp(row.error, "row 5: \xEF\xBF\xBD") == 0 && isnan(row.param[3]),
       "a row that only says what is wrong");
    mix_jsonl_row_fini(&row);
}

/* head, then n times middle, then tail. */
static struct mix_jsonl_row parse_long(const char *head, size_t n, const char *middle,
                                       const char *tail)
{
    struct mix_str line = {0};
    struct mix_jsonl_row row;

    mix_str_add(&line, head, strlen(head));
    for (size_t i = 0; i < n; i++)
        mix_str_add(&line, middle, strlen(middle));
    mix_str_add(&line, tail, strlen(tail));
    row = parse(line.s, line.len);
    mix_str_fini(&line);
    return row;
}

static void hostile(void)
{
    struct mix_jsonl_row row = parse_long("{\"body\": ", 100000, "{\"a\":", "");

    ok(row.error && strstr(row.error, "not JSON"), "objects nested 100000 times");
    mix_jsonl_row_fini(&row);
    row = parse_long("{\"x\": ", 1500, "[", "");
    ok(row.error != NULL, "brackets that do not close");
    mix_jsonl_row_fini(&row);
    row = parse_long("{\"body\": {\"prompt\": \"", 10 << 20, "0123456789", "\"}}");
    ok(!row.error && row.text_len == (100 << 20), "a text of 100 MiB");
    mix_jsonl_row_fini(&row);
    row = parse_long("{\"body\": {\"prompt\": \"", 13 << 20, "0123456789", "\"}}");
    ok(row.error && strstr(row.error, "134217728 bytes"), "one of 130 MiB is too long");
    mix_jsonl_row_fini(&row);
    row = parse_long("{\"body\": {\"prompt\": [0", (16 << 20) + 1, ",0", "]}}");
    ok(row.error && strstr(row.error, "16777216 values"), "too many ids");
    mix_jsonl_row_fini(&row);
}

int main(void)
{
    taken();
    errors();
    hostile();
    return tap_done();
}
