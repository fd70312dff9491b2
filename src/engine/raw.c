/* raw.c - see raw.h. */
#include "engine/raw.h"

#include "base/err.h"
#include "base/mem.h"
#include "io/columns.h"
#include "io/kind.h"
#include "io/prompts.h"
#include "text/jsonl.h"

#include <math.h>
#include <stdlib.h>

struct mix_raw { /* one of the two */
    struct mix_prompts *h5;
    struct mix_jsonl *lines;
    struct mix_columns *none; /* no columns, for lines */
};

struct mix_raw_block {
    struct mix_prompt_block *h5; /* or */
    struct mix_jsonl_row *line;  /* [n] */
    int64_t n;
    const struct mix_columns *columns; /* borrowed */
    uint64_t hash;
};

int mix_raw_open(struct mix_raw **out, const char *path)
{
    int rc = MIX_OK;
    struct mix_raw *raw = NULL;
    enum mix_kind kind;

    TRY(mix_calloc(&raw, 1, sizeof *raw, "the input"));
    TRY(mix_kind_of(path, &kind));
    if (kind == MIX_KIND_LINES) {
        TRY(mix_columns_create(&raw->none));
        TRY(mix_jsonl_open(&raw->lines, path));
    } else {
        TRY(mix_prompts_open(&raw->h5, path, mix_sampling_name, MIX_SAMPLING_PARAMS));
    }
    *out = raw;
    raw = NULL;
out:
    mix_raw_close(raw);
    return rc;
}

void mix_raw_close(struct mix_raw *raw)
{
    if (!raw)
        return;
    mix_prompts_close(raw->h5);
    mix_jsonl_close(raw->lines);
    mix_columns_destroy(raw->none);
    free(raw);
}

int64_t mix_raw_rows(const struct mix_raw *raw)
{
    return raw->h5 ? mix_prompts_rows(raw->h5) : mix_jsonl_rows(raw->lines);
}

struct mix_results_schema mix_raw_schema(const struct mix_raw *raw)
{
    if (!raw->h5)
        return (struct mix_results_schema){.custom_id = true, .columns = raw->none};
    return (struct mix_results_schema){.custom_id = mix_prompts_have_custom_id(raw->h5),
                                       .columns = mix_prompts_columns(raw->h5)};
}

int mix_raw_hash(struct mix_raw *raw, int64_t first, int64_t n, uint64_t *hash)
{
    int rc = MIX_OK;
    struct mix_prompt_block *block = NULL;

    if (!raw->h5)
        return mix_jsonl_hash(raw->lines, first, n, hash);
    TRY(mix_prompts_read(raw->h5, first, n, &block));
    TRY(mix_prompt_block_hash(block, hash));
out:
    mix_prompt_block_destroy(block);
    return rc;
}

int mix_raw_read(struct mix_raw *raw, int64_t first, int64_t n, struct mix_raw_block **out)
{
    int rc = MIX_OK;
    struct mix_raw_block *b = NULL;

    TRY(mix_calloc(&b, 1, sizeof *b, "a block of rows"));
    if (raw->h5) {
        TRY(mix_prompts_read(raw->h5, first, n, &b->h5));
        TRY(mix_prompt_block_hash(b->h5, &b->hash));
        b->columns = b->h5->columns;
    } else {
        TRY(mix_jsonl_hash(raw->lines, first, n, &b->hash));
        TRY(mix_calloc(&b->line, (size_t)n, sizeof *b->line, "a block of rows"));
        TRY(mix_jsonl_read(raw->lines, first, n, mix_sampling_name, MIX_SAMPLING_PARAMS, b->line));
        b->n = n; /* only now there is something in them to be freed */
        b->columns = raw->none;
    }
    *out = b;
    b = NULL;
out:
    mix_raw_block_free(b);
    return rc;
}

void mix_raw_block_free(struct mix_raw_block *b)
{
    if (!b)
        return;
    mix_prompt_block_destroy(b->h5);
    for (int64_t i = 0; i < b->n; i++)
        mix_jsonl_row_fini(&b->line[i]);
    free(b->line);
    free(b);
}

static void from_line(const struct mix_jsonl_row *l, struct mix_raw_row *row)
{
    *row = (struct mix_raw_row){.error = l->error,
                                .text = l->text,
                                .text_len = l->text_len,
                                .token = l->tokens,
                                .tokens = (int64_t)l->tokens_count,
                                .custom_id = l->custom_id ? l->custom_id : ""};
    for (int p = 0; p < MIX_SAMPLING_PARAMS; p++) {
        row->param[p] = l->param ? l->param[p] : NAN;
        row->exact[p] = INT64_MIN;
    }
}

void mix_raw_block_at(const struct mix_raw_block *b, int64_t i, struct mix_raw_row *row)
{
    const struct mix_prompt_block *p = b->h5;

    if (!p) {
        from_line(&b->line[i], row);
        return;
    }
    *row = (struct mix_raw_row){.custom_id = p->custom_id ? p->custom_id[i] : NULL};
    if (p->kind == MIX_PROMPT_MESSAGES)
        row->error = "chat messages cannot be run yet: give the prompt as text in /prompts/text, "
                     "with the chat's markers in it";
    if (p->text) {
        row->text = p->text[i];
        row->text_len = p->text_len[i];
    } else {
        row->token = p->tokens + p->offset[i];
        row->tokens = p->offset[i + 1] - p->offset[i];
    }
    for (int k = 0; k < MIX_SAMPLING_PARAMS; k++) {
        row->param[k] = p->param[k] ? p->param[k][i] : NAN;
        row->exact[k] = p->exact[k] ? p->exact[k][i] : INT64_MIN;
    }
}

const struct mix_columns *mix_raw_block_columns(const struct mix_raw_block *b)
{
    return b->columns;
}

uint64_t mix_raw_block_hash(const struct mix_raw_block *b)
{
    return b->hash;
}
