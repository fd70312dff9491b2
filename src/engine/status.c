/* status.c - see status.h. */
#include "engine/status.h"

#include "base/err.h"
#include "base/str.h"
#include "engine/folder.h"
#include "engine/identity.h"
#include "engine/merge.h"
#include "engine/note.h"
#include "engine/survey.h"
#include "io/file.h"
#include "io/results.h"

#include <stdio.h>
#include <sys/stat.h>

static void seen(struct mix_status *s, const char *path)
{
    struct stat st;

    if (stat(path, &st) == 0 && st.st_mtime > s->last_activity)
        s->last_activity = st.st_mtime;
}

static void take_record(struct mix_status *s, const struct mix_job_record *r)
{
    const struct mix_job_identity *id = mix_job_record_identity(r);
    const struct mix_attempt *last = mix_job_record_attempt(r);

    s->rows = id->rows;
    snprintf(s->input, sizeof s->input, "%s", id->input);
    snprintf(s->model, sizeof s->model, "%s", id->model);
    if (last) {
        s->attempts = last->attempt;
        snprintf(s->host, sizeof s->host, "%s", last->host);
        snprintf(s->started, sizeof s->started, "%s", last->started);
    }
}

static int finished(const char *output, struct mix_status *s)
{
    int rc;
    struct mix_results_file *file = NULL;
    struct mix_job_record *record = NULL;
    struct mix_note note;
    struct mix_str text = {0};
    bool found = false;

    TRY(mix_results_open(&file, output));
    TRY(mix_note_read(&note, file, output));
    TRY(mix_results_read_run(file, mix_merge_name, &text, &found));
    if (!found) {
        rc =
            MIX_FAIL(MIX_EINPUT, "%s: not the output of a run: no /run/%s", output, mix_merge_name);
        goto out;
    }
    TRY(mix_job_record_parse(&record, text.s, output));
    take_record(s, record);
    s->state = MIX_STATUS_FINISHED;
    s->rows_sealed = s->rows;
    s->rows_failed = note.failed;
    seen(s, output);
out:
    mix_results_close(file);
    mix_job_record_destroy(record);
    mix_str_fini(&text);
    return rc;
}

static int seen_files(struct mix_status *s, const char *folder)
{
    int rc;
    struct mix_file_list list = {0};
    struct mix_str path = {0};

    TRY(mix_file_list(&list, folder));
    for (size_t i = 0; i < list.count; i++) {
        mix_str_clear(&path);
        TRY(mix_str_addf(&path, "%s/%s", folder, list.name[i]));
        if (mix_folder_parse(list.name[i]).kind != MIX_FOLDER_OTHER)
            seen(s, path.s);
    }
out:
    mix_file_list_fini(&list);
    mix_str_fini(&path);
    return rc;
}

static int unfinished(const char *folder, struct mix_status *s)
{
    int rc;
    bool held = false;
    struct mix_job_record *record = NULL;
    struct mix_survey survey = {0};
    struct mix_str path = {0};

    TRY(mix_folder_path(&path, folder, &(struct mix_folder_name){.kind = MIX_FOLDER_LOCK}));
    TRY(mix_lock_look(path.s, &s->holder, &held));
    TRY(mix_job_record_load(&record, folder));
    s->state = held ? MIX_STATUS_RUNNING : MIX_STATUS_DEAD;
    TRY(seen_files(s, folder));
    if (!record)
        goto out;
    take_record(s, record);
    TRY(mix_survey_take(&survey, folder, s->rows, false));
    s->rows_sealed = survey.rows_sealed;
    s->rows_failed = survey.rows_failed;
    s->shards = survey.shards;
    s->pieces = survey.pieces;
    if (!held && mix_claims_left(survey.claims) == 0)
        s->state = MIX_STATUS_SEALED;
out:
    mix_job_record_destroy(record);
    mix_survey_fini(&survey);
    mix_str_fini(&path);
    return rc;
}

int mix_job_status(const char *output, struct mix_status *out)
{
    int rc;
    struct mix_status s = {.state = MIX_STATUS_NONE};
    struct mix_str folder = {0};

    TRY(mix_str_addf(&folder, "%s.job", output));
    if (mix_file_exists(output))
        TRY(finished(output, &s));
    else if (mix_file_exists(folder.s))
        TRY(unfinished(folder.s, &s));
    *out = s;
out:
    mix_str_fini(&folder);
    return rc;
}
