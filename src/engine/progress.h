/* progress.h - what a person sees while a job runs.
 *
 * On a terminal one live line; elsewhere a full line every few seconds, the pause
 * growing from 5 to 60 s, also when nothing has ended (a heartbeat).  Rates are
 * over the time since the last line; the ETA is from rows ended in this run.
 *
 * Rank 0 only; not collective. */
#ifndef MIX_ENGINE_PROGRESS_H
#define MIX_ENGINE_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

/* Counters of one replica, or the sum of several. */
struct mix_counts {
    int64_t rows, failed;          /* ended; of these with an error */
    int64_t tokens_in, tokens_out; /* prompt tokens computed, tokens drawn */
    int64_t running, waiting;      /* sequences */
    int64_t pages_used, pages;     /* KV */
};

void mix_counts_add(struct mix_counts *sum, const struct mix_counts *c);
/* As the six values of a letter (letters.h), and back. */
void mix_counts_pack(int64_t value[6], const struct mix_counts *c);
void mix_counts_unpack(struct mix_counts *c, const int64_t value[6]);

struct mix_progress;

/* rows: of the input.  done_before: sealed by earlier attempts. */
int mix_progress_open(struct mix_progress **p, int64_t rows, int64_t done_before, bool quiet);
void mix_progress_close(struct mix_progress *p); /* NULL is allowed; ends a live line */

int64_t mix_progress_rows(const struct mix_progress *p);
int64_t mix_progress_done_before(const struct mix_progress *p);

/* The job's counters now; prints when it is time. */
void mix_progress_update(struct mix_progress *p, const struct mix_counts *all);
struct mix_counts mix_progress_counts(const struct mix_progress *p); /* the last ones */

#endif
