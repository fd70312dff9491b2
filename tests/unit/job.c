/* job.c - opening, refusing, going on, merging; see killed.c for what survives a kill. */
#include "engine/job.h"

#include "base/err.h"
#include "base/log.h"
#include "filing.h"
#include "io/file.h"
#include "io/prompts.h"
#include "io/results.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

enum { ROWS = 30 };

static const struct filing_pace plain = {1, 0, 0, 1};

static struct mix_job_identity identity(void)
{
    return filing_identity("out.h5", "in.h5", ROWS);
}

static bool in_folder(const char *name)
{
    char path[64];

    snprintf(path, sizeof path, "out.h5.job/%s", name);
    return mix_file_exists(filing_path(path));
}

static void clean(void)
{
    unlink(filing_path("out.h5"));
    mix_file_remove_folder(filing_path("out.h5.job"));
}

/* Run some rows and stop. */
static void stopped(int answers)
{
    struct mix_job_identity id = identity();

    clean();
    if (filing_run(&id, 1, &(struct filing_pace){1, 3, answers, 1}) != MIX_ESTOPPED) {
        printf("Bail out! cannot stop a job\n");
        exit(1);
    }
}

static bool right(void)
{
    struct mix_str got = {0}, want = {0};
    bool good;

    filing_expect(ROWS, -1, &want);
    good = filing_dump(filing_path("out.h5"), &got) == MIX_OK && got.len == want.len &&
           memcmp(got.s, want.s, want.len) == 0;
    mix_str_fini(&got);
    mix_str_fini(&want);
    return good;
}

/* ---- opening */

static void life(void)
{
    struct mix_job_identity id = identity();
    struct mix_job *job = NULL, *second = NULL;
    enum mix_job_state state = MIX_JOB_DONE;
    struct mix_plan plan = filing_plan(2), stored;

    ok(mix_job_open(&job, &id, &state) == MIX_OK && state == MIX_JOB_RUN &&
           mix_job_attempt(job) == 0 && mix_job_rows(job) == ROWS && mix_job_rows_sealed(job) == 0,
       "a new job");
    ok(!mix_job_stored_plan(job, &stored), "has no plan");
    mix_job_close(job);
    ok(!mix_file_exists(filing_path("out.h5.job")), "opened and closed it leaves nothing");

    ok(mix_job_open(&job, &id, &state) == MIX_OK && mix_job_begin(job, &plan) == MIX_OK &&
           mix_job_attempt(job) == 1 && in_folder("job.json") && in_folder("plan.json") &&
           in_folder("lock"),
       "begun it has a folder");
    mix_log_level(MIX_LOG_SILENT);
    ok(mix_job_begin(job, &plan) == MIX_EBUG, "it is not begun twice");
    ok(mix_job_open(&second, &id, &state) == MIX_EUSAGE && !second && strstr(mix_err_last(), "pid"),
       "a second job is refused: %s", mix_err_last());
    mix_log_level(MIX_LOG_INFO);
    ok(mix_job_beat(job) == MIX_OK, "its lock has a heartbeat");
    mix_job_close(job);
    ok(!in_folder("lock") && in_folder("job.json"), "closed, it gives the lock back");

    plan.world = 4;
    ok(mix_job_open(&job, &id, &state) == MIX_OK && mix_job_stored_plan(job, &stored) &&
           stored.world == 2 && stored.numeric.tp == 1,
       "the first plan is kept");
    ok(mix_job_begin(job, &plan) == MIX_OK && mix_job_attempt(job) == 2,
       "another number of ranks goes on as attempt 2");
    mix_job_close(job);
    clean();
    mix_job_close(NULL);
    ok(true, "closing NULL is allowed");
}

static void second_process(void)
{
    struct mix_job_identity id = identity();
    struct mix_job *job = NULL;
    enum mix_job_state state;
    int status;
    pid_t pid;

    mix_job_open(&job, &id, &state);
    if ((pid = fork()) == 0) {
        mix_log_level(MIX_LOG_SILENT);
        _exit(mix_job_open(&job, &id, &state));
    }
    waitpid(pid, &status, 0);
    ok(WIFEXITED(status) && WEXITSTATUS(status) == MIX_EUSAGE,
       "a second process on one output is refused with code 2");
    mix_job_close(job);
}

