/* regex.c - expressions: what each matches of all code points, and what is refused. */
#include "text/regex.h"

#include "base/err.h"
#include "base/log.h"
#include "golden.h"
#include "tap.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

static struct mix_regex_match *match;

/* For all code points, one byte each: does the expression match it? */
static void classes(const json_t *golden)
{
    const char *expression;
    json_t *want;

    json_object_foreach((json_t *)golden, expression, want)
    {
        struct mix_alphabet *a = NULL;
        struct mix_regex *re = NULL;
        unsigned long long hash = GOLDEN_FNV;
        char text[20], matches[256] = {0};
        bool found = false;
        size_t begin, end;
        int rc = mix_alphabet_create(&a);

        if (!rc)
            rc = mix_regex_parse(&re, expression, strlen(expression), "test", a);
        if (!rc)
            rc = mix_regex_compile(re, a);
        for (int s = 0; !rc && s < a->symbols; s++) {
            rc = mix_regex_find(re, match, &(uint8_t){(uint8_t)s}, 1, 0, &found, &begin, &end);
            matches[s] = found;
        }
        for (uint32_t c = 0; !rc && c < MIX_CODEPOINTS; c++)
            if (c < 0xD800 || c > 0xDFFF)
                hash = golden_fnv(hash, &matches[a->symbol[c]], 1);
        snprintf(text, sizeof text, "%016llx", hash);
        ok(!rc && strcmp(text, json_string_value(want)) == 0, "%s matches what the reference does",
           expression);
        mix_regex_destroy(re);
        mix_alphabet_destroy(a);
    }
}

static void refused(void)
{
    static const char *const cases[] = {
        "",
        "a\xFF",
        "^a",
        "a$",
        "\\w",
        "\\b",
        "\\A",
        "\\1",
        "\\h",
        "\\",
        "(",
        ")",
        "(a",
        "a)",
        "[a",
        "[]",
        "[^]",
        "[[:alpha:]]",
        "[a&&b]",
        "[z-a]",
        "[\\s-a]",
        "[a-\\s]",
        "[a-[b]]",
        "a**",
        "a{2}{3}",
        "a{2}?",
        "a{1,2}+",
        "a{3,2}",
        "a{2000}",
        "a{",
        "{",
        "*",
        "a|*",
        "\\p{Han}",
        "\\p{}",
        "\\pL",
        "\\p{L",
        "(?<n>a)",
        "(?i)a",
        "(?#a)",
        "(?i:\xC3\xA9)",
        "(?i:[\xC3\xA0-\xC3\xA9])",
        "(?i:\\p{Lu})",
        "(?i:ss)",
        "(?i:fF)",
        "(?i:sT)",
        "(?=a)*",
        "(?<!a){2}",
        "\\x{110000}",
        "\\x{d800}",
        "\\x1",
        "\\u12",
        "\\x{}",
        "(?<=a+)b",
        "\\y",
        "\\xe9\\M",
        "(?",
    };
    struct mix_alphabet *a = NULL;
    char *deep = malloc(200);
    struct mix_regex *re = NULL;

    mix_alphabet_create(&a);
    mix_log_level(MIX_LOG_SILENT);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int rc = mix_regex_parse(&re, cases[i], strlen(cases[i]), "FILE: member", a);

        if (!rc)
            rc = mix_regex_compile(re, a);
        ok(rc == MIX_EINPUT && strncmp(mix_err_last(), "FILE: member", 12) == 0,
           "%s is refused: %s", cases[i][0] ? cases[i] : "nothing", mix_err_last());
        mix_regex_destroy(re);
        re = NULL;
    }
    memset(deep, '(', 200);
    ok(mix_regex_parse(&re, deep, 200, "", a) == MIX_EINPUT && !re, "200 groups in each other");
    free(deep);
    mix_log_level(MIX_LOG_ERROR);
    mix_alphabet_destroy(a);
}

