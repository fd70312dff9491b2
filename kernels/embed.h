/* embed.h - rows of the embedding table.
 *
 *   y[t][c] = table[id[t] - first][c]     where first <= id[t] < first + rows
 *   y[t][c] = 0                           elsewhere: another rank has that row
 *
 * tokens may be 0. */
#ifndef MIX_KERN_EMBED_H
#define MIX_KERN_EMBED_H

#include "base/dtype.h"

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct mix_dev;

struct mix_embed {
    float *y;          /* [tokens][dim] */
    const void *table; /* [rows][dim], type */
    const int32_t *id; /* [tokens] */
    enum mix_dtype type;
    int tokens, dim;
    int first, rows; /* the slice of the vocabulary in table */
};

int mix_embed_cpu(struct mix_dev *dev, const struct mix_embed *a);

#ifdef __cplusplus
}
#endif
#endif
