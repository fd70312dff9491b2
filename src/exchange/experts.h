/* experts.h - run the local experts on rows that lie here and there, a chunk at a time.
 *
 * Rows are sorted by expert; the result of row i goes to its own place in another
 * order.  Chunks keep the buffers small: those of a chunk, whatever comes.  Not
 * collective. */
#ifndef MIX_EXCHANGE_EXPERTS_H
#define MIX_EXCHANGE_EXPERTS_H

#include "exchange/exchange_private.h"

struct mix_experts;

/* max_rows: of one call of run, which goes in chunks of at most the exchange's config.max_rows. */
int mix_experts_open(struct mix_experts **x, const struct mix_exchange *e, int max_rows);
void mix_experts_close(struct mix_experts *x); /* NULL is allowed */

/* Row i lies at at[i] (host array of device addresses, type) and is for local expert[i], or -1; its
 * result goes to y[i], y_type [rows][hidden]. */
int mix_experts_run(struct mix_experts *x, struct mix_exchange *e, const int32_t *expert,
                    const void *const *at, int rows, void *y, enum mix_dtype y_type);

/* The same, and not before the time that experts are given (pace.h) is over. */
int mix_experts_run_paced(struct mix_experts *x, struct mix_exchange *e, const int32_t *expert,
                          const void *const *at, int rows, void *y, enum mix_dtype y_type);

#endif
