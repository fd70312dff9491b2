/* filing.c - see filing.h. */
#include "filing.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/rng.h"
#include "io/columns.h"
#include "io/prompts.h"
#include "io/results.h"
#include "scratch.h"

#include <math.h>
#include <string.h>

static uint32_t draw(uint32_t seed, int64_t a, uint32_t b, uint32_t below)
{
    uint32_t out[4];

    mix_philox(out, (const uint32_t[4]){(uint32_t)a, b, 0, 0}, (const uint32_t[2]){seed, 0});
    return out[0] % below;
}

static void make_model(void)
{
    struct mix_str s = {0};

    mkdir(filing_path("model"), 0700);
    mix_str_addf(&s, "{\"version\": \"1.0\", \"model\": {\"type\": \"BPE\", \"vocab\": {");
    /* Byte-level letters (GPT-2): a printable byte is itself, the n-th other one U+0100 + n. */
    for (int c = 0, other = 0; c < 256; c++) {
        bool itself = (c >= '!' && c <= '~') || (c >= 0xA1 && c != 0xAD);

        mix_str_addf(&s, "%s\"\\u%04x\": %d", c ? ", " : "", itself ? c : 256 + other++,
                     c >= '!' && c <= '~' ? c - '!'
                     : c == ' '           ? 94
                     : c < ' '            ? 96 + c
                                          : 96 + ' ' + c - 0x7F);
    }
    mix_str_addf(&s,
                 ", \"<end>\": 95}, \"merges\": []}, \"added_tokens\": [{\"id\": 95, \"content\": "
                 "\"<end>\", \"special\": true, \"single_word\": false, \"lstrip\": false, "
                 "\"rstrip\": false, \"normalized\": false}], \"normalizer\": null, "
                 "\"pre_tokenizer\": {\"type\": \"ByteLevel\", \"add_prefix_space\": false, "
                 "\"trim_offsets\": true, \"use_regex\": false}, \"post_processor\": null, "
                 "\"decoder\": {\"type\": \"ByteLevel\", \"add_prefix_space\": true, "
                 "\"trim_offsets\": true, \"use_regex\": true}}\n");
    scratch_write("model/tokenizer.json", s.s, s.len);
    mix_str_fini(&s);
}

void filing_begin(void)
{
    /* In memory: hundreds of small files are synced, 20 to 60 ms each on a busy disk. */
    if (!getenv("TMPDIR") && access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 1);
    scratch_begin();
    make_model();
}

void filing_end(void)
{
    scratch_end();
}

const char *filing_path(const char *name)
{
    enum { PATHS = 256 };
    static char path[PATHS][512];
    static int at;

    return strcpy(path[at++ % PATHS], scratch(name));
}

/* ---- rows, as a function of the row number */

enum { EMPTY, BAD_UTF8, TOO_LONG, NEGATIVE, NOTHING, GOOD };

struct made {
    int kind;
    char text[FILING_LEN + 20];
    size_t len;
    double max_tokens;
    char id[24];
    int64_t number;
};

static struct made make(int64_t row, int64_t changed)
{
    struct made m = {.kind = GOOD, .max_tokens = NAN, .number = row * 3 - 7};

    m.len = 1 + draw(1, row, 0, FILING_LEN / 2);
    for (size_t i = 0; i < m.len; i++)
        m.text[i] = (char)(' ' + draw(1, row, 1 + (uint32_t)i, 95));
    snprintf(m.id, sizeof m.id, "id-%lld", (long long)row);
    if (row == changed)
        m.text[0] = m.text[0] == 'X' ? 'Y' : 'X';
    if (row % 17 == 5)
        m.kind = EMPTY, m.len = 0;
    else if (row % 23 == 7)
        m.kind = BAD_UTF8, m.text[m.len / 2] = '\xFF';
    else if (row % 29 == 3)
        m.kind = TOO_LONG, m.len = FILING_LEN + 2, memset(m.text, 'a', m.len);
    else if (row % 19 == 4)
        m.kind = NEGATIVE, m.max_tokens = -5;
    else if (row % 31 == 6)
        m.kind = NOTHING, m.max_tokens = 0;
    else if (row % 3 == 0)
        m.max_tokens = 2 + (double)(row % 5);
    m.text[m.len] = '\0';
    return m;
}

