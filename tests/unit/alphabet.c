/* alphabet.c - symbols: ASCII is itself, and no set ever cuts a symbol in two. */
#include "text/alphabet.h"

#include "base/err.h"
#include "tap.h"

#include <string.h>

/* Does each code point agree with the symbol that stands for it? */
static bool agrees(const struct mix_alphabet *a, const struct mix_charset *set)
{
    uint32_t c = 0;

    for (int i = 0; i < mix_unicode_runs_count; i++)
        for (uint32_t end = c + (mix_unicode_runs[i] >> 8); c < end; c++)
            if (mix_charset_has(set, c, (uint8_t)mix_unicode_runs[i]) !=
                mix_alphabet_in(a, set, a->symbol[c]))
                return false;
    return true;
}

int main(void)
{
    struct mix_alphabet *a = NULL;
    struct mix_charset set = {.space = true};
    uint8_t symbols[16];
    int before, wrong = 0;
    bool enough = true;

    ok(mix_alphabet_create(&a) == MIX_OK, "an alphabet");
    for (int c = 0; c < 128; c++)
        wrong += a->symbol[c] != c || a->example[c] != (uint32_t)c;
    ok(wrong == 0, "ASCII stands for itself");
    ok(agrees(a, &set), "white space is told apart from the beginning");
    set.categories = mix_unicode_categories("P", 1);
    set.negated = true;
    ok(agrees(a, &set), "so are categories, and everything but them");
    before = a->symbols;
    mix_charset_fini(&set);
    mix_charset_add(&set, '0', 0x4E80);
    mix_charset_add(&set, 0x1F600, 0x1F600);
    ok(!agrees(a, &set), "a range is not");
    ok(mix_alphabet_tell(a, &set) && a->symbols > before && agrees(a, &set), "until it is told");
    before = a->symbols;
    ok(mix_alphabet_tell(a, &set) && a->symbols == before, "telling twice changes nothing");
    ok(mix_alphabet_write(a, "a\xE4\xB8\x80\xF0\x9F\x98\x80\n", 9, symbols) == 4 &&
           symbols[0] == 'a' && symbols[1] == a->symbol[0x4E00] &&
           symbols[2] == a->symbol[0x1F600] && symbols[3] == '\n' && symbols[1] != symbols[2],
       "text as symbols");
    ok(mix_alphabet_write(a, "", 0, symbols) == 0, "no text, no symbols");
    for (uint32_t c = 0x5000; enough && c < 0x5200; c += 2) {
        mix_charset_fini(&set);
        mix_charset_add(&set, c, c);
        enough = mix_alphabet_tell(a, &set);
    }
    ok(!enough && a->symbols == 256, "more kinds than bytes: the answer is no");
    mix_charset_fini(&set);
    mix_alphabet_destroy(a);
    mix_alphabet_destroy(NULL);
    return tap_done();
}
