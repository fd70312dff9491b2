/* unicode.c - the table covers all code points and counts what Unicode 16.0 counts. */
#include "text/unicode.h"

#include "tap.h"

#include <string.h>

int main(void)
{
    /* As tokenizers 0.23.2 counts them; without Cc, Cs, Co and Cn they are the 154,998 characters
     * that Unicode 16.0 has. */
    static const struct {
        const char *name;
        int count;
    } totals[] = {{"Lu", 1858}, {"Ll", 2258}, {"Lt", 31},   {"Lm", 404},    {"Lo", 136477},
                  {"Mn", 2020}, {"Me", 13},   {"Mc", 468},  {"Nd", 760},    {"Nl", 236},
                  {"No", 915},  {"Zs", 17},   {"Zl", 1},    {"Zp", 1},      {"Cc", 65},
                  {"Cf", 170},  {"Cs", 2048}, {"Pd", 27},   {"Co", 137468}, {"Sm", 950},
                  {"Sc", 63},   {"Sk", 125},  {"So", 7376}, {"Cn", 819533}};
    static const char *const wrong[] = {"", "X", "l", "Lz", "Letter", "Han", "LC", "{"};
    static int count[32], word, space, unstable;
    uint32_t at = 0, letters = mix_unicode_categories("L", 1);

    for (int i = 0; i < mix_unicode_runs_count; i++) {
        uint32_t run = mix_unicode_runs[i], n = run >> 8;

        count[run & MIX_UNICODE_CATEGORY] += (int)n;
        word += run & MIX_UNICODE_WORD ? (int)n : 0;
        unstable += run & MIX_UNICODE_UNSTABLE ? (int)n : 0;
        at += n;
    }
    ok(at == MIX_CODEPOINTS, "the runs cover all code points");
    for (size_t i = 0; i < sizeof totals / sizeof totals[0]; i++) {
        uint32_t bit = mix_unicode_categories(totals[i].name, 2);

        ok(bit && (bit & (bit - 1)) == 0 && count[__builtin_ctz(bit | 1u << 31)] == totals[i].count,
           "%d code points in %s", totals[i].count, totals[i].name);
    }
    for (uint32_t c = 0; c < MIX_CODEPOINTS; c++)
        space += mix_unicode_space(c);
    ok(space == 25, "25 code points are white space");
    ok(word > 140000 && unstable > 1000, "there are word characters and unstable ones");
    ok(__builtin_popcount(letters) == 5 && (letters & mix_unicode_categories("Lt", 2)),
       "L is five categories");
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        ok(mix_unicode_categories(wrong[i], strlen(wrong[i])) == 0, "\"%s\" is no category",
           wrong[i]);
    return tap_done();
}