void filing_prompts(const char *name, int64_t rows, int64_t changed)
{
    enum { BLOCK = 1000 };
    static struct made made[BLOCK];
    static const char *text[BLOCK], *id[BLOCK];
    static size_t len[BLOCK];
    static double max[BLOCK];
    double *param[1] = {max};
    const char *param_name[1] = {"max_tokens"};
    struct mix_columns *columns = NULL;
    struct mix_prompts_writer *w = NULL;
    int bad = mix_columns_create(&columns);

    bad = bad ? bad : mix_columns_add(columns, "word", MIX_COLUMN_TEXT);
    bad = bad ? bad : mix_columns_add(columns, "number", MIX_COLUMN_INT);
    struct mix_prompts_schema schema = {MIX_PROMPT_TEXT, param_name, 1, true, columns};

    bad = bad ? bad : mix_prompts_create(&w, filing_path(name), &schema);
    for (int64_t at = 0; !bad && at < rows; at += BLOCK) {
        int64_t n = rows - at < BLOCK ? rows - at : BLOCK;
        struct mix_prompt_block b = {.rows = n,
                                     .kind = MIX_PROMPT_TEXT,
                                     .text = text,
                                     .text_len = len,
                                     .param_name = param_name,
                                     .param = param,
                                     .params = 1,
                                     .custom_id = id,
                                     .columns = columns};

        mix_columns_clear(columns);
        for (int64_t i = 0; i < n; i++) {
            made[i] = make(at + i, changed);
            text[i] = made[i].text;
            len[i] = made[i].len;
            max[i] = made[i].max_tokens;
            id[i] = made[i].id;
            mix_columns_append_empty(columns);
            mix_columns_set_text(columns, mix_columns_find(columns, "word"), i, made[i].id,
                                 2 + (size_t)(i % 3));
            mix_columns_set_int(columns, mix_columns_find(columns, "number"), i, made[i].number);
        }
        bad = mix_prompts_append(w, &b);
    }
    bad = bad ? bad : mix_prompts_finish(w);
    mix_prompts_destroy(w);
    mix_columns_destroy(columns);
    if (bad) {
        printf("Bail out! cannot make %s\n", filing_path(name));
        exit(1);
    }
}

/* ---- what a job is */

struct mix_row_rules filing_rules(void)
{
    return (struct mix_row_rules){.defaults = {.top_p = 1, .max_tokens = 8},
                                  .vocab = FILING_VOCAB,
                                  .max_model_len = FILING_LEN};
}

struct mix_job_identity filing_identity(const char *output, const char *input, int64_t rows)
{
    struct mix_job_identity id = {.output = filing_path(output),
                                  .input = filing_path(input),
                                  .model = filing_path("model"),
                                  .model_hash = 0x1234,
                                  .rows = rows,
                                  .input_hash = 0x5678,
                                  .parameters = "{\"temperature\": 0, \"seed\": 7}",
                                  .run_info = "{\"program\": \"a test\"}"};

    return id;
}

struct mix_plan filing_plan(int ranks)
{
    return (struct mix_plan){.numeric = {.tp = 1,
                                         .etp = 1,
                                         .dtype = MIX_F32,
                                         .kv_dtype = MIX_F32,
                                         .invariant = 1,
                                         .device = "cpu",
                                         .kernels = "test"},
                             .world = ranks,
                             .domains = 1,
                             .domain_size = ranks,
                             .dp = ranks,
                             .ep = 1,
                             .edp = ranks,
                             .max_num_seqs = 8,
                             .max_batched_tokens = 64,
                             .max_model_len = FILING_LEN,
                             .pages = 8};
}

/* ---- the model */

struct mix_answer filing_answer(const struct mix_row *row, int32_t tokens[FILING_LEN])
{
    uint64_t h = mix_hash(row->prompt, (size_t)row->prompt_tokens * sizeof *row->prompt);
    int wish = 1 + (int)(h % 7), n = wish;
    struct mix_answer a = {.row = row->row, .tokens = tokens, .prompt_tokens = row->prompt_tokens};

