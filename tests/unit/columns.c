/* columns.c - pass-through columns: made, filled, copied, compared, as JSON, with their hash. */
#include "io/columns.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/str.h"
#include "tap.h"

#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static struct mix_columns *sample(void)
{
    struct mix_columns *c = NULL;

    mix_columns_create(&c);
    mix_columns_add(c, "word", MIX_COLUMN_TEXT);
    mix_columns_add(c, "count", MIX_COLUMN_INT);
    mix_columns_add(c, "share", MIX_COLUMN_FLOAT);
    mix_columns_add(c, "good", MIX_COLUMN_BOOL);
    return c;
}

static const char *json(const struct mix_columns *c, const char *name, int64_t row)
{
    static struct mix_str s;

    mix_str_clear(&s);
    return mix_columns_json(c, mix_columns_find(c, name), row, &s) == MIX_OK ? s.s : "failed";
}

static void questions(void)
{
    struct mix_columns *c = sample();

    ok(mix_columns_count(c) == 4 && mix_columns_rows(c) == 0, "four columns, no rows");
    ok(strcmp(mix_columns_name(c, 0), "count") == 0 &&
           strcmp(mix_columns_name(c, 1), "good") == 0 &&
           strcmp(mix_columns_name(c, 2), "share") == 0 &&
           strcmp(mix_columns_name(c, 3), "word") == 0,
       "in the order of their names");
    ok(mix_columns_find(c, "good") == 1 && mix_columns_find(c, "bad") == -1, "found by name");
    ok(mix_columns_count(NULL) == 0 && mix_columns_rows(NULL) == 0 &&
           mix_columns_find(NULL, "a") == -1,
       "NULL has no columns");
    mix_columns_destroy(c);
    mix_columns_destroy(NULL);
}

static void names(void)
{
    static const char *const bad[] = {"", "a/b", ".", "count"};
    struct mix_columns *c = sample();

    mix_log_level(MIX_LOG_SILENT);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ok(mix_columns_add(c, bad[i], MIX_COLUMN_INT) == MIX_EINPUT && mix_columns_count(c) == 4,
           "the name \"%s\" is refused", bad[i]);
    mix_columns_append_empty(c);
    ok(mix_columns_add(c, "late", MIX_COLUMN_INT) == MIX_EBUG, "no column once there are rows");
    mix_log_level(MIX_LOG_INFO);
    mix_columns_destroy(c);
}

static void values(void)
{
    struct mix_columns *c = sample();
    int word = mix_columns_find(c, "word"), count = mix_columns_find(c, "count");
    int share = mix_columns_find(c, "share"), good = mix_columns_find(c, "good");

    mix_columns_append_empty(c);
    ok(strcmp(json(c, "word", 0), "\"\"") == 0 && strcmp(json(c, "count", 0), "0") == 0 &&
           strcmp(json(c, "share", 0), "null") == 0 && strcmp(json(c, "good", 0), "false") == 0,
       "empty values");
    ok(mix_columns_set_text(c, word, 0, "caf\xC3\xA9 \"x\"\n\x01\xFF", 12) == MIX_OK &&
           strcmp(json(c, "word", 0), "\"caf\xC3\xA9 \\\"x\\\"\\n\\u0001\xEF\xBF\xBD\"") == 0,
       "a text with quotes, controls and a bad byte");
    ok(mix_columns_set_int(c, count, 0, INT64_MIN) == MIX_OK &&
           strcmp(json(c, "count", 0), "-9223372036854775808") == 0,
       "the least integer");
    ok(mix_columns_set_int(c, good, 0, 7) == MIX_OK && strcmp(json(c, "good", 0), "true") == 0,
       "true");

    static const struct {
        double x;
        const char *text;
    } floats[] = {
        {0.1, "0.1"},       {3, "3.0"},    {-2.5e300, "-2.5e+300"}, {1.0 / 3, "0.3333333333333333"},
        {INFINITY, "null"}, {NAN, "null"}, {-0.0, "-0.0"}};
    for (size_t i = 0; i < sizeof floats / sizeof floats[0]; i++)
        ok(mix_columns_set_float(c, share, 0, floats[i].x) == MIX_OK &&
               strcmp(json(c, "share", 0), floats[i].text) == 0,
           "%g is %s", floats[i].x, floats[i].text);

    mix_log_level(MIX_LOG_SILENT);
    ok(mix_columns_set_text(c, word, 0, "a\0b", 3) == MIX_EINPUT, "a NUL in a text is refused");
    ok(mix_columns_set_int(c, word, 0, 1) == MIX_EBUG && mix_columns_set_int(c, count, 1, 1) &&
           mix_columns_set_float(c, count, 0, 1) && mix_columns_set_int(c, 9, 0, 1) &&
           mix_columns_set_text(c, share, -1, "", 0) == MIX_EBUG,
       "another type, row or column is a bug");
    struct mix_str s = {0};
    ok(mix_columns_json(c, 4, 0, &s) == MIX_EBUG && mix_columns_json(c, 0, 1, &s) == MIX_EBUG,
       "so is JSON of what is not there");
    mix_log_level(MIX_LOG_INFO);
    mix_str_fini(&s);
    mix_columns_destroy(c);
}

