/* results_read.c - blocks of entries, and whether a file is whole. */
#include "io/results_open.h"

#include "base/busy.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>

void mix_results_block_destroy(struct mix_results_block *b)
{
    if (!b)
        return;
    free(b->entry);
    free(b->tokens);
    mix_columns_destroy(b->columns);
    if (b->memory)
        mix_h5arena_fini(b->memory);
    free(b->memory);
    free(b);
}

int mix_results_read_rows(struct mix_results_file *f, int64_t first, int64_t n, int64_t *row,
                          int32_t *sample)
{
    int rc = MIX_OK;

    mix_h5_quiet();
    TRY(mix_h5set_read(&f->set[MIX_RESULTS_ROW], first, n, H5T_NATIVE_INT64, row, NULL));
    if (sample)
        TRY(mix_h5set_read(&f->set[MIX_RESULTS_SAMPLE], first, n, H5T_NATIVE_INT32, sample, NULL));
out:
    return rc;
}

/* The bounds of the tokens of entries [first, first + n): end[n + 1], from the file's own start. */
static int read_offsets(const struct mix_results_file *f, int64_t first, int64_t n, int64_t *end)
{
    const struct mix_h5set *s = &f->set[MIX_RESULTS_OFFSETS];
    int rc = MIX_OK;

    TRY(mix_h5set_read(s, first, n + 1, H5T_NATIVE_INT64, end, NULL));
    for (int64_t i = 0; i <= n; i++) {
        int64_t before = i ? end[i - 1] : 0;

        if (end[i] < before || end[i] - (i ? before : end[i]) > INT32_MAX ||
            end[i] > f->set[MIX_RESULTS_TOKENS].rows) {
            rc = MIX_FAIL(MIX_EINPUT, "%s: entry %lld: %s goes from %lld to %lld", f->file->path,
                          (long long)(first + i), s->name, (long long)before, (long long)end[i]);
            goto out;
        }
    }
out:
    return rc;
}

static int read_numbers(const struct mix_results_file *f, struct mix_results_block *b)
{
    int rc = MIX_OK;
    int64_t *row = NULL;
    int32_t *number[3] = {NULL};
    static const enum mix_results_set set[3] = {MIX_RESULTS_SAMPLE, MIX_RESULTS_PROMPT_TOKENS,
                                                MIX_RESULTS_COMPLETION_TOKENS};

    TRY(mix_calloc(&row, (size_t)b->n, sizeof *row, "entries"));
    TRY(mix_h5set_read(&f->set[MIX_RESULTS_ROW], b->first, b->n, H5T_NATIVE_INT64, row, NULL));
    for (int k = 0; k < 3; k++) {
        TRY(mix_calloc(&number[k], (size_t)b->n, sizeof **number, "entries"));
        TRY(mix_h5set_read(&f->set[set[k]], b->first, b->n, H5T_NATIVE_INT32, number[k], NULL));
    }
    for (int64_t i = 0; i < b->n; i++) {
        b->entry[i].row = row[i];
        b->entry[i].sample = number[0][i];
        b->entry[i].prompt_tokens = number[1][i];
        b->entry[i].completion_tokens = number[2][i];
    }
out:
    free(row);
    for (int k = 0; k < 3; k++)
        free(number[k]);
    return rc;
}

static int read_texts(const struct mix_results_file *f, struct mix_results_block *b)
{
    static const enum mix_results_set set[4] = {MIX_RESULTS_TEXT, MIX_RESULTS_FINISH_REASON,
                                                MIX_RESULTS_ERROR, MIX_RESULTS_CUSTOM_ID};
    int rc = MIX_OK;
    const char **text = NULL;
    size_t *len = NULL;

    TRY(mix_calloc(&text, (size_t)b->n, sizeof *text, "entries"));
    TRY(mix_calloc(&len, (size_t)b->n, sizeof *len, "entries"));
    for (int k = 0; k < 4; k++) {
        const struct mix_h5set *s = &f->set[set[k]];

        if (!s->file)
            continue;
        TRY(mix_h5set_read_text(s, b->first, b->n, text, len, b->memory));
        for (int64_t i = 0; i < b->n; i++) {
            struct mix_result *e = &b->entry[i];

            if (set[k] == MIX_RESULTS_TEXT) {
                e->text = text[i];
                e->text_len = len[i];
            } else {
                *(set[k] == MIX_RESULTS_FINISH_REASON ? &e->finish_reason
                  : set[k] == MIX_RESULTS_ERROR       ? &e->error
                                                      : &e->custom_id) = text[i];
            }
        }
    }
out:
    free(text);
    free(len);
    return rc;
}