    if (n > row->sampling.max_tokens)
        n = (int)row->sampling.max_tokens;
    for (int i = 0; i < n; i++)
        tokens[i] = (int32_t)(mix_hash_add(h, &i, sizeof i) % 95);
    if (n == wish)
        tokens[n - 1] = 95; /* <end> */
    a.count = n;
    a.finish_reason = n == wish ? "stop" : "length";
    if (h % 13 == 0) {
        a.finish_reason = "numeric_error";
        a.error = "logits are not finite numbers";
    }
    return a;
}

static void expect_entry(int64_t row, int64_t changed, struct mix_str *out)
{
    struct made m = make(row, changed);
    int32_t prompt[FILING_LEN + 20], tokens[FILING_LEN];
    struct mix_row r = {.row = row, .prompt = prompt, .prompt_tokens = (int)m.len};
    struct mix_answer a;
    int64_t room = FILING_LEN - (int64_t)m.len,
            want = isnan(m.max_tokens) ? 8 : (int64_t)m.max_tokens;
    char word[24];

    snprintf(word, sizeof word, "%.*s", (int)(2 + row % 1000 % 3), m.id);
    for (size_t i = 0; i < m.len; i++)
        prompt[i] = m.text[i] == ' ' ? 94 : m.text[i] - '!';
    mix_str_addf(out, "%lld 0 [", (long long)row);
    if (m.kind != GOOD) {
        static const char *const error[] = {
            [EMPTY] = "the prompt is empty",
            [BAD_UTF8] = "the prompt is not UTF-8",
            [TOO_LONG] = "the prompt has 42 tokens",
            [NEGATIVE] = "max_tokens is -5",
            [NOTHING] = "",
        };
        int prompt_tokens = m.kind == NEGATIVE || m.kind == NOTHING ? (int)m.len : 0;

        mix_str_addf(out, "] [] %s '%.16s' %d 0", m.kind == NOTHING ? "length" : "error",
                     error[m.kind], prompt_tokens);
    } else {
        r.sampling.max_tokens = want < room ? want : room;
        a = filing_answer(&r, tokens);
        for (int i = 0; i < a.count; i++)
            if (tokens[i] < 95)
                mix_str_addf(out, "%c", tokens[i] == 94 ? ' ' : '!' + tokens[i]);
        mix_str_addf(out, "] [");
        for (int i = 0; i < a.count; i++)
            mix_str_addf(out, " %d", tokens[i]);
        mix_str_addf(out, "] %s '%.16s' %d %d", a.finish_reason, a.error ? a.error : "",
                     a.prompt_tokens, a.count);
    }
    mix_str_addf(out, " %s \"%s\" %lld\n", m.id, word, (long long)m.number);
}

void filing_expect(int64_t rows, int64_t changed, struct mix_str *out)
{
    for (int64_t i = 0; i < rows; i++)
        expect_entry(i, changed, out);
}

static int dump_entry(const struct mix_results_block *b, int64_t i, struct mix_str *out)
{
    int rc;
    const struct mix_result *e = &b->entry[i];

    TRY(mix_str_addf(out, "%lld %d [%.*s] [", (long long)e->row, e->sample, (int)e->text_len,
                     e->text));
    for (int k = 0; k < e->tokens_count; k++)
        TRY(mix_str_addf(out, " %d", e->tokens[k]));
    TRY(mix_str_addf(out, "] %s '%.16s' %d %d %s", e->finish_reason, e->error, e->prompt_tokens,
                     e->completion_tokens, e->custom_id ? e->custom_id : "-"));
    static const char *const column[] = {"word", "number"};
    for (int c = 0; c < 2; c++) {
        int at = mix_columns_find(b->columns, column[c]);

        TRY(mix_str_add(out, " ", 1));
        if (at >= 0)
            TRY(mix_columns_json(b->columns, at, i, out));
    }
    TRY(mix_str_add(out, "\n", 1));
out:
    return rc;
}

int filing_dump(const char *path, struct mix_str *out)
{
    int rc;
    struct mix_results_file *f = NULL;
    struct mix_results_block *b = NULL;
    int64_t n;

    TRY(mix_results_verify(path, &n));
    TRY(mix_results_open(&f, path));
    TRY(mix_results_read(f, 0, n, &b));
    for (int64_t i = 0; i < n; i++)
        TRY(dump_entry(b, i, out));
out:
    mix_results_block_destroy(b);
    mix_results_close(f);
    return rc;
}

