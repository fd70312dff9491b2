/* cmd_status.c - mixserve status: how far a job is, from its files alone. */
#include "base/err.h"
#include "base/str.h"
#include "cli/cli.h"
#include "engine/status.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

/* A job that ends by itself removes its lock; a killed one leaves it behind. */
static bool has_owner(const struct mix_status *s)
{
    return s->holder.pid > 0;
}

static const char *state_word(const struct mix_status *s)
{
    switch (s->state) {
    case MIX_STATUS_RUNNING:
        return "running";
    case MIX_STATUS_FINISHED:
        return "finished";
    case MIX_STATUS_SEALED:
        return "unmerged";
    default:
        return has_owner(s) ? "dead" : "stopped";
    }
}

static const char *advice(const struct mix_status *s)
{
    switch (s->state) {
    case MIX_STATUS_RUNNING:
    case MIX_STATUS_FINISHED:
        return "";
    case MIX_STATUS_SEALED:
        return ", every row is done: mixserve merge makes the file";
    default:
        return ", the same command goes on with it";
    }
}

/* 1764000000 -> "2025-11-24T16:00:00Z". */
static const char *utc(int64_t seconds, char buf[32])
{
    time_t t = (time_t)seconds;
    struct tm tm;

    if (!gmtime_r(&t, &tm) || strftime(buf, 32, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        snprintf(buf, 32, "?");
    return buf;
}

static void print_rows(const struct mix_status *s)
{
    char done[32], all[32], failed[32];
    /* Cut, not rounded: 100.0 % is said of nothing unfinished. */
    int64_t tenths = s->rows ? (int64_t)(1000.0 * (double)s->rows_sealed / (double)s->rows) : 1000;

    printf("  rows      %s of %s done (%d.%d %%), %s with an error\n",
           mix_group_digits(s->rows_sealed, done), mix_group_digits(s->rows, all),
           (int)(tenths / 10), (int)(tenths % 10), mix_group_digits(s->rows_failed, failed));
}

static void print(const char *output, const struct mix_status *s)
{
    char when[32], ago[32];

    printf("%s: %s%s\n", output, state_word(s), advice(s));
    if (s->attempts == 0) {
        printf("  rows      none yet: the first attempt has not begun\n");
    } else {
        print_rows(s);
        if (s->state != MIX_STATUS_FINISHED)
            printf("  files     %d shards, %d pieces of open shards\n", s->shards, s->pieces);
        printf("  attempts  %d, the last on %s since %s\n", s->attempts, s->host, s->started);
    }
    if (s->state != MIX_STATUS_FINISHED && has_owner(s))
        printf("  owner     %s%s, pid %lld%s%s\n", s->state == MIX_STATUS_RUNNING ? "" : "was ",
               s->holder.host, (long long)s->holder.pid, s->holder.job[0] ? ", job " : "",
               s->holder.job);
    if (s->last_activity)
        printf("  activity  %s, %s ago\n", utc(s->last_activity, when),
               mix_human_time((double)(time(NULL) - s->last_activity), ago));
    if (s->attempts)
        printf("  input     %s\n  model     %s\n", s->input, s->model);
}

static json_t *owner(const struct mix_status *s)
{
    char started[32], beat[32];

    if (s->state == MIX_STATUS_FINISHED || !has_owner(s))
        return json_null();
    return json_pack("{s:s, s:I, s:s, s:s, s:s}", "host", s->holder.host, "pid",
                     (json_int_t)s->holder.pid, "job", s->holder.job, "started",
                     utc(s->holder.started, started), "heartbeat", utc(s->holder.beat, beat));
}

static int print_json(const char *output, const struct mix_status *s)
{
    char when[32];
    json_t *o = json_pack(
        "{s:s, s:s, s:I, s:I, s:I, s:i, s:i, s:i, s:s, s:s, s:s, s:s, s:o, s:o}", "output", output,
        "state", state_word(s), "rows", (json_int_t)s->rows, "done", (json_int_t)s->rows_sealed,
        "failed", (json_int_t)s->rows_failed, "shards", s->shards, "pieces", s->pieces, "attempts",
        s->attempts, "host", s->host, "started", s->started, "input", s->input, "model", s->model,
        "last_activity", s->last_activity ? json_string(utc(s->last_activity, when)) : json_null(),
        "owner", owner(s));
    char *text = o ? json_dumps(o, JSON_INDENT(1)) : NULL;

    json_decref(o);
    if (!text)
        return MIX_FAIL(MIX_EUSAGE, "%s: a name in this job is not UTF-8, which JSON must be",
                        output);
    printf("%s\n", text);
    free(text);
    return MIX_OK;
}

static int run(const struct mix_options *o, const bool *given, int argc, char **argv)
{
    int rc;
    struct mix_status s;

    (void)given, (void)argc, (void)argv;
    TRY(mix_job_status(o->word[0], &s));
    if (s.state == MIX_STATUS_NONE)
        rc = MIX_FAIL(MIX_EINPUT, "there is no job of %s: neither the file nor %s.job", o->word[0],
                      o->word[0]);
    else if (o->json)
        rc = print_json(o->word[0], &s);
    else
        print(o->word[0], &s);
out:
    return rc;
}

const struct mix_command mix_cmd_status = {
    .name = "status",
    .id = MIX_CMD_STATUS,
    .words = "OUT.h5",
    .text = "how far a job is, from its files alone",
    .more = "Looks without a lock, also at a job that runs on other nodes; then the rows are those "
            "sealed,\nup to half a minute behind.  States: running; finished; unmerged (all rows "
            "done, the file\nnot made yet); stopped (by time or signal); dead (killed).  Code 3: "
            "there is no such job.",
    .example = "mixserve status results.h5",
    .run = run,
};
