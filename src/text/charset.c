/* charset.c - see charset.h. */
#include "text/charset.h"

#include "base/err.h"
#include "base/mem.h"
#include "text/unicode.h"

#include <stdlib.h>

void mix_charset_fini(struct mix_charset *set)
{
    free(set->range);
    *set = (struct mix_charset){0};
}

int mix_charset_add(struct mix_charset *set, uint32_t first, uint32_t last)
{
    int rc = mix_grow(&set->range, &set->room, set->count + 1, sizeof *set->range, "a charset");

    if (rc == MIX_OK)
        set->range[set->count++] = (struct mix_charset_range){first, last};
    return rc;
}

static bool in_ranges(const struct mix_charset *set, uint32_t c)
{
    for (size_t i = 0; i < set->count; i++)
        if (c >= set->range[i].first && c <= set->range[i].last)
            return true;
    return false;
}

int mix_charset_fold(struct mix_charset *set, bool *possible)
{
    int rc = MIX_OK;
    bool named[128];

    *possible = false;
    if (set->categories)
        return MIX_OK;
    for (size_t i = 0; i < set->count; i++)
        if (set->range[i].last >= 0x80)
            return MIX_OK;
    for (uint32_t c = 0; c < 0x80; c++)
        named[c] = in_ranges(set, c);
    for (uint32_t c = 'a'; c <= 'z'; c++) {
        uint32_t upper = c - 'a' + 'A';

        if (!named[c] && !named[upper])
            continue;
        TRY(mix_charset_add(set, c, c));
        TRY(mix_charset_add(set, upper, upper));
        if (c == 's')
            TRY(mix_charset_add(set, 0x17F, 0x17F));
        if (c == 'k')
            TRY(mix_charset_add(set, 0x212A, 0x212A));
    }
    *possible = true;
out:
    return rc;
}

bool mix_charset_has(const struct mix_charset *set, uint32_t c, uint8_t properties)
{
    bool said = set->categories >> (properties & MIX_UNICODE_CATEGORY) & 1;

    if (!said && (set->space || set->not_space))
        said = mix_unicode_space(c) ? set->space : set->not_space;
    return (said || in_ranges(set, c)) != set->negated;
}
