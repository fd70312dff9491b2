/* seal.c - see seal.h. */
#include "engine/seal.h"

#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/folder.h"
#include "engine/identity.h"
#include "engine/kill_point.h"
#include "engine/note.h"
#include "engine/pieces.h"
#include "io/file.h"
#include "io/ledger.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
    MOST_PIECES = 64, /* of a shard: all are open at once when they are merged */
};

struct mix_seal {
    struct mix_seal_config config;
    char *folder, *input;
    struct mix_ledger *ledger;
    struct mix_seal_counts counts;
    struct mix_str path, temp, text; /* of the file at work */
    int seq;                         /* of the next piece */
};

/* ---- life */

int mix_seal_open(struct mix_seal **out, const struct mix_seal_config *config)
{
    int rc = MIX_OK;
    struct mix_seal *s = NULL;
    struct mix_folder_name ledger = {
        .kind = MIX_FOLDER_LEDGER, .attempt = config->attempt, .leader = config->leader};

    TRY(mix_calloc(&s, 1, sizeof *s, "a leader's files"));
    s->config = *config;
    s->folder = mix_strdup(config->folder);
    s->input = mix_strdup(config->input);
    if (!s->folder || !s->input) {
        rc = MIX_EFIT;
        goto out;
    }
    TRY(mix_folder_path(&s->path, s->folder, &ledger));
    TRY(mix_ledger_open(&s->ledger, s->path.s));
    *out = s;
    s = NULL;
out:
    mix_seal_close(s);
    return rc;
}

void mix_seal_close(struct mix_seal *s)
{
    if (!s)
        return;
    mix_ledger_close(s->ledger);
    mix_str_fini(&s->path);
    mix_str_fini(&s->temp);
    mix_str_fini(&s->text);
    free(s->folder);
    free(s->input);
    free(s);
}

struct mix_seal_counts mix_seal_counts(const struct mix_seal *s)
{
    return s->counts;
}

/* ---- one file */

/* Is this process still of the latest attempt? */
static int check_attempt(const struct mix_seal *s)
{
    int rc, latest = 0;

    TRY(mix_job_record_attempt_in(s->folder, &latest));
    if (latest != s->config.attempt)
        rc = latest ? MIX_FAIL(MIX_EUSAGE,
                               "attempt %d of this job has started while this process is of "
                               "attempt %d; it ends, and writes nothing more into %s",
                               latest, s->config.attempt, s->folder)
                    : MIX_FAIL(MIX_EUSAGE,
                               "the job in %s is gone, finished or removed by someone else; this "
                               "process (attempt %d) ends, and writes nothing more",
                               s->folder, s->config.attempt);
out:
    return rc;
}

/* Where the next file is written, and where it goes. */
static int begin_file(struct mix_seal *s, struct mix_folder_name name, struct mix_results **results)
{
    int rc;

    TRY(check_attempt(s));
    TRY(mix_folder_path(&s->path, s->folder, &name));
    name.temp = true;
    TRY(mix_folder_path(&s->temp, s->folder, &name));
    mix_kill_point("before a sealed file is written");
    TRY(mix_results_create(results, s->temp.s, &s->config.schema));
out:
    return rc;
}

/* Finish it, give it its name, record it.  Sealing ends with the record, not before. */
static int end_file(struct mix_seal *s, enum mix_ledger_kind kind, const struct mix_note *note,
                    struct mix_results *results)
{
    int rc;
    struct mix_ledger_record record = {.kind = kind,
                                       .first = note->first,
                                       .last = note->first + note->count - 1,
                                       .attempt = s->config.attempt,
                                       .plan = s->config.plan_id};
    int64_t entries;

    mix_str_clear(&s->text);
    TRY(mix_note_text(note, &s->text));
    TRY(mix_results_finish(results, &(struct mix_results_run){mix_note_name, s->text.s}, 1));
    TRY(mix_results_verify(s->temp.s, &entries));
    MIX_CHECK(entries == note->entries, "%s has %lld results, expected %lld", s->temp.s,
              (long long)entries, (long long)note->entries);
    TRY(mix_file_size(s->temp.s, &record.bytes));
    TRY(check_attempt(s));
    mix_kill_point("a sealed file is written aside");
    TRY(mix_file_commit(s->temp.s, s->path.s));
    mix_kill_point("a sealed file is renamed");
    snprintf(record.file, sizeof record.file, "%s", s->path.s + strlen(s->folder) + 1);
    TRY(mix_ledger_append(s->ledger, &record));
    mix_kill_point("a sealed file is recorded");
out:
    return rc;
}

/* After a failure: on a full disk the blocks are wanted back. */
static void drop_temp(const struct mix_seal *s)
{
    if (s->temp.s)
        unlink(s->temp.s);
}

static struct mix_note note_of(const struct mix_seal *s, const struct mix_draft *d,
                               const struct mix_row_block *block)
{
    return (struct mix_note){.first = mix_draft_first(d),
                             .count = mix_draft_count(d),
                             .attempt = s->config.attempt,
                             .leader = s->config.leader,
                             .input = mix_row_block_hash(block),
                             .plan = s->config.plan_id};
}

static struct mix_folder_name next_piece(struct mix_seal *s, const struct mix_note *note)
{
    return (struct mix_folder_name){.kind = MIX_FOLDER_PIECE,
                                    .first = note->first,
                                    .count = note->count,
                                    .attempt = s->config.attempt,
                                    .leader = s->config.leader,
                                    .seq = s->seq++};
}

static void count_rows(struct mix_seal *s, struct mix_draft *d)
{
    s->counts.rows += mix_draft_unsealed(d);
    s->counts.failed += mix_draft_failed(d);
    mix_draft_clear(d);
}

/* ---- pieces found, folded, brought together */

