/* rows.c - what a row can say, and what it is told when it cannot be run. */
#include "engine/rows.h"

#include "base/err.h"
#include "base/log.h"
#include "filing.h"
#include "io/columns.h"
#include "io/prompts.h"
#include "io/results.h"
#include "tap.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct mix_tokenizer *tokenizer;

/* Write a file of one block. */
static void write_block(const char *name, struct mix_prompt_block *b)
{
    struct mix_columns *none = NULL;
    struct mix_prompts_writer *w = NULL;
    struct mix_prompts_schema schema = {.kind = b->kind,
                                        .param = b->param_name,
                                        .params = b->params,
                                        .custom_id = b->custom_id != NULL};

    unlink(filing_path(name));
    if (mix_columns_create(&none) || mix_prompts_create(&w, filing_path(name), &schema) ||
        mix_prompts_append(w, b) || mix_prompts_finish(w)) {
        printf("Bail out! cannot write %s\n", name);
        exit(1);
    }
    mix_prompts_destroy(w);
    mix_columns_destroy(none);
}

static struct mix_row_block *read_all(const char *name, const struct mix_row_rules *rules)
{
    struct mix_input *in = NULL;
    struct mix_row_block *b = NULL;

    if (mix_input_open(&in, filing_path(name)) == MIX_OK)
        (void)mix_input_read(in, tokenizer, rules, 0, mix_input_rows(in), &b);
    mix_input_close(in);
    return b;
}

/* ---- texts */

static void texts(void)
{
    static const struct {
        const char *text;
        const char *error; /* what the error text begins with; NULL: none */
        int tokens;
    } cases[] = {
        {"a", NULL, 1},
        {"", "the prompt is empty", 0},
        {"\xE9t\xE9", "the prompt is not UTF-8: byte 0xE9 at offset 0; convert", 0},
        {"ab\xC3", "the prompt is not UTF-8: byte 0xC3 at offset 2; convert", 0},
        {"1234567890", NULL, 10},
        {"123456789012345678",
         "the prompt has 18 tokens and max_model_len is 18, which leaves no "
         "room for an answer: shorten it or raise --max-model-len",
         18},
        {"1234567890123456789", "the prompt has 19 tokens, more than max_model_len 18", 0},
        {" ", NULL, 1},
        {"\xC3\xA9", NULL, 2},
        {"x<end>y", NULL, 3}, /* a special token by its name */
    };
    enum { N = sizeof cases / sizeof cases[0] };
    static char longest[5000];
    const char *text[N + 1], *id[N + 1];
    size_t len[N + 1];
    struct mix_prompt_block b = {
        .rows = N + 1, .kind = MIX_PROMPT_TEXT, .text = text, .text_len = len, .custom_id = id};
    struct mix_row_rules rules = {
        .defaults = {.top_p = 1, .max_tokens = 4}, .vocab = FILING_VOCAB, .max_model_len = 18};
    struct mix_row_block *got;

    memset(longest, 'z', sizeof longest - 1);
    for (int i = 0; i <= N; i++) {
        text[i] = i < N ? cases[i].text : longest;
        len[i] = strlen(text[i]);
        id[i] = i % 2 ? "odd" : "";
    }
    write_block("text.h5", &b);
    got = read_all("text.h5", &rules);
    for (int i = 0; got && i < N; i++) {
        const struct mix_row *r = mix_row_block_at(got, i);

        ok(r->row == i && r->prompt_tokens == cases[i].tokens &&
               (cases[i].error ? r->error && !r->prompt &&
                                     strncmp(r->error, cases[i].error, strlen(cases[i].error)) == 0
                               : !r->error && r->prompt),
           "text %d: %s", i, r->error ? r->error : "fine");
    }
    ok(got && strncmp(mix_row_block_at(got, N)->error, "the prompt has at least ", 24) == 0,
       "a hopeless one is not cut into tokens: %s", mix_row_block_at(got, N)->error);
    ok(got && mix_row_block_at(got, 4)->prompt[9] == '0' - '!' &&
           mix_row_block_at(got, 0)->prompt[0] == 'a' - '!' &&
           mix_row_block_at(got, 9)->prompt[1] == 95,
       "the tokens are those of the text");
    ok(got && mix_row_block_at(got, 4)->sampling.max_tokens == 4, "max_tokens is the job's");
    ok(got && strcmp(mix_row_block_custom_id(got, 3), "odd") == 0 &&
           strcmp(mix_row_block_custom_id(got, 2), "") == 0,
       "custom ids are there");
    mix_row_block_free(got);
}

