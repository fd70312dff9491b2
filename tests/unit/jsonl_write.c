/* jsonl_write.c - lines of JSON: read back by jansson, and rows that survive the round trip. */
#include "text/jsonl_write.h"

#include "base/err.h"
#include "base/log.h"
#include "tap.h"
#include "text/jsonl_row.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

static void members(void)
{
    struct mix_str s = {0};
    float floats[] = {-0.1f, 1.5f, NAN, FLT_MIN};
    int rc = mix_jsonl_write_begin(&s);

    rc |= mix_jsonl_write_int(&s, "row", INT64_MIN);
    rc |= mix_jsonl_write_text(&s, "te\"xt", "a\"\\/\b\f\n\r\t\x01\x7F\xC3\xA9\xFF\0z", 16);
    rc |= mix_jsonl_write_text(&s, "none", NULL, 0);
    rc |= mix_jsonl_write_text(&s, "empty", "", 0);
    rc |= mix_jsonl_write_double(&s, "d", 0.1);
    rc |= mix_jsonl_write_double(&s, "inf", INFINITY);
    rc |= mix_jsonl_write_tokens(&s, "ids", (int32_t[]){0, -1, INT32_MAX}, 3);
    rc |= mix_jsonl_write_tokens(&s, "no ids", NULL, 0);
    rc |= mix_jsonl_write_floats(&s, "logprobs", floats, 4);
    rc |= mix_jsonl_write_json(&s, "j\"", "[1, {}]");
    rc |= mix_jsonl_write_members(&s, "{\"answer\":\"x\"}");
    rc |= mix_jsonl_write_members(&s, NULL);
    rc |= mix_jsonl_write_members(&s, "{}");
    rc |= mix_jsonl_write_end(&s);
    ok(rc == MIX_OK &&
           strcmp(
               s.s,
               "{\"row\":-9223372036854775808,"
               "\"te\\\"xt\":\"a\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\x7F\xC3\xA9\xEF\xBF\xBD\\u0000z\","
               "\"none\":null,\"empty\":\"\",\"d\":0.1,\"inf\":null,\"ids\":[0,-1,2147483647],"
               "\"no ids\":[],\"logprobs\":[-0.1,1.5,null,1.1754944e-38],\"j\\\"\":[1, {}],"
               "\"answer\":\"x\"}\n") == 0,
       "one member of each kind");
    mix_str_clear(&s);
    mix_jsonl_write_begin(&s);
    mix_jsonl_write_members(&s, "{\"a\":1}");
    mix_jsonl_write_end(&s);
    ok(strcmp(s.s, "{\"a\":1}\n") == 0, "an object's members first");
    mix_log_level(MIX_LOG_SILENT);
    ok(mix_jsonl_write_members(&s, "[1]") == MIX_EBUG &&
           mix_jsonl_write_members(&s, "") == MIX_EBUG,
       "what is no object");
    mix_log_level(MIX_LOG_ERROR);
    mix_str_fini(&s);
}

/* Random bytes and bit patterns: each line is JSON, each number is read back as it was. */
static void round_trip(void)
{
    unsigned seed = 9;
    int wrong = 0;
    struct mix_str s = {0};

    for (int i = 0; i < 20000; i++) {
        char bytes[20];
        double d;
        float f;
        json_t *root;
        uint64_t bits = 0;

        for (size_t k = 0; k < sizeof bytes; k++)
            bytes[k] = (char)rand_r(&seed);
        for (int k = 0; k < 5; k++)
            bits = bits << 15 ^ (uint64_t)rand_r(&seed);
        memcpy(&d, &bits, sizeof d);
        memcpy(&f, &bits, sizeof f);
        mix_str_clear(&s);
        mix_jsonl_write_begin(&s);
        mix_jsonl_write_text(&s, "t", bytes, (size_t)rand_r(&seed) % sizeof bytes);
        mix_jsonl_write_double(&s, "d", d);
        mix_jsonl_write_floats(&s, "f", &f, 1);
        mix_jsonl_write_end(&s);
        root = json_loadb(s.s, s.len, JSON_ALLOW_NUL, NULL);
        wrong += !root || s.s[s.len - 1] != '\n' || strchr(s.s, '\n') != s.s + s.len - 1;
        if (isfinite(d))
            wrong += json_number_value(json_object_get(root, "d")) != d;
        else
            wrong += !json_is_null(json_object_get(root, "d"));
        if (isfinite(f))
            wrong += (float)json_number_value(json_array_get(json_object_get(root, "f"), 0)) != f;
        json_decref(root);
    }
    ok(wrong == 0, "20000 random lines");
    mix_str_fini(&s);
}

static void values(void)
{
    static const char text[] =
        "{\"b\":[1,-2.5,2.0,1e+300,null,true,false,\"\\u0000x\"],\"a\":{},\"c\":[]}";
    json_t *value = json_loads(text, JSON_ALLOW_NUL, NULL);
    struct mix_str s = {0};

    ok(mix_jsonl_write_value(&s, value) == MIX_OK && strcmp(s.s, text) == 0,
       "a value as it was read, members in their order");
    json_decref(value);
    mix_str_fini(&s);
}

static void requests(void)
{
    static const char *const names[] = {"max_tokens", "temperature"};
    static const char *const lines[] = {
        "{\"custom_id\":\"a\",\"method\":\"POST\",\"url\":\"/v1/"
        "completions\",\"body\":{\"model\":\"m\","
        "\"prompt\":\"x\\u0000\\n\",\"max_tokens\":64,\"temperature\":0.7},\"answer\":[1.5]}\n",
        "{\"method\":\"POST\",\"url\":\"/v1/"
        "completions\",\"body\":{\"model\":\"m\",\"prompt\":[1,2]}}\n",
        "{\"method\":\"POST\",\"url\":\"/v1/"
        "completions\",\"body\":{\"model\":\"m\",\"prompt\":[]}}\n",
    };
    struct mix_str s = {0};
    struct mix_jsonl_row row;

    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        mix_str_clear(&s);
        mix_jsonl_row_parse(&row, lines[i], strlen(lines[i]), names, 2);
        ok(!row.error && mix_jsonl_write_request(&s, &row, "m", names, 2) == MIX_OK &&
               strcmp(s.s, lines[i]) == 0,
           "request %zu is written as it was read", i);
        mix_jsonl_row_fini(&row);
    }
    mix_str_clear(&s);
    row = (struct mix_jsonl_row){.text = (char[]){"x"}, .text_len = 1};
    ok(mix_jsonl_write_request(&s, &row, NULL, names, 2) == MIX_OK &&
           strstr(s.s, "\"body\":{\"prompt\":\"x\"}}\n"),
       "a request without a model and parameters");
    row.error = (char[]){"bad"};
    mix_log_level(MIX_LOG_SILENT);
    ok(mix_jsonl_write_request(&s, &row, NULL, names, 0) == MIX_EBUG, "an error row is no request");
    mix_str_fini(&s);
}

int main(void)
{
    members();
    round_trip();
    values();
    requests();
    return tap_done();
}
