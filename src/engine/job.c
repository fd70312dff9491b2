/* job.c - see job.h: a lock, a record, a survey, and what follows from them. */
#include "engine/job.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/folder.h"
#include "engine/kill_point.h"
#include "engine/merge.h"
#include "engine/survey.h"
#include "io/file.h"
#include "io/lock.h"
#include "io/results.h"
#include "plan/plan_json.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

struct mix_job {
    char *output, *folder;
    struct mix_lock *lock;         /* NULL: OUT.h5 is finished and there is no folder */
    struct mix_job_record *record; /* of job.json, or of this command before there is one */
    bool stored;                   /* job.json is there */
    struct mix_job_identity id;    /* of this command; texts below */
    char *input, *model, *parameters, *run_info;
    struct mix_str plan_text; /* of plan.json; empty: none */
    struct mix_plan plan;
    struct mix_survey survey;
    enum mix_job_state state;
    int attempt;
    int rc; /* of a claim that could not be handed out */
};

enum { MOST_PLAN = 16 << 20 }; /* bytes of a plan.json */

/* ---- paths */

static int path_of(const struct mix_job *j, enum mix_folder_kind kind, struct mix_str *path)
{
    return mix_folder_path(path, j->folder, &(struct mix_folder_name){.kind = kind});
}

static int set_output(struct mix_job *j, const char *output)
{
    int rc;
    struct mix_str folder = {0};

    TRY(mix_str_addf(&folder, "%s.job", output));
    j->folder = folder.s;
    folder.s = NULL;
    if (!(j->output = mix_strdup(output)))
        rc = MIX_EFIT;
out:
    mix_str_fini(&folder);
    return rc;
}

/* Keep the command's identity; the caller's texts need not outlive the call. */
static int set_identity(struct mix_job *j, const struct mix_job_identity *id)
{
    j->input = mix_strdup(id->input);
    j->model = mix_strdup(id->model);
    j->parameters = mix_strdup(id->parameters);
    j->run_info = mix_strdup(id->run_info);
    if (!j->input || !j->model || !j->parameters || !j->run_info)
        return MIX_EFIT;
    j->id = *id;
    j->id.output = j->output;
    j->id.input = j->input;
    j->id.model = j->model;
    j->id.parameters = j->parameters;
    j->id.run_info = j->run_info;
    return MIX_OK;
}

/* ---- what is there already */

/* Refuse unless the record is of this command; where: "OUT.h5.job", and what to do about it. */
static int check_same(const struct mix_job *j, const struct mix_job_record *record,
                      const char *where, const char *advice)
{
    int rc;
    struct mix_str what = {0};

    TRY(mix_job_record_difference(record, &j->id, &what));
    if (what.len)
        rc = MIX_FAIL(MIX_EINPUT, "%s belongs to a run with other settings: %s; %s", where, what.s,
                      advice);
out:
    mix_str_fini(&what);
    return rc;
}

/* The record in a finished OUT.h5. */
static int read_output(const struct mix_job *j, struct mix_job_record **record)
{
    int rc;
    struct mix_results_file *file = NULL;
    struct mix_str text = {0};
    bool found = false;

    rc = mix_results_open(&file, j->output);
    if (rc == MIX_OK)
        TRY(mix_results_read_run(file, mix_merge_name, &text, &found));
    if (!found) {
        rc = MIX_FAIL(MIX_EINPUT,
                      "%s is there and is not the finished output of a run: move it away or choose "
                      "another --output",
                      j->output);
        goto out;
    }
    TRY(mix_job_record_parse(record, text.s, j->output));
out:
    mix_results_close(file);
    mix_str_fini(&text);
    return rc;
}

/* OUT.h5 is there: it is this command's, or the command is refused. */
static int check_output(struct mix_job *j, bool given)
{
    int rc;
    struct mix_job_record *record = NULL;

    TRY(read_output(j, &record));
    if (given)
        TRY(check_same(j, record, j->output, "move it away or choose another --output"));
    mix_job_record_destroy(j->record);
    j->record = record;
    record = NULL;
    j->state = MIX_JOB_DONE;
out:
    mix_job_record_destroy(record);
    return rc;
}

static int read_plan(struct mix_job *j)
{
    int rc;
    struct mix_str path = {0};

    TRY(path_of(j, MIX_FOLDER_PLAN, &path));
    if (!mix_file_exists(path.s))
        goto out;
    TRY(mix_file_read(&j->plan_text, path.s, MOST_PLAN));
    TRY(mix_plan_from_json(&j->plan, j->plan_text.s, j->plan_text.len, path.s));
out:
    mix_str_fini(&path);
    return rc;
}

