/* nfc.h - normalization form C, as the reference knows it.
 *
 * Unicode Standard Annex 15.  The reference's tables are of Unicode 9, utf8proc's
 * are newer and differ from one distribution to the next.  Normal forms of known
 * characters never change, so it is enough to give utf8proc only stretches whose
 * characters the reference knows to be unstable or to join (unicode.h); everything
 * else is copied.  Linear in the text, also for long runs of combining marks.
 *
 * Any thread; not collective. */
#ifndef MIX_TEXT_NFC_H
#define MIX_TEXT_NFC_H

#include "base/str.h"
#include "text/alphabet.h"

#include <stdbool.h>
#include <stddef.h>

/* Is well-formed s[0..n) surely in form C already?  False does not say that it is not. */
bool mix_nfc_is(const struct mix_alphabet *a, const char *s, size_t n);

/* Append the form C of well-formed s[0..n) to out. */
int mix_nfc(const struct mix_alphabet *a, const char *s, size_t n, struct mix_str *out);

#endif
