/* tokenizer.h - text to token ids and back, as Hugging Face tokenizers does it.
 *
 * A tokenizer is what a model folder's tokenizer.json says: byte-level BPE with the
 * normalizers, pre-tokenizers, added tokens and post-processors that Qwen3 and
 * DeepSeek-V3 publish (docs/text.md lists them); anything else is refused when it is
 * opened, with the member named.  Ids are the ones that tokenizers 0.23.2 gives.
 *
 * add_special adds what the publisher wants around a prompt: the post_processor's
 * template, or, where tokenizer_config.json says add_bos_token or add_eos_token and
 * its class is LlamaTokenizer(Fast), those tokens instead, as transformers 4 did for
 * DeepSeek-V3 (transformers 5 leaves them out, and the model then misses them).
 *
 * Opened by one thread; then every function with a const tokenizer may run in many
 * threads at once.  Not collective. */
#ifndef MIX_TEXT_TOKENIZER_H
#define MIX_TEXT_TOKENIZER_H

#include "base/str.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct mix_tokenizer;

/* Read model_dir/tokenizer.json, and tokenizer_config.json if there is one.  MIX_EINPUT if a file
 * is missing, malformed or asks for what is not supported. */
int mix_tokenizer_open(struct mix_tokenizer **t, const char *model_dir);
void mix_tokenizer_close(struct mix_tokenizer *t); /* NULL is allowed */

int mix_tokenizer_vocab(const struct mix_tokenizer *t); /* largest id + 1 */

/* The id of a token by its exact name in tokenizer.json ("<|im_end|>", "\u0120the"); -1: none. */
int32_t mix_tokenizer_token(const struct mix_tokenizer *t, const char *content);

/* A text of n bytes has at least so many tokens: tells a hopeless prompt without cutting it. */
size_t mix_tokenizer_fewest(const struct mix_tokenizer *t, size_t n);

/* Append the ids of text[0..n) to (*ids)[*count], which has room for *room; the caller frees *ids.
 * text must be well-formed UTF-8, may hold zero bytes, else MIX_EINPUT; on failure the ids there
 * before are still there. */
int mix_tokenizer_encode(const struct mix_tokenizer *t, const char *text, size_t n,
                         bool add_special, int32_t **ids, size_t *count, size_t *room);

/* Append the text of ids[0..n).  Ids that are no token's are left out, special tokens too if asked.
 * What is not UTF-8 when all tokens are put together becomes U+FFFD (utf8.h). */
int mix_tokenizer_decode(const struct mix_tokenizer *t, const int32_t *ids, size_t n,
                         bool skip_special, struct mix_str *out);

#endif