static void finding(void)
{
    static const struct {
        const char *pattern, *text;
        size_t from, begin, end; /* in code points; begin 99: no match */
    } cases[] = {
        {"b+", "abbbc", 0, 1, 4},
        {"b+", "abbbc", 2, 2, 4},
        {"b+", "ac", 0, 99, 0},
        {"\\s+(?!\\S)", "a  b", 0, 1, 2},
        {"\\p{L}", "1\xE4\xB8\xADz", 0, 1, 2},
        {"(?i:K)", "\xE2\x84\xAA", 0, 0, 1},
        {"(?i:'s)", "it'\xC5\xBF", 0, 2, 4},
        {"(?<=a)b", "bab", 0, 2, 3}, /* what is before from is seen */
        {"(?<=a)b", "ab", 1, 1, 2},
        {"x{2,3}", "xxxx", 0, 0, 3},
        {"x{,2}", "xxx", 0, 0, 2},
        {"a|ab", "ab", 0, 0, 1}, /* the first alternative, not the longest */
        {"[^\\S ]", " \t", 0, 1, 2},
        {"[a\\-z]", "b-", 0, 1, 2},
        {"[az-]", "-", 0, 0, 1},
        {"[-a]", "-", 0, 0, 1},
        {".", "\n\r", 0, 1, 2},
        {"a*", "b", 1, 1, 1}, /* empty, at the end */
    };
    struct mix_regex *re = NULL;
    struct mix_alphabet *a = NULL;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        bool found = false;
        size_t begin = 0, end = 0, n = strlen(cases[i].text);
        uint8_t symbols[16];
        int rc = mix_alphabet_create(&a);

        if (!rc)
            rc = mix_regex_parse(&re, cases[i].pattern, strlen(cases[i].pattern), "test", a);
        if (!rc)
            rc = mix_regex_compile(re, a);
        if (!rc)
            rc =
                mix_regex_find(re, match, symbols, mix_alphabet_write(a, cases[i].text, n, symbols),
                               cases[i].from, &found, &begin, &end);
        if (cases[i].begin == 99)
            ok(!found, "%s is not in \"%s\"", cases[i].pattern, cases[i].text);
        else
            ok(!rc && found && begin == cases[i].begin && end == cases[i].end,
               "%s in \"%s\" from %zu", cases[i].pattern, cases[i].text, cases[i].from);
        mix_regex_destroy(re);
        re = NULL;
        mix_alphabet_destroy(a);
        a = NULL;
    }
    mix_alphabet_create(&a);
    ok(mix_regex_literal(&re, "a.*[", 4, "test", a) == MIX_OK && mix_regex_compile(re, a) == MIX_OK,
       "a text that stands for itself");
    bool found = false;
    size_t begin, end;
    ok(mix_regex_find(re, match, (const uint8_t *)"aa.*[b", 6, 0, &found, &begin, &end) == MIX_OK &&
           found && begin == 1 && end == 5,
       "and for nothing else");
    mix_regex_destroy(re);
    mix_regex_destroy(NULL);
    mix_alphabet_destroy(a);
}

/* Groups that repeat use up the stack of PCRE2's machine code; the interpreter goes on. */
static void long_text(void)
{
    enum { LONG = 300000 };
    struct mix_alphabet *a = NULL;
    struct mix_regex *re = NULL;
    uint8_t *text = malloc(LONG);
    bool found = false;
    size_t begin = 1, end = 0;

    memset(text, 'a', LONG);
    mix_alphabet_create(&a);
    ok(mix_regex_parse(&re, "(?:a|b)+", 8, "test", a) == MIX_OK &&
           mix_regex_compile(re, a) == MIX_OK &&
           mix_regex_find(re, match, text, LONG, 0, &found, &begin, &end) == MIX_OK && found &&
           begin == 0 && end == LONG,
       "a group that repeats 300000 times");
    mix_regex_destroy(re);
    mix_alphabet_destroy(a);
    free(text);
}

int main(void)
{
    json_t *golden = golden_load("text.json");

    mix_regex_match_create(&match);
    if (golden)
        classes(json_object_get(golden, "classes"));
    json_decref(golden);
    refused();
    finding();
    long_text();
    mix_regex_match_destroy(match);
    mix_regex_match_destroy(NULL);
    return tap_done();
}
