/* merge.c - shards that are missing, damaged or not what they say; an OUT.h5 that appears. */
#include "engine/merge.h"

#include "base/err.h"
#include "base/log.h"
#include "engine/folder.h"
#include "engine/job.h"
#include "filing.h"
#include "io/file.h"
#include "io/results.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 40 };

static struct mix_job_identity id;

/* A job with all shards sealed, open for its merge. */
static struct mix_job *sealed(void)
{
    struct mix_job *job = NULL;
    struct mix_plan plan = filing_plan(1);
    struct mix_claim claim[64];
    struct mix_store_config config;
    enum mix_job_state state;
    int n = 0, bad;

    unlink(id.output);
    mix_file_remove_folder(filing_path("out.h5.job"));
    bad = mix_job_open(&job, &id, &state) || mix_job_begin(job, &plan);
    while (!bad && (claim[n] = mix_job_claim(job, 1)).count)
        n++;
    config = filing_store(job, id.input, 0);
    if (bad || filing_lead(&config, &(struct filing_pace){1, 0, 0, 1}, claim, n, NULL)) {
        printf("Bail out! cannot seal a job\n");
        exit(1);
    }
    return job;
}

static bool right(void)
{
    struct mix_str got = {0}, want = {0};
    bool good;

    filing_expect(ROWS, -1, &want);
    good = filing_dump(id.output, &got) == MIX_OK && got.len == want.len &&
           memcmp(got.s, want.s, want.len) == 0;
    mix_str_fini(&got);
    mix_str_fini(&want);
    return good;
}

/* It fails, leaves the shards, and the same command repairs it. */
static void refused(struct mix_job *job, const char *shard, const char *says, const char *what)
{
    char path[64];

    snprintf(path, sizeof path, "out.h5.job/%s", shard);
    mix_log_level(MIX_LOG_SILENT);
    ok(mix_job_merge(job) == MIX_EINPUT && strstr(mix_err_last(), says) &&
           !mix_file_exists(id.output) && !mix_file_exists(filing_path("out.h5.tmp")),
       "%s: %s", what, mix_err_last());
    mix_job_close(job);
    unlink(filing_path(path));
    ok(filing_run(&id, 2, &(struct filing_pace){1, 0, 0, 2}) == MIX_OK && right(),
       "the same command repairs it");
    mix_log_level(MIX_LOG_INFO);
}

static void bad_shards(void)
{
    struct mix_job *job = sealed();
    const char *path = filing_path("out.h5.job/shard-0-9.h5");
    uint64_t bytes = 0;
    FILE *f;

    ok(mix_file_exists(path), "the first shard is of ten rows");
    unlink(path);
    refused(job, "shard-0-9.h5", "is missing", "a shard that is gone");

    job = sealed(); /* one in the middle: something was written already */
    path = filing_path("out.h5.job/shard-10-16.h5");
    mix_file_size(path, &bytes);
    f = fopen(path, "r+b");
    for (uint64_t at = bytes / 3; at < bytes - 100; at += 40) {
        fseek(f, (long)at, SEEK_SET);
        fputc(0x5A, f);
    }
    fclose(f);
    refused(job, "shard-10-16.h5", "is damaged", "a damaged shard");

    job = sealed();
    path = filing_path("out.h5.job/shard-0-9.h5");
    ok(rename(filing_path("out.h5.job/shard-10-16.h5"), path) == 0, "a shard in another's place");
    refused(job, "shard-0-9.h5", "row 10", "is noticed");
}

static void appeared(void)
{
    struct mix_job *job = sealed();
    uint64_t bytes = 0;

    mix_file_write(id.output, "mine", 4);
    mix_log_level(MIX_LOG_SILENT);
    ok(mix_job_merge(job) == MIX_EINPUT && strstr(mix_err_last(), "not written over") &&
           mix_file_size(id.output, &bytes) == MIX_OK && bytes == 4,
       "an output that has appeared stays: %s", mix_err_last());
    mix_log_level(MIX_LOG_INFO);
    unlink(id.output);
    ok(mix_job_merge(job) == MIX_OK && right(), "once it is moved away the merge goes on");
    ok(mix_job_merge(job) == MIX_OK, "merged twice is fine");
    mix_job_close(job);
}

/* What the merged file says about the run. */
static void run_data(void)
{
    struct mix_results_file *f = NULL;
    struct mix_str text = {0};
    bool found = false;

    ok(mix_results_open(&f, id.output) == MIX_OK &&
           mix_results_read_run(f, mix_merge_name, &text, &found) == MIX_OK && found,
       "the job's record is in the file");
    ok(text.len && strstr(text.s, "\"plan\": {") && strstr(text.s, "\"temperature\": 0") &&
           strstr(text.s, "\"a test\"") && strstr(text.s, "\"attempts\": ["),
       "with its plan, parameters and attempts");
    mix_results_close(f);
    mix_str_fini(&text);
}

static void clearing(void)
{
    mix_file_mkdir(filing_path("some.job"));
    mix_file_write(filing_path("some.job/ledger-1-0"), "", 0);
    mix_file_write(filing_path("some.job/job.json"), "", 0);
    mix_file_write(filing_path("some.job/lock"), "", 0);
    mix_file_write(filing_path("some.job/other"), "", 0);
    ok(mix_merge_clear(filing_path("some.job")) == MIX_OK &&
           !mix_file_exists(filing_path("some.job/ledger-1-0")) &&
           !mix_file_exists(filing_path("some.job/job.json")) &&
           mix_file_exists(filing_path("some.job/lock")) &&
           mix_file_exists(filing_path("some.job/other")),
       "what is ours is removed, the lock and what is not ours stay");
}

int main(void)
{
    filing_begin();
    filing_prompts("in.h5", ROWS, -1);
    id = filing_identity("out.h5", "in.h5", ROWS);
    char paths[3][512];

    id.output = strcpy(paths[0], id.output);
    id.input = strcpy(paths[1], id.input);
    id.model = strcpy(paths[2], id.model);
    bad_shards();
    appeared();
    run_data();
    clearing();
    filing_end();
    return tap_done();
}
