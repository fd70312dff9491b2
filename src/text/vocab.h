/* vocab.h - the tokens of a vocabulary: their names, their ids, the text they stand for.
 *
 * A token's name is what tokenizer.json writes, letters for bytes (bytelevel.h); its
 * text is the bytes that the name stands for.
 *
 * Filled by one thread, then constant: any thread.  Not collective. */
#ifndef MIX_TEXT_VOCAB_H
#define MIX_TEXT_VOCAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { MIX_VOCAB_MOST = 1 << 24 }; /* ids are below it; published vocabularies end near 2^18 */

struct mix_vocab;

/* Empty; expected tokens fit without moving. */
int mix_vocab_create(struct mix_vocab **v, size_t expected);
void mix_vocab_destroy(struct mix_vocab *v); /* NULL is allowed */

/* A new token; name is UTF-8.  where is the file and member for the error line: MIX_EINPUT if the
 * name or the id is taken, or the id is not one. */
int mix_vocab_add(struct mix_vocab *v, int64_t id, const char *name, size_t n, const char *where);

/* Let a token of v stand for what another name stands for. */
int mix_vocab_respell(struct mix_vocab *v, int32_t id, const char *name, size_t n);

int mix_vocab_end(const struct mix_vocab *v);                                  /* largest id + 1 */
int32_t mix_vocab_find(const struct mix_vocab *v, const char *name, size_t n); /* -1: none */

/* The text of a token, borrowed, or NULL if the id is no token's. */
const char *mix_vocab_text(const struct mix_vocab *v, int32_t id, size_t *n);

#endif
