/* store.c - shards in, answers out: what is handed out, sealed, refused. */
#include "engine/store.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "engine/folder.h"
#include "filing.h"
#include "io/file.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static volatile int slow_us; /* what a sync takes */

int fsync(int fd)
{
    usleep((useconds_t)slow_us);
    return (int)syscall(SYS_fsync, fd);
}

/* ---- whole jobs */

static void whole(int64_t rows, int replicas, const struct filing_pace *pace, const char *what)
{
    struct mix_job_identity id = filing_identity("out.h5", "in.h5", rows);
    struct mix_str got = {0}, want = {0};

    filing_prompts("in.h5", rows, -1);
    filing_expect(rows, -1, &want);
    ok(filing_run(&id, replicas, pace) == MIX_OK && filing_dump(id.output, &got) == MIX_OK &&
           got.len == want.len && memcmp(got.s ? got.s : "", want.s ? want.s : "", want.len) == 0,
       "%lld rows, %s", (long long)rows, what);
    ok(!mix_file_exists(filing_path("out.h5.job")), "and the folder is gone");
    unlink(filing_path("out.h5"));
    mix_str_fini(&got);
    mix_str_fini(&want);
}

/* ---- one store, step by step */

static struct mix_job *job;

static struct mix_store *open_store(int leader, double piece_s, size_t piece_bytes)
{
    struct mix_store *s = NULL;
    struct mix_store_config config = filing_store(job, filing_path("in.h5"), leader);

    config.piece_s = piece_s;
    config.piece_bytes = piece_bytes;
    (void)mix_store_open(&s, &config);
    return s;
}

/* The next shard, waited for at most 20 s. */
static const struct mix_shard *wait_for_shard(struct mix_store *s, int *rc)
{
    const struct mix_shard *shard = NULL;

    for (int i = 0; i < 20000 && (*rc = mix_store_fetched(s, &shard)) == MIX_OK && !shard; i++)
        usleep(1000);
    return shard;
}

