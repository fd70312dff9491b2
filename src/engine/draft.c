/* draft.c - see draft.h.  Texts, tokens and errors lie in three buffers that grow; results hold
 * offsets, and pointers are made when they are asked for.  Entries are small: there are as many as
 * rows in a shard, in a few shards at a time. */
#include "engine/draft.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    int64_t row;
    const char *finish_reason;
    size_t text, text_len, token, error;
    int32_t tokens_count, prompt_tokens, completion_tokens;
};

struct mix_draft {
    int64_t first, count, missing, failed;
    bool *has;           /* [count] */
    struct entry *entry; /* [entries] */
    size_t entries, room;
    struct mix_str text, error;
    int32_t *token;
    size_t tokens, token_room;
    struct mix_folder_name *piece; /* [pieces] */
    size_t pieces, piece_room;
};

int mix_draft_create(struct mix_draft **out, int64_t first, int64_t count)
{
    int rc = MIX_OK;
    struct mix_draft *d = NULL;

    TRY(mix_calloc(&d, 1, sizeof *d, "results of a shard"));
    TRY(mix_calloc(&d->has, (size_t)count, sizeof *d->has, "results of a shard"));
    d->first = first;
    d->count = d->missing = count;
    *out = d;
    d = NULL;
out:
    mix_draft_destroy(d);
    return rc;
}

void mix_draft_destroy(struct mix_draft *d)
{
    if (!d)
        return;
    mix_str_fini(&d->text);
    mix_str_fini(&d->error);
    free(d->has);
    free(d->entry);
    free(d->token);
    free(d->piece);
    free(d);
}

int64_t mix_draft_first(const struct mix_draft *d)
{
    return d->first;
}

int64_t mix_draft_count(const struct mix_draft *d)
{
    return d->count;
}

static bool inside(const struct mix_draft *d, int64_t row)
{
    return row >= d->first && row - d->first < d->count;
}

bool mix_draft_has(const struct mix_draft *d, int64_t row)
{
    return inside(d, row) && d->has[row - d->first];
}

int64_t mix_draft_missing(const struct mix_draft *d)
{
    return d->missing;
}

int64_t mix_draft_unsealed(const struct mix_draft *d)
{
    return (int64_t)d->entries;
}

size_t mix_draft_bytes(const struct mix_draft *d)
{
    return d->text.len + d->error.len + d->tokens * sizeof *d->token +
           d->entries * sizeof *d->entry;
}

int64_t mix_draft_failed(const struct mix_draft *d)
{
    return d->failed;
}

bool mix_draft_sealed(struct mix_draft *d, int64_t row)
{
    if (!inside(d, row) || d->has[row - d->first])
        return false;
    d->has[row - d->first] = true;
    d->missing--;
    return true;
}

int mix_draft_add(struct mix_draft *d, const struct mix_result *r)
{
    int rc = MIX_OK;
    size_t n = (size_t)r->tokens_count;
    struct entry e = {.row = r->row,
                      .finish_reason = r->finish_reason,
                      .text = d->text.len,
                      .text_len = r->text_len,
                      .token = d->tokens,
                      .error = d->error.len,
                      .tokens_count = r->tokens_count,
                      .prompt_tokens = r->prompt_tokens,
                      .completion_tokens = r->completion_tokens};

    MIX_CHECK(inside(d, r->row), "an answer to row %lld, which is not in rows %lld to %lld",
              (long long)r->row, (long long)d->first, (long long)(d->first + d->count - 1));
    MIX_CHECK(!d->has[r->row - d->first], "a second answer to row %lld", (long long)r->row);
    TRY(mix_grow(&d->entry, &d->room, d->entries + 1, sizeof *d->entry, "results"));
    TRY(mix_grow(&d->token, &d->token_room, d->tokens + n, sizeof *d->token, "results"));
    TRY(mix_str_add(&d->text, r->text, r->text_len));
    TRY(mix_str_add(&d->error, r->error, strlen(r->error) + 1)); /* with its 0 byte */
    if (n)
        memcpy(d->token + d->tokens, r->tokens, n * sizeof *d->token);
    d->tokens += n;
    d->entry[d->entries++] = e;
    d->failed += r->error[0] != '\0';
    d->has[r->row - d->first] = true;
    d->missing--;
out:
    return rc;
}

static int by_row(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;

    return (x->row > y->row) - (x->row < y->row);
}

void mix_draft_sort(struct mix_draft *d)
{
    if (d->entries)
        qsort(d->entry, d->entries, sizeof *d->entry, by_row);
}

struct mix_result mix_draft_entry(const struct mix_draft *d, int64_t i)
{
    const struct entry *e = &d->entry[i];

    return (struct mix_result){.row = e->row,
                               .text = d->text.s + e->text,
                               .text_len = e->text_len,
                               .tokens = d->token + e->token,
                               .tokens_count = e->tokens_count,
                               .finish_reason = e->finish_reason,
                               .error = d->error.s + e->error,
                               .prompt_tokens = e->prompt_tokens,
                               .completion_tokens = e->completion_tokens};
}

void mix_draft_clear(struct mix_draft *d)
{
    d->entries = d->tokens = 0;
    d->failed = 0;
    mix_str_clear(&d->text);
    mix_str_clear(&d->error);
}

int mix_draft_pieces(const struct mix_draft *d)
{
    return (int)d->pieces;
}

const struct mix_folder_name *mix_draft_piece(const struct mix_draft *d, int i)
{
    return &d->piece[i];
}

int mix_draft_add_piece(struct mix_draft *d, const struct mix_folder_name *name)
{
    int rc = mix_grow(&d->piece, &d->piece_room, d->pieces + 1, sizeof *d->piece, "pieces");

    if (rc == MIX_OK)
        d->piece[d->pieces++] = *name;
    return rc;
}

void mix_draft_drop_pieces(struct mix_draft *d, int n)
{
    d->pieces -= (size_t)n;
    if (d->pieces)
        memmove(d->piece, d->piece + n, d->pieces * sizeof *d->piece);
}
