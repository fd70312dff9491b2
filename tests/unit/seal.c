/* seal.c - pieces and shards of one leader: what is in them, what stays, what is refused. */
#include "engine/seal.h"

#include "base/err.h"
#include "base/log.h"
#include "engine/folder.h"
#include "engine/job.h"
#include "engine/note.h"
#include "filing.h"
#include "io/file.h"
#include "io/ledger.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 200 };

static struct mix_tokenizer *tokenizer;
static struct mix_input *input;
static struct mix_job *job;

static void begin(void)
{
    enum mix_job_state state;
    struct mix_job_identity id = filing_identity("out.h5", "in.h5", ROWS);
    struct mix_plan plan = filing_plan(1);

    if (mix_job_open(&job, &id, &state) || mix_job_begin(job, &plan)) {
        printf("Bail out! cannot begin a job\n");
        exit(1);
    }
}

static struct mix_seal *open_seal(int leader)
{
    struct mix_seal *s = NULL;
    struct mix_seal_config config = {.folder = mix_job_folder(job),
                                     .input = "in.h5",
                                     .attempt = mix_job_attempt(job),
                                     .leader = leader,
                                     .plan_id = 7,
                                     .schema = mix_input_schema(input)};

    (void)mix_seal_open(&s, &config);
    return s;
}

struct shard {
    struct mix_row_block *block;
    struct mix_draft *draft;
};

static struct shard open_shard(struct mix_input *in, int64_t first, int64_t count)
{
    struct shard s = {NULL, NULL};
    struct mix_row_rules rules = filing_rules();

    if (mix_input_read(in, tokenizer, &rules, first, count, &s.block) ||
        mix_draft_create(&s.draft, first, count)) {
        printf("Bail out! cannot read rows\n");
        exit(1);
    }
    return s;
}

static void close_shard(struct shard *s)
{
    mix_row_block_free(s->block);
    mix_draft_destroy(s->draft);
}

/* The answer to a row is its number, so that files can be told apart. */
static int answer(struct shard *s, int64_t row)
{
    char text[24];
    int32_t token = (int32_t)row;
    struct mix_result r = {.row = row,
                           .text = text,
                           .tokens = &token,
                           .tokens_count = 1,
                           .finish_reason = "stop",
                           .error = row % 10 == 9 ? "nine" : "",
                           .completion_tokens = 1};

    r.text_len = (size_t)snprintf(text, sizeof text, "%lld", (long long)row);
    return mix_draft_add(s->draft, &r);
}

/* Do the lines of a dump answer these rows, in order? */
static bool holds(const char *name, const int64_t *row, int n)
{
    struct mix_str path = {0}, got = {0}, want = {0};
    bool good;

    mix_str_addf(&path, "%s/%s", mix_job_folder(job), name);
    for (int i = 0; i < n; i++)
        mix_str_addf(&want, "\n%lld 0 [%lld] [ %lld] stop '%s' 0 1 id-%lld \"", (long long)row[i],
                     (long long)row[i], (long long)row[i], row[i] % 10 == 9 ? "nine" : "",
                     (long long)row[i]);
    mix_str_add(&got, "\n", 1);
    good = mix_file_exists(path.s) && filing_dump(path.s, &got) == MIX_OK;
    for (const char *at = good ? got.s : "", *w = want.s; good && *w;) { /* without columns */
        const char *quote = strchr(w, '"');
        size_t len = (size_t)(quote - w) + 1;

        good = strncmp(at, w, len) == 0;
        w = quote + 1;
        at = strchr(at + 1, '\n');
        good = good && at;
    }
    mix_str_fini(&path);
    mix_str_fini(&got);
    mix_str_fini(&want);
    return good;
}

static int files(enum mix_folder_kind kind)
{
    struct mix_file_list list = {0};
    int n = 0;

    (void)mix_file_list(&list, mix_job_folder(job));
    for (size_t i = 0; i < list.count; i++)
        n += mix_folder_parse(list.name[i]).kind == kind;
    mix_file_list_fini(&list);
    return n;
}