/* ---- tokens and parameters */

static void tokens(void)
{
    static int32_t token[] = {0, 95, 96, 5, -1, 7, 7, 7, 7};
    static int64_t offset[] = {0, 2, 4, 4, 6, 9};
    static const char *const error[] = {
        NULL, "token id 96 at position 0 is not in the vocabulary (0 to 95)",
        "the prompt is empty: give it at least one token",
        "token id -1 at position 0 is not in the vocabulary (0 to 95)",
        "the prompt has 3 tokens, more than max_model_len 2"};
    struct mix_prompt_block b = {
        .rows = 5, .kind = MIX_PROMPT_TOKENS, .tokens = token, .offset = offset};
    struct mix_row_rules rules = {.defaults = {.max_tokens = 0}, .vocab = 96, .max_model_len = 2};
    struct mix_row_block *got;

    write_block("tokens.h5", &b);
    got = read_all("tokens.h5", &rules);
    for (int i = 0; got && i < 5; i++) {
        const struct mix_row *r = mix_row_block_at(got, i);

        ok(error[i] ? r->error && strncmp(r->error, error[i], strlen(error[i])) == 0 : !r->error,
           "tokens %d: %s", i, r->error ? r->error : "fine");
    }
    ok(got && mix_row_block_at(got, 0)->prompt_tokens == 2 &&
           mix_row_block_at(got, 0)->sampling.max_tokens == 0,
       "a prompt as long as the model, that asks for nothing, is fine");
    ok(got && !mix_row_block_custom_id(got, 0), "without custom ids there are none");
    mix_row_block_free(got);
}

static void parameters(void)
{
    enum { ROWS = 7 };
    static const char *text[ROWS] = {"a", "b", "c", "d", "e", "f", "g"};
    static size_t len[ROWS] = {1, 1, 1, 1, 1, 1, 1};
    static double temperature[ROWS] = {0.5, NAN, -1, -2, 0, 0, 0};
    static double max_tokens[ROWS] = {3, NAN, 1000, 1, -5, 0, -1};
    static double seed[ROWS] = {9, NAN, NAN, NAN, NAN, 1.5, 7};
    double *param[3] = {temperature, max_tokens, seed};
    static const char *const name[3] = {"temperature", "max_tokens", "seed"};
    static const struct {
        double temperature;
        int64_t max_tokens, seed;
        const char *error;
    } want[ROWS] = {
        {0.5, 3, 9, NULL},
        {0.25, 39, 3, NULL},
        {0.25, 39, 3, NULL},
        {0, 0, 0, "temperature is -2"},
        {0, 0, 0, "max_tokens is -5"},
        {0, 0, 0, "seed is 1.5"},
        {0, 39, 7, NULL},
    };
    struct mix_prompt_block b = {.rows = ROWS,
                                 .kind = MIX_PROMPT_TEXT,
                                 .text = text,
                                 .text_len = len,
                                 .param_name = name,
                                 .param = param,
                                 .params = 3};
    struct mix_row_rules rules = {
        .defaults = {0.25, 0.5, 11, 3, -1}, .vocab = FILING_VOCAB, .max_model_len = FILING_LEN};
    struct mix_row_block *got;

    write_block("parameters.h5", &b);
    got = read_all("parameters.h5", &rules);
    for (int i = 0; got && i < ROWS; i++) {
        const struct mix_row *r = mix_row_block_at(got, i);
        const struct mix_sampling *s = &r->sampling;

        ok(want[i].error ? r->error && strncmp(r->error, want[i].error, strlen(want[i].error)) == 0
                         : !r->error && s->temperature == want[i].temperature &&
                               s->max_tokens == want[i].max_tokens && s->seed == want[i].seed &&
                               s->top_p == 0.5 && s->top_k == 11,
           "parameters %d: %s", i, r->error ? r->error : "resolved");
    }
    mix_row_block_free(got);
}

static void messages(void)
{
    const char *text[1] = {"[{\"role\": \"user\", \"content\": \"hi\"}]"};
    size_t len[1] = {strlen(text[0])};
    struct mix_prompt_block b = {
        .rows = 1, .kind = MIX_PROMPT_MESSAGES, .text = text, .text_len = len};
    struct mix_row_rules rules = filing_rules();
    struct mix_row_block *got;

    write_block("messages.h5", &b);
    got = read_all("messages.h5", &rules);
    ok(got && mix_row_block_at(got, 0)->error &&
           strstr(mix_row_block_at(got, 0)->error, "/prompts/text"),
       "a chat: %s", got ? mix_row_block_at(got, 0)->error : "");
    mix_row_block_free(got);
}

