/* histogram.c - see histogram.h. */
#include "engine/histogram.h"

#include "base/err.h"
#include "base/str.h"
#include "engine/raw.h"
#include "io/file.h"
#include "text/tokenizer.h"

#include <math.h>
#include <stdlib.h>

enum {
    BLOCK = 1024,           /* rows read at a time */
    MOST_BLOCKS = 1024,     /* 1,048,576 rows */
    PROBES = 16,            /* blocks that say how large a row is, and a token, */
    PROBE_ROWS = 64,        /* of so many rows */
    PROBE_TOKENISED = 4,    /* of which so many are tokenised, */
    PROBE_BYTES = 64 << 10, /* each up to here */
    BYTES_OF_TOKEN = 4,     /* without a tokenizer: English */
    ANSWER = 512,           /* tokens, where there is no limit */
};

static const double most_bytes = 256 << 20;

struct reading {
    struct mix_raw *raw;
    struct mix_tokenizer *tokenizer; /* or NULL */
    int64_t rows, max_tokens, max_model_len;
    int64_t looked_at; /* rows, bad ones too */
    /* of the probes */
    double bytes, bytes_tokenised, tokens;
    int64_t probed;
    int32_t *id;
    size_t room;
    struct mix_lengths *to;
};

static double bytes_of(const struct mix_raw_row *row)
{
    return row->text ? (double)row->text_len : (double)row->tokens * 4;
}

/* ---- how large a row and a token are */

static int tokenise(struct reading *r, const struct mix_raw_row *row)
{
    int rc;
    size_t n = 0, len = row->text_len < PROBE_BYTES ? row->text_len : PROBE_BYTES, bad;

    if (!mix_utf8_valid(row->text, len, &bad))
        len = bad; /* a bad row, or a character that was cut */
    TRY(mix_tokenizer_encode(r->tokenizer, row->text, len, false, &r->id, &n, &r->room));
    r->bytes_tokenised += (double)len;
    r->tokens += (double)n;
out:
    return rc;
}

static int probe(struct reading *r, int64_t first, int64_t n)
{
    int rc;
    struct mix_raw_block *block = NULL;

    TRY(mix_raw_read(r->raw, first, n, &block));
    for (int64_t i = 0; i < n; i++) {
        struct mix_raw_row row;

        mix_raw_block_at(block, i, &row);
        if (row.error)
            continue;
        r->bytes += bytes_of(&row);
        r->probed++;
        if (row.text && r->tokenizer && i < PROBE_TOKENISED)
            TRY(tokenise(r, &row));
    }
out:
    mix_raw_block_free(block);
    return rc;
}

/* Where block i of n begins when they lie evenly in all rows. */
static int64_t place(const struct reading *r, int64_t i, int64_t n, int64_t rows)
{
    int64_t last = r->rows > rows ? r->rows - rows : 0;

    return n > 1 ? (int64_t)((double)last * (double)i / (double)(n - 1)) : 0;
}

static int64_t smaller(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

static int look(struct reading *r)
{
    int rc = MIX_OK;
    int64_t rows = smaller(PROBE_ROWS, r->rows), n = smaller(PROBES, (r->rows + rows - 1) / rows);

    for (int64_t i = 0; i < n; i++)
        TRY(probe(r, place(r, i, n, rows), rows));
out:
    return rc;
}

/* ---- all lengths */

static void add(struct reading *r, const struct mix_raw_row *row)
{
    double each = r->tokens > 0 ? r->bytes_tokenised / r->tokens : BYTES_OF_TOKEN;
    double own = row->param[MIX_SAMPLING_MAX_TOKENS];
    int64_t prompt = row->text ? (int64_t)ceil((double)row->text_len / each) : row->tokens;
    int64_t answer = own >= 0 && own < 1e9 ? (int64_t)own : r->max_tokens;
    int64_t left = r->max_model_len - prompt;

    if (prompt < 1 || left < 0)
        return; /* a bad row */
    if (answer < 0) {
        answer = ANSWER;
        r->to->assumed = true;
    }
    mix_lengths_add(r->to, prompt, smaller(answer, left));
}

static int add_block(struct reading *r, int64_t first, int64_t n)
{
    int rc;
    struct mix_raw_block *block = NULL;

    TRY(mix_raw_read(r->raw, first, n, &block));
    for (int64_t i = 0; i < n; i++) {
        struct mix_raw_row row;

        mix_raw_block_at(block, i, &row);
        r->looked_at++;
        if (!row.error)
            add(r, &row);
    }
out:
    mix_raw_block_free(block);
    return rc;
}

static int read_all(struct reading *r)
{
    int rc = MIX_OK;
    int64_t all = (r->rows + BLOCK - 1) / BLOCK, n = smaller(all, MOST_BLOCKS);
    double block = r->probed ? r->bytes / (double)r->probed * BLOCK : 0; /* bytes of one */

    if (block * (double)n > most_bytes)
        n = (int64_t)fmax(1, most_bytes / block);
    for (int64_t i = 0; i < n; i++) {
        int64_t first = n == all ? i * BLOCK : place(r, i, n, BLOCK);

        TRY(add_block(r, first, smaller(BLOCK, r->rows - first)));
    }
out:
    return rc;
}

static int open_tokenizer(struct reading *r, const char *dir)
{
    int rc;
    struct mix_str path = {0};

    TRY(mix_str_addf(&path, "%s/tokenizer.json", dir));
    if (mix_file_exists(path.s))
        TRY(mix_tokenizer_open(&r->tokenizer, dir));
out:
    mix_str_fini(&path);
    return rc;
}

int mix_histogram_read(struct mix_lengths *out, const char *path, const char *dir,
                       int64_t max_tokens, int64_t max_model_len)
{
    int rc;
    struct mix_lengths l = {0};
    struct reading r = {.to = &l, .max_tokens = max_tokens, .max_model_len = max_model_len};

    TRY(mix_raw_open(&r.raw, path));
    r.rows = mix_raw_rows(r.raw);
    if (r.rows > 0) {
        TRY(open_tokenizer(&r, dir));
        TRY(look(&r));
        TRY(read_all(&r));
        l.rows = llround((double)r.rows * (double)l.sampled / (double)r.looked_at);
        l.refused = r.rows - l.rows;
    }
    *out = l;
out:
    free(r.id);
    mix_tokenizer_close(r.tokenizer);
    mix_raw_close(r.raw);
    return rc;
}
