/* import.c - see import.h.  The first pass finds what the file has, the second writes it. */
#include "engine/import.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/extras.h"
#include "engine/sampling.h"
#include "io/columns.h"
#include "io/file.h"
#include "io/prompts.h"
#include "text/jsonl.h"

#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BLOCK = 256, PARAMS = MIX_SAMPLING_PARAMS };

struct import {
    const char *path;
    struct mix_jsonl *lines;
    int64_t rows;
    struct mix_jsonl_row row[BLOCK]; /* the block at hand: rows [first, first + n) */
    int64_t first, n;
    /* what the first pass finds */
    enum mix_prompt_kind kind;
    bool has_param[PARAMS], has_id, has_own_id; /* own: not "row-N" */
    struct mix_extras *extras;
    const char *param_name[PARAMS]; /* of those that are there */
    int params, param[PARAMS];      /* params of them, by number */
};

static void drop_block(struct import *m)
{
    for (int64_t i = 0; i < m->n; i++)
        mix_jsonl_row_fini(&m->row[i]);
    m->n = 0;
}

static int read_block(struct import *m, int64_t first)
{
    int64_t n = m->rows - first < BLOCK ? m->rows - first : BLOCK;
    int rc;

    drop_block(m);
    TRY(mix_jsonl_read(m->lines, first, n, mix_sampling_name, PARAMS, m->row));
    m->first = first;
    m->n = n;
out:
    return rc;
}

/* ---- the first pass */

/* Lines that mixserve convert made of results: no body, but a reason why the answer ended. */
static bool is_result(const struct mix_jsonl_row *r)
{
    return r->error && r->extra && strstr(r->extra, "\"finish_reason\":");
}

static int refuse(const struct import *m, int64_t i, const char *why)
{
    return MIX_FAIL(MIX_EINPUT, "%s: line %lld: %s", m->path, (long long)(m->first + i + 1), why);
}

static int look_at(struct import *m, int64_t i)
{
    const struct mix_jsonl_row *r = &m->row[i];
    enum mix_prompt_kind kind = r->text ? MIX_PROMPT_TEXT : MIX_PROMPT_TOKENS;
    char made[32];
    const char *why;
    int rc;

    if (m->first + i == 0 && is_result(r))
        return MIX_FAIL(MIX_EUSAGE,
                        "%s holds results, which only go from HDF5 to JSON lines: a run makes "
                        "the HDF5 file, with tokens and checksums that lines do not have",
                        m->path);
    if (r->error)
        return refuse(m, i, r->error);
    if (m->first + i == 0)
        m->kind = kind;
    else if (kind != m->kind)
        return refuse(m, i,
                      r->text ? "the prompt is text, those before it are token ids"
                              : "the prompt is token ids, those before it are text");
    if (r->text && memchr(r->text, 0, r->text_len))
        return refuse(m, i, "the prompt has a zero byte, which HDF5 strings cannot hold");
    for (int p = 0; p < PARAMS; p++)
        m->has_param[p] |= !isnan(r->param[p]);
    snprintf(made, sizeof made, "row-%lld", (long long)(m->first + i));
    m->has_id |= r->custom_id != NULL;
    m->has_own_id |= !r->custom_id || strcmp(r->custom_id, made) != 0;
    TRY(mix_extras_look(m->extras, r->extra, &why));
    if (why)
        rc = refuse(m, i, why);
out:
    return rc;
}

static int look(struct import *m)
{
    int rc = MIX_OK;

    for (int64_t first = 0; first < m->rows; first += BLOCK) {
        TRY(read_block(m, first));
        for (int64_t i = 0; i < m->n; i++)
            TRY(look_at(m, i));
    }
    m->has_id &= m->has_own_id;
    for (int p = 0; p < PARAMS; p++) {
        if (!m->has_param[p])
            continue;
        m->param_name[m->params] = mix_sampling_name[p];
        m->param[m->params++] = p;
    }
out:
    return rc;
}

/* ---- the second pass.  A prompt block borrows from the rows; its arrays are for BLOCK rows. */

