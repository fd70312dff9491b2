/* extras.c - which column a member of lines becomes, and what is in it. */
#include "engine/extras.h"

#include "base/err.h"
#include "base/str.h"
#include "io/columns.h"
#include "tap.h"

#include <stdio.h>
#include <string.h>

enum { ROWS = 3 };

/* The member m of three rows (NULL: the row has no members), and its column as JSON. */
static const struct {
    const char *row[ROWS], *want[ROWS];
} cases[] = {
    {{"1", "-2", "9223372036854775807"}, {"1", "-2", "9223372036854775807"}},
    {{"1.0", "2.5", "3"}, {"1.0", "2.5", "3.0"}},
    {{"1", "2", "3.0"}, {"1.0", "2.0", "3.0"}},
    {{"1", NULL, "3"}, {"1.0", "null", "3.0"}},
    {{"1.5", "null", NULL}, {"1.5", "null", "null"}},
    {{"9007199254740992", NULL, "1"}, {"9007199254740992.0", "null", "1.0"}},
    {{"9007199254740993", NULL, "1"}, {"\"9007199254740993\"", "\"\"", "\"1\""}},
    {{"9007199254740993", "0.5", "1"}, {"\"9007199254740993\"", "\"0.5\"", "\"1\""}},
    {{"true", "false", "true"}, {"true", "false", "true"}},
    {{"true", NULL, "false"}, {"\"true\"", "\"\"", "\"false\""}},
    {{"true", "1", "0"}, {"\"true\"", "\"1\"", "\"0\""}},
    {{"\"a\"", "\"\"", "\"é\\n\""}, {"\"a\"", "\"\"", "\"é\\n\""}},
    {{"\"a\"", "1.0", "null"}, {"\"a\"", "\"1.0\"", "\"\""}},
    {{"[1, 0.1]", "{\"k\": \"v\"}", "[]"}, {"\"[1,0.1]\"", "\"{\\\"k\\\":\\\"v\\\"}\"", "\"[]\""}},
    {{"null", "null", "null"}, {"null", "null", "null"}},
    {{NULL, NULL, "\"late\""}, {"\"\"", "\"\"", "\"late\""}},
};

static int look(struct mix_extras *e, const char *value, struct mix_str *object, const char **why)
{
    mix_str_clear(object);
    mix_str_addf(object, "{\"first\": 0, \"m\": %s}", value ? value : "");
    return mix_extras_look(e, value ? object->s : NULL, why);
}

static bool column_is(const struct mix_columns *c, const char *const *want)
{
    struct mix_str got = {0};
    bool same = mix_columns_rows(c) == ROWS && mix_columns_find(c, "m") >= 0;

    for (int i = 0; same && i < ROWS; i++) {
        mix_str_clear(&got);
        same = mix_columns_json(c, mix_columns_find(c, "m"), i, &got) == MIX_OK &&
               strcmp(got.s, want[i]) == 0;
        if (!same)
            printf("# row %d: %s, expected %s\n", i, got.s, want[i]);
    }
    mix_str_fini(&got);
    return same;
}

static void types(void)
{
    for (size_t k = 0; k < sizeof cases / sizeof cases[0]; k++) {
        struct mix_extras *e = NULL;
        struct mix_columns *c = NULL;
        struct mix_str object = {0};
        const char *why = NULL;
        int rc = mix_extras_create(&e);

        for (int i = 0; i < ROWS; i++)
            rc |= look(e, cases[k].row[i], &object, &why);
        rc |= mix_extras_columns(e, &c);
        for (int i = 0; i < ROWS; i++) {
            mix_str_clear(&object);
            mix_str_addf(&object, "{\"m\": %s, \"first\": 0}", cases[k].row[i]);
            rc |= mix_extras_append(e, cases[k].row[i] ? object.s : NULL, c);
        }
        ok(rc == MIX_OK && !why && column_is(c, cases[k].want), "%s, %s, %s", cases[k].row[0],
           cases[k].row[1] ? cases[k].row[1] : "nothing",
           cases[k].row[2] ? cases[k].row[2] : "nothing");
        mix_str_fini(&object);
        mix_columns_destroy(c);
        mix_extras_destroy(e);
    }
}

static void objections(void)
{
    static const char *const bad[] = {"{\"a/b\": 1}", "{\"\": 1}", "{\".\": 1}",
                                      "{\"a\": \"x\\u0000\"}"};
    struct mix_extras *e = NULL;
    struct mix_columns *c = NULL;
    const char *why = NULL;
    char object[64];
    int rc = mix_extras_create(&e);

    ok(mix_extras_columns(e, &c) == MIX_OK && mix_columns_count(c) == 0, "no rows, no columns");
    mix_columns_destroy(c);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ok(mix_extras_look(e, bad[i], &why) == MIX_OK && why, "%s cannot be: %s", bad[i], why);
    for (int i = 0; i < MIX_EXTRAS_MOST; i++) {
        snprintf(object, sizeof object, "{\"m%d\": 1}", i);
        rc |= mix_extras_look(e, object, &why);
    }
    ok(rc == MIX_OK && !why, "as many members as there may be");
    ok(mix_extras_look(e, "{\"m0\": 1}", &why) == MIX_OK && !why, "one of them again");
    ok(mix_extras_look(e, "{\"more\": 1}", &why) == MIX_OK && why, "one more: %s", why);
    mix_extras_destroy(e);
    mix_extras_destroy(NULL);
    ok(true, "destroying NULL is allowed");
}

int main(void)
{
    types();
    objections();
    return tap_done();
}