static uint64_t hash_of(const struct mix_columns *c, int64_t row)
{
    struct mix_hasher *h = NULL;
    uint64_t x;

    mix_hasher_create(&h);
    mix_columns_hash_names(c, h);
    mix_columns_hash_row(c, row, h);
    x = mix_hasher_value(h);
    mix_hasher_destroy(h);
    return x;
}

static void copies(void)
{
    struct mix_columns *a = sample(), *b = NULL;
    const char *why = NULL;

    for (int i = 0; i < 100; i++) {
        char text[32];
        int n = snprintf(text, sizeof text, "word %d", i);

        mix_columns_append_empty(a);
        mix_columns_set_text(a, mix_columns_find(a, "word"), i, text, (size_t)n);
        mix_columns_set_int(a, mix_columns_find(a, "count"), i, i);
    }
    ok(mix_columns_create_like(&b, a) == MIX_OK && mix_columns_rows(b) == 0 &&
           mix_columns_same(a, b, &why),
       "a set of the same columns");
    ok(mix_columns_append(b, a, (const int64_t[]){99, 0, 0}, 3) == MIX_OK &&
           mix_columns_append(b, a, NULL, 2) == MIX_OK && mix_columns_rows(b) == 5,
       "rows are appended");
    mix_columns_destroy(a);
    ok(strcmp(json(b, "word", 0), "\"word 99\"") == 0 &&
           strcmp(json(b, "word", 2), "\"word 0\"") == 0 &&
           strcmp(json(b, "word", 4), "\"word 1\"") == 0 && strcmp(json(b, "count", 0), "99") == 0,
       "they are copies of their own");
    ok(hash_of(b, 1) == hash_of(b, 2) && hash_of(b, 1) == hash_of(b, 3) &&
           hash_of(b, 1) != hash_of(b, 0),
       "equal rows have equal hashes");
    mix_log_level(MIX_LOG_SILENT);
    ok(mix_columns_append(b, b, (const int64_t[]){5}, 1) == MIX_EBUG && mix_columns_rows(b) == 5,
       "a row that is not there is a bug");
    a = sample();
    mix_columns_add(a, "more", MIX_COLUMN_INT);
    ok(!mix_columns_same(a, b, &why) && strcmp(why, "more") == 0, "the column that differs");
    ok(!mix_columns_same(NULL, b, NULL) && mix_columns_same(NULL, NULL, NULL), "none and none");
    ok(mix_columns_append(a, b, NULL, 1) == MIX_EBUG, "other columns cannot be appended");
    mix_log_level(MIX_LOG_INFO);
    mix_columns_clear(b);
    ok(mix_columns_rows(b) == 0 && mix_columns_count(b) == 4 && mix_columns_bytes(b) == 0,
       "cleared");
    mix_columns_destroy(a);
    mix_columns_destroy(b);
}

int main(void)
{
    questions();
    names();
    values();
    copies();
    return tap_done();
}