static int path_of(struct mix_seal *s, const struct mix_folder_name *name)
{
    return mix_folder_path(&s->path, s->folder, name);
}

/* Which rows a piece holds: row[entries], the caller frees it. */
static int rows_of(struct mix_results_file *file, int64_t **row)
{
    int rc;
    int64_t n = mix_results_entries(file), *got = NULL;

    TRY(mix_calloc(&got, (size_t)n, sizeof *got, "rows of a piece"));
    TRY(mix_results_read_rows(file, 0, n, got, NULL));
    *row = got;
    got = NULL;
out:
    free(got);
    return rc;
}

static int recall(struct mix_seal *s, struct mix_draft *d, const struct mix_folder_name *name,
                  uint64_t input)
{
    int rc;
    struct mix_results_file *file = NULL;
    struct mix_note note;
    int64_t *row = NULL;

    TRY(path_of(s, name));
    TRY(mix_results_open(&file, s->path.s));
    TRY(mix_note_read(&note, file, s->path.s));
    if (note.input != input) {
        rc = MIX_FAIL(MIX_EINPUT,
                      "rows %lld to %lld of %s have changed since attempt %d ran some of them; put "
                      "the old content back, or choose another --output",
                      (long long)note.first, (long long)(note.first + note.count - 1), s->input,
                      note.attempt);
        goto out;
    }
    TRY(rows_of(file, &row));
    for (int64_t i = 0; i < note.entries; i++)
        (void)mix_draft_sealed(d, row[i]); /* a row may be in two: see fold() */
    TRY(mix_draft_add_piece(d, name));
out:
    mix_results_close(file);
    free(row);
    return rc;
}

int mix_seal_recall(struct mix_seal *s, struct mix_draft *d, const struct mix_row_block *block)
{
    int rc;
    struct mix_file_list list = {0};

    TRY(mix_file_list(&list, s->folder));
    for (size_t i = 0; i < list.count; i++) {
        struct mix_folder_name name = mix_folder_parse(list.name[i]);

        if (name.kind == MIX_FOLDER_PIECE && !name.temp && name.first == mix_draft_first(d) &&
            name.count == mix_draft_count(d))
            TRY(recall(s, d, &name, mix_row_block_hash(block)));
    }
out:
    mix_file_list_fini(&list);
    return rc;
}

/* Remove the first n pieces: what they hold is sealed elsewhere. */
static int remove_pieces(struct mix_seal *s, struct mix_draft *d, int n)
{
    int rc = MIX_OK;

    for (int i = 0; i < n; i++) {
        TRY(path_of(s, mix_draft_piece(d, i)));
        TRY(mix_file_remove(s->path.s));
        mix_kill_point("a piece is removed");
    }
    mix_draft_drop_pieces(d, n);
out:
    return rc;
}

/* Too many pieces: make one of them.  A kill before the old ones are removed leaves their rows in
 * two pieces. */
static int fold(struct mix_seal *s, struct mix_draft *d, const struct mix_row_block *block)
{
    int rc, pieces = mix_draft_pieces(d);
    struct mix_results *results = NULL;
    struct mix_note note = note_of(s, d, block);
    struct mix_folder_name name = next_piece(s, &note);

    TRY(begin_file(s, name, &results));
    TRY(mix_pieces_merge(d, true, s->folder, block, results, &note.entries, &note.failed));
    TRY(end_file(s, MIX_LEDGER_PIECE, &note, results));
    TRY(mix_draft_add_piece(d, &name));
    TRY(remove_pieces(s, d, pieces));
out:
    mix_results_destroy(results);
    if (rc)
        drop_temp(s);
    return rc;
}

/* ---- sealing */

int mix_seal_piece(struct mix_seal *s, struct mix_draft *d, const struct mix_row_block *block)
{
    int rc = MIX_OK;
    struct mix_results *results = NULL;
    struct mix_note note = note_of(s, d, block);
    struct mix_folder_name name;

    if (mix_draft_unsealed(d) == 0)
        return MIX_OK;
    name = next_piece(s, &note);
    TRY(begin_file(s, name, &results));
    TRY(mix_pieces_merge(d, false, s->folder, block, results, &note.entries, &note.failed));
    TRY(end_file(s, MIX_LEDGER_PIECE, &note, results));
    TRY(mix_draft_add_piece(d, &name));
    count_rows(s, d);
    if (mix_draft_pieces(d) >= MOST_PIECES)
        TRY(fold(s, d, block));
out:
    mix_results_destroy(results);
    if (rc)
        drop_temp(s);
    return rc;
}

int mix_seal_shard(struct mix_seal *s, struct mix_draft *d, const struct mix_row_block *block)
{
    int rc;
    struct mix_results *results = NULL;
    struct mix_note note = note_of(s, d, block);
    struct mix_folder_name name = {
        .kind = MIX_FOLDER_SHARD, .first = note.first, .count = note.count};

    MIX_CHECK(mix_draft_missing(d) == 0, "rows %lld to %lld lack %lld results",
              (long long)note.first, (long long)(note.first + note.count - 1),
              (long long)mix_draft_missing(d));
    TRY(begin_file(s, name, &results));
    TRY(mix_pieces_merge(d, true, s->folder, block, results, &note.entries, &note.failed));
    MIX_CHECK(note.entries == note.count, "rows %lld to %lld have %lld results",
              (long long)note.first, (long long)(note.first + note.count - 1),
              (long long)note.entries);
    TRY(end_file(s, MIX_LEDGER_SHARD, &note, results));
    count_rows(s, d);
    s->counts.shards++;
    TRY(remove_pieces(s, d, mix_draft_pieces(d)));
out:
    mix_results_destroy(results);
    if (rc)
        drop_temp(s);
    return rc;
}
