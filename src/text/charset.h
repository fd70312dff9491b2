/* charset.h - a set of code points, as a regular expression names it.
 *
 * A set is categories, white space (or all but it) and ranges of code points,
 * or everything except those.  It is never expanded: alphabet.h asks only for
 * what the ranges add to the categories.
 *
 * Not collective; one thread changes a set. */
#ifndef MIX_TEXT_CHARSET_H
#define MIX_TEXT_CHARSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mix_charset {
    uint32_t categories; /* bits as of unicode.h */
    bool space;          /* \s */
    bool not_space;      /* \S */
    bool negated;        /* everything except what is said here */
    struct mix_charset_range {
        uint32_t first, last;
    } * range; /* [count], in no order */
    size_t count, room;
};

void mix_charset_fini(struct mix_charset *set);

int mix_charset_add(struct mix_charset *set, uint32_t first, uint32_t last);

/* Without regard to case: add the other case of each ASCII letter in the ranges, and the two
 * characters beyond ASCII that fold to one (U+017F to s, U+212A to k).  *possible is false if the
 * set has categories or a range holds more than ASCII, for which there is no table. */
int mix_charset_fold(struct mix_charset *set, bool *possible);

/* Is c, with these properties (unicode.h), in the set? */
bool mix_charset_has(const struct mix_charset *set, uint32_t c, uint8_t properties);

#endif
