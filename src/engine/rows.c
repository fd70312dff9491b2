/* rows.c - see rows.h.  A block reads the file's rows, then judges one after the other.
 *
 * Token ids of all rows lie in one array that grows; rows point into it only when it
 * has stopped. */
#include "engine/rows.h"

#include "base/busy.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/raw.h"
#include "text/tokenizer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { HASH_ROWS = 1024 }; /* that are read at a time: mix_input_hash */

struct mix_input {
    char *path;
    struct mix_raw *raw;
    int64_t rows;
};

struct mix_row_block {
    struct mix_raw_block *raw;
    int64_t count;
    struct mix_row *row; /* [count] */
    int32_t *token;      /* of all prompts */
    size_t tokens, room;
    size_t *at;   /* [count] where a row's tokens begin */
    char **error; /* [count] texts of the rows that have one */
};

/* ---- the file */

int mix_input_open(struct mix_input **out, const char *path)
{
    int rc = MIX_OK;
    struct mix_input *in = NULL;

    TRY(mix_calloc(&in, 1, sizeof *in, "the input"));
    if (!(in->path = mix_strdup(path))) {
        rc = MIX_EFIT;
        goto out;
    }
    TRY(mix_raw_open(&in->raw, path));
    in->rows = mix_raw_rows(in->raw);
    *out = in;
    in = NULL;
out:
    mix_input_close(in);
    return rc;
}

void mix_input_close(struct mix_input *in)
{
    if (!in)
        return;
    mix_raw_close(in->raw);
    free(in->path);
    free(in);
}

int64_t mix_input_rows(const struct mix_input *in)
{
    return in->rows;
}

struct mix_results_schema mix_input_schema(const struct mix_input *in)
{
    return mix_raw_schema(in->raw);
}

int mix_input_hash(struct mix_input *in, uint64_t *hash)
{
    int rc = MIX_OK;
    int64_t rows = in->rows;
    uint64_t h = mix_hash(&rows, sizeof rows), part;

    for (int64_t first = 0; first < rows; first += HASH_ROWS) {
        TRY(mix_busy());
        TRY(mix_raw_hash(in->raw, first, rows - first < HASH_ROWS ? rows - first : HASH_ROWS,
                         &part));
        h = mix_hash_add(h, &part, sizeof part);
    }
    *hash = h;
out:
    return rc;
}

/* ---- one row.  Each check either passes or gives the row its error text. */

