/* jsonl_write.h - lines of JSON: prompts as an OpenAI batch file, results as flat objects.
 *
 * A line is begun, gets its members in order, and is ended; the caller writes the
 * text where it wants.  Text that is not UTF-8 gets U+FFFD for what is wrong
 * (utf8.h), so that a line is always JSON.  Numbers are written as short as they
 * can be read back; NaN and the infinities, which JSON does not have, as null.
 *
 * Any thread; not collective. */
#ifndef MIX_TEXT_JSONL_WRITE_H
#define MIX_TEXT_JSONL_WRITE_H

#include "base/str.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

struct mix_jsonl_row;

int mix_jsonl_write_begin(struct mix_str *out); /* {, of a line or of an object in it */
int mix_jsonl_write_end(struct mix_str *out);   /* } and the line end */

/* A member.  s[0..n) may be any bytes; NULL: null. */
int mix_jsonl_write_text(struct mix_str *out, const char *name, const char *s, size_t n);
int mix_jsonl_write_int(struct mix_str *out, const char *name, int64_t value);
int mix_jsonl_write_double(struct mix_str *out, const char *name, double value);
int mix_jsonl_write_tokens(struct mix_str *out, const char *name, const int32_t *ids, size_t n);
int mix_jsonl_write_floats(struct mix_str *out, const char *name, const float *value, size_t n);

/* A member whose value is given as JSON text. */
int mix_jsonl_write_json(struct mix_str *out, const char *name, const char *value);

/* All members of a JSON object that is given as text, as mix_jsonl_row's extra; NULL: none. */
int mix_jsonl_write_members(struct mix_str *out, const char *object);

/* A JSON value by itself, compact. */
int mix_jsonl_write_value(struct mix_str *out, const json_t *value);

/* A whole line of an OpenAI batch file from a row without error: custom_id, text or tokens, the
 * parameters that are not NaN, extra.  model may be NULL. */
int mix_jsonl_write_request(struct mix_str *out, const struct mix_jsonl_row *row, const char *model,
                            const char *const *names, int count);

#endif
