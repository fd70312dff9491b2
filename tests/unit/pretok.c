/* pretok.c - text cut into words, as the reference cuts it. */
#include "text/pretok.h"

#include "base/err.h"
#include "golden.h"
#include "tap.h"

#include <stdlib.h>
#include <string.h>

static struct mix_regex_match *match;

struct words {
    char text[8][64];
    int count, stop_at;
};

static int add_word(void *ctx, const char *word, size_t n)
{
    struct words *w = ctx;

    if (w->count == w->stop_at)
        return MIX_EFIT;
    snprintf(w->text[w->count++ % 8], 64, "%.*s", (int)n, word);
    return MIX_OK;
}

/* Compares each word with the next of a JSON array. */
struct expected {
    const json_t *list;
    size_t at;
    int wrong;
};

static int compare_word(void *ctx, const char *word, size_t n)
{
    struct expected *e = ctx;
    const json_t *want = json_array_get(e->list, e->at++);

    e->wrong += !want || json_string_length(want) != n || n == 0 ||
                memcmp(json_string_value(want), word, n) != 0;
    return MIX_OK;
}

static void golden_splits(const json_t *golden)
{
    for (size_t i = 0; i < json_array_size(golden); i++) {
        const json_t *g = json_array_get(golden, i), *cases = json_object_get(g, "cases");
        const json_t *pattern = json_object_get(g, "pattern"),
                     *string = json_object_get(g, "string");
        const char *name = json_string_value(json_object_get(g, "behavior"));
        struct mix_alphabet *a = NULL;
        struct mix_regex *re = NULL;
        struct mix_pretok *p = NULL;
        enum mix_pretok_behavior behavior;
        int wrong = 0, rc = mix_alphabet_create(&a);

        if (!rc)
            rc = string ? mix_regex_literal(&re, json_string_value(string),
                                            json_string_length(string), "test", a)
                        : mix_regex_parse(&re, json_string_value(pattern),
                                          json_string_length(pattern), "test", a);
        if (!rc)
            rc = mix_pretok_create(&p);
        if (!rc)
            rc = !mix_pretok_behavior(name, &behavior);
        if (!rc)
            rc = mix_pretok_split(p, re, behavior, json_is_true(json_object_get(g, "invert")));
        if (!rc)
            rc = mix_pretok_compile(p, a);
        for (size_t k = 0; !rc && k < json_array_size(cases); k++) {
            const json_t *c = json_array_get(cases, k), *text = json_array_get(c, 0);
            struct expected e = {.list = json_array_get(c, 1)};
            uint8_t symbols[1024];
            size_t n = json_string_length(text), count;

            count = mix_alphabet_write(a, json_string_value(text), n, symbols);
            rc = mix_pretok_run(p, match, json_string_value(text), n, symbols, count, compare_word,
                                &e);
            wrong += e.wrong + (e.at != json_array_size(e.list));
        }
        ok(!rc && wrong == 0 && json_array_size(cases) >= 10, "%s by %.30s", name,
           json_string_value(string ? string : pattern));
        mix_pretok_destroy(p);
        mix_alphabet_destroy(a);
    }
}

/* Two splits, then a space in front: each stage cuts the pieces of the one before. */
static void stages(void)
{
    struct mix_alphabet *a = NULL;
    struct mix_regex *digits = NULL, *spaces = NULL;
    struct mix_pretok *p = NULL;
    struct words w = {.stop_at = 8};
    uint8_t symbols[32];
    static const char text[] = "a1 22\xC3\xA9 b";
    size_t n = strlen(text), count;

    mix_alphabet_create(&a);
    mix_regex_parse(&digits, "\\d+", 3, "test", a);
    mix_regex_parse(&spaces, "\\s", 2, "test", a);
    mix_pretok_create(&p);
    ok(!mix_pretok_drops(p), "nothing drops text yet");
    mix_pretok_split(p, digits, MIX_PRETOK_ISOLATED, false);
    mix_pretok_split(p, spaces, MIX_PRETOK_REMOVED, false);
    mix_pretok_prefix(p);
    ok(mix_pretok_drops(p) && mix_pretok_compile(p, a) == MIX_OK, "Removed does");
    count = mix_alphabet_write(a, text, n, symbols);
    ok(mix_pretok_run(p, match, text, n, symbols, count, add_word, &w) == MIX_OK && w.count == 5 &&
           strcmp(w.text[0], " a") == 0 && strcmp(w.text[1], " 1") == 0 &&
           strcmp(w.text[2], " 22") == 0 && strcmp(w.text[3], " \xC3\xA9") == 0 &&
           strcmp(w.text[4], " b") == 0,
       "digits, then spaces dropped, then a space in front");
    w = (struct words){.stop_at = 2};
    ok(mix_pretok_run(p, match, text, n, symbols, count, add_word, &w) == MIX_EFIT && w.count == 2,
       "the first failure ends it");
    w = (struct words){.stop_at = 2};
    ok(mix_pretok_run(p, match, text, 0, symbols, 0, add_word, &w) == MIX_OK && w.count == 0,
       "no text, no words");
    mix_pretok_destroy(p);
    mix_pretok_destroy(NULL);
    mix_alphabet_destroy(a);
}

static void behaviors(void)
{
    enum mix_pretok_behavior b = MIX_PRETOK_BEHAVIORS;

    ok(mix_pretok_behavior("Contiguous", &b) && b == MIX_PRETOK_CONTIGUOUS, "a behavior by name");
    ok(!mix_pretok_behavior("isolated", &b) && !mix_pretok_behavior("", &b), "others are none");
}

int main(void)
{
    json_t *golden = golden_load("text.json");

    mix_regex_match_create(&match);
    if (golden)
        golden_splits(json_object_get(golden, "splits"));
    json_decref(golden);
    stages();
    behaviors();
    mix_regex_match_destroy(match);
    return tap_done();
}
