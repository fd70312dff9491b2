/* kv.h - the KV pages of all layers of this rank.
 *
 * Which pages are whose is engine/pages.h; here are the bytes, laid out as in
 * kernels/pages.h, for the kv heads of this rank.  One page number means one page
 * in every layer.  Not collective. */
#ifndef MIX_MODEL_KV_H
#define MIX_MODEL_KV_H

#include "dev/dev.h"
#include "kernels/pages.h"

#include <stddef.h>

struct mix_kv_pages {
    struct mix_dev *dev; /* borrowed */
    char *memory;        /* device, [layers][keys, values][pages] */
    size_t half;         /* bytes of one layer's keys, or of its values */
    int layers;
    struct mix_kv shape; /* without pointers */
};

int mix_kv_init(struct mix_kv_pages *kv, struct mix_dev *dev, int layers, int pages, int kv_heads,
                int head_dim, enum mix_dtype type);
void mix_kv_fini(struct mix_kv_pages *kv); /* {0} is allowed */

size_t mix_kv_bytes(const struct mix_kv_pages *kv);
struct mix_kv mix_kv_layer(const struct mix_kv_pages *kv, int layer); /* borrowed pointers */

#endif
