/* raw.c - the same prompts in HDF5 and as JSON lines are the same rows. */
#include "engine/raw.h"

#include "base/err.h"
#include "base/log.h"
#include "io/columns.h"
#include "io/prompts.h"
#include "scratch.h"
#include "tap.h"

#include <math.h>
#include <string.h>

enum { ROWS = 3 };

static const char lines[] =
    "{\"custom_id\": \"a\", \"body\": {\"prompt\": \"one\", \"temperature\": 0.5}}\n"
    "{\"custom_id\": \"b\", \"body\": {\"prompt\": \"two \xC3\xA9\", \"max_tokens\": 7}, \"x\": "
    "1}\n"
    "{\"custom_id\": \"c\", \"body\": {\"prompt\": \"\"}}\n";

static int write_h5(const char *path)
{
    const char *text[ROWS] = {"one", "two \xC3\xA9", ""}, *id[ROWS] = {"a", "b", "c"};
    size_t len[ROWS] = {3, 6, 0};
    double temperature[ROWS] = {0.5, NAN, NAN}, most[ROWS] = {NAN, 7, NAN};
    double *param[MIX_SAMPLING_PARAMS] = {
        [MIX_SAMPLING_TEMPERATURE] = temperature, [MIX_SAMPLING_MAX_TOKENS] = most};
    struct mix_prompts_schema schema = {.kind = MIX_PROMPT_TEXT,
                                        .param = mix_sampling_name,
                                        .params = MIX_SAMPLING_PARAMS,
                                        .custom_id = true};
    struct mix_prompt_block block = {.rows = ROWS,
                                     .text = text,
                                     .text_len = len,
                                     .param_name = mix_sampling_name,
                                     .param = param,
                                     .params = MIX_SAMPLING_PARAMS,
                                     .custom_id = id};
    struct mix_prompts_writer *w = NULL;
    int rc = mix_prompts_create(&w, path, &schema);

    rc = rc ? rc : mix_prompts_append(w, &block);
    rc = rc ? rc : mix_prompts_finish(w);
    mix_prompts_destroy(w);
    return rc;
}

static bool same(double a, double b)
{
    return a == b || (isnan(a) && isnan(b));
}

static void both(void)
{
    struct mix_raw *h5 = NULL, *jsonl = NULL;
    struct mix_raw_block *p = NULL, *q = NULL;
    uint64_t whole = 0, part = 0;

    scratch_write("in.jsonl", lines, sizeof lines - 1);
    ok(write_h5(scratch("in.h5")) == MIX_OK && mix_raw_open(&h5, scratch("in.h5")) == MIX_OK &&
           mix_raw_open(&jsonl, scratch("in.jsonl")) == MIX_OK,
       "both open");
    ok(mix_raw_rows(h5) == ROWS && mix_raw_rows(jsonl) == ROWS, "and have as many rows");
    ok(mix_raw_schema(h5).custom_id && mix_raw_schema(jsonl).custom_id &&
           mix_columns_count(mix_raw_schema(jsonl).columns) == 0,
       "and ids; lines have no columns");
    ok(mix_raw_read(h5, 0, ROWS, &p) == MIX_OK && mix_raw_read(jsonl, 0, ROWS, &q) == MIX_OK,
       "both are read");
    for (int64_t i = 0; i < ROWS; i++) {
        struct mix_raw_row a, b;
        bool params = true;
        mix_raw_block_at(p, i, &a);
        mix_raw_block_at(q, i, &b);
        for (int k = 0; k < MIX_SAMPLING_PARAMS; k++)
            params &= same(a.param[k], b.param[k]);
        ok(!a.error && !b.error && a.text && b.text && a.text_len == b.text_len &&
               memcmp(a.text, b.text, a.text_len) == 0 && !strcmp(a.custom_id, b.custom_id),
           "row %d is the same prompt", (int)i);
        ok(params, "with the same parameters");
    }
    ok(mix_raw_hash(jsonl, 0, ROWS, &whole) == MIX_OK && whole == mix_raw_block_hash(q) &&
           mix_raw_hash(jsonl, 1, 1, &part) == MIX_OK && part != whole,
       "a block has the hash of its rows");
    mix_raw_block_free(p);
    mix_raw_block_free(q);
    mix_raw_block_free(NULL);
    mix_raw_close(h5);
    mix_raw_close(jsonl);
    mix_raw_close(NULL);
}

static void bad(void)
{
    static const char text[] = "{\"custom_id\": \"c\", \"body\": {\"messages\": []}}\nnothing\n";
    struct mix_raw *raw = NULL;
    struct mix_raw_block *b = NULL;
    struct mix_raw_row row;

    scratch_write("bad.jsonl", text, sizeof text - 1);
    ok(mix_raw_open(&raw, scratch("bad.jsonl")) == MIX_OK && mix_raw_rows(raw) == 2 &&
           mix_raw_read(raw, 0, 2, &b) == MIX_OK,
       "lines that cannot be served are rows");
    mix_raw_block_at(b, 0, &row);
    ok(row.error && strstr(row.error, "chat"), "messages: %s", row.error);
    mix_raw_block_at(b, 1, &row);
    ok(row.error && strstr(row.error, "JSON") && !strcmp(row.custom_id, ""), "no JSON: %s",
       row.error);
    mix_raw_block_free(b);
    mix_raw_close(raw);
    raw = NULL;
    scratch_write("empty.jsonl", "", 0);
    ok(mix_raw_open(&raw, scratch("empty.jsonl")) == MIX_OK && mix_raw_rows(raw) == 0,
       "an empty file has no rows");
    mix_raw_close(raw);
    mix_log_level(MIX_LOG_SILENT);
    ok(mix_raw_open(&raw, scratch("none")) == MIX_EINPUT, "a file that is not there");
    mix_log_level(MIX_LOG_INFO);
}

int main(void)
{
    scratch_begin();
    both();
    bad();
    scratch_end();
    return tap_done();
}