static int answer(struct mix_store *s, const struct mix_row *row)
{
    int32_t tokens[FILING_LEN];
    struct mix_answer a = filing_answer(row, tokens);

    return mix_store_answer(s, &a);
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

static bool wait_for_files(enum mix_folder_kind kind, int n)
{
    for (int i = 0; i < 20000 && files(kind) < n; i++)
        usleep(1000);
    return files(kind) == n;
}

static void shards(void)
{
    struct mix_store *s = open_store(0, 1000, 1 << 30);
    const struct mix_shard *shard, *next = NULL;
    struct mix_store_stats stats;
    int rc = MIX_OK, bad = 0;
    int64_t tokens = 0;

    ok(mix_store_fetched(s, &next) == MIX_OK && !next, "nothing asked for, nothing comes");
    mix_store_fetch(s, &(struct mix_claim){10, 20, 0});
    mix_store_fetch(s, &(struct mix_claim){5, 1, 0}); /* an empty prompt */
    shard = wait_for_shard(s, &rc);
    ok(shard && shard->first == 10 && shard->count == 20 && shard->todos < 20 && shard->todos > 10,
       "a shard has its runnable rows");
    for (int i = 0; shard && i < shard->todos; i++) {
        tokens += shard->todo[i]->prompt_tokens;
        bad += shard->todo[i]->error || (i && shard->todo[i]->row <= shard->todo[i - 1]->row);
    }
    ok(shard && bad == 0 && tokens == shard->input_tokens, "in row order, with their tokens");
    next = wait_for_shard(s, &rc);
    ok(next && next->first == 5 && next->count == 1 && next->todos == 0,
       "one without runnable rows comes, too");
    ok(wait_for_files(MIX_FOLDER_SHARD, 1), "and is sealed by itself");
    stats = mix_store_stats(s);
    ok(!stats.idle, "with rows to be answered the store is not idle");
    for (int i = 0; shard && i < shard->todos; i++)
        rc = rc ? rc : answer(s, shard->todo[i]);
    ok(rc == MIX_OK && wait_for_files(MIX_FOLDER_SHARD, 2), "answered, the first is sealed, too");
    ok(filing_seal(s) == MIX_OK, "sealing what is sealed is fine");
    stats = mix_store_stats(s);
    ok(stats.rows_sealed == 21 && stats.rows_failed > 1 && stats.shards_sealed == 2 && stats.idle &&
           stats.read_s > 0 && stats.write_s > 0,
       "the figures say so");
    mix_store_close(s);
}

static void pieces(void)
{
    struct mix_store *s = open_store(1, 0.05, 1 << 30);
    const struct mix_shard *shard;
    int rc = MIX_OK;

    mix_store_fetch(s, &(struct mix_claim){40, 20, 0});
    shard = wait_for_shard(s, &rc);
    ok(wait_for_files(MIX_FOLDER_PIECE, 1), "rows that cannot be run are a piece when it is time");
    rc = answer(s, shard->todo[3]);
    ok(rc == MIX_OK && wait_for_files(MIX_FOLDER_PIECE, 2), "an answer is one a moment later");
    mix_store_close(s);

    s = open_store(2, 1000, 1);
    mix_store_fetch(s, &(struct mix_claim){40, 20, 2});
    shard = wait_for_shard(s, &rc);
    ok(shard && shard->todos < 20, "another leader goes on");
    rc = shard ? answer(s, shard->todo[0]) : rc;
    ok(rc == MIX_OK && wait_for_files(MIX_FOLDER_PIECE, 3), "many bytes are a piece, too");
    for (int i = 1; shard && i < shard->todos; i++)
        rc = rc ? rc : answer(s, shard->todo[i]);
    ok(rc == MIX_OK && filing_seal(s) == MIX_OK && files(MIX_FOLDER_PIECE) == 0 &&
           files(MIX_FOLDER_SHARD) == 3,
       "until the shard is whole");
    mix_store_close(s);
}

static void dropped(void)
{
    struct mix_store *s = open_store(3, 1000, 1 << 30);
    const struct mix_shard *shard;
    int rc = MIX_OK, before = files(MIX_FOLDER_PIECE) + files(MIX_FOLDER_SHARD);

    mix_store_fetch(s, &(struct mix_claim){80, 10, 0});
    shard = wait_for_shard(s, &rc);
    rc = shard ? answer(s, shard->todo[0]) : rc;
    mix_store_fetch(s, &(struct mix_claim){90, 10, 0});
    mix_store_close(s);
    ok(rc == MIX_OK && files(MIX_FOLDER_PIECE) + files(MIX_FOLDER_SHARD) == before,
       "closing drops what was not sealed");
}

/* A disk that takes its time must not hold up who asks. */
static void slow_disk(void)
{
    struct mix_store *s = open_store(7, 1000, 1 << 30);
    const struct mix_shard *shard;
    bool done = true;
    int rc = MIX_OK;
    double start, took;

    mix_store_fetch(s, &(struct mix_claim){60, 5, 0});
    shard = wait_for_shard(s, &rc);
    rc = shard ? answer(s, shard->todo[0]) : rc;
    slow_us = 500000;
    start = mix_now();
    rc = rc ? rc : mix_store_seal(s);
    rc = rc ? rc : mix_store_sealed(s, &done);
    took = mix_now() - start;
    slow_us = 0;
    ok(rc == MIX_OK && !done && took < 0.4, "asking for a seal takes %.3f s on a slow disk", took);
    ok(filing_seal(s) == MIX_OK && mix_store_stats(s).rows_sealed >= 1, "and it is done in time");
    mix_store_close(s);
}

static void misuse(void)
{
    struct mix_store *s = open_store(4, 1000, 1 << 30);
    const struct mix_shard *shard;
    struct mix_row row;
    int rc = MIX_OK;

    mix_store_fetch(s, &(struct mix_claim){0, 5, 0});
    shard = wait_for_shard(s, &rc);
    row = *shard->todo[1];
    mix_log_level(MIX_LOG_SILENT);
    ok(answer(s, &row) == MIX_OK && answer(s, &row) == MIX_EBUG, "a second answer is a bug");
    row.row = 4; /* asks for -5 tokens */
    ok(answer(s, &row) == MIX_EBUG, "so is one to a row that was not to be run");
    row.row = 50;
    ok(answer(s, &row) == MIX_EBUG, "or was not fetched");
    ok(mix_store_fetch(s, &(struct mix_claim){0, 0, 0}) == MIX_EBUG, "a claim of nothing");
    ok(filing_seal(s) == MIX_OK, "none of this stops the thread");
    ok(mix_store_fetch(s, &(struct mix_claim){98, 5, 0}) == MIX_OK, "rows behind the end");
    wait_for_shard(s, &rc);
    ok(rc == MIX_EBUG && mix_store_answer(s, &(struct mix_answer){.row = 0}) == MIX_EBUG &&
           filing_seal(s) == MIX_EBUG &&
           mix_store_fetch(s, &(struct mix_claim){0, 1, 0}) == MIX_EBUG,
       "stop it, and every call says so");
    mix_log_level(MIX_LOG_INFO);
    mix_store_close(s);
    mix_store_close(NULL);
    ok(true, "closing NULL is allowed");
}

/* What cannot be opened, or is no longer ours, comes out of the next calls. */
static void failing(void)
{
    struct mix_store_config config = filing_store(job, filing_path("missing.h5"), 5);
    struct mix_store *s = NULL;
    struct mix_plan plan = filing_plan(1);
    struct mix_job_identity id = filing_identity("out.h5", "in.h5", 100);
    enum mix_job_state state;
    int rc = MIX_OK;

    mix_log_level(MIX_LOG_SILENT);
    ok(mix_store_open(&s, &config) == MIX_OK && !wait_for_shard(s, &rc) && rc == MIX_EINPUT &&
           strstr(mix_err_last(), "missing.h5"),
       "an input that is missing: %s", mix_err_last());
    mix_store_close(s);
    config = filing_store(job, filing_path("in.h5"), 5);
    config.model = filing_path("nowhere");
    ok(mix_store_open(&s, &config) == MIX_OK && filing_seal(s) == MIX_EINPUT,
       "a model that is missing: %s", mix_err_last());
    mix_store_close(s);

    s = open_store(6, 1000, 1 << 30);
    rc = filing_seal(s); /* its files are open, and its thread sleeps while we use HDF5 */
    mix_job_close(job);
    mix_job_open(&job, &id, &state);
    mix_job_begin(job, &plan);
    mix_store_fetch(s, &(struct mix_claim){22, 1, 0}); /* an empty prompt: sealed at once */
    for (int i = 0; i < 20000 && rc == MIX_OK; i++) {
        const struct mix_shard *shard;

        rc = mix_store_fetched(s, &shard);
        usleep(1000);
    }
    ok(rc == MIX_EUSAGE, "a store of an older attempt: %s", mix_err_last());
    mix_log_level(MIX_LOG_INFO);
    mix_store_close(s);
}

static void steps(void)
{
    struct mix_job_identity id = filing_identity("out.h5", "in.h5", 100);
    struct mix_plan plan = filing_plan(1);
    enum mix_job_state state;

    filing_prompts("in.h5", 100, -1);
    if (mix_job_open(&job, &id, &state) || mix_job_begin(job, &plan)) {
        printf("Bail out! cannot begin a job\n");
        exit(1);
    }
    shards();
    pieces();
    dropped();
    slow_disk();
    misuse();
    failing();
    mix_job_close(job);
}

int main(void)
{
    filing_begin();
    whole(40, 1, &(struct filing_pace){1, 0, 0, 1}, "a shard at a time");
    whole(100, 1, &(struct filing_pace){3, 0, 0, 2}, "three shards at a time");
    whole(100, 4, &(struct filing_pace){2, 5, 0, 3}, "many pieces");
    whole(1, 8, &(struct filing_pace){1, 1, 0, 4}, "one row");
    whole(0, 8, &(struct filing_pace){1, 1, 0, 5}, "no rows");
    steps();
    filing_end();
    return tap_done();
}