static void pieces(void)
{
    struct mix_seal *s = open_seal(0);
    struct shard a = open_shard(input, 20, 6);
    struct mix_ledger_record *record = NULL;
    struct mix_str ledger = {0};
    size_t records = 0;
    uint64_t bytes = 0;

    ok(s && mix_seal_piece(s, a.draft, a.block) == MIX_OK && files(MIX_FOLDER_PIECE) == 0,
       "nothing is no piece");
    answer(&a, 25);
    answer(&a, 21);
    ok(mix_seal_piece(s, a.draft, a.block) == MIX_OK && mix_draft_unsealed(a.draft) == 0 &&
           holds("piece-20-25-1-0-0.h5", (int64_t[]){21, 25}, 2),
       "a piece holds what was answered, in row order");
    answer(&a, 20);
    answer(&a, 24);
    answer(&a, 22);
    ok(mix_seal_piece(s, a.draft, a.block) == MIX_OK &&
           holds("piece-20-25-1-0-1.h5", (int64_t[]){20, 22, 24}, 3),
       "the next one what came after it");
    ok(mix_seal_counts(s).rows == 5 && mix_seal_counts(s).failed == 0 &&
           mix_seal_counts(s).shards == 0,
       "five rows are sealed");
    mix_log_level(MIX_LOG_SILENT);
    ok(mix_seal_shard(s, a.draft, a.block) == MIX_EBUG, "a shard with a row missing is a bug");
    mix_log_level(MIX_LOG_INFO);
    answer(&a, 23);
    ok(mix_seal_shard(s, a.draft, a.block) == MIX_OK &&
           holds("shard-20-25.h5", (int64_t[]){20, 21, 22, 23, 24, 25}, 6),
       "the shard holds them all, in row order");
    ok(files(MIX_FOLDER_PIECE) == 0 && mix_draft_pieces(a.draft) == 0, "its pieces are gone");
    ok(mix_seal_counts(s).rows == 6 && mix_seal_counts(s).shards == 1, "a row counts once");
    close_shard(&a);
    a = open_shard(input, 30, 2);
    answer(&a, 31);
    answer(&a, 30);
    ok(mix_seal_shard(s, a.draft, a.block) == MIX_OK &&
           holds("shard-30-31.h5", (int64_t[]){30, 31}, 2),
       "a shard without pieces");
    close_shard(&a);
    mix_seal_close(s);

    mix_str_addf(&ledger, "%s/ledger-1-0", mix_job_folder(job));
    ok(mix_ledger_read(ledger.s, &record, &records, NULL) == MIX_OK && records == 4 &&
           record[0].kind == MIX_LEDGER_PIECE && record[0].first == 20 && record[0].last == 25 &&
           strcmp(record[1].file, "piece-20-25-1-0-1.h5") == 0 &&
           record[2].kind == MIX_LEDGER_SHARD && record[2].attempt == 1 && record[2].plan == 7,
       "the ledger knows each file");
    mix_str_clear(&ledger);
    mix_str_addf(&ledger, "%s/shard-30-31.h5", mix_job_folder(job));
    ok(mix_file_size(ledger.s, &bytes) == MIX_OK && bytes == record[3].bytes, "and its size");
    free(record);
    mix_str_fini(&ledger);
}

/* More pieces than are opened at once become one. */
static void folding(void)
{
    enum { N = 150 };
    struct mix_seal *s = open_seal(1);
    struct shard a = open_shard(input, 40, N);
    int64_t row[N];
    int rc = MIX_OK, most = 0;

    for (int i = 0; i < N && rc == MIX_OK; i++) {
        row[i] = 40 + i;
        answer(&a, 40 + i * 7 % N);
        rc = mix_seal_piece(s, a.draft, a.block);
        most = mix_draft_pieces(a.draft) > most ? mix_draft_pieces(a.draft) : most;
    }
    ok(rc == MIX_OK && most < 64 && files(MIX_FOLDER_PIECE) == mix_draft_pieces(a.draft),
       "%d pieces are never more than %d files", N, most);
    ok(mix_seal_counts(s).rows == N && mix_seal_counts(s).failed == 15, "rows count once");
    ok(mix_seal_shard(s, a.draft, a.block) == MIX_OK && holds("shard-40-189.h5", row, N) &&
           files(MIX_FOLDER_PIECE) == 0,
       "and make the shard");
    close_shard(&a);
    mix_seal_close(s);
}

