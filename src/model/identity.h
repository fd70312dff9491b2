/* identity.h - which model is in a folder: a hash that changes when an answer could.
 *
 * config.json, generation_config.json and tokenizer.json whole, and the weights'
 * file names, sizes, headers and index; not the weights' bytes, which would be
 * read twice; without weights, of made-up ones, only the first three.  Not collective. */
#ifndef MIX_MODEL_IDENTITY_H
#define MIX_MODEL_IDENTITY_H

#include <stdbool.h>
#include <stdint.h>

int mix_model_identity(const char *dir, bool weights, uint64_t *hash);

#endif
