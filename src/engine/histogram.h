/* histogram.h - the lengths of a job's rows, for the planner.
 *
 * Every row of a file of up to a million rows and 256 MiB of prompts; of a larger one
 * evenly spaced blocks of rows that are together as large, so that the time is bounded
 * whatever the file.  Ids are counted; texts are measured in bytes and divided by the
 * bytes of a token, which a few texts say that are tokenised (4 without a tokenizer).
 * An answer is as long as its row's max_tokens; where there is no limit, 512 are
 * assumed and the lengths say so.  Rows that cannot be run are counted apart.
 *
 * The same file gives the same lengths.  One thread at a time, over all HDF5 files of
 * the process; not collective. */
#ifndef MIX_ENGINE_HISTOGRAM_H
#define MIX_ENGINE_HISTOGRAM_H

#include "plan/workload.h"

/* max_tokens: of rows that have none of their own, -1: no limit.  dir: a model's folder, which may
 * have a tokenizer.json.  MIX_EINPUT as mix_input_open. */
int mix_histogram_read(struct mix_lengths *l, const char *path, const char *dir, int64_t max_tokens,
                       int64_t max_model_len);

#endif
