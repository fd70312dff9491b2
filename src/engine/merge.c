/* merge.c - see merge.h. */
#include "engine/merge.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/folder.h"
#include "engine/kill_point.h"
#include "engine/note.h"
#include "engine/rows.h"
#include "io/file.h"
#include "io/results.h"

#include <stdlib.h>
#include <unistd.h>

enum { STEP = 4096 }; /* entries whose rows are checked at a time */

const char mix_merge_name[] = "job";

/* ---- one shard */

/* Are the entries those of rows first .. first + count - 1, in order, each with its samples? */
static int check_rows(struct mix_results_file *file, const char *path, const struct mix_range *r)
{
    int rc = MIX_OK;
    int64_t entries = mix_results_entries(file), last_row = r->first - 1, *row = NULL;
    int32_t last_sample = 0, *sample = NULL;

    TRY(mix_calloc(&row, STEP, sizeof *row, "rows of a shard"));
    TRY(mix_calloc(&sample, STEP, sizeof *sample, "rows of a shard"));
    for (int64_t at = 0; at < entries; at += STEP) {
        int64_t n = entries - at < STEP ? entries - at : STEP;

        TRY(mix_results_read_rows(file, at, n, row, sample));
        for (int64_t i = 0; i < n; i++) {
            bool next_row = row[i] == last_row + 1 && sample[i] == 0;
            bool next_sample = row[i] == last_row && at + i && sample[i] == last_sample + 1;

            if (!next_row && !next_sample) {
                rc = MIX_FAIL(MIX_EINPUT,
                              "%s: entry %lld is of row %lld, sample %d, after row %lld, sample %d",
                              path, (long long)(at + i), (long long)row[i], sample[i],
                              (long long)last_row, last_sample);
                goto out;
            }
            last_row = row[i];
            last_sample = sample[i];
        }
    }
    if (last_row != r->first + r->count - 1)
        rc = MIX_FAIL(MIX_EINPUT, "%s: ends with row %lld, expected row %lld", path,
                      (long long)last_row, (long long)(r->first + r->count - 1));
out:
    free(row);
    free(sample);
    return rc;
}

/* Open a shard that is whole and is what its name says. */
static int open_shard(const struct mix_merge *m, const struct mix_range *r, struct mix_note *note,
                      struct mix_results_file **out)
{
    int rc;
    struct mix_results_file *file = NULL;
    struct mix_str path = {0};
    int64_t entries;

    TRY(mix_folder_path(
        &path, m->folder,
        &(struct mix_folder_name){.kind = MIX_FOLDER_SHARD, .first = r->first, .count = r->count}));
    if (!mix_file_exists(path.s)) {
        rc = MIX_FAIL(MIX_EINPUT,
                      "%s is missing: start the same command again, and rows %lld to %lld are run "
                      "again",
                      path.s, (long long)r->first, (long long)(r->first + r->count - 1));
        goto out;
    }
    if ((rc = mix_results_verify(path.s, &entries)) != MIX_OK) {
        rc = MIX_FAIL(rc,
                      "%s is damaged: remove it and start the same command again, and rows %lld to "
                      "%lld are run again",
                      path.s, (long long)r->first, (long long)(r->first + r->count - 1));
        goto out;
    }
    TRY(mix_results_open(&file, path.s));
    TRY(mix_note_read(note, file, path.s));
    TRY(check_rows(file, path.s, r));
    *out = file;
    file = NULL;
out:
    mix_results_close(file);
    mix_str_fini(&path);
    return rc;
}

/* ---- OUT.h5 */

/* The schema is that of the first shard. */
static int copy_shards(const struct mix_merge *m, const struct mix_range *range, size_t ranges,
                       const char *temp, struct mix_results **results, int64_t *failed)
{
    int rc = MIX_OK;
    struct mix_results_file *file = NULL;
    struct mix_results_schema schema;
    struct mix_note note;

    for (size_t i = 0; i < ranges; i++) {
        TRY(open_shard(m, &range[i], &note, &file));
        schema = mix_results_schema(file);
        if (i == 0)
            TRY(mix_results_create(results, temp, &schema));
        TRY(mix_results_copy(*results, file, 0, mix_results_entries(file)));
        *failed += note.failed;
        mix_results_close(file);
        file = NULL;
    }
out:
    mix_results_close(file);
    return rc;
}

