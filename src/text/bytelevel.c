/* bytelevel.c - see bytelevel.h. */
#include "text/bytelevel.h"

#include "base/err.h"
#include "text/utf8.h"

#include <stdbool.h>

static bool is_itself(uint32_t c)
{
    return (c >= '!' && c <= '~') || (c >= 0xA1 && c <= 0xFF && c != 0xAD);
}

/* The bytes that are not themselves: 0 to 32, 127 to 160 and 173. */
uint32_t mix_bytelevel_letter(uint8_t byte)
{
    if (is_itself(byte))
        return byte;
    return 0x100u + (byte <= 32 ? byte : byte <= 160 ? byte - 127u + 33 : 67);
}

/* The byte that a character stands for; -1: none. */
static int byte_of(uint32_t c)
{
    if (is_itself(c))
        return (int)c;
    if (c < 0x100 || c > 0x100 + 67)
        return -1;
    c -= 0x100;
    return (int)(c <= 32 ? c : c < 67 ? c - 33 + 127 : 0xAD);
}

int mix_bytelevel_bytes(struct mix_str *out, const char *s, size_t n)
{
    int rc = MIX_OK;
    size_t before = out->len;

    for (const char *at = s; at < s + n;) {
        int byte = byte_of(mix_utf8_next(&at));
        char b = (char)byte;

        if (byte < 0) {
            out->len = before;
            return mix_str_add(out, s, n);
        }
        TRY(mix_str_add(out, &b, 1));
    }
out:
    return rc;
}

int mix_bytelevel_letters(struct mix_str *out, const char *bytes, size_t n)
{
    int rc = MIX_OK;
    char letter[4];

    for (size_t i = 0; i < n; i++)
        TRY(mix_str_add(out, letter,
                        (size_t)mix_utf8_put(letter, mix_bytelevel_letter((uint8_t)bytes[i]))));
out:
    return rc;
}