static int read_tokens(const struct mix_results_file *f, struct mix_results_block *b)
{
    int rc = MIX_OK;
    int64_t *end = NULL, total;

    TRY(mix_calloc(&end, (size_t)b->n + 1, sizeof *end, "offsets"));
    TRY(read_offsets(f, b->first, b->n, end));
    total = end[b->n] - end[0];
    TRY(mix_calloc(&b->tokens, (size_t)total, sizeof *b->tokens, "tokens"));
    TRY(mix_h5set_read(&f->set[MIX_RESULTS_TOKENS], end[0], total, H5T_NATIVE_INT32, b->tokens,
                       NULL));
    for (int64_t i = 0; i < b->n; i++) {
        b->entry[i].tokens = b->tokens + (end[i] - end[0]);
        b->entry[i].tokens_count = (int32_t)(end[i + 1] - end[i]);
    }
out:
    free(end);
    return rc;
}

int mix_results_read(struct mix_results_file *f, int64_t first, int64_t n,
                     struct mix_results_block **out)
{
    int rc = MIX_OK;
    struct mix_results_block *b = NULL;

    mix_h5_quiet();
    MIX_CHECK(first >= 0 && n >= 0 && first <= f->entries && n <= f->entries - first,
              "entries %lld to %lld of %lld", (long long)first, (long long)(first + n),
              (long long)f->entries);
    TRY(mix_calloc(&b, 1, sizeof *b, "entries"));
    b->first = first;
    b->n = n;
    TRY(mix_calloc(&b->memory, 1, sizeof *b->memory, "entries"));
    TRY(mix_calloc(&b->entry, (size_t)n, sizeof *b->entry, "entries"));
    TRY(read_numbers(f, b));
    TRY(read_texts(f, b));
    TRY(read_tokens(f, b));
    TRY(mix_columns_create_like(&b->columns, f->columns));
    TRY(mix_columns_read_sets(b->columns, f->column, first, n));
    *out = b;
    b = NULL;
out:
    mix_results_block_destroy(b);
    return rc;
}

int mix_results_step(struct mix_results_file *f, int64_t first, int64_t last, int64_t *n)
{
    int64_t end[MIX_RESULTS_STEP + 1], most = last - first;
    int rc = MIX_OK;

    if (most > MIX_RESULTS_STEP)
        most = MIX_RESULTS_STEP;
    TRY(read_offsets(f, first, most, end));
    while (most > 1 && end[most] - end[0] > MIX_RESULTS_STEP_TOKENS)
        most--;
    *n = most;
out:
    return rc;
}

static int hash_entries(struct mix_results_file *f, uint64_t *sum)
{
    int rc = MIX_OK;
    struct mix_results_schema schema = mix_results_schema(f);
    struct mix_results_block *b = NULL;
    struct mix_hasher *h = NULL;
    int64_t n;

    TRY(mix_hasher_create(&h));
    mix_results_hash_schema(h, &schema);
    for (int64_t at = 0; at < f->entries; at += n) {
        TRY(mix_results_step(f, at, f->entries, &n));
        TRY(mix_results_read(f, at, n, &b));
        TRY(mix_busy());
        for (int64_t i = 0; i < n; i++)
            mix_results_hash_entry(h, &b->entry[i], b->columns, i);
        mix_results_block_destroy(b);
        b = NULL;
    }
    *sum = mix_hasher_value(h);
out:
    mix_results_block_destroy(b);
    mix_hasher_destroy(h);
    return rc;
}

static int hash_run(struct mix_results_file *f, uint64_t *sum)
{
    int rc = MIX_OK, n = 0;
    struct mix_hasher *h = NULL;
    struct mix_str text = {0};
    char **names = NULL;

    TRY(mix_hasher_create(&h));
    TRY(mix_h5_names(f->file, MIX_RESULTS_RUN, &names, &n));
    for (int i = 0; i < n; i++) {
        bool found;

        mix_str_clear(&text);
        TRY(mix_results_read_run(f, names[i], &text, &found));
        mix_results_hash_run(h, names[i], text.s ? text.s : "");
    }
    *sum = mix_hasher_value(h);
out:
    mix_h5_names_free(names, n);
    mix_str_fini(&text);
    mix_hasher_destroy(h);
    return rc;
}

int mix_results_verify(const char *path, int64_t *entries)
{
    int rc = MIX_OK;
    struct mix_results_file *f = NULL;
    uint64_t sum, run, run_said;

    TRY(mix_results_check_seal(path));
    TRY(mix_results_open(&f, path));
    TRY(mix_results_get_number(f, MIX_RESULTS_RUN, MIX_RESULTS_CHECKSUM, H5T_NATIVE_UINT64,
                               &run_said));
    TRY(hash_entries(f, &sum));
    TRY(hash_run(f, &run));
    if (sum != f->sum || run != run_said) {
        rc = MIX_FAIL(MIX_EINPUT, "%s: damaged: the checksum of %s is %016llx, expected %016llx",
                      path, sum != f->sum ? MIX_RESULTS_GROUP : MIX_RESULTS_RUN,
                      (unsigned long long)(sum != f->sum ? sum : run),
                      (unsigned long long)(sum != f->sum ? f->sum : run_said));
        goto out;
    }
    *entries = f->entries;
out:
    mix_results_close(f);
    return rc;
}
