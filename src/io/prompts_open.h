/* prompts_open.h - an open input file, seen by the sources that read it. */
#ifndef MIX_IO_PROMPTS_OPEN_H
#define MIX_IO_PROMPTS_OPEN_H

#include "io/columns_h5.h"
#include "io/h5set.h"
#include "io/prompts.h"

struct mix_prompts {
    struct mix_h5 *file;
    enum mix_prompt_kind kind;
    int64_t rows;
    struct mix_h5set body;               /* text, messages or tokens */
    struct mix_h5set offsets, custom_id; /* .file is NULL where there is none */
    const char *const *param_name;
    int params;
    struct mix_h5set *param; /* [params], .file is NULL where there is none */
    struct mix_columns *columns;
    struct mix_h5set *column; /* one a column */
    size_t column_room;
};

/* Is this the name of a dataset of the results, now or to come, so that no column may have it? */
bool mix_prompts_name_taken(const char *name);

#endif
