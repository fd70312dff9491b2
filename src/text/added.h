/* added.h - added tokens: strings that are taken out of a text before it is cut into words.
 *
 * Leftmost first, longest first among those that begin at the same place.  A token
 * may ask to stand alone (single_word: no word character touches it) and to take
 * the white space on its left or right with it (lstrip, rstrip).
 *
 * Filled by one thread, then constant: any thread.  Not collective. */
#ifndef MIX_TEXT_ADDED_H
#define MIX_TEXT_ADDED_H

#include "text/alphabet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mix_added;

struct mix_added_token {
    int32_t id;
    bool single_word, lstrip, rstrip;
};

int mix_added_create(struct mix_added **added);
void mix_added_destroy(struct mix_added *added); /* NULL is allowed */

/* content is not empty.  Of equal contents the first counts. */
int mix_added_add(struct mix_added *added, const char *content, size_t n,
                  const struct mix_added_token *token);

void mix_added_sort(struct mix_added *added); /* once, after the last */

/* Where a search in one text stands; init with {0}. */
struct mix_added_search {
    size_t from;  /* the next match begins here or later */
    size_t taken; /* everything in front of it has been handed out */
};

/* The next token of well-formed s[0..n), and the text between the last one and it,
 * s[*gap..*gap_end), which may be empty.  *id is -1 behind the last token: then the gap is the
 * rest.  Only lstrip and rstrip make a token's text other than its content. */
void mix_added_next(const struct mix_added *added, const struct mix_alphabet *a, const char *s,
                    size_t n, struct mix_added_search *at, size_t *gap, size_t *gap_end,
                    int32_t *id);

#endif
