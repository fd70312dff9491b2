/* pack.h - copy rows into another order, and into another type.
 *
 *   y[to[i]] = x[from[i]]   or   *at[i]        i in [0, rows)
 *
 * Tokens are gathered so that the rows of one expert lie together, and what lies in
 * several places is brought into one.  From fp32 to bf16 numbers are rounded to nearest,
 * ties to even.  x and y do not overlap; no two rows have the same place. */
#ifndef MIX_KERN_PACK_H
#define MIX_KERN_PACK_H

#include "base/dtype.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mix_dev;

struct mix_pack {
    void *y;                       /* [..][dim] y_type */
    const void *x;                 /* [..][dim] x_type; not looked at if there is at */
    const int32_t *from;           /* [rows]; NULL: row i is x[i] */
    const void *const *at;         /* [rows] where each row lies, or NULL */
    const int32_t *to;             /* [rows]; NULL: row i goes to y[i] */
    enum mix_dtype y_type, x_type; /* MIX_F32 or MIX_BF16 */
    int rows, dim;
};

int mix_pack_cpu(struct mix_dev *dev, const struct mix_pack *a);

#ifdef __cplusplus
}
#endif
#endif
