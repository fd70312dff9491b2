/* survey.c - see survey.h. */
#include "engine/survey.h"

#include "base/busy.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/folder.h"
#include "engine/note.h"
#include "io/ledger.h"
#include "io/results.h"

#include <stdlib.h>
#include <string.h>

struct look { /* one survey in the making */
    struct mix_survey *to;
    const char *folder;
    bool check;
    struct mix_file_list list;
    struct mix_ledger_record *record; /* [records] of all ledgers, by file name */
    size_t records, room;
    struct mix_str path;
};

/* ---- ledgers */

static int by_file(const void *a, const void *b)
{
    const struct mix_ledger_record *x = a, *y = b;
    int order = strcmp(x->file, y->file);

    return order ? order : (x->attempt > y->attempt) - (x->attempt < y->attempt);
}

static int read_ledger(struct look *l, const struct mix_folder_name *name)
{
    int rc;
    struct mix_ledger_record *got = NULL;
    size_t n = 0, cut = 0;

    TRY(mix_folder_path(&l->path, l->folder, name));
    TRY(mix_ledger_read(l->path.s, &got, &n, &cut));
    if (cut && l->check)
        mix_log(MIX_LOG_DEBUG, "%s: the last %zu bytes are no record", l->path.s, cut);
    TRY(mix_grow(&l->record, &l->room, l->records + n, sizeof *l->record, "ledger records"));
    if (n)
        memcpy(l->record + l->records, got, n * sizeof *got);
    l->records += n;
out:
    free(got);
    return rc;
}

static int read_ledgers(struct look *l)
{
    int rc = MIX_OK;

    for (size_t i = 0; i < l->list.count; i++) {
        struct mix_folder_name name = mix_folder_parse(l->list.name[i]);

        if (name.kind == MIX_FOLDER_LEDGER && !name.temp)
            TRY(read_ledger(l, &name));
    }
    if (l->records)
        qsort(l->record, l->records, sizeof *l->record, by_file);
out:
    return rc;
}

