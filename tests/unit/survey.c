/* survey.c - what a stopped job's folder tells, whole, torn, damaged, doubled. */
#include "engine/survey.h"

#include "base/busy.h"
#include "base/err.h"
#include "base/log.h"
#include "engine/folder.h"
#include "engine/job.h"
#include "engine/seal.h"
#include "filing.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { ROWS = 60 };

static const char *path(const char *name)
{
    char s[128];

    snprintf(s, sizeof s, "out.h5.job/%s", name);
    return filing_path(s);
}

/* A job that was stopped after some shards and in the middle of one. */
static void stopped(void)
{
    struct mix_job_identity id = filing_identity("out.h5", "in.h5", ROWS);

    mix_file_remove_folder(filing_path("out.h5.job"));
    if (filing_run(&id, 1, &(struct filing_pace){1, 2, 22, 3}) != MIX_ESTOPPED) {
        printf("Bail out! cannot stop a job\n");
        exit(1);
    }
}

static struct mix_survey look(bool check)
{
    struct mix_survey s = {0};

    ok(mix_survey_take(&s, filing_path("out.h5.job"), ROWS, check) == MIX_OK, "a look%s",
       check ? "" : " from outside");
    return s;
}

static bool is_junk(const struct mix_survey *s, const char *name)
{
    for (size_t i = 0; i < s->junk.count; i++)
        if (strcmp(s->junk.name[i], name) == 0)
            return true;
    return false;
}

/* The n-th file of a kind in the folder; "" if there are fewer. */
static const char *name_of(enum mix_folder_kind kind, int n)
{
    static char name[4][128];
    static int at;
    struct mix_file_list list = {0};
    char *out = name[at++ % 4];

    out[0] = '\0';
    mix_file_list(&list, filing_path("out.h5.job"));
    for (size_t i = 0; i < list.count; i++)
        if (mix_folder_parse(list.name[i]).kind == kind && n-- == 0)
            snprintf(out, sizeof name[0], "%s", list.name[i]);
    mix_file_list_fini(&list);
    return out;
}

static void damage(const char *name, long at)
{
    FILE *f = fopen(path(name), "r+b");
    int c;

    fseek(f, at, SEEK_SET);
    c = fgetc(f);
    fseek(f, at, SEEK_SET);
    fputc(c ^ 0x55, f);
    fclose(f);
}

static void whole(struct mix_survey *want)
{
    struct mix_survey outside;

    stopped();
    *want = look(true);
    ok(want->shards >= 1 && want->pieces >= 2 && want->rows_sealed > 20 &&
           want->rows_sealed < ROWS && want->rows_failed > 0 && want->junk.count == 0,
       "%d shards and %d pieces hold %lld rows, %lld of them bad", want->shards, want->pieces,
       (long long)want->rows_sealed, (long long)want->rows_failed);
    outside = look(false);
    ok(outside.rows_sealed == want->rows_sealed && outside.rows_failed == want->rows_failed &&
           outside.pieces == want->pieces && outside.shards == want->shards,
       "which is seen from outside, too");
    mix_survey_fini(&outside);
}

/* Without their records, files are read through and count the same. */
static void torn_ledger(const struct mix_survey *want)
{
    struct mix_survey s;
    uint64_t bytes = 0;

    stopped();
    mix_file_size(path("ledger-1-0"), &bytes);
    ok(truncate(path("ledger-1-0"), (off_t)bytes - 5) == 0, "the last record is torn");
    s = look(true);
    ok(s.rows_sealed == want->rows_sealed && s.pieces == want->pieces && s.junk.count == 0,
       "nothing is lost");
    mix_survey_fini(&s);
    s = look(false);
    ok(s.rows_sealed < want->rows_sealed, "a look from outside waits for the record");
    mix_survey_fini(&s);
    damage("ledger-1-0", 3);
    s = look(true);
    ok(s.rows_sealed == want->rows_sealed && s.junk.count == 0,
       "nor with a ledger damaged at its start");
    mix_survey_fini(&s);
    unlink(path("ledger-1-0"));
    s = look(true);
    ok(s.rows_sealed == want->rows_sealed && s.rows_failed == want->rows_failed &&
           s.junk.count == 0,
       "nor without one");
    mix_survey_fini(&s);
}

