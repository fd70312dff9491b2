/* bytelevel.c - bytes written as letters: all of them, and back. */
#include "text/bytelevel.h"

#include "base/err.h"
#include "tap.h"

#include <string.h>

int main(void)
{
    static const struct {
        int byte;
        uint32_t letter;
    } known[] = {/* of GPT-2's encoder.json */
                 {' ', 0x120}, {'\n', 0x10A}, {'\t', 0x109}, {0, 0x100},    {'!', '!'},
                 {'~', '~'},   {127, 0x121},  {0xA0, 0x142}, {0xAD, 0x143}, {0xA1, 0xA1},
                 {0xAC, 0xAC}, {0xAE, 0xAE},  {0xFF, 0xFF},  {0x80, 0x122}};
    static const struct {
        const char *name, *bytes;
    } tokens[] = {
        {"\xC4\xA0the", " the"},
        {"\xC3\xA9", "\xE9"}, /* the letter e acute is the byte E9 */
        {"a b", "a b"},       /* a space is no letter: it stands for itself */
        {"\xC4\xA0\xEF\xBD\x9C", "\xC4\xA0\xEF\xBD\x9C"}, /* so does all of a token with U+FF5C */
        {"\xC5\x84", "\xC5\x84"},                         /* U+0144 is one behind the last letter */
        {"", ""},
    };
    struct mix_str letters = {0}, bytes = {0};
    char all[256];

    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        ok(mix_bytelevel_letter((uint8_t)known[i].byte) == known[i].letter, "byte 0x%02X is U+%04X",
           (unsigned)known[i].byte, (unsigned)known[i].letter);
    for (int b = 0; b < 256; b++)
        all[b] = (char)b;
    ok(mix_bytelevel_letters(&letters, all, 256) == MIX_OK &&
           mix_utf8_valid(letters.s, letters.len, NULL) &&
           mix_bytelevel_bytes(&bytes, letters.s, letters.len) == MIX_OK && bytes.len == 256 &&
           memcmp(bytes.s, all, 256) == 0,
       "all bytes as letters and back");
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++) {
        mix_str_clear(&bytes);
        ok(mix_bytelevel_bytes(&bytes, tokens[i].name, strlen(tokens[i].name)) == MIX_OK &&
               bytes.len == strlen(tokens[i].bytes) &&
               memcmp(bytes.s, tokens[i].bytes, bytes.len) == 0,
           "the bytes of token %zu", i);
    }
    mix_str_fini(&letters);
    mix_str_fini(&bytes);
    return tap_done();
}