/* ---- refusing */

static void differences(void)
{
    static const struct {
        const char *parameters;
        uint64_t model, input;
        int64_t rows;
        const char *says;
    } cases[] = {
        {"{\"temperature\": 0.5, \"seed\": 7}", 0x1234, 0x5678, ROWS, "temperature was 0, is 0.5"},
        {"{\"temperature\": 0}", 0x1234, 0x5678, ROWS, "seed was 7, is not set"},
        {"{\"temperature\": 0, \"seed\": 7}", 0x1235, 0x5678, ROWS, "the model was"},
        {"{\"temperature\": 0, \"seed\": 7}", 0x1234, 0x5679, ROWS, "the content of the input"},
        {"{\"temperature\": 0, \"seed\": 7}", 0x1234, 0x5678, ROWS + 1, "had 30 rows"},
    };
    struct mix_job_identity id = identity();
    struct mix_job *job = NULL;
    enum mix_job_state state;

    for (int finished = 0; finished < 2; finished++) {
        if (finished) {
            clean();
            filing_run(&id, 1, &plain);
        } else {
            stopped(9);
        }
        mix_log_level(MIX_LOG_SILENT);
        for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
            struct mix_job_identity other = identity();

            other.parameters = cases[i].parameters;
            other.model_hash = cases[i].model;
            other.input_hash = cases[i].input;
            other.rows = cases[i].rows;
            ok(mix_job_open(&job, &other, &state) == MIX_EINPUT && !job &&
                   strstr(mix_err_last(), cases[i].says) &&
                   strstr(mix_err_last(), "another --output"),
               "%s: %s", finished ? "finished" : "stopped", mix_err_last());
        }
        mix_log_level(MIX_LOG_INFO);
        ok(finished ? right() && !mix_file_exists(filing_path("out.h5.job"))
                    : in_folder("job.json") && !in_folder("lock"),
           "all is as it was");
    }
    id = identity();
    id.input = filing_path("elsewhere.h5");
    id.run_info = "{\"other\": 1}";
    ok(mix_job_open(&job, &id, &state) == MIX_OK && state == MIX_JOB_DONE,
       "other paths are no difference");
    mix_job_close(job);
    clean();
}

static void other_plans(void)
{
    struct mix_job_identity id = identity();
    struct mix_plan plan = filing_plan(2);
    struct mix_job *job = NULL;
    enum mix_job_state state;

    stopped(9);
    mix_job_open(&job, &id, &state);
    plan.numeric.dtype = MIX_BF16;
    mix_log_level(MIX_LOG_SILENT);
    ok(mix_job_begin(job, &plan) == MIX_EINPUT && strstr(mix_err_last(), "dtype"),
       "another numeric plan is refused: %s", mix_err_last());
    mix_log_level(MIX_LOG_INFO);
    mix_job_close(job);
    clean();
}

static void write_text(const char *name, const char *text)
{
    ok(mix_file_write(filing_path(name), text, strlen(text)) == MIX_OK, "a file %s", name);
}

