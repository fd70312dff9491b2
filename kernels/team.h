/* team.h - the rows of an operation, over the threads of a device.
 *
 * Rows are done in slices.  Small work stays on the calling thread, because waking
 * a team costs more than the work of a small step; the calling thread ticks after
 * each of its slices.  Not collective. */
#ifndef MIX_KERN_TEAM_H
#define MIX_KERN_TEAM_H

#include "dev/dev.h"

/* Does rows [first, last) of the operation that args describes. */
typedef void mix_rows_func(const void *args, long first, long last);

/* numbers: how many a row touches, which says how long it takes. */
void mix_team_rows(struct mix_dev *dev, long rows, double numbers, mix_rows_func *func,
                   const void *args);

#endif
