/* regex.h - a tokenizer's regular expression, run over symbols.
 *
 * tokenizer.json holds Oniguruma's (Ruby's) expressions.  One is read into the
 * sets of code points that it names and the structure between them; when all
 * expressions of a tokenizer have told the alphabet their sets, each set becomes a
 * class of bytes and PCRE2 compiles the result.  What the two engines could
 * understand differently is refused, not guessed:
 *
 *   taken     literals, [...] with ranges and escapes, \p{category} \P{..} \s \S \d \D, dot,
 *             ( ) (?: ) (?i: ) (?> ) and look-around, |, ? * + {n} {n,} {n,m} and their lazy
 *             and possessive forms
 *   refused   anchors, \w and \b, scripts, back references, nested or intersected classes,
 *             options inside the text, case folding of anything that is not ASCII
 *
 * Parsed and compiled by one thread, then constant: any thread, each with its own
 * match.  Not collective. */
#ifndef MIX_TEXT_REGEX_H
#define MIX_TEXT_REGEX_H

#include "text/alphabet.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mix_regex;

/* Read an expression and tell the alphabet its sets.  where names it in the error line; what is
 * malformed or refused is MIX_EINPUT. */
int mix_regex_parse(struct mix_regex **re, const char *pattern, size_t n, const char *where,
                    struct mix_alphabet *alphabet);
void mix_regex_destroy(struct mix_regex *re); /* NULL is allowed */

/* The same for a text that stands for itself. */
int mix_regex_literal(struct mix_regex **re, const char *text, size_t n, const char *where,
                      struct mix_alphabet *alphabet);

/* Once, when the alphabet does not change any more. */
int mix_regex_compile(struct mix_regex *re, const struct mix_alphabet *alphabet);

/* What one thread needs to search, with any expressions. */
struct mix_regex_match;
int mix_regex_match_create(struct mix_regex_match **m);
void mix_regex_match_destroy(struct mix_regex_match *m); /* NULL is allowed */

/* The leftmost match in symbols[0..n) that begins at from or later.  *found says whether there is
 * one; MIX_EBUG if the engine gave up. */
int mix_regex_find(const struct mix_regex *re, struct mix_regex_match *m, const uint8_t *symbols,
                   size_t n, size_t from, bool *found, size_t *begin, size_t *end);

#endif
