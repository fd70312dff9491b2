/* histogram.c - lengths of ids, of texts with and without a tokenizer, and of too many rows. */
#include "engine/histogram.h"

#include "base/err.h"
#include "base/log.h"
#include "filing.h"
#include "io/columns.h"
#include "io/prompts.h"
#include "tap.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static void write_lines(const char *name, const char *text)
{
    FILE *f = fopen(filing_path(name), "w");

    if (!f || fputs(text, f) < 0 || fclose(f)) {
        printf("Bail out! cannot write %s\n", name);
        exit(1);
    }
}

static int read_lengths(struct mix_lengths *l, const char *name, const char *dir,
                        int64_t max_tokens)
{
    return mix_histogram_read(l, filing_path(name), dir, max_tokens, 100);
}

static void texts(void)
{
    struct mix_lengths l = {0};

    write_lines("t.jsonl", "{\"custom_id\": \"a\", \"body\": {\"prompt\": \"12345678\", "
                           "\"max_tokens\": 3}}\n"
                           "{\"custom_id\": \"b\", \"body\": {\"prompt\": \"12345\"}}\n"
                           "nonsense\n");
    ok(read_lengths(&l, "t.jsonl", filing_path("no-model"), 7) == MIX_OK && l.rows == 2 &&
           l.refused == 1 && l.sampled == 2 && l.prompt == 2 + 2 && l.answer == 3 + 7 && !l.assumed,
       "without a tokenizer 4 bytes are a token; bad rows do not count");
    ok(read_lengths(&l, "t.jsonl", filing_path("model"), 7) == MIX_OK && l.sampled == 2 &&
           l.prompt == 8 + 5,
       "with one that makes a token of each byte, a byte is one (%g)", l.prompt);
    ok(read_lengths(&l, "t.jsonl", filing_path("no-model"), -1) == MIX_OK && l.assumed &&
           l.answer == 3 + 98,
       "without a limit an answer is as long as a row may be, up to 512 (%g)", l.answer);
    ok(mix_histogram_read(&l, filing_path("t.jsonl"), filing_path("model"), 7, 6) == MIX_OK &&
           l.rows == 1 && l.refused == 2 && l.prompt == 5 && l.answer == 1,
       "a prompt that is longer than a row may be is no row");
    write_lines("none.jsonl", "");
    ok(read_lengths(&l, "none.jsonl", filing_path("."), 7) == MIX_OK && l.rows == 0 &&
           l.sampled == 0,
       "a file without rows has no lengths");
    l.rows = -1;
    mix_log_level(MIX_LOG_SILENT);
    ok(read_lengths(&l, "nowhere.jsonl", filing_path("."), 7) == MIX_EINPUT && l.rows == -1,
       "a file that is not there");
    mix_log_level(MIX_LOG_INFO);
}

/* Ids: row i has 1 + i % 3 of them. */
static void ids(const char *name, int64_t rows)
{
    struct mix_prompt_block b = {.rows = rows, .kind = MIX_PROMPT_TOKENS};
    struct mix_prompts_schema schema = {.kind = b.kind};
    struct mix_prompts_writer *w = NULL;

    b.tokens = calloc((size_t)rows * 3, sizeof *b.tokens);
    b.offset = calloc((size_t)rows + 1, sizeof *b.offset);
    for (int64_t i = 0; i < rows; i++)
        b.offset[i + 1] = b.offset[i] + 1 + i % 3;
    if (mix_prompts_create(&w, filing_path(name), &schema) || mix_prompts_append(w, &b) ||
        mix_prompts_finish(w)) {
        printf("Bail out! cannot write %s\n", name);
        exit(1);
    }
    mix_prompts_destroy(w);
    free(b.tokens);
    free(b.offset);
}

static void many(void)
{
    struct mix_lengths l = {0};

    ids("few.h5", 3000);
    ok(read_lengths(&l, "few.h5", filing_path("."), 5) == MIX_OK && l.sampled == 3000 &&
           l.prompt == 6000 && l.longest == 8 && l.prompt_bin[0] == 1000 && l.prompt_bin[1] == 2000,
       "every row of a small file");
    ids("many.h5", 1200000);
    ok(read_lengths(&l, "many.h5", filing_path("."), 5) == MIX_OK && l.rows == 1200000 &&
           l.sampled == 1 << 20 && fabs(l.prompt / (double)l.sampled - 2) < 0.01,
       "a million of a larger one (%lld, mean %g)", (long long)l.sampled,
       l.prompt / (double)l.sampled);
}

int main(void)
{
    filing_begin();
    texts();
    many();
    filing_end();
    return tap_done();
}
