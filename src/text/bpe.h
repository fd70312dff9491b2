/* bpe.h - a word cut into tokens by merging pairs.
 *
 * Byte pair encoding: a word begins as one token a byte; then, as long as there
 * are neighbours that the list of merges has, those that stand first in the list
 * are joined, the leftmost of equal ones first.  Sennrich, Haddow, Birch, "Neural
 * Machine Translation of Rare Words with Subword Units", ACL 2016, algorithm 1.
 * A word of n bytes takes O(n log n).
 *
 * Filled by one thread, then constant: any thread, each with its own work space.
 * Not collective. */
#ifndef MIX_TEXT_BPE_H
#define MIX_TEXT_BPE_H

#include <stddef.h>
#include <stdint.h>

struct mix_bpe;

/* No merges yet.  byte[b] is the token of the byte b; -1: there is none, and the byte is left out,
 * as the reference does.  expected merges fit without moving. */
int mix_bpe_create(struct mix_bpe **bpe, const int32_t byte[256], size_t expected);
void mix_bpe_destroy(struct mix_bpe *bpe); /* NULL is allowed */

/* The next merge of the list: left and right become whole.  A pair given twice has the place of
 * the later one. */
int mix_bpe_merge(struct mix_bpe *bpe, int32_t left, int32_t right, int32_t whole);

/* What one thread needs for words; init with {0}. */
struct mix_bpe_work {
    struct mix_bpe_symbol *symbol; /* [room] */
    uint64_t *heap;                /* [heap_room] */
    size_t room, heap_room;
};

void mix_bpe_work_fini(struct mix_bpe_work *w);

/* Append the tokens of a word of n bytes (below 2^32) to (*ids)[*count], which has *room. */
int mix_bpe_word(const struct mix_bpe *bpe, struct mix_bpe_work *w, const char *word, size_t n,
                 int32_t **ids, size_t *count, size_t *room);

#endif
