/* prompts_read.c - blocks of consecutive rows. */
#include "io/prompts_open.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

void mix_prompt_block_destroy(struct mix_prompt_block *b)
{
    if (!b)
        return;
    for (int i = 0; b->param && i < b->params; i++)
        free(b->param[i]);
    for (int i = 0; b->exact && i < b->params; i++)
        free(b->exact[i]);
    free(b->param);
    free(b->exact);
    free(b->text);
    free(b->text_len);
    free(b->tokens);
    free(b->offset);
    free(b->custom_id);
    mix_columns_destroy(b->columns);
    if (b->memory)
        mix_h5arena_fini(b->memory);
    free(b->memory);
    free(b);
}

static int read_text(const struct mix_prompts *p, struct mix_prompt_block *b)
{
    int rc = MIX_OK;

    TRY(mix_calloc(&b->text, (size_t)b->rows, sizeof *b->text, "prompts"));
    TRY(mix_calloc(&b->text_len, (size_t)b->rows, sizeof *b->text_len, "prompts"));
    TRY(mix_h5set_read_text(&p->body, b->first, b->rows, b->text, b->text_len, b->memory));
out:
    return rc;
}

static int read_tokens(const struct mix_prompts *p, struct mix_prompt_block *b)
{
    int rc = MIX_OK;
    int64_t start, last;

    TRY(mix_calloc(&b->offset, (size_t)b->rows + 1, sizeof *b->offset, "offsets"));
    TRY(mix_h5set_read(&p->offsets, b->first, b->rows + 1, H5T_NATIVE_INT64, b->offset, NULL));
    start = b->offset[0];
    last = start;
    for (int64_t i = 0; i <= b->rows; i++) {
        int64_t at = b->offset[i];

        if (at < last || at < 0 || at > p->body.rows) {
            rc = MIX_FAIL(MIX_EINPUT,
                          "%s: row %lld: %s goes from %lld to %lld, expected it to rise from 0 to "
                          "%lld",
                          p->file->path, (long long)(b->first + (i ? i - 1 : 0)), p->offsets.name,
                          (long long)last, (long long)at, (long long)p->body.rows);
            goto out;
        }
        last = at;
        b->offset[i] = at - start;
    }
    TRY(mix_calloc(&b->tokens, (size_t)(last - start), sizeof *b->tokens, "tokens of prompts"));
    TRY(mix_h5set_read(&p->body, start, last - start, H5T_NATIVE_INT32, b->tokens, NULL));
out:
    return rc;
}

/* As integers; what a large uint64 is does not fit. */
static int read_exact(const struct mix_h5set *s, struct mix_prompt_block *b, int param)
{
    int rc = MIX_OK;
    bool natural = H5Tget_sign(s->type) == H5T_SGN_NONE;
    int64_t *v;

    TRY(mix_calloc(&b->exact[param], (size_t)b->rows, sizeof *v, "parameters"));
    v = b->exact[param];
    TRY(mix_h5set_read(s, b->first, b->rows, natural ? H5T_NATIVE_UINT64 : H5T_NATIVE_INT64, v,
                       NULL));
    for (int64_t i = 0; natural && i < b->rows; i++)
        v[i] = v[i] < 0 ? INT64_MIN : v[i];
out:
    return rc;
}

static int read_param(const struct mix_h5set *s, struct mix_prompt_block *b, int param)
{
    int rc = MIX_OK;
    double *v;

    TRY(mix_calloc(&b->param[param], (size_t)b->rows, sizeof *v, "parameters"));
    v = b->param[param];
    TRY(mix_h5set_read(s, b->first, b->rows, H5T_NATIVE_DOUBLE, v, NULL));
    for (int64_t i = 0; i < b->rows; i++)
        if (isnan(v[i]) || (v[i] == -1 && H5Tget_class(s->type) == H5T_INTEGER))
            v[i] = NAN; /* always the same one: it is hashed */
    if (H5Tget_class(s->type) == H5T_INTEGER)
        TRY(read_exact(s, b, param));
out:
    return rc;
}

int mix_prompts_read(struct mix_prompts *p, int64_t first, int64_t n, struct mix_prompt_block **out)
{
    int rc = MIX_OK;
    struct mix_prompt_block *b = NULL;

    mix_h5_quiet();
    MIX_CHECK(first >= 0 && n >= 0 && first <= p->rows && n <= p->rows - first,
              "prompts %lld to %lld of %lld", (long long)first, (long long)(first + n),
              (long long)p->rows);
    TRY(mix_calloc(&b, 1, sizeof *b, "prompts"));
    b->first = first;
    b->rows = n;
    b->kind = p->kind;
    b->param_name = p->param_name;
    TRY(mix_calloc(&b->memory, 1, sizeof *b->memory, "prompts"));
    TRY(mix_calloc(&b->param, (size_t)p->params, sizeof *b->param, "parameters"));
    TRY(mix_calloc(&b->exact, (size_t)p->params, sizeof *b->exact, "parameters"));
    b->params = p->params;
    TRY(p->kind == MIX_PROMPT_TOKENS ? read_tokens(p, b) : read_text(p, b));
    for (int i = 0; i < p->params; i++)
        if (p->param[i].file)
            TRY(read_param(&p->param[i], b, i));
    if (p->custom_id.file) {
        TRY(mix_calloc(&b->custom_id, (size_t)n, sizeof *b->custom_id, "custom ids"));
        TRY(mix_h5set_read_text(&p->custom_id, first, n, b->custom_id, NULL, b->memory));
    }
    TRY(mix_columns_create_like(&b->columns, p->columns));
    TRY(mix_columns_read_sets(b->columns, p->column, first, n));
    *out = b;
    b = NULL;
out:
    mix_prompt_block_destroy(b);
    return rc;
}

static void add_sized(struct mix_hasher *h, const void *bytes, size_t n)
{
    uint64_t len = n;

    mix_hasher_add(h, &len, sizeof len);
    if (n)
        mix_hasher_add(h, bytes, n);
}

int mix_prompt_block_hash(const struct mix_prompt_block *b, uint64_t *hash)
{
    int rc = MIX_OK;
    struct mix_hasher *h = NULL;
    int64_t head[3] = {b->kind, b->rows, b->custom_id != NULL};

    TRY(mix_hasher_create(&h));
    mix_hasher_add(h, head, sizeof head);
    for (int i = 0; i < b->params; i++)
        if (b->param[i])
            add_sized(h, b->param_name[i], strlen(b->param_name[i]));
    mix_columns_hash_names(b->columns, h);
    for (int64_t r = 0; r < b->rows; r++) {
        if (b->kind == MIX_PROMPT_TOKENS)
            add_sized(h, b->tokens + b->offset[r],
                      (size_t)(b->offset[r + 1] - b->offset[r]) * sizeof *b->tokens);
        else
            add_sized(h, b->text[r], b->text_len[r]);
        if (b->custom_id)
            add_sized(h, b->custom_id[r], strlen(b->custom_id[r]));
        for (int i = 0; i < b->params; i++)
            if (b->param[i])
                mix_hasher_add(h, &b->param[i][r], sizeof b->param[i][r]);
        for (int i = 0; i < b->params; i++)
            if (b->exact && b->exact[i])
                mix_hasher_add(h, &b->exact[i][r], sizeof b->exact[i][r]);
        mix_columns_hash_row(b->columns, r, h);
    }
    *hash = mix_hasher_value(h);
out:
    mix_hasher_destroy(h);
    return rc;
}
