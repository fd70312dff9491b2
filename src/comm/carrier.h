/* carrier.h - blocks of bytes from everybody to everybody, read in place where memory is shared.
 *
 * A member fills its own buffer (out), says which part of it is for whom, and gets
 * to see what the others have for it.  Inside a host the buffers lie in a window and
 * the blocks are read where they are; elsewhere they travel as messages into a
 * buffer of the receiver's.  The same block may be for several members.
 *
 *   begin   post my blocks; everybody knows how many bytes come from whom
 *   end     wait; from[i] is where member i's block for me lies
 *
 * Blocks stay valid until the next begin.  With a window that holds only if no member
 * begins anew before the others have done reading: so two carriers of a group are used
 * in turns (there and back), each end telling that the other's blocks have been read.
 *
 * open, begin, end and close are collective on the group.  begin and end allocate
 * nothing. */
#ifndef MIX_COMM_CARRIER_H
#define MIX_COMM_CARRIER_H

#include "comm/comm.h"

#include <stddef.h>

struct mix_carrier;

/* out_bytes: of my own buffer; in_bytes: of all blocks from others together, at most.  Both the
 * same on every member.  Too little shared memory is MIX_EFIT. */
int mix_carrier_open(struct mix_carrier **c, struct mix_group *g, size_t out_bytes,
                     size_t in_bytes);         /* borrows g */
void mix_carrier_close(struct mix_carrier *c); /* NULL is allowed */
size_t mix_carrier_bytes(const struct mix_group *g, size_t out_bytes,
                         size_t in_bytes); /* that open takes on this rank */

void *mix_carrier_out(struct mix_carrier *c); /* [out_bytes], aligned to 64; mine to fill */

/* out + at[i], bytes[i] are for member i; from member i come expected[i].  [size] each, copied. */
int mix_carrier_begin(struct mix_carrier *c, const size_t *at, const size_t *bytes,
                      const size_t *expected);
/* what names the movement in the line about a stall.  from [size], also my own block to myself. */
int mix_carrier_end(struct mix_carrier *c, const char *what, const void **from);

#endif
