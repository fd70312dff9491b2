/* results_copy.c - entries from file to file: pieces into a shard, shards into the final file. */
#include "io/results_open.h"

#include "base/err.h"

static int check_same(const struct mix_results_file *f, const struct mix_results_schema *to,
                      const char *to_path)
{
    const char *why = "";

    if (!f->set[MIX_RESULTS_CUSTOM_ID].file != !to->custom_id)
        return MIX_FAIL(MIX_EINPUT, "%s and %s: only one of them has custom_id", f->file->path,
                        to_path);
    if (!mix_columns_same(f->columns, to->columns, &why))
        return MIX_FAIL(MIX_EINPUT, "%s and %s: column %s is not the same in both", f->file->path,
                        to_path, why);
    return MIX_OK;
}

int mix_results_copy(struct mix_results *r, struct mix_results_file *f, int64_t first, int64_t n)
{
    int rc = MIX_OK;
    struct mix_results_schema to;
    const char *path;
    struct mix_results_block *b = NULL;
    int64_t step;

    mix_h5_quiet();
    mix_results_target(r, &to, &path);
    TRY(check_same(f, &to, path));
    MIX_CHECK(first >= 0 && n >= 0 && first <= f->entries && n <= f->entries - first,
              "entries %lld to %lld of %lld", (long long)first, (long long)(first + n),
              (long long)f->entries);
    for (int64_t at = first; at < first + n; at += step) {
        TRY(mix_results_step(f, at, first + n, &step));
        TRY(mix_results_read(f, at, step, &b));
        TRY(mix_results_append(r, b->entry, step, b->columns, NULL));
        mix_results_block_destroy(b);
        b = NULL;
    }
out:
    mix_results_block_destroy(b);
    return rc;
}

int mix_results_gather(struct mix_results *r, struct mix_results_file *const *files,
                       const struct mix_results_pick *pick, int64_t n)
{
    int rc = MIX_OK;
    int64_t run;

    for (int64_t i = 0; i < n; i += run) {
        /* Neighbours in one file are read together. */
        for (run = 1; i + run < n && pick[i + run].file == pick[i].file &&
                      pick[i + run].entry == pick[i].entry + run;)
            run++;
        TRY(mix_results_copy(r, files[pick[i].file], pick[i].entry, run));
    }
out:
    return rc;
}
