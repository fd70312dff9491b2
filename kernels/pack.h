/* pack.h - copy rows into another order.
 *
 *   y[i] = x[from[i]]        i in [0, rows)
 *
 * Tokens are gathered so that the rows of one expert lie together.  x and y do
 * not overlap. */
#ifndef MIX_KERN_PACK_H
#define MIX_KERN_PACK_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mix_dev;

struct mix_pack {
    void *y;             /* [rows][row_bytes] */
    const void *x;       /* [..][row_bytes] */
    const int32_t *from; /* [rows] */
    int rows;
    size_t row_bytes;
};

int mix_pack_cpu(struct mix_dev *dev, const struct mix_pack *a);

#ifdef __cplusplus
}
#endif
#endif
