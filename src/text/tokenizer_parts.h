/* tokenizer_parts.h - what a tokenizer is made of; for tokenizer.c and what loads it.
 *
 * Constant after mix_tokenizer_load.  Not collective. */
#ifndef MIX_TEXT_TOKENIZER_PARTS_H
#define MIX_TEXT_TOKENIZER_PARTS_H

#include "text/added.h"
#include "text/alphabet.h"
#include "text/bpe.h"
#include "text/json_file.h"
#include "text/pretok.h"
#include "text/vocab.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mix_tokenizer {
    struct mix_alphabet *alphabet;
    struct mix_vocab *vocab; /* added tokens too */
    struct mix_bpe *bpe;
    struct mix_pretok *pretok;
    struct mix_added *raw;        /* added tokens looked for in the text as it is */
    struct mix_added *normalized; /* and those looked for after normalization */
    bool nfc;                     /* the normalizer: none or NFC */
    bool ignore_merges;           /* a word that is a token is that token */
    uint8_t *kind;                /* [kinds] of an id, beyond it 0 */
    size_t kinds;
    int32_t *before, *after; /* what add_special puts around a text */
    size_t before_count, after_count;
    size_t longest; /* bytes of a text that one token can stand for; 0: any number */
};

enum mix_tokenizer_kind {
    MIX_TOKENIZER_ADDED = 1,
    MIX_TOKENIZER_SPECIAL = 2,
    MIX_TOKENIZER_OUTSIDE = 4, /* added, and not a word of the model's vocabulary */
};

static inline bool mix_tokenizer_is(const struct mix_tokenizer *t, int32_t id,
                                    enum mix_tokenizer_kind kind)
{
    return (size_t)id < t->kinds && t->kind[id] & kind;
}

/* Fill *t, which is all zero, from the files; on failure what is there must be closed. */
int mix_tokenizer_load(struct mix_tokenizer *t, const char *model_dir);

/* Its last part: before and after, from the post_processor and tokenizer_config.json. */
int mix_tokenizer_load_around(struct mix_tokenizer *t, const struct mix_json_file *tokenizer,
                              const char *model_dir);

#endif