static void damaged(const struct mix_survey *want)
{
    struct mix_survey s;
    const char *shard, *piece;
    uint64_t bytes = 0;

    stopped();
    shard = name_of(MIX_FOLDER_SHARD, 0);
    mix_file_size(path(shard), &bytes);
    truncate(path(shard), (off_t)bytes / 2);
    mix_log_level(MIX_LOG_SILENT);
    s = look(true);
    ok(s.shards == want->shards - 1 && is_junk(&s, shard) && s.rows_sealed < want->rows_sealed,
       "a shard cut short is run again");
    mix_survey_fini(&s);

    stopped();
    piece = name_of(MIX_FOLDER_PIECE, 1);
    mix_file_size(path(piece), &bytes);
    damage(piece, (long)bytes / 2);
    damage(piece, (long)bytes / 3);
    damage(piece, (long)bytes / 4);
    s = look(true);
    /* A byte that nobody reads may be the one; then all is well. */
    ok(s.pieces + (int)s.junk.count == want->pieces, "a damaged piece, recorded or not, is found");
    mix_survey_fini(&s);

    stopped();
    piece = name_of(MIX_FOLDER_PIECE, 0);
    truncate(path(piece), 100);
    s = look(true);
    ok(s.pieces == want->pieces - 1 && is_junk(&s, piece), "so is one cut short");
    mix_survey_fini(&s);

    stopped();
    shard = name_of(MIX_FOLDER_SHARD, 0);
    ok(rename(path(shard), path("shard-50-59.h5")) == 0, "a shard under another's name");
    s = look(true);
    ok(s.shards == want->shards - 1 && is_junk(&s, "shard-50-59.h5"), "is not taken for it");
    mix_survey_fini(&s);

    stopped();
    unlink(path(name_of(MIX_FOLDER_SHARD, 0)));
    s = look(true);
    ok(s.shards == want->shards - 1 && s.junk.count == 0 && s.rows_sealed < want->rows_sealed,
       "a shard that is gone is run again");
    mix_survey_fini(&s);
    mix_log_level(MIX_LOG_INFO);
}

static void left_over(const struct mix_survey *want)
{
    struct mix_survey s;
    char twin[128];

    stopped();
    mix_file_write(path("shard-30-39.h5"), "x", 1);
    rename(path("shard-30-39.h5"), path("shard-30-39.h5.tmp"));
    mix_file_write(path("notes.txt"), "mine", 4);
    s = look(true);
    ok(s.junk.count == 1 && is_junk(&s, "shard-30-39.h5.tmp") && s.rows_sealed == want->rows_sealed,
       "what was being written is junk, what is not ours is not looked at");
    mix_survey_fini(&s);
    mix_file_write(path("shard-0-99.h5"), "x", 1);
    s = look(true);
    ok(is_junk(&s, "shard-0-99.h5"), "so is a shard of rows that the job has not");
    mix_survey_fini(&s);
    snprintf(twin, sizeof twin, "%s", name_of(MIX_FOLDER_PIECE, 0));
    strcpy(strrchr(twin, '-'), "-99.h5");
    ok(link(path(name_of(MIX_FOLDER_PIECE, 0)), path(twin)) == 0, "a piece that is there twice");
    s = look(true);
    ok(s.rows_sealed == want->rows_sealed && s.pieces == want->pieces + 1,
       "does not count its rows twice");
    mix_survey_fini(&s);
}

/* Two attempts at once sealed the same rows in shards that overlap. */
static void doubled(const struct mix_survey *want)
{
    struct mix_job_identity id = filing_identity("other.h5", "in.h5", ROWS);
    struct mix_plan plan = filing_plan(1);
    struct mix_job *job = NULL;
    enum mix_job_state state;
    struct mix_claim claim[2] = {{10, 9, 0}, {57, 3, 0}};
    struct mix_store_config config;
    struct mix_survey s;
    int64_t hole;

    stopped();
    mix_job_open(&job, &id, &state);
    mix_job_begin(job, &plan);
    config = filing_store(job, id.input, 5);
    ok(filing_lead(&config, &(struct filing_pace){1, 4, 0, 1}, claim, 2, NULL) == MIX_OK,
       "another attempt's shards");
    rename(filing_path("other.h5.job/shard-10-18.h5"), path("shard-10-18.h5"));
    rename(filing_path("other.h5.job/shard-57-59.h5"), path("shard-57-59.h5"));
    mix_job_close(job);
    s = look(true);
    ok(is_junk(&s, "shard-10-18.h5") != is_junk(&s, name_of(MIX_FOLDER_SHARD, 0)),
       "of two that overlap one is taken");
    ok(!is_junk(&s, "shard-57-59.h5") && s.shards == want->shards + 1,
       "one that overlaps nothing is adopted");
    ok(!mix_claims_whole(s.claims, &hole), "no row is claimed to be there twice");
    mix_survey_fini(&s);
}

static int nobody(void *ctx)
{
    (void)ctx;
    return MIX_ECOMM;
}

/* What stops a look is no damage: nothing may be taken for junk. */
static void stopped_look(void)
{
    struct mix_survey s = {0};

    mix_busy_set(nobody, NULL, 0);
    ok(mix_survey_take(&s, filing_path("out.h5.job"), ROWS, true) == MIX_ECOMM && s.junk.count == 0,
       "a look that is stopped says nothing");
    mix_busy_set(NULL, NULL, 0);
    mix_survey_fini(&s);
}

int main(void)
{
    struct mix_survey want;

    filing_begin();
    filing_prompts("in.h5", ROWS, -1);
    whole(&want);
    stopped_look();
    torn_ledger(&want);
    damaged(&want);
    left_over(&want);
    doubled(&want);
    mix_survey_fini(&want);
    mix_survey_fini(&want);
    filing_end();
    return tap_done();
}
