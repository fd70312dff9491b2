/* utf8.c - code points forwards and backwards, and what replaces wrong bytes. */
#include "text/utf8.h"

#include "base/err.h"
#include "tap.h"

#include <stdlib.h>
#include <string.h>

static void every_code_point(void)
{
    int wrong = 0;

    for (uint32_t c = 0; c < 0x110000; c++) {
        char bytes[5] = {0};
        size_t n = (size_t)mix_utf8_put(bytes, c);
        const char *next = bytes, *back = bytes + n;

        if (c >= 0xD800 && c <= 0xDFFF)
            continue;
        wrong += !mix_utf8_valid(bytes, n, NULL) || mix_utf8_length(bytes[0]) != n ||
                 mix_utf8_next(&next) != c || next != bytes + n || mix_utf8_back(&back) != c ||
                 back != bytes;
    }
    ok(wrong == 0, "every code point is written, read forwards and backwards");
}

/* The examples of the Unicode Standard 15.0, section 3.9, tables 3-8 to 3-11, and some more; each ?
 * stands for one U+FFFD.  Rust's String::from_utf8_lossy gives the same. */
static void lossy(void)
{
    static const struct {
        const char *in, *out;
    } cases[] = {
        {"", ""},
        {"plain \xC3\xA9", "plain \xC3\xA9"},
        {"\xC0\xAF\xE0\x80\xBF\xF0\x81\x82\x41", "????????A"},
        {"\xED\xA0\x80\xED\xBF\xBF\xED\xAF\x41", "????????A"},
        {"\xF4\x91\x92\x93\xFF\x41\x80\xBF\x42", "?????A??B"},
        {"\xE1\x80\xE2\xF0\x91\x92\xF1\xBF\x41", "????A"},
        {"\xF0\x9F\x98", "?"},
        {"\xF0\x9F\x98\xF0\x9F\x98\x80", "?\xF0\x9F\x98\x80"},
        {"a\xC3", "a?"},
        {"\xC3\xC3\xA9", "?\xC3\xA9"},
        {"\xF5\x80\x80\x80", "????"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mix_str got = {0}, want = {0};

        for (const char *p = cases[i].out; *p; p++)
            mix_str_add(&want, *p == '?' ? "\xEF\xBF\xBD" : p, *p == '?' ? 3 : 1);
        ok(mix_utf8_lossy(&got, cases[i].in, strlen(cases[i].in)) == MIX_OK &&
               got.len == want.len && (got.len == 0 || memcmp(got.s, want.s, got.len) == 0),
           "wrong bytes, case %zu", i);
        mix_str_fini(&got);
        mix_str_fini(&want);
    }
}

/* Random bytes: what comes out is UTF-8, and what went in as UTF-8 comes out. */
static void random_bytes(void)
{
    unsigned seed = 1;
    int wrong = 0;

    for (int i = 0; i < 20000; i++) {
        char bytes[12];
        struct mix_str got = {0};
        size_t n = (size_t)rand_r(&seed) % sizeof bytes;

        for (size_t k = 0; k < n; k++)
            bytes[k] =
                "aA\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80\xED\xA0\xF4\x8F\xFF"[rand_r(&seed) % 16];
        mix_utf8_lossy(&got, bytes, n);
        wrong += !mix_utf8_valid(got.s, got.len, NULL);
        if (mix_utf8_valid(bytes, n, NULL))
            wrong += got.len != n || (n && memcmp(got.s, bytes, n) != 0);
        mix_str_fini(&got);
    }
    ok(wrong == 0, "any bytes become UTF-8, and UTF-8 stays as it is");
}

int main(void)
{
    every_code_point();
    lossy();
    random_bytes();
    return tap_done();
}
