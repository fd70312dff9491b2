/* slices.h - parts of tensors, from a model's files or from a seed, in the type that is wanted.
 *
 * The ranks of a host read a file together: each byte is read by one of them, in
 * blocks that begin and end at multiples of 8 MiB of the file, as striped file
 * systems like it, and handed on through a window of shared memory, from which
 * everybody keeps what is his.  So a host reads every tensor once, whatever the
 * layout; memory is two blocks a rank.
 *
 * Collective on the ranks of the host: they make the same calls for the same
 * tensors, each with its own part, which may be empty. */
#ifndef MIX_MODEL_SLICES_H
#define MIX_MODEL_SLICES_H

#include "arch/tensors.h"
#include "base/dtype.h"
#include "comm/comm.h"

#include <stdbool.h>

struct mix_slices;

/* dummy: dir is not looked at, and numbers come from a seed.  comm NULL: read alone. */
int mix_slices_open(struct mix_slices **s, const char *dir, bool dummy, struct mix_comm *comm);
void mix_slices_close(struct mix_slices *s); /* NULL is allowed */

/* Bytes that this rank has read from files so far. */
int64_t mix_slices_bytes_read(const struct mix_slices *s);

/* A part of a tensor along tensor->axis, row by row, to host memory, as type to (MIX_F32 or
 * MIX_BF16).  A tensor that is missing, of another shape or of a type that weights do not have is
 * MIX_EINPUT: file, tensor, expected, found. */
int mix_slices_read(struct mix_slices *s, const struct mix_tensor_spec *tensor,
                    struct mix_part part, void *dst, enum mix_dtype to);

#endif
