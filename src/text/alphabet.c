/* alphabet.c - see alphabet.h. */
#include "text/alphabet.h"

#include "base/err.h"
#include "base/mem.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

/* U+0085 is the only white space beyond ASCII that its category does not give away. */
enum { NEXT_LINE = 0x85 };

int mix_alphabet_create(struct mix_alphabet **out)
{
    int rc, from = 0, symbol_of[256] = {0};
    struct mix_alphabet *a = NULL;

    TRY(mix_calloc(&a, 1, sizeof *a, "the tokenizer's alphabet"));
    a->symbols = 128;
    for (int run = 0; run < mix_unicode_runs_count; run++) {
        uint8_t properties = (uint8_t)mix_unicode_runs[run];
        int end = from + (int)(mix_unicode_runs[run] >> 8);

        for (int c = from; c < end; c++) {
            int symbol = c < 128 ? c : symbol_of[properties];

            if (c >= 128 && (symbol == 0 || c == NEXT_LINE)) {
                symbol = a->symbols++;
                MIX_CHECK(symbol < 256, "the Unicode table has too many kinds");
                if (c != NEXT_LINE)
                    symbol_of[properties] = symbol;
            }
            a->symbol[c] = (uint8_t)symbol;
            a->properties[symbol] = properties;
            a->example[symbol] = (uint32_t)c;
            a->count[symbol]++;
        }
        from = end;
    }
    MIX_CHECK(from == MIX_CODEPOINTS, "the Unicode table ends at U+%04X", (unsigned)from);
    *out = a;
    a = NULL;
out:
    mix_alphabet_destroy(a);
    return rc;
}

void mix_alphabet_destroy(struct mix_alphabet *a)
{
    free(a);
}

/* One range against all symbols: those that lie across its border are split in two. */
static bool tell_range(struct mix_alphabet *a, uint32_t first, uint32_t last)
{
    int inside[256] = {0}, split[256];

    for (uint32_t c = first; c <= last; c++)
        inside[a->symbol[c]]++;
    for (int s = 128, old = a->symbols; s < old; s++) {
        split[s] = s;
        if (inside[s] == 0 || inside[s] == a->count[s])
            continue;
        if (a->symbols == 256)
            return false;
        split[s] = a->symbols++;
        a->properties[split[s]] = a->properties[s];
    }
    for (uint32_t c = first; c <= last; c++) {
        int old = a->symbol[c], now = split[old];

        a->count[old]--;
        a->count[now]++;
        a->symbol[c] = (uint8_t)now;
        a->example[now] = c;
    }
    /* What stayed outside may have lost its example. */
    for (int s = 128; s < a->symbols; s++)
        for (uint32_t c = 0x80; a->symbol[a->example[s]] != s; c++)
            if (a->symbol[c] == s)
                a->example[s] = c;
    return true;
}

bool mix_alphabet_tell(struct mix_alphabet *a, const struct mix_charset *set)
{
    for (size_t i = 0; i < set->count; i++) {
        uint32_t first = set->range[i].first < 0x80 ? 0x80 : set->range[i].first;

        if (set->range[i].last >= 0x80 && !tell_range(a, first, set->range[i].last))
            return false;
    }
    return true;
}

bool mix_alphabet_in(const struct mix_alphabet *a, const struct mix_charset *set, int symbol)
{
    return mix_charset_has(set, a->example[symbol], a->properties[symbol]);
}

size_t mix_alphabet_write(const struct mix_alphabet *a, const char *s, size_t n, uint8_t *out)
{
    uint8_t *to = out;

    for (const char *end = s + n; s < end;) {
        if ((unsigned char)*s < 0x80)
            *to++ = (uint8_t)*s++;
        else
            *to++ = a->symbol[mix_utf8_next(&s)];
    }
    return (size_t)(to - out);
}
