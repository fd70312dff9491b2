/* results_open.h - an open result file, seen by the sources that read it. */
#ifndef MIX_IO_RESULTS_OPEN_H
#define MIX_IO_RESULTS_OPEN_H

#include "io/columns_h5.h"
#include "io/results_form.h"

struct mix_results_file {
    struct mix_h5 *file;
    int64_t entries;
    uint64_t sum; /* of /results, as the file says */
    struct mix_h5set set[MIX_RESULTS_SETS];
    struct mix_columns *columns;
    struct mix_h5set *column; /* one a column */
    size_t column_room;
};

/* An attribute of one number; one that is absent is MIX_EINPUT: the file was never finished. */
int mix_results_get_number(struct mix_results_file *f, const char *group, const char *name,
                           hid_t memory, void *value);

enum {
    MIX_RESULTS_STEP = 256,            /* entries read at a time when a whole file is walked ... */
    MIX_RESULTS_STEP_TOKENS = 1 << 20, /* ... fewer if they have more tokens than this */
};

/* How many entries from first on, before last, to read at a time: at least 1. */
int mix_results_step(struct mix_results_file *f, int64_t first, int64_t last, int64_t *n);

/* What a file that is being written can hold, and where it is; both borrowed. */
void mix_results_target(const struct mix_results *results, struct mix_results_schema *schema,
                        const char **path);

#endif
