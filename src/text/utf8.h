/* utf8.h - UTF-8, one code point at a time.
 *
 * Any thread; not collective. */
#ifndef MIX_TEXT_UTF8_H
#define MIX_TEXT_UTF8_H

#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

/* The code point at *p, which moves behind it.  The text must be well-formed (base/str.h). */
static inline uint32_t mix_utf8_next(const char **p)
{
    const unsigned char *s = (const unsigned char *)*p;

    if (s[0] < 0x80) {
        *p += 1;
        return s[0];
    }
    if (s[0] < 0xE0) {
        *p += 2;
        return (s[0] & 0x1Fu) << 6 | (s[1] & 0x3Fu);
    }
    if (s[0] < 0xF0) {
        *p += 3;
        return (s[0] & 0x0Fu) << 12 | (s[1] & 0x3Fu) << 6 | (s[2] & 0x3Fu);
    }
    *p += 4;
    return (s[0] & 0x07u) << 18 | (s[1] & 0x3Fu) << 12 | (s[2] & 0x3Fu) << 6 | (s[3] & 0x3Fu);
}

/* The code point that ends before *p, which moves in front of it; same condition. */
static inline uint32_t mix_utf8_back(const char **p)
{
    const char *s;

    do
        *p -= 1;
    while ((**p & 0xC0) == 0x80);
    s = *p;
    return mix_utf8_next(&s);
}

/* Bytes of the sequence that begins with this byte; same condition. */
static inline size_t mix_utf8_length(char first)
{
    unsigned char c = (unsigned char)first;

    return c < 0x80 ? 1 : c < 0xE0 ? 2 : c < 0xF0 ? 3 : 4;
}

/* Write a code point (at most U+10FFFF), return how many bytes. */
int mix_utf8_put(char out[4], uint32_t c);

/* Append s[0..n), any bytes.  Each longest piece that is the beginning of a sequence but not a
 * whole one, and each other wrong byte, becomes one U+FFFD: Unicode 15.0, table 3-8, and what
 * Rust's from_utf8_lossy does. */
int mix_utf8_lossy(struct mix_str *out, const char *s, size_t n);

#endif