/* A folder without job.json has been begun just now, or is finished; with results in it, it is
 * neither. */
static int check_fresh(const struct mix_job *j)
{
    if (j->survey.shards || j->survey.pieces)
        return MIX_FAIL(MIX_EINPUT,
                        "%s has results but no job.json, so that nobody knows of what: move it "
                        "away or choose another --output",
                        j->folder);
    return MIX_OK;
}

static int read_folder(struct mix_job *j, bool given)
{
    int rc;
    int64_t left;

    TRY(mix_job_record_load(&j->record, j->folder));
    j->stored = j->record != NULL;
    if (given && j->stored)
        TRY(check_same(j, j->record, j->folder,
                       "give the same settings to go on with it, or choose another --output"));
    if (!given && !j->stored) {
        rc = MIX_FAIL(MIX_EINPUT, "%s holds no job", j->folder);
        goto out;
    }
    if (!j->stored)
        TRY(mix_job_record_create(&j->record, &j->id));
    if (!given)
        TRY(set_identity(j, mix_job_record_identity(j->record)));
    TRY(mix_survey_take(&j->survey, j->folder, j->id.rows, true));
    if (!j->stored)
        TRY(check_fresh(j));
    else
        TRY(read_plan(j));
    left = mix_claims_left(j->survey.claims);
    j->state = left ? MIX_JOB_RUN : MIX_JOB_MERGE;
out:
    return rc;
}

/* ---- open, close */

