/* bytelevel.h - bytes written as letters, as byte-level BPE files do it.
 *
 * In the vocabulary of tokenizer.json every byte of a token is written as one
 * character: the printable ones of Latin-1 as themselves, the other 68 as U+0100
 * and up in order (a space is U+0120).  Radford et al., "Language Models are
 * Unsupervised Multitask Learners", 2019, the encoder that came with it.
 *
 * Any thread; not collective. */
#ifndef MIX_TEXT_BYTELEVEL_H
#define MIX_TEXT_BYTELEVEL_H

#include "base/str.h"

#include <stddef.h>
#include <stdint.h>

/* The character that stands for a byte. */
uint32_t mix_bytelevel_letter(uint8_t byte);

/* Append the bytes that s[0..n), well-formed UTF-8, stands for.  When some character of it stands
 * for no byte, s stands for itself. */
int mix_bytelevel_bytes(struct mix_str *out, const char *s, size_t n);

/* Append the letters of bytes[0..n). */
int mix_bytelevel_letters(struct mix_str *out, const char *bytes, size_t n);

#endif