static void strange_files(void)
{
    struct mix_job_identity id = identity();
    struct mix_job *job = NULL;
    enum mix_job_state state;
    uint64_t bytes = 0;

    write_text("out.h5", "my thesis");
    mix_log_level(MIX_LOG_SILENT);
    ok(mix_job_open(&job, &id, &state) == MIX_EINPUT && !job &&
           strstr(mix_err_last(), "move it away"),
       "is never written over: %s", mix_err_last());
    ok(mix_file_size(id.output, &bytes) == MIX_OK && bytes == 9 &&
           !mix_file_exists(filing_path("out.h5.job")),
       "and no folder is left beside it");
    unlink(id.output);
    filing_prompts("out.h5", 3, -1);
    ok(mix_job_open(&job, &id, &state) == MIX_EINPUT && strstr(mix_err_last(), "move it away"),
       "nor is another HDF5 file: %s", mix_err_last());
    mix_log_level(MIX_LOG_INFO);
    clean();

    stopped(9);
    write_text("out.h5.job/job.json", "{\"form\": 1");
    mix_log_level(MIX_LOG_SILENT);
    ok(mix_job_open(&job, &id, &state) == MIX_EINPUT && strstr(mix_err_last(), "job.json"),
       "a broken job.json is named: %s", mix_err_last());
    unlink(filing_path("out.h5.job/job.json"));
    ok(mix_job_open(&job, &id, &state) == MIX_EINPUT && strstr(mix_err_last(), "no job.json"),
       "results without one are not thrown away: %s", mix_err_last());
    mix_log_level(MIX_LOG_INFO);
    stopped(9);
    write_text("out.h5.job/plan.json", "{}");
    mix_log_level(MIX_LOG_SILENT);
    ok(mix_job_open(&job, &id, &state) == MIX_EINPUT && strstr(mix_err_last(), "plan.json"),
       "a broken plan.json is named: %s", mix_err_last());
    mix_log_level(MIX_LOG_INFO);
    clean();
}

/* ---- going on */

static void go_on(void)
{
    struct mix_job_identity id = identity();
    struct mix_job *job = NULL;
    enum mix_job_state state;
    struct mix_plan plan = filing_plan(1);
    struct mix_claim first, next;

    stopped(9);
    ok(mix_job_open(&job, &id, &state) == MIX_OK && state == MIX_JOB_RUN &&
           mix_job_rows_sealed(job) > 9 && mix_job_rows_sealed(job) < ROWS &&
           mix_job_rows_failed(job) > 0,
       "a stopped job knows its sealed rows");
    mix_log_level(MIX_LOG_SILENT);
    ok(mix_job_merge(job) == MIX_EUSAGE && strstr(mix_err_last(), "no complete shard"),
       "it is not merged: %s", mix_err_last());
    mix_log_level(MIX_LOG_INFO);
    ok(mix_job_begin(job, &plan) == MIX_OK && mix_job_attempt(job) == 2, "it goes on");
    first = mix_job_claim(job, 1);
    next = mix_job_claim(job, 1);
    ok(first.pieces > 0 && next.pieces == 0 && next.first > first.first,
       "the open shard first (rows %lld + %lld), with its %d pieces", (long long)first.first,
       (long long)first.count, first.pieces);
    mix_job_close(job);
    ok(filing_run(&id, 3, &plain) == MIX_OK && right(), "and ends with the right results");
    ok(mix_job_open(&job, &id, &state) == MIX_OK && state == MIX_JOB_DONE &&
           mix_job_rows_sealed(job) == ROWS && mix_job_merge(job) == MIX_OK,
       "then there is nothing to do");
    mix_job_close(job);
    clean();
}

/* A row in the middle of the open shard is another one: only the shard's own hash can tell. */
static void changed_input(void)
{
    struct mix_job_identity id = identity();
    struct mix_job *job = NULL;
    enum mix_job_state state;
    struct mix_plan plan = filing_plan(1);
    struct mix_claim open = {0};

    stopped(9);
    if (mix_job_open(&job, &id, &state) == MIX_OK && mix_job_begin(job, &plan) == MIX_OK)
        open = mix_job_claim(job, 1);
    mix_job_close(job);
    ok(open.count > 1 && open.pieces > 0, "a job was stopped inside a shard");
    filing_prompts("in.h5", ROWS, open.first + 1);
    mix_log_level(MIX_LOG_SILENT);
    ok(filing_run(&id, 1, &plain) == MIX_EINPUT && strstr(mix_err_last(), "have changed since") &&
           strstr(mix_err_last(), "in.h5"),
       "another input is refused: %s", mix_err_last());
    mix_log_level(MIX_LOG_INFO);
    filing_prompts("in.h5", ROWS, -1);
    ok(filing_run(&id, 1, &plain) == MIX_OK && right(), "with the old one it goes on");
    clean();
}