static int gather_tokens(const struct import *m, struct mix_prompt_block *b)
{
    int rc = MIX_OK;
    size_t all = 0;

    for (int64_t i = 0; i < m->n; i++)
        all += m->row[i].tokens_count;
    free(b->tokens);
    b->tokens = NULL;
    TRY(mix_calloc(&b->tokens, all, sizeof *b->tokens, "tokens of prompts"));
    for (int64_t i = 0; i < m->n; i++) {
        const struct mix_jsonl_row *r = &m->row[i];
        if (r->tokens_count)
            memcpy(b->tokens + b->offset[i], r->tokens, r->tokens_count * sizeof *r->tokens);
        b->offset[i + 1] = b->offset[i] + (int64_t)r->tokens_count;
    }
out:
    return rc;
}

static int fill_block(const struct import *m, struct mix_prompt_block *b)
{
    int rc = MIX_OK;

    b->first = m->first;
    b->rows = m->n;
    mix_columns_clear(b->columns);
    for (int64_t i = 0; i < m->n; i++) {
        const struct mix_jsonl_row *r = &m->row[i];
        b->text[i] = r->text;
        b->text_len[i] = r->text_len;
        if (b->custom_id)
            b->custom_id[i] = r->custom_id ? r->custom_id : "";
        for (int p = 0; p < m->params; p++)
            b->param[p][i] = r->param[m->param[p]];
        TRY(mix_extras_append(m->extras, r->extra, b->columns));
    }
    if (m->kind == MIX_PROMPT_TOKENS)
        TRY(gather_tokens(m, b));
out:
    return rc;
}

static int make_block(const struct import *m, struct mix_prompt_block *b)
{
    int rc;

    b->kind = m->kind;
    b->param_name = m->param_name;
    b->params = m->params;
    TRY(mix_calloc(&b->text, BLOCK, sizeof *b->text, "prompts"));
    TRY(mix_calloc(&b->text_len, BLOCK, sizeof *b->text_len, "prompts"));
    TRY(mix_calloc(&b->offset, BLOCK + 1, sizeof *b->offset, "prompts"));
    TRY(mix_calloc(&b->param, PARAMS, sizeof *b->param, "parameters"));
    for (int p = 0; p < m->params; p++)
        TRY(mix_calloc(&b->param[p], BLOCK, sizeof *b->param[p], "parameters"));
    if (m->has_id)
        TRY(mix_calloc(&b->custom_id, BLOCK, sizeof *b->custom_id, "custom ids"));
    TRY(mix_extras_columns(m->extras, &b->columns));
out:
    return rc;
}

static int write_rows(struct import *m, const char *path, struct mix_prompt_block *b)
{
    int rc;
    struct mix_prompts_writer *writer = NULL;
    struct mix_prompts_schema schema = {.kind = m->kind,
                                        .param = m->param_name,
                                        .params = m->params,
                                        .custom_id = m->has_id,
                                        .columns = b->columns};

    TRY(mix_prompts_create(&writer, path, &schema));
    for (int64_t first = 0; first < m->rows; first += BLOCK) {
        TRY(read_block(m, first));
        TRY(fill_block(m, b));
        TRY(mix_prompts_append(writer, b));
    }
    TRY(mix_prompts_finish(writer));
out:
    mix_prompts_destroy(writer);
    return rc;
}

static void free_block(struct mix_prompt_block *b)
{
    for (int p = 0; b->param && p < PARAMS; p++)
        free(b->param[p]);
    free(b->text);
    free(b->text_len);
    free(b->tokens);
    free(b->offset);
    free(b->param);
    free(b->custom_id);
    mix_columns_destroy(b->columns);
}

int mix_import_prompts(const char *in, const char *out, int64_t *rows)
{
    int rc;
    struct import *m = NULL;
    struct mix_prompt_block block = {0};
    struct mix_str temp = {0};

    TRY(mix_calloc(&m, 1, sizeof *m, "lines"));
    m->path = in;
    TRY(mix_jsonl_open(&m->lines, in));
    m->rows = mix_jsonl_rows(m->lines);
    TRY(mix_extras_create(&m->extras));
    TRY(look(m));
    TRY(make_block(m, &block));
    TRY(mix_str_addf(&temp, "%s.tmp", out));
    rc = write_rows(m, temp.s, &block);
    if (rc == MIX_OK)
        rc = mix_file_commit(temp.s, out);
    if (rc)
        unlink(temp.s);
    else if (rows)
        *rows = m->rows;
out:
    free_block(&block);
    mix_str_fini(&temp);
    if (m) {
        drop_block(m);
        mix_jsonl_close(m->lines);
        mix_extras_destroy(m->extras);
    }
    free(m);
    return rc;
}
