/* pretok.h - text cut into words, as tokenizer.json's pre_tokenizer says.
 *
 * A Sequence of Split (by an expression or a string; Isolated, Removed,
 * MergedWithPrevious, MergedWithNext, Contiguous; inverted or not), each cutting
 * the pieces of the one before, and ByteLevel at the end.  Pieces are handed on
 * one by one, so that a long text needs no list of them.
 *
 * Built by one thread, then constant: any thread.  Not collective. */
#ifndef MIX_TEXT_PRETOK_H
#define MIX_TEXT_PRETOK_H

#include "text/alphabet.h"
#include "text/regex.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum mix_pretok_behavior {
    MIX_PRETOK_REMOVED,
    MIX_PRETOK_ISOLATED,
    MIX_PRETOK_MERGED_WITH_PREVIOUS,
    MIX_PRETOK_MERGED_WITH_NEXT,
    MIX_PRETOK_CONTIGUOUS,
    MIX_PRETOK_BEHAVIORS,
};

/* "Isolated", ...; false: no such behavior. */
bool mix_pretok_behavior(const char *name, enum mix_pretok_behavior *behavior);

struct mix_pretok;

int mix_pretok_create(struct mix_pretok **p);
void mix_pretok_destroy(struct mix_pretok *p); /* NULL is allowed */

/* One more stage; the expression is the pretok's from now on, also on failure. */
int mix_pretok_split(struct mix_pretok *p, struct mix_regex *re, enum mix_pretok_behavior behavior,
                     bool invert);
/* One more stage: a space in front of each piece that does not begin with one. */
int mix_pretok_prefix(struct mix_pretok *p);

/* Once, when the alphabet does not change any more. */
int mix_pretok_compile(struct mix_pretok *p, const struct mix_alphabet *a);

/* Can text be lost on the way (Removed)? */
bool mix_pretok_drops(const struct mix_pretok *p);

/* A word of n bytes, at least 1. */
typedef int mix_pretok_word(void *ctx, const char *word, size_t n);

/* Hand each word of well-formed s[0..n) to word, in order; symbols is the text as symbols
 * (alphabet.h), count of them.  Ends at the first word that returns something else than 0. */
int mix_pretok_run(const struct mix_pretok *p, struct mix_regex_match *m, const char *s, size_t n,
                   const uint8_t *symbols, size_t count, mix_pretok_word *word, void *ctx);

#endif
