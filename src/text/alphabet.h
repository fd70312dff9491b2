/* alphabet.h - one byte for each kind of code point that a tokenizer can tell apart.
 *
 * A tokenizer's regular expressions tell code points apart by category, white
 * space and a few ranges, which makes some forty kinds.  So text is written once
 * as symbols, one byte for each code point: ASCII stands for itself, and each kind
 * of other code points has a byte from 128 on.  The expressions then run over
 * bytes, without UTF-8 and without anybody else's Unicode tables, and a property
 * of a code point is one look-up.
 *
 * Built by one thread, then constant: any thread.  Not collective. */
#ifndef MIX_TEXT_ALPHABET_H
#define MIX_TEXT_ALPHABET_H

#include "text/charset.h"
#include "text/unicode.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mix_alphabet {
    int symbols;             /* 0..127, and 128..symbols - 1 in use */
    uint8_t properties[256]; /* of a symbol: unicode.h */
    uint32_t example[256];   /* a code point of each symbol */
    int count[256];          /* how many there are */
    uint8_t symbol[MIX_CODEPOINTS];
};

/* The symbols of the properties of unicode.h and of white space. */
int mix_alphabet_create(struct mix_alphabet **a);
void mix_alphabet_destroy(struct mix_alphabet *a); /* NULL is allowed */

/* Split symbols until each is inside the set or outside it.  False if there are not enough bytes
 * for that. */
bool mix_alphabet_tell(struct mix_alphabet *a, const struct mix_charset *set);

/* Is a symbol inside the set?  After mix_alphabet_tell of the set. */
bool mix_alphabet_in(const struct mix_alphabet *a, const struct mix_charset *set, int symbol);

/* Write well-formed s[0..n) as symbols into out, which has room for n; returns how many. */
size_t mix_alphabet_write(const struct mix_alphabet *a, const char *s, size_t n, uint8_t *out);

#endif