int filing_seal(struct mix_store *store)
{
    int rc = mix_store_seal(store);

    for (bool done = false; rc == MIX_OK && !done;) {
        rc = mix_store_sealed(store, &done);
        if (!done)
            usleep(200);
    }
    return rc;
}

/* ---- a leader */

struct work { /* rows to be answered */
    struct mix_row *row;
    size_t rows, room;
    int shards; /* asked for, not fetched */
    int next;   /* claim */
};

static int fetch(struct mix_store *store, struct work *w, const struct filing_pace *pace,
                 const struct mix_claim *claim, int claims)
{
    int rc = MIX_OK;
    const struct mix_shard *shard;

    while (w->next < claims && w->shards < pace->ahead) {
        TRY(mix_store_fetch(store, &claim[w->next++]));
        w->shards++;
    }
    while (w->shards) {
        TRY(mix_store_fetched(store, &shard));
        if (!shard) {
            usleep(200);
            continue;
        }
        w->shards--;
        TRY(mix_grow(&w->row, &w->room, w->rows + (size_t)shard->todos, sizeof *w->row, "rows"));
        for (int i = 0; i < shard->todos; i++)
            w->row[w->rows++] = *shard->todo[i];
    }
out:
    return rc;
}

static int answer_one(struct mix_store *store, struct work *w, uint32_t order, long n)
{
    size_t at = draw(order, n, 0, (uint32_t)w->rows);
    int32_t tokens[FILING_LEN];
    struct mix_answer a = filing_answer(&w->row[at], tokens);

    w->row[at] = w->row[--w->rows];
    return mix_store_answer(store, &a);
}

int filing_lead(const struct mix_store_config *config, const struct filing_pace *pace,
                const struct mix_claim *claim, int claims, struct mix_store_stats *stats)
{
    int rc;
    struct mix_store *store = NULL;
    struct work w = {0};
    long answers = 0;

    TRY(mix_store_open(&store, config));
    for (;;) {
        if (w.rows == 0 || (pace->ahead > 1 && w.rows < 10))
            TRY(fetch(store, &w, pace, claim, claims));
        if (w.rows == 0 && w.next == claims)
            break;
        if (w.rows == 0)
            continue;
        TRY(answer_one(store, &w, pace->order, answers++));
        if (pace->seal_every && answers % pace->seal_every == 0) {
            TRY(filing_seal(store));
            if (stats)
                *stats = mix_store_stats(store);
        }
        if (pace->stop_after && answers == pace->stop_after)
            break;
    }
    TRY(filing_seal(store));
    if (stats)
        *stats = mix_store_stats(store);
out:
    mix_store_close(store);
    free(w.row);
    return rc;
}

struct mix_store_config filing_store(const struct mix_job *job, const char *input, int leader)
{
    return (struct mix_store_config){.input = input,
                                     .folder = mix_job_folder(job),
                                     .model = filing_path("model"),
                                     .rules = filing_rules(),
                                     .attempt = mix_job_attempt(job),
                                     .leader = leader,
                                     .plan_id = 99,
                                     .piece_s = 1000,
                                     .piece_bytes = (size_t)1 << 30};
}

int filing_run(const struct mix_job_identity *id, int replicas, const struct filing_pace *pace)
{
    int rc, n = 0;
    struct mix_job *job = NULL;
    enum mix_job_state state;
    struct mix_plan plan = filing_plan(replicas);
    struct mix_store_config config;
    struct mix_claim *claim = NULL;
    size_t room = 0;

    TRY(mix_job_open(&job, id, &state));
    if (state == MIX_JOB_RUN) {
        TRY(mix_job_begin(job, &plan));
        do {
            TRY(mix_grow(&claim, &room, (size_t)n + 1, sizeof *claim, "claims"));
            claim[n] = mix_job_claim(job, replicas);
        } while (claim[n++].count);
        config = filing_store(job, id->input, 0);
        TRY(filing_lead(&config, pace, claim, n - 1, NULL));
        if (pace->stop_after) {
            rc = MIX_ESTOPPED;
            goto out;
        }
    }
    TRY(mix_job_merge(job));
out:
    mix_job_close(job);
    free(claim);
    return rc;
}