static void recalled(void)
{
    struct mix_seal *s = open_seal(2);
    struct shard a = open_shard(input, 0, 10), other;
    struct mix_input *changed = NULL;

    answer(&a, 3);
    mix_seal_piece(s, a.draft, a.block);
    answer(&a, 9);
    answer(&a, 0);
    mix_seal_piece(s, a.draft, a.block);
    answer(&a, 1); /* not sealed: lost */
    close_shard(&a);
    mix_seal_close(s);
    /* A kill while pieces were folded leaves rows in two of them. */
    link(filing_path("out.h5.job/piece-0-9-1-2-1.h5"),
         filing_path("out.h5.job/piece-0-9-1-2-2.h5"));

    s = open_seal(3);
    a = open_shard(input, 0, 10);
    ok(mix_seal_recall(s, a.draft, a.block) == MIX_OK && mix_draft_missing(a.draft) == 7 &&
           mix_draft_has(a.draft, 3) && mix_draft_has(a.draft, 9) && mix_draft_has(a.draft, 0) &&
           !mix_draft_has(a.draft, 1) && mix_draft_pieces(a.draft) == 3,
       "another leader finds what was sealed, no more");
    other = open_shard(input, 0, 9);
    ok(mix_seal_recall(s, other.draft, other.block) == MIX_OK &&
           mix_draft_missing(other.draft) == 9,
       "a shard of other rows finds nothing");
    close_shard(&other);
    filing_prompts("changed.h5", ROWS, 2);
    mix_input_open(&changed, filing_path("changed.h5"));
    other = open_shard(changed, 0, 10);
    mix_log_level(MIX_LOG_SILENT);
    ok(mix_seal_recall(s, other.draft, other.block) == MIX_EINPUT &&
           strstr(mix_err_last(), "rows 0 to 9 of in.h5 have changed since attempt 1"),
       "another input is refused: %s", mix_err_last());
    mix_log_level(MIX_LOG_INFO);
    close_shard(&other);
    mix_input_close(changed);
    for (int64_t row = 0; row < 10; row++)
        if (!mix_draft_has(a.draft, row))
            answer(&a, row);
    ok(mix_seal_shard(s, a.draft, a.block) == MIX_OK &&
           holds("shard-0-9.h5", (int64_t[]){0, 1, 2, 3, 4, 5, 6, 7, 8, 9}, 10) &&
           files(MIX_FOLDER_PIECE) == 0 && mix_seal_counts(s).rows == 7,
       "it ends the shard, with each row once");
    close_shard(&a);
    mix_seal_close(s);
}

/* A leader of an attempt that was thought dead. */
static void left_over(void)
{
    struct mix_seal *s = open_seal(4);
    struct shard a = open_shard(input, 190, 2);
    struct mix_job *first = job;
    int shards = files(MIX_FOLDER_SHARD);

    answer(&a, 190);
    mix_seal_piece(s, a.draft, a.block);
    mix_job_close(first);
    begin(); /* attempt 2 */
    answer(&a, 191);
    mix_log_level(MIX_LOG_SILENT);
    ok(mix_seal_piece(s, a.draft, a.block) == MIX_EUSAGE &&
           strstr(mix_err_last(), "attempt 2 of this job has started") &&
           files(MIX_FOLDER_PIECE) == 1,
       "writes no piece: %s", mix_err_last());
    ok(mix_seal_shard(s, a.draft, a.block) == MIX_EUSAGE && files(MIX_FOLDER_SHARD) == shards,
       "and no shard");
    mix_file_remove_folder(mix_job_folder(job));
    ok(mix_seal_shard(s, a.draft, a.block) == MIX_EUSAGE &&
           strstr(mix_err_last(), "is gone, finished or removed") &&
           !mix_file_exists(mix_job_folder(job)),
       "nor anything when the folder is gone: %s", mix_err_last());
    mix_log_level(MIX_LOG_INFO);
    close_shard(&a);
    mix_seal_close(s);
    mix_seal_close(NULL);
    ok(true, "closing NULL is allowed");
}

int main(void)
{
    filing_begin();
    filing_prompts("in.h5", ROWS, -1);
    if (mix_tokenizer_open(&tokenizer, filing_path("model")) == MIX_OK &&
        mix_input_open(&input, filing_path("in.h5")) == MIX_OK) {
        begin();
        pieces();
        folding();
        recalled();
        left_over();
    }
    mix_job_close(job);
    mix_input_close(input);
    mix_tokenizer_close(tokenizer);
    filing_end();
    return tap_done();
}