/* The latest record of a file; NULL if there is none. */
static const struct mix_ledger_record *record_of(const struct look *l, const char *name)
{
    size_t low = 0, high = l->records; /* the first record behind name's */

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (strcmp(l->record[middle].file, name) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low && strcmp(l->record[low - 1].file, name) == 0 ? &l->record[low - 1] : NULL;
}

/* ---- files */

static int junk(struct look *l, const char *name)
{
    struct mix_file_list *j = &l->to->junk;
    int rc =
        mix_grow(&j->name, &l->to->junk_room, j->count + 1, sizeof *j->name, "a job's leftovers");

    if (rc)
        return rc;
    if (!(j->name[j->count] = mix_strdup(name)))
        return MIX_EFIT;
    j->count++;
    return MIX_OK;
}

/* Is a file whole, as far as we have to look?  *note is what it says about itself. */
static int look_at(struct look *l, const char *name, const struct mix_folder_name *parsed,
                   struct mix_note *note, bool *whole)
{
    int rc, found = MIX_OK;
    const struct mix_ledger_record *record = record_of(l, name);
    struct mix_results_file *file = NULL;
    uint64_t bytes = 0;
    int64_t entries;
    bool recorded, read;

    *whole = false;
    TRY(mix_busy());
    TRY(mix_folder_path(&l->path, l->folder, parsed));
    if (!l->check && !mix_file_exists(l->path.s))
        goto out; /* removed since we listed the folder */
    recorded = record && mix_file_size(l->path.s, &bytes) == MIX_OK && bytes == record->bytes;
    read = l->check && (!recorded || parsed->kind == MIX_FOLDER_PIECE);
    if (!l->check && !record)
        goto out;
    if (read)
        found = mix_results_verify(l->path.s, &entries);
    if (found != MIX_EINPUT) /* a disk that refuses says nothing about the file, which would go */
        TRY(found);
    *whole = found == MIX_OK && mix_results_open(&file, l->path.s) == MIX_OK &&
             mix_note_read(note, file, l->path.s) == MIX_OK && note->first == parsed->first &&
             note->count == parsed->count;
    if (l->check && *whole && !record)
        mix_log(MIX_LOG_DEBUG, "%s is whole and had no record: adopted", l->path.s);
    if (l->check && !*whole)
        mix_log(MIX_LOG_WARN, "%s is damaged; its rows are run again", l->path.s);
out:
    mix_results_close(file);
    return rc;
}

static int take_shard(struct look *l, const char *name)
{
    int rc = MIX_OK;
    struct mix_folder_name parsed = mix_folder_parse(name);
    struct mix_note note = {0};
    bool whole = false;

    if (mix_claims_fits(l->to->claims, parsed.first, parsed.count))
        TRY(look_at(l, name, &parsed, &note, &whole));
    if (!whole)
        return junk(l, name);
    TRY(mix_claims_sealed(l->to->claims, parsed.first, parsed.count));
    l->to->rows_sealed += parsed.count;
    l->to->rows_failed += note.failed;
    l->to->shards++;
out:
    return rc;
}

/* Rows of one open shard that its pieces hold; a row may be in two (a kill while pieces were
 * folded). */
static int count_rows(struct look *l, const struct mix_folder_name *parsed, bool *has)
{
    int rc;
    struct mix_results_file *file = NULL;
    int64_t *row = NULL, n;

    TRY(mix_folder_path(&l->path, l->folder, parsed));
    TRY(mix_results_open(&file, l->path.s));
    n = mix_results_entries(file);
    TRY(mix_calloc(&row, (size_t)n, sizeof *row, "rows of a piece"));
    TRY(mix_results_read_rows(file, 0, n, row, NULL));
    for (int64_t i = 0; i < n; i++)
        if (row[i] >= parsed->first && row[i] - parsed->first < parsed->count) {
            l->to->rows_sealed += !has[row[i] - parsed->first];
            has[row[i] - parsed->first] = true;
        }
out:
    mix_results_close(file);
    free(row);
    return rc;
}

/* The pieces name[0..n) are of one shard. */
static int take_pieces(struct look *l, char *const *name, size_t n)
{
    int rc = MIX_OK, whole_pieces = 0;
    struct mix_folder_name parsed = mix_folder_parse(name[0]);
    struct mix_note note;
    bool fits = mix_claims_fits(l->to->claims, parsed.first, parsed.count), whole, *has = NULL;

    if (fits)
        TRY(mix_calloc(&has, (size_t)parsed.count, sizeof *has, "rows of pieces"));
    for (size_t i = 0; i < n; i++) {
        parsed = mix_folder_parse(name[i]);
        whole = false;
        if (parsed.temp)
            continue;
        if (fits)
            TRY(look_at(l, name[i], &parsed, &note, &whole));
        if (!whole) {
            TRY(junk(l, name[i]));
            continue;
        }
        TRY(count_rows(l, &parsed, has));
        l->to->rows_failed += note.failed;
        whole_pieces++;
    }
    if (whole_pieces)
        TRY(mix_claims_open(l->to->claims, parsed.first, parsed.count, whole_pieces));
    l->to->pieces += whole_pieces;
out:
    free(has);
    return rc;
}

/* Names of one shard's pieces are neighbours, temporary ones among them: they begin alike, and the
 * list is in order. */
static size_t group(const struct mix_file_list *list, size_t at)
{
    struct mix_folder_name first = mix_folder_parse(list->name[at]), next;
    size_t n = 1;

    for (; at + n < list->count; n++) {
        next = mix_folder_parse(list->name[at + n]);
        if (next.kind != MIX_FOLDER_PIECE || next.first != first.first || next.count != first.count)
            break;
    }
    return n;
}

/* A shard that was recorded, is gone, and whose rows no file holds any more. */
static void mourn(const struct look *l)
{
    for (size_t i = 0; i < l->records; i++) {
        const struct mix_ledger_record *r = &l->record[i];

        if (r->kind == MIX_LEDGER_SHARD &&
            mix_claims_fits(l->to->claims, r->first, r->last - r->first + 1))
            mix_log(MIX_LOG_WARN, "%s/%s was sealed and is gone; rows %lld to %lld are run again",
                    l->folder, r->file, (long long)r->first, (long long)r->last);
    }
}

int mix_survey_take(struct mix_survey *out, const char *folder, int64_t rows, bool check)
{
    int rc;
    struct mix_survey s = {0};
    struct look l = {.to = &s, .folder = folder, .check = check};

    TRY(mix_claims_create(&s.claims, rows));
    TRY(mix_file_list(&l.list, folder));
    TRY(read_ledgers(&l));
    for (size_t i = 0; i < l.list.count; i++) {
        struct mix_folder_name name = mix_folder_parse(l.list.name[i]);

        if (name.temp)
            TRY(junk(&l, l.list.name[i]));
        else if (name.kind == MIX_FOLDER_SHARD)
            TRY(take_shard(&l, l.list.name[i]));
    }
    for (size_t i = 0, n; i < l.list.count; i += n) {
        struct mix_folder_name name = mix_folder_parse(l.list.name[i]);

        n = 1;
        if (name.kind == MIX_FOLDER_PIECE) {
            n = group(&l.list, i);
            TRY(take_pieces(&l, l.list.name + i, n));
        }
    }
    if (check)
        mourn(&l);
    *out = s;
    s = (struct mix_survey){0};
out:
    mix_survey_fini(&s);
    mix_file_list_fini(&l.list);
    free(l.record);
    mix_str_fini(&l.path);
    return rc;
}

void mix_survey_fini(struct mix_survey *s)
{
    mix_claims_destroy(s->claims);
    mix_file_list_fini(&s->junk);
    *s = (struct mix_survey){0};
}
