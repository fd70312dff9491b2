/* nfc.c - form C of all code points and of random texts, as the reference has it. */
#include "text/nfc.h"

#include "base/clock.h"
#include "base/err.h"
#include "golden.h"
#include "tap.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

static struct mix_alphabet *alphabet;

/* Each code point in a context where it can move, join or fall apart. */
static void all_code_points(const json_t *golden)
{
    const char *context;
    json_t *want;

    json_object_foreach((json_t *)golden, context, want)
    {
        const char *percent = strchr(context, '%');
        size_t before = (size_t)(percent - context);
        unsigned long long hash = GOLDEN_FNV;
        struct mix_str form = {0};
        char text[32], hex[20];
        int wrong = 0;

        for (uint32_t c = 0; c < MIX_CODEPOINTS; c++) {
            size_t n = before;

            if (c >= 0xD800 && c <= 0xDFFF)
                continue;
            memcpy(text, context, before);
            n += (size_t)mix_utf8_put(text + n, c);
            memcpy(text + n, percent + 1, strlen(percent + 1));
            n += strlen(percent + 1);
            mix_str_clear(&form);
            wrong += mix_nfc(alphabet, text, n, &form) != MIX_OK;
            if (mix_nfc_is(alphabet, text, n))
                wrong += form.len != n || memcmp(form.s, text, n) != 0;
            hash = golden_fnv(hash, form.s, form.len + 1);
        }
        snprintf(hex, sizeof hex, "%016llx", hash);
        ok(wrong == 0 && strcmp(hex, json_string_value(want)) == 0, "all code points in \"%s\"",
           context);
        mix_str_fini(&form);
    }
}

static void texts(const json_t *golden)
{
    int wrong = 0;

    for (size_t i = 0; i < json_array_size(golden); i++) {
        const json_t *pair = json_array_get(golden, i), *in = json_array_get(pair, 0);
        struct mix_str form = {0}, again = {0};

        if (mix_nfc(alphabet, json_string_value(in), json_string_length(in), &form) != MIX_OK ||
            strcmp(form.s, json_string_value(json_array_get(pair, 1))) != 0) {
            wrong++;
            printf("# %s became %s\n", json_string_value(in), form.s);
        }
        wrong += mix_nfc(alphabet, form.s, form.len, &again) != MIX_OK || again.len != form.len;
        mix_str_fini(&form);
        mix_str_fini(&again);
    }
    ok(wrong == 0 && json_array_size(golden) >= 200, "%zu random texts", json_array_size(golden));
}

/* A megabyte of marks in the worst order takes linear time. */
static void hostile(void)
{
    enum { MARKS = 500000 };
    char *text = malloc(2 * MARKS + 1);
    struct mix_str form = {0};
    double begin = mix_now();
    bool sorted = true;

    text[0] = 'x';
    for (int i = 0; i < MARKS; i++) /* classes 230 and 220 in turn */
        memcpy(text + 1 + 2 * i, i % 2 ? "\xCC\xA4" : "\xCC\x8D", 2);
    ok(!mix_nfc_is(alphabet, text, 2 * MARKS + 1) &&
           mix_nfc(alphabet, text, 2 * MARKS + 1, &form) == MIX_OK && form.len == 2 * MARKS + 1,
       "a million bytes of combining marks");
    for (int i = 0; i < MARKS; i++)
        sorted &= memcmp(form.s + 1 + 2 * i, i < MARKS / 2 ? "\xCC\xA4" : "\xCC\x8D", 2) == 0;
    ok(sorted, "are put in order");
    ok(mix_now() - begin < 20, "in seconds, not hours");
    mix_str_fini(&form);
    free(text);
}

static void edges(void)
{
    struct mix_str form = {0};

    ok(mix_nfc_is(alphabet, "", 0) && mix_nfc(alphabet, "", 0, &form) == MIX_OK && form.len == 0,
       "nothing stays nothing");
    ok(mix_nfc_is(alphabet, "plain text\n", 11) && mix_nfc_is(alphabet, "a\0\xE4\xB8\xAD", 5),
       "ASCII and stable characters are in form C");
    ok(mix_nfc(alphabet, "a\0e\xCC\x81", 5, &form) == MIX_OK && form.len == 4 &&
           memcmp(form.s, "a\0\xC3\xA9", 4) == 0,
       "a zero byte is a character like others");
    /* U+105D2 and U+0307 join to U+105C9 since Unicode 16; the reference does not know them. */
    mix_str_clear(&form);
    ok(mix_nfc(alphabet, "\xF0\x90\x97\x92\xCC\x87", 6, &form) == MIX_OK && form.len == 6,
       "characters that came after the reference do not join");
    mix_str_fini(&form);
}

int main(void)
{
    json_t *golden = golden_load("text.json");

    if (mix_alphabet_create(&alphabet) != MIX_OK)
        return 1;
    if (golden) {
        all_code_points(json_object_get(golden, "nfc_all"));
        texts(json_object_get(golden, "nfc"));
    }
    json_decref(golden);
    hostile();
    edges();
    mix_alphabet_destroy(alphabet);
    return tap_done();
}
