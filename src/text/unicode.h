/* unicode.h - what the reference tokenizer knows of every code point.
 *
 * Unicode versions differ between libraries, and a character that one of them
 * does not know yet is cut elsewhere.  So the properties that decide where text
 * is cut were asked of Hugging Face tokenizers itself, code point by code point
 * (tools/make_unicode.py), and PCRE2's and utf8proc's own are never consulted.
 *
 * Any thread; not collective. */
#ifndef MIX_TEXT_UNICODE_H
#define MIX_TEXT_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MIX_CODEPOINTS = 0x110000 };

/* The properties of a code point, one byte. */
enum mix_unicode {
    MIX_UNICODE_CATEGORY = 31, /* a mask: the general category, Cc, Cf, ... Zs in this order */
    MIX_UNICODE_WORD = 32,     /* a letter, mark, decimal digit or connector, for single_word */
    MIX_UNICODE_UNSTABLE = 64, /* NFC may change or move it */
    MIX_UNICODE_FIRST = 128,   /* NFC may join it, or a part of it, with one behind it */
};

/* All code points in order, as runs: length << 8 | properties. */
extern const uint32_t mix_unicode_runs[];
extern const int mix_unicode_runs_count;

/* The categories that \p{name} stands for ("L", "Lu", "P", ...) as bits 1 << category; 0: no such
 * name. */
uint32_t mix_unicode_categories(const char *name, size_t n);

/* White space, as \s and the strip of added tokens mean it; it has not changed since Unicode 6.3.
 */
static inline bool mix_unicode_space(uint32_t c)
{
    return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xA0 || c == 0x1680 ||
           (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F ||
           c == 0x205F || c == 0x3000;
}

#endif