static int bad(struct mix_row_block *b, int64_t i, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

static int bad(struct mix_row_block *b, int64_t i, const char *fmt, ...)
{
    va_list ap;
    int n;

    va_start(ap, fmt);
    n = vasprintf(&b->error[i], fmt, ap);
    va_end(ap);
    if (n < 0) {
        b->error[i] = NULL;
        return MIX_FAIL(MIX_EFIT, "out of host memory: the error text of a row");
    }
    b->row[i].error = b->error[i];
    return MIX_OK;
}

static int too_long(struct mix_row_block *b, int64_t i, const char *at_least, size_t tokens,
                    const struct mix_row_rules *rules)
{
    return bad(b, i,
               "the prompt has %s%zu tokens, more than max_model_len %d: shorten it or raise "
               "--max-model-len",
               at_least, tokens, rules->max_model_len);
}

static int take_text(struct mix_row_block *b, int64_t i, const struct mix_tokenizer *tokenizer,
                     const struct mix_row_rules *rules, const char *text, size_t len)
{
    size_t wrong, fewest;

    if (len == 0)
        return bad(b, i, "the prompt is empty: give it a text");
    if (!mix_utf8_valid(text, len, &wrong))
        return bad(b, i, "the prompt is not UTF-8: byte 0x%02X at offset %zu; convert the text",
                   (unsigned char)text[wrong], wrong);
    fewest = mix_tokenizer_fewest(tokenizer, len);
    if (fewest > (size_t)rules->max_model_len)
        return too_long(b, i, "at least ", fewest, rules);
    return mix_tokenizer_encode(tokenizer, text, len, true, &b->token, &b->tokens, &b->room);
}

static int take_tokens(struct mix_row_block *b, int64_t i, const struct mix_row_rules *rules,
                       const int32_t *token, int64_t n)
{
    int rc;

    for (int64_t k = 0; k < n; k++)
        if (token[k] < 0 || token[k] >= rules->vocab)
            return bad(b, i,
                       "token id %d at position %lld is not in the vocabulary (0 to %d): was the "
                       "prompt made for another model?",
                       token[k], (long long)k, rules->vocab - 1);
    if (n > rules->max_model_len)
        return too_long(b, i, "", (size_t)n, rules);
    rc = mix_grow(&b->token, &b->room, b->tokens + (size_t)n, sizeof *token, "prompts");
    if (rc)
        return rc;
    if (n)
        memcpy(b->token + b->tokens, token, (size_t)n * sizeof *token);
    b->tokens += (size_t)n;
    return MIX_OK;
}

static int take_sampling(struct mix_row_block *b, int64_t i, const struct mix_raw_row *raw,
                         const struct mix_row_rules *rules)
{
    struct mix_row *r = &b->row[i];
    char why[MIX_SAMPLING_WHY];
    int64_t room = rules->max_model_len - r->prompt_tokens;

    r->sampling = rules->defaults;
    for (int p = 0; p < MIX_SAMPLING_PARAMS; p++)
        if (!mix_sampling_set(&r->sampling, p, raw->param[p], raw->exact[p], why))
            return bad(b, i, "%s", why);
    if (room == 0 && r->sampling.max_tokens != 0)
        return bad(b, i,
                   "the prompt has %d tokens and max_model_len is %d, which leaves no room for an "
                   "answer: shorten it or raise --max-model-len",
                   r->prompt_tokens, rules->max_model_len);
    if (r->sampling.max_tokens < 0 || r->sampling.max_tokens > room)
        r->sampling.max_tokens = room;
    return MIX_OK;
}

static int take_row(struct mix_row_block *b, int64_t i, const struct mix_tokenizer *tokenizer,
                    const struct mix_row_rules *rules)
{
    struct mix_row *r = &b->row[i];
    struct mix_raw_row raw;
    size_t n;
    int rc;

    b->at[i] = b->tokens;
    mix_raw_block_at(b->raw, i, &raw);
    if (raw.error)
        TRY(bad(b, i, "%s", raw.error));
    else if (raw.text)
        TRY(take_text(b, i, tokenizer, rules, raw.text, raw.text_len));
    else
        TRY(take_tokens(b, i, rules, raw.token, raw.tokens));
    if (r->error)
        goto out;
    n = b->tokens - b->at[i];
    if (n == 0) {
        rc = bad(b, i, "the prompt is empty: give it at least one token");
        goto out;
    }
    if (n > (size_t)rules->max_model_len) {
        b->tokens = b->at[i];
        rc = too_long(b, i, "", n, rules);
        goto out;
    }
    r->prompt_tokens = (int)n;
    rc = take_sampling(b, i, &raw, rules);
out:
    return rc;
}

/* ---- a block */

int mix_input_read(struct mix_input *in, const struct mix_tokenizer *tokenizer,
                   const struct mix_row_rules *rules, int64_t first, int64_t count,
                   struct mix_row_block **out)
{
    int rc = MIX_OK;
    struct mix_row_block *b = NULL;

    MIX_CHECK(first >= 0 && count >= 0 && count <= in->rows && first <= in->rows - count,
              "rows %lld + %lld of %lld", (long long)first, (long long)count, (long long)in->rows);
    TRY(mix_calloc(&b, 1, sizeof *b, "a block of rows"));
    TRY(mix_calloc(&b->row, (size_t)count, sizeof *b->row, "a block of rows"));
    TRY(mix_calloc(&b->at, (size_t)count, sizeof *b->at, "a block of rows"));
    TRY(mix_calloc(&b->error, (size_t)count, sizeof *b->error, "a block of rows"));
    b->count = count;
    TRY(mix_raw_read(in->raw, first, count, &b->raw));
    for (int64_t i = 0; i < count; i++) {
        b->row[i].row = first + i;
        TRY(take_row(b, i, tokenizer, rules));
    }
    for (int64_t i = 0; i < count; i++)
        if (!b->row[i].error)
            b->row[i].prompt = b->token + b->at[i];
    *out = b;
    b = NULL;
out:
    mix_row_block_free(b);
    return rc;
}

void mix_row_block_free(struct mix_row_block *b)
{
    if (!b)
        return;
    for (int64_t i = 0; b->error && i < b->count; i++)
        free(b->error[i]);
    mix_raw_block_free(b->raw);
    free(b->row);
    free(b->token);
    free(b->at);
    free(b->error);
    free(b);
}

const struct mix_row *mix_row_block_at(const struct mix_row_block *b, int64_t i)
{
    return &b->row[i];
}

const char *mix_row_block_custom_id(const struct mix_row_block *b, int64_t i)
{
    struct mix_raw_row raw;

    mix_raw_block_at(b->raw, i, &raw);
    return raw.custom_id;
}

const struct mix_columns *mix_row_block_columns(const struct mix_row_block *b)
{
    return mix_raw_block_columns(b->raw);
}

uint64_t mix_row_block_hash(const struct mix_row_block *b)
{
    return mix_raw_block_hash(b->raw);
}
