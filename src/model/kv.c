/* kv.c - one allocation, and where a layer lies in it. */
#include "model/kv.h"

#include "base/err.h"

int mix_kv_init(struct mix_kv_pages *kv, struct mix_dev *dev, int layers, int pages, int kv_heads,
                int head_dim, enum mix_dtype type)
{
    int rc = MIX_OK;
    struct mix_kv_pages made = {
        .dev = dev,
        .half =
            (size_t)pages * (size_t)kv_heads * (size_t)head_dim * MIX_PAGE * mix_dtype_size(type),
        .layers = layers,
        .shape = {.type = type, .kv_heads = kv_heads, .head_dim = head_dim},
    };

    TRY(mix_dev_alloc(dev, &made.memory, mix_kv_bytes(&made), "KV pages"));
    *kv = made;
out:
    return rc;
}

void mix_kv_fini(struct mix_kv_pages *kv)
{
    if (kv->dev)
        mix_dev_release(kv->dev, kv->memory);
    *kv = (struct mix_kv_pages){0};
}

size_t mix_kv_bytes(const struct mix_kv_pages *kv)
{
    return (size_t)kv->layers * 2 * kv->half;
}

struct mix_kv mix_kv_layer(const struct mix_kv_pages *kv, int layer)
{
    struct mix_kv at = kv->shape;

    at.keys = kv->memory + (size_t)layer * 2 * kv->half;
    at.values = (char *)at.keys + kv->half;
    return at;
}
