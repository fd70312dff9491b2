/* filing.h - a small job for tests of the filing half of the engine, without a model.
 *
 * Prompts, some of them bad, are made by the row number; the "model" answers a row by
 * a function of its prompt alone; a job is driven as leaders drive it, in one process or
 * in several.  What a result file must hold is written down independently of the code
 * under test, as text. */
#ifndef MIX_TESTS_FILING_H
#define MIX_TESTS_FILING_H

#include "base/str.h"
#include "engine/job.h"
#include "engine/rows.h"
#include "engine/store.h"

#include <stdbool.h>
#include <stdint.h>

enum { FILING_VOCAB = 257, FILING_LEN = 40 };

/* A scratch folder with a model in it, of which there is only a tokenizer: one token a byte, ! to ~
 * from 0 on, a blank 94, <end> 95. */
void filing_begin(void);
void filing_end(void);
/* The path of a name in that folder; good until the 256th call from now. */
const char *filing_path(const char *name);

/* The file of that name with so many rows, as text; changed: this row is another one (-1: none).
 */
void filing_prompts(const char *name, int64_t rows, int64_t changed);

struct mix_row_rules filing_rules(void);

/* The identity of the job of one name from another; good as long as the paths. */
struct mix_job_identity filing_identity(const char *output, const char *input, int64_t rows);
struct mix_plan filing_plan(int ranks);

/* The answer to a runnable row; tokens has room for FILING_LEN. */
struct mix_answer filing_answer(const struct mix_row *row, int32_t tokens[FILING_LEN]);

/* Have everything sealed, and wait for it. */
int filing_seal(struct mix_store *store);

/* How a leader works. */
struct filing_pace {
    int ahead;      /* shards fetched at a time; above 1 before the last are done */
    int seal_every; /* sealed after so many answers; 0: never before the end */
    int stop_after; /* stop, sealed, after so many answers; 0: never */
    uint32_t order; /* in which order rows are answered: a seed */
};

/* Run these claims to their end (or to the stop) through a store of this leader.  stats (may be
 * NULL) says after each sealing what is sealed. */
int filing_lead(const struct mix_store_config *config, const struct filing_pace *pace,
                const struct mix_claim *claim, int claims, struct mix_store_stats *stats);

struct mix_store_config filing_store(const struct mix_job *job, const char *input, int leader);

/* Open the job, run what is to do by one leader with claims for so many replicas, merge. */
int filing_run(const struct mix_job_identity *id, int replicas, const struct filing_pace *pace);

/* The entries of a result file as text, one line each. */
int filing_dump(const char *path, struct mix_str *out);
/* What the dump of all rows has to be. */
void filing_expect(int64_t rows, int64_t changed, struct mix_str *out);

#endif