/* Without rows there are no shards; the columns are the input's. */
static int create_empty(const struct mix_merge *m, const char *temp, struct mix_results **results)
{
    int rc;
    struct mix_input *input = NULL;
    struct mix_results_schema schema;

    TRY(mix_input_open(&input, m->input));
    schema = mix_input_schema(input);
    TRY(mix_results_create(results, temp, &schema));
out:
    mix_input_close(input);
    return rc;
}

static int finish(const struct mix_merge *m, struct mix_results *results, int64_t failed)
{
    int rc;
    const struct mix_job_identity *id = mix_job_record_identity(m->record);
    const struct mix_attempt *last = mix_job_record_attempt(m->record);
    struct mix_note note = {.count = id->rows,
                            .failed = failed,
                            .attempt = last ? last->attempt : 0,
                            .input = id->input_hash};
    struct mix_str job = {0}, seal = {0};

    TRY(mix_job_record_text(m->record, m->plan, &job));
    TRY(mix_note_text(&note, &seal));
    TRY(mix_results_finish(
        results, (struct mix_results_run[]){{mix_merge_name, job.s}, {mix_note_name, seal.s}}, 2));
out:
    mix_str_fini(&job);
    mix_str_fini(&seal);
    return rc;
}

int mix_merge_write(const struct mix_merge *m)
{
    int rc;
    const struct mix_range *range;
    struct mix_results *results = NULL;
    struct mix_str temp = {0};
    int64_t failed = 0, hole;
    size_t ranges;

    MIX_CHECK(mix_claims_whole(m->claims, &hole), "row %lld is in no shard", (long long)hole);
    range = mix_claims_ranges(m->claims, &ranges);
    TRY(mix_str_addf(&temp, "%s.tmp", m->output));
    mix_kill_point("before the merged file is written");
    TRY(ranges ? copy_shards(m, range, ranges, temp.s, &results, &failed)
               : create_empty(m, temp.s, &results));
    TRY(finish(m, results, failed));
    mix_kill_point("the merged file is written aside");
    if (mix_file_exists(m->output)) {
        rc = MIX_FAIL(MIX_EINPUT,
                      "%s has appeared while the job ran and is not written over: move it away and "
                      "start the same command again",
                      m->output);
        goto out;
    }
    TRY(mix_file_commit(temp.s, m->output));
    mix_kill_point("the merged file has its name");
out:
    mix_results_destroy(results);
    if (rc && temp.s)
        unlink(temp.s);
    mix_str_fini(&temp);
    return rc;
}

/* ---- afterwards */

static int clear_kinds(const char *folder, const struct mix_file_list *list, bool job)
{
    int rc = MIX_OK;
    struct mix_str path = {0};

    for (size_t i = 0; i < list->count; i++) {
        enum mix_folder_kind kind = mix_folder_parse(list->name[i]).kind;

        if (kind == MIX_FOLDER_OTHER || kind == MIX_FOLDER_LOCK || (kind == MIX_FOLDER_JOB) != job)
            continue;
        mix_str_clear(&path);
        TRY(mix_str_addf(&path, "%s/%s", folder, list->name[i]));
        TRY(mix_file_remove(path.s));
        mix_kill_point("a file of a finished job is removed");
    }
out:
    mix_str_fini(&path);
    return rc;
}

int mix_merge_clear(const char *folder)
{
    int rc;
    struct mix_file_list list = {0};

    TRY(mix_file_list(&list, folder));
    TRY(clear_kinds(folder, &list, false));
    TRY(clear_kinds(folder, &list, true));
out:
    mix_file_list_fini(&list);
    return rc;
}