/* ---- the file */

static uint64_t hash_of(const char *name)
{
    struct mix_input *in = NULL;
    uint64_t h = 0;

    if (mix_input_open(&in, filing_path(name)) || mix_input_hash(in, &h))
        h = 0;
    mix_input_close(in);
    return h;
}

static uint64_t block_hash(struct mix_input *in, int64_t first, int64_t n)
{
    struct mix_row_rules rules = filing_rules();
    struct mix_row_block *b = NULL;
    uint64_t h = 0;

    if (mix_input_read(in, tokenizer, &rules, first, n, &b) == MIX_OK)
        h = mix_row_block_hash(b);
    mix_row_block_free(b);
    return h;
}

static void hashes(void)
{
    struct mix_input *a = NULL, *b = NULL;

    filing_prompts("a.h5", 300, -1);
    filing_prompts("b.h5", 300, -1);
    filing_prompts("first.h5", 300, 2);
    filing_prompts("middle.h5", 300, 150);
    filing_prompts("last.h5", 300, 299);
    filing_prompts("few.h5", 299, -1);
    filing_prompts("none.h5", 0, -1);
    ok(hash_of("a.h5") && hash_of("a.h5") == hash_of("b.h5"), "the same file, the same hash");
    ok(hash_of("a.h5") != hash_of("first.h5") && hash_of("a.h5") != hash_of("last.h5"),
       "another first or last row, another hash");
    ok(hash_of("a.h5") != hash_of("middle.h5"), "another row in the middle, another hash");
    ok(hash_of("a.h5") != hash_of("few.h5") && hash_of("none.h5"), "a row less, another hash");
    mix_input_open(&a, filing_path("a.h5"));
    mix_input_open(&b, filing_path("middle.h5"));
    ok(block_hash(a, 100, 100) != block_hash(b, 100, 100), "a block with a changed row tells it");
    ok(block_hash(a, 0, 100) == block_hash(b, 0, 100), "one without is the same");
    ok(block_hash(a, 0, 100) != block_hash(a, 100, 100), "other rows are others");
    mix_input_close(a);
    mix_input_close(b);
}

static void files(void)
{
    struct mix_input *in = NULL;
    struct mix_row_rules rules = filing_rules();
    struct mix_row_block *b = NULL;

    ok(mix_input_open(&in, filing_path("a.h5")) == MIX_OK && mix_input_rows(in) == 300,
       "a file is opened");
    ok(mix_input_schema(in).custom_id && mix_columns_count(mix_input_schema(in).columns) == 2 &&
           mix_columns_rows(mix_input_schema(in).columns) == 0,
       "what passes through is known before a row is read");
    ok(mix_input_read(in, tokenizer, &rules, 300, 0, &b) == MIX_OK, "no rows at the end");
    mix_row_block_free(b);
    b = NULL;
    ok(mix_input_read(in, tokenizer, &rules, 298, 2, &b) == MIX_OK &&
           mix_row_block_at(b, 1)->row == 299 && mix_columns_rows(mix_row_block_columns(b)) == 2,
       "the last two rows");
    mix_row_block_free(b);
    b = NULL;
    mix_log_level(MIX_LOG_SILENT);
    ok(mix_input_read(in, tokenizer, &rules, 299, 2, &b) == MIX_EBUG && !b,
       "rows behind the end are a bug");
    ok(mix_input_read(in, tokenizer, &rules, -1, 2, &b) == MIX_EBUG && !b,
       "so are rows before the start");
    mix_input_close(in);
    in = NULL;
    ok(mix_input_open(&in, filing_path("missing.h5")) == MIX_EINPUT && !in &&
           strstr(mix_err_last(), "missing.h5"),
       "a missing file is named");
    mix_log_level(MIX_LOG_INFO);
    mix_input_close(NULL);
    mix_row_block_free(NULL);
    ok(true, "closing NULL is allowed");
}

int main(void)
{
    filing_begin();
    if (mix_tokenizer_open(&tokenizer, filing_path("model")) == MIX_OK) {
        texts();
        tokens();
        parameters();
        messages();
        hashes();
        files();
    }
    mix_tokenizer_close(tokenizer);
    filing_end();
    return tap_done();
}
