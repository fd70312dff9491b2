/* experts.h - run the local experts on rows that lie here and there, a chunk at a time.
 *
 * Rows are sorted by expert; their results go back to the order in which rows are
 * given, or stay for who reads them next.  Chunks keep the buffers small: those of a
 * chunk, whatever comes.  Not collective. */
#ifndef MIX_EXCHANGE_EXPERTS_H
#define MIX_EXCHANGE_EXPERTS_H

#include "exchange/exchange_private.h"

struct mix_experts;

/* max_rows: of one call of run, which goes in chunks of at most the exchange's config.max_rows. */
int mix_experts_open(struct mix_experts **x, const struct mix_exchange *e, int max_rows);
void mix_experts_close(struct mix_experts *x); /* NULL is allowed */

struct mix_experts_rows {  /* host */
    const int32_t *expert; /* [rows] the local expert of each, or -1 */
    const void *const *at; /* [rows] device addresses, type */
    int rows;
};

/* The result of row i goes to y[i], y_type [rows][hidden]. */
int mix_experts_run(struct mix_experts *x, struct mix_exchange *e,
                    const struct mix_experts_rows *rows, void *y, enum mix_dtype y_type);

/* For who sums results next: those of one chunk stay where experts wrote them, others go to room,
 * fp32 [rows][hidden].  *y: where; row[n], numbers of rows or -1, become those of their results in
 * it.  Good until the next run. */
int mix_experts_keep(struct mix_experts *x, struct mix_exchange *e,
                     const struct mix_experts_rows *rows, float *room, int32_t *row, size_t n,
                     const float **y);

/* After run or keep: wait until the time that experts are given (pace.h) is over. */
void mix_experts_pace(const struct mix_experts *x, struct mix_exchange *e);

#endif