static void empty(void)
{
    struct mix_job_identity id = filing_identity("out.h5", "none.h5", 0);
    struct mix_job *job = NULL;
    enum mix_job_state state;
    struct mix_results_file *f = NULL;

    filing_prompts("none.h5", 0, -1);
    ok(mix_job_open(&job, &id, &state) == MIX_OK && state == MIX_JOB_MERGE, "no rows, no run");
    ok(mix_job_merge(job) == MIX_OK, "merged at once");
    mix_job_close(job);
    ok(mix_results_open(&f, filing_path("out.h5")) == MIX_OK && mix_results_entries(f) == 0 &&
           mix_results_schema(f).custom_id && mix_results_schema(f).columns,
       "the result is empty and has the input's columns");
    mix_results_close(f);
    ok(!mix_file_exists(filing_path("out.h5.job")), "the folder is gone");
    clean();
}

static void stored(void)
{
    struct mix_job_identity id = identity();
    struct mix_job *job = NULL;
    enum mix_job_state state;
    struct mix_claim claim[64];
    struct mix_plan plan = filing_plan(1);
    struct mix_store_config config;
    int n = 0;

    mix_log_level(MIX_LOG_SILENT);
    ok(mix_job_open_stored(&job, filing_path("out.h5"), &state) == MIX_EINPUT &&
           !mix_file_exists(filing_path("out.h5.job")),
       "no job to be merged: %s", mix_err_last());
    mix_log_level(MIX_LOG_INFO);
    mix_job_open(&job, &id, &state);
    mix_job_begin(job, &plan);
    while ((claim[n] = mix_job_claim(job, 1)).count)
        n++;
    config = filing_store(job, id.input, 0);
    ok(filing_lead(&config, &plain, claim, n, NULL) == MIX_OK, "all shards are sealed");
    mix_job_close(job);
    ok(mix_job_open_stored(&job, filing_path("out.h5"), &state) == MIX_OK &&
           state == MIX_JOB_MERGE && mix_job_rows(job) == ROWS,
       "its files say what it is");
    ok(mix_job_merge(job) == MIX_OK && right(), "and it is merged");
    mix_job_close(job);
    ok(mix_job_open_stored(&job, filing_path("out.h5"), &state) == MIX_OK &&
           state == MIX_JOB_DONE && mix_job_rows(job) == ROWS,
       "once");
    mix_job_close(job);
    clean();
}

/* A kill between the merge's rename and the end of the clean-up. */
static void leftover(void)
{
    struct mix_job_identity id = identity();
    struct mix_job *job = NULL;
    enum mix_job_state state;

    filing_run(&id, 1, &plain);
    mkdir(filing_path("out.h5.job"), 0700);
    write_text("out.h5.job/shard-0-6.h5", "whatever");
    write_text("out.h5.job/job.json", "{}");
    ok(mix_job_open(&job, &id, &state) == MIX_OK && state == MIX_JOB_DONE &&
           !mix_file_exists(filing_path("out.h5.job")) && right(),
       "a finished job's folder is cleared away");
    mix_job_close(job);
    mkdir(filing_path("out.h5.job"), 0700);
    write_text("out.h5.job/notes.txt", "mine");
    ok(mix_job_open(&job, &id, &state) == MIX_OK && state == MIX_JOB_DONE && in_folder("notes.txt"),
       "but nothing in it that is not ours");
    mix_job_close(job);
    clean();
}

static void lost_lock(void)
{
    struct mix_job_identity id = identity();
    struct mix_job *job = NULL;
    enum mix_job_state state;

    mix_job_open(&job, &id, &state);
    unlink(filing_path("out.h5.job/lock"));
    mix_log_level(MIX_LOG_SILENT);
    ok(mix_job_beat(job) == MIX_EUSAGE, "a lock that was taken away is noticed");
    mix_log_level(MIX_LOG_INFO);
    mix_job_close(job);
    clean();
}

int main(void)
{
    filing_begin();
    filing_prompts("in.h5", ROWS, -1);
    life();
    second_process();
    differences();
    other_plans();
    strange_files();
    go_on();
    changed_input();
    empty();
    stored();
    leftover();
    lost_lock();
    filing_end();
    return tap_done();
}
