/* pieces.c - see pieces.h. */
#include "engine/pieces.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>

enum {
    HELD = 512,     /* results held at a time, of all pieces together ... */
    LEAST_READ = 4, /* ... but so many of each: a read of one costs as much as one of fifty */
    OUT = 256,      /* results appended at a time */
};

struct run {                       /* sorted by row */
    struct mix_results_file *file; /* NULL: the draft's results, which are read like a file's */
    struct mix_results_block *block;
    int64_t total;                  /* results of the run */
    int64_t next;                   /* the first that is not in entry[] */
    const struct mix_result *entry; /* those that are at hand */
    int64_t at, n;
};

struct merge {
    struct run *run;
    int runs;
    int64_t step; /* results read at a time */
    struct mix_draft *draft;
    const struct mix_row_block *block;
    struct mix_results *results;
    struct mix_result held[HELD]; /* of the draft */
    struct mix_result out[OUT];   /* point into the blocks of the runs */
    int64_t place[OUT];
    int64_t outs, entries, failed;
};

static int flush(struct merge *m)
{
    int rc = MIX_OK;

    if (m->outs)
        TRY(mix_results_append(m->results, m->out, m->outs, mix_row_block_columns(m->block),
                               m->place));
    m->outs = 0;
out:
    return rc;
}

/* Have the run's next result at hand, if there is one.  What is on its way out may point into the
 * block that is given up. */
static int refill(struct merge *m, struct run *r)
{
    int rc = MIX_OK;
    int64_t n = r->total - r->next < m->step ? r->total - r->next : m->step;

    if (r->at < r->n || n == 0)
        return MIX_OK;
    TRY(flush(m));
    mix_results_block_destroy(r->block);
    r->block = NULL;
    if (r->file)
        TRY(mix_results_read(r->file, r->next, n, &r->block));
    for (int64_t i = 0; !r->file && i < n; i++)
        m->held[i] = mix_draft_entry(m->draft, r->next + i);
    r->entry = r->file ? r->block->entry : m->held;
    r->next += n;
    r->at = 0;
    r->n = n;
out:
    return rc;
}

/* The run whose next result has the lowest row; NULL when all are at their ends. */
static struct run *lowest(struct merge *m)
{
    struct run *low = NULL;

    for (int i = 0; i < m->runs; i++) {
        struct run *r = &m->run[i];

        if (r->at < r->n && (!low || r->entry[r->at].row < low->entry[low->at].row))
            low = r;
    }
    return low;
}

static int take(struct merge *m, struct run *r, int64_t *last)
{
    int rc = MIX_OK;
    const struct mix_result *e = &r->entry[r->at++];
    int64_t place = e->row - mix_draft_first(m->draft);

    MIX_CHECK(place >= 0 && place < mix_draft_count(m->draft) && e->row >= *last,
              "row %lld after row %lld in rows %lld + %lld", (long long)e->row, (long long)*last,
              (long long)mix_draft_first(m->draft), (long long)mix_draft_count(m->draft));
    if (e->row == *last)
        return MIX_OK;
    *last = e->row;
    if (m->outs == OUT)
        TRY(flush(m));
    m->out[m->outs] = *e;
    m->out[m->outs].custom_id = mix_row_block_custom_id(m->block, place);
    m->place[m->outs++] = place;
    m->entries++;
    m->failed += e->error[0] != '\0';
out:
    return rc;
}

static int open_runs(struct merge *m, int pieces, const char *folder)
{
    int rc;
    struct mix_str path = {0};
    struct run *r;

    TRY(mix_calloc(&m->run, (size_t)pieces + 1, sizeof *m->run, "pieces"));
    for (int i = 0; i < pieces; i++) {
        r = &m->run[m->runs];
        TRY(mix_folder_path(&path, folder, mix_draft_piece(m->draft, i)));
        TRY(mix_results_open(&r->file, path.s));
        m->runs++;
        r->total = mix_results_entries(r->file);
    }
    r = &m->run[m->runs++];
    r->total = mix_draft_unsealed(m->draft);
    mix_draft_sort(m->draft);
    m->step = HELD / m->runs < LEAST_READ ? LEAST_READ : HELD / m->runs;
out:
    mix_str_fini(&path);
    return rc;
}

int mix_pieces_merge(struct mix_draft *draft, bool sealed, const char *folder,
                     const struct mix_row_block *block, struct mix_results *results,
                     int64_t *entries, int64_t *failed)
{
    int rc;
    struct merge *m = NULL;
    struct run *low = NULL;
    int64_t last = -1;

    TRY(mix_calloc(&m, 1, sizeof *m, "a shard's results"));
    m->draft = draft;
    m->block = block;
    m->results = results;
    TRY(open_runs(m, sealed ? mix_draft_pieces(draft) : 0, folder));
    for (int i = 0; i < m->runs; i++)
        TRY(refill(m, &m->run[i]));
    while ((low = lowest(m))) {
        TRY(take(m, low, &last));
        TRY(refill(m, low));
    }
    TRY(flush(m));
    *entries = m->entries;
    *failed = m->failed;
out:
    for (int i = 0; m && i < m->runs; i++) {
        mix_results_block_destroy(m->run[i].block);
        mix_results_close(m->run[i].file);
    }
    if (m)
        free(m->run);
    free(m);
    return rc;
}