/* The batch system's name of this job, for the line that refuses a second one. */
static const char *batch_job(void)
{
    static const char *const names[] = {"SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "JOB_ID"};

    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (getenv(names[i]))
            return getenv(names[i]);
    return NULL;
}

static int lock(struct mix_job *j)
{
    int rc;
    struct mix_str path = {0};

    TRY(mix_file_mkdir(j->folder));
    TRY(path_of(j, MIX_FOLDER_LOCK, &path));
    TRY(mix_lock_take(&j->lock, path.s, batch_job()));
out:
    mix_str_fini(&path);
    return rc;
}

/* Give the lock back and remove the folder, if nothing is in it. */
static void unlock(struct mix_job *j)
{
    if (!j->lock)
        return;
    mix_lock_release(j->lock);
    j->lock = NULL;
    mix_kill_point("the lock is removed");
    if (rmdir(j->folder) == 0)
        (void)mix_file_sync_folder(j->folder);
}

static int open_job(struct mix_job **out, const char *output, const struct mix_job_identity *id,
                    enum mix_job_state *state)
{
    int rc = MIX_OK;
    struct mix_job *j = NULL;

    TRY(mix_calloc(&j, 1, sizeof *j, "a job"));
    TRY(set_output(j, output));
    if (id)
        TRY(set_identity(j, id));
    /* A command that is refused because of OUT.h5 leaves no folder behind. */
    if (mix_file_exists(j->output))
        TRY(check_output(j, id != NULL));
    if (mix_file_exists(j->folder) || (id && j->state != MIX_JOB_DONE)) {
        TRY(lock(j));
        /* Another process may have finished the job while we waited for nothing. */
        if (mix_file_exists(j->output)) {
            TRY(check_output(j, id != NULL));
            TRY(mix_merge_clear(j->folder));
            unlock(j);
        } else {
            j->state = MIX_JOB_RUN;
            TRY(read_folder(j, id != NULL));
        }
    } else if (j->state != MIX_JOB_DONE) {
        rc = MIX_FAIL(MIX_EINPUT, "there is no job of %s: neither the file nor %s", j->output,
                      j->folder);
        goto out;
    }
    *state = j->state;
    *out = j;
    j = NULL;
out:
    mix_job_close(j);
    return rc;
}

int mix_job_open(struct mix_job **job, const struct mix_job_identity *id, enum mix_job_state *state)
{
    return open_job(job, id->output, id, state);
}

int mix_job_open_stored(struct mix_job **job, const char *output, enum mix_job_state *state)
{
    return open_job(job, output, NULL, state);
}

void mix_job_close(struct mix_job *j)
{
    if (!j)
        return;
    unlock(j);
    mix_job_record_destroy(j->record);
    mix_survey_fini(&j->survey);
    mix_str_fini(&j->plan_text);
    free(j->output);
    free(j->folder);
    free(j->input);
    free(j->model);
    free(j->parameters);
    free(j->run_info);
    free(j);
}

/* ---- questions */

int mix_job_attempt(const struct mix_job *j)
{
    return j->attempt;
}

const char *mix_job_folder(const struct mix_job *j)
{
    return j->folder;
}

int64_t mix_job_rows(const struct mix_job *j)
{
    return mix_job_record_identity(j->record)->rows;
}

int64_t mix_job_rows_sealed(const struct mix_job *j)
{
    return j->state == MIX_JOB_DONE ? mix_job_rows(j) : j->survey.rows_sealed;
}

int64_t mix_job_rows_failed(const struct mix_job *j)
{
    return j->survey.rows_failed;
}

/* ---- begin */

bool mix_job_stored_plan(const struct mix_job *j, struct mix_plan *plan)
{
    if (!j->plan_text.len)
        return false;
    *plan = j->plan;
    return true;
}

/* plan.json is written once: the first plan is the one that answers follow. */
static int keep_plan(struct mix_job *j, const struct mix_plan *plan)
{
    int rc = MIX_OK;
    const char *difference = NULL;
    struct mix_str path = {0};

    if (j->plan_text.len) {
        difference = mix_plan_numeric_difference(plan, &j->plan);
        if (difference)
            rc = MIX_FAIL(MIX_EINPUT,
                          "%s was begun with another numeric plan (%s), and its answers would not "
                          "fit together",
                          j->folder, difference);
        goto out;
    }
    TRY(path_of(j, MIX_FOLDER_PLAN, &path));
    TRY(mix_plan_to_json(plan, &j->plan_text));
    j->plan = *plan;
    mix_kill_point("before plan.json is written");
    TRY(mix_file_write(path.s, j->plan_text.s, j->plan_text.len));
    mix_kill_point("plan.json is written");
out:
    mix_str_fini(&path);
    return rc;
}

static struct mix_attempt new_attempt(const struct mix_job *j, const struct mix_plan *plan)
{
    const struct mix_attempt *last = mix_job_record_attempt(j->record);
    struct mix_attempt a = {
        .attempt = last ? last->attempt + 1 : 1, .world = plan->world, .pid = getpid()};
    time_t now = time(NULL);
    struct tm utc;

    gethostname(a.host, sizeof a.host - 1);
    gmtime_r(&now, &utc);
    strftime(a.started, sizeof a.started, "%Y-%m-%dT%H:%M:%SZ", &utc);
    return a;
}

static int remove_junk(struct mix_job *j)
{
    int rc = MIX_OK;
    struct mix_str path = {0};

    for (size_t i = 0; i < j->survey.junk.count; i++) {
        mix_str_clear(&path);
        TRY(mix_str_addf(&path, "%s/%s", j->folder, j->survey.junk.name[i]));
        TRY(mix_file_remove(path.s));
        mix_kill_point("a leftover is removed");
    }
out:
    mix_str_fini(&path);
    return rc;
}

int mix_job_begin(struct mix_job *j, const struct mix_plan *plan)
{
    int rc;
    struct mix_attempt attempt = new_attempt(j, plan);

    MIX_CHECK(j->state != MIX_JOB_DONE && !j->attempt, "a job is begun twice");
    TRY(keep_plan(j, plan));
    TRY(mix_job_record_add(j->record, &attempt, &j->id));
    mix_kill_point("before job.json is written");
    TRY(mix_job_record_save(j->record, j->folder));
    mix_kill_point("job.json is written");
    j->stored = true;
    j->attempt = attempt.attempt;
    TRY(remove_junk(j));
out:
    return rc;
}

/* ---- while it runs */

struct mix_claim mix_job_claim(struct mix_job *j, int replicas)
{
    struct mix_claim claim = {0};
    int rc = mix_claims_next(j->survey.claims, replicas, &claim);

    if (rc) { /* the caller sees the end; the next beat tells why */
        j->rc = rc;
        claim = (struct mix_claim){0};
    }
    return claim;
}

int mix_job_beat(struct mix_job *j)
{
    return j->rc ? j->rc : mix_lock_beat(j->lock);
}

/* ---- the end */

int mix_job_merge(struct mix_job *j)
{
    int rc = j->rc;
    int64_t left;
    struct mix_merge merge = {.folder = j->folder,
                              .output = j->output,
                              .input = j->id.input,
                              .claims = j->survey.claims,
                              .record = j->record,
                              .plan = j->plan_text.len ? j->plan_text.s : NULL};

    if (rc || j->state == MIX_JOB_DONE)
        return rc;
    left = mix_claims_left(j->survey.claims);
    if (left) {
        rc = MIX_FAIL(
            MIX_EUSAGE,
            "%s: %lld of %lld rows are in no complete shard yet; start the run again to its end, "
            "then merge",
            j->folder, (long long)left, (long long)j->id.rows);
        goto out;
    }
    TRY(mix_lock_beat(j->lock));
    TRY(mix_merge_write(&merge));
    TRY(mix_merge_clear(j->folder));
    unlock(j);
    j->state = MIX_JOB_DONE;
out:
    return rc;
}
