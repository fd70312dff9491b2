/* cmd_merge.c - mixserve merge: the shards of a finished job into its file, on any machine. */
#include "base/err.h"
#include "base/str.h"
#include "cli/cli.h"
#include "engine/job.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>

/* The job has rows to do: how many, and how they get done. */
static int incomplete(const struct mix_job *job, const char *output)
{
    int64_t rows = mix_job_rows(job), missing = rows - mix_job_rows_sealed(job);

    if (missing == 0)
        return MIX_FAIL(MIX_EINPUT,
                        "%s: all %lld rows are done, but some are in pieces of open shards; start "
                        "the same mixserve run again, it has little to do",
                        output, (long long)rows);
    return MIX_FAIL(MIX_EINPUT,
                    "%s: %lld of %lld rows have no result yet; start the same mixserve run again",
                    output, (long long)missing, (long long)rows);
}

static int tell(const struct mix_options *o, bool merged, const struct mix_job *job)
{
    char rows[32], failed[32], *text;
    json_t *whole;

    if (!o->json && !merged) {
        printf("%s is done: nothing to do\n", o->word[0]);
        return MIX_OK;
    }
    if (!o->json) {
        printf("%s: %s rows, %s with an error\n", o->word[0],
               mix_group_digits(mix_job_rows(job), rows),
               mix_group_digits(mix_job_rows_failed(job), failed));
        return MIX_OK;
    }
    whole = json_pack("{s:s, s:b, s:I}", "output", o->word[0], "merged", merged, "rows",
                      (json_int_t)mix_job_rows(job));
    text = whole ? json_dumps(whole, JSON_INDENT(1)) : NULL;
    json_decref(whole);
    if (!text)
        return MIX_FAIL(MIX_EUSAGE, "%s: the name is not UTF-8, which JSON must be", o->word[0]);
    printf("%s\n", text);
    free(text);
    return MIX_OK;
}

static int run(const struct mix_options *o, const bool *given, int argc, char **argv)
{
    int rc;
    struct mix_job *job = NULL;
    enum mix_job_state state;

    (void)given, (void)argc, (void)argv;
    TRY(mix_job_open_stored(&job, o->word[0], &state));
    if (state == MIX_JOB_RUN) {
        rc = incomplete(job, o->word[0]);
        goto out;
    }
    if (state == MIX_JOB_MERGE)
        TRY(mix_job_merge(job));
    TRY(tell(o, state == MIX_JOB_MERGE, job));
out:
    mix_job_close(job);
    return rc;
}

const struct mix_command mix_cmd_merge = {
    .name = "merge",
    .id = MIX_CMD_MERGE,
    .words = "OUT.h5",
    .text = "shards of a job into its file",
    .more =
        "For a job of mixserve run --no-merge, or one that was killed in its merge.  Needs "
        "neither the\nmodel nor the prompts nor MPI, so a login node will do; may be killed and "
        "started again.\nCode 0: the file is there, 2: the job runs, 3: rows are missing, or "
        "there is no such job.",
    .example = "mixserve merge results.h5",
    .run = run,
};
