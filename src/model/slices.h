/* slices.h - parts of tensors, from a model's files or from a seed, in the type that is wanted.
 *
 * All reading of weights goes through mix_slices_read: whoever wants one reader a
 * byte range and node puts it behind this call.  Files are read in blocks that
 * begin and end at multiples of 8 MiB of the file, as striped file systems like it;
 * memory is one such block, whatever is read.
 *
 * Not collective: every rank reads its own slices. */
#ifndef MIX_MODEL_SLICES_H
#define MIX_MODEL_SLICES_H

#include "arch/tensors.h"
#include "base/dtype.h"

#include <stdbool.h>

struct mix_slices;

/* dummy: dir is not looked at, and numbers come from a seed. */
int mix_slices_open(struct mix_slices **s, const char *dir, bool dummy);
void mix_slices_close(struct mix_slices *s); /* NULL is allowed */

/* A part of a tensor along tensor->axis, row by row, to host memory, as type to (MIX_F32 or
 * MIX_BF16).  A tensor that is missing, of another shape or of a type that weights do not have is
 * MIX_EINPUT: file, tensor, expected, found. */
int mix_slices_read(struct mix_slices *s, const struct mix_tensor_spec *tensor,
                    struct mix_part part, void *dst, enum mix_dtype to);

#endif
