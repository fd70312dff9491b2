/* jsonl_row.h - one line of an OpenAI batch file, as `vllm run-batch` takes it.
 *
 *   {"custom_id": "a-1", "method": "POST", "url": "/v1/completions",
 *    "body": {"model": "m", "prompt": "text" or [ids], "max_tokens": 64, "temperature": 0.7}}
 *
 * A line that cannot be served is a row with an error text, never a failure.  What
 * would change the answer and is not understood is such an error too: a member of
 * body is taken as a parameter by its name, is known to mean nothing here (model,
 * user, metadata), or must have the value that asks for nothing (null, false, 0,
 * empty, or n = 1, top_p = 1 and the like).  Members beside custom_id, method, url
 * and body are handed through.
 *
 * Any thread; not collective. */
#ifndef MIX_TEXT_JSONL_ROW_H
#define MIX_TEXT_JSONL_ROW_H

#include <stddef.h>
#include <stdint.h>

enum {
    MIX_JSONL_LONGEST = 128 << 20,    /* bytes of a line; a longer one is an error row */
    MIX_JSONL_MOST_VALUES = 16 << 20, /* values in a line: 640 MB while it is read */
};

struct mix_jsonl_row {
    char *custom_id; /* NULL: none */
    char *text;      /* the prompt, UTF-8, text_len bytes, may hold zero bytes; or NULL and */
    size_t text_len;
    int32_t *tokens; /* [tokens_count] the prompt as ids, none negative */
    size_t tokens_count;
    double *param; /* [count] by the caller's names; NaN: absent or null; true is 1 */
    char *error;   /* why the row cannot be served, UTF-8; NULL: it can */
    char *extra;   /* the other members as a JSON object, UTF-8; NULL: none */
};

void mix_jsonl_row_fini(struct mix_jsonl_row *row); /* frees what is in it; {0} is allowed */

/* Read line[0..n), without its line end, into *row (overwritten).  names[0..count) are the
 * parameters that may stand in body. */
int mix_jsonl_row_parse(struct mix_jsonl_row *row, const char *line, size_t n,
                        const char *const *names, int count);

/* Make *row (overwritten) a row that only says what is wrong. */
int mix_jsonl_row_error(struct mix_jsonl_row *row, int count, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

#endif
