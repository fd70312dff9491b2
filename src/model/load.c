/* load.c - from published tensors to this rank's packed slices.
 *
 * A weight is put together in host memory from the slices of the tensors that it is
 * made of (queries, keys and values; gate and up), in the operands' type, and handed
 * to the kernels, who pack it.  One buffer serves all, so that besides the weights
 * there is never more in memory than the largest slice. */
#include "base/err.h"
#include "base/mem.h"
#include "model/slices.h"
#include "model/weights.h"

#include <stdio.h>
#include <stdlib.h>

struct load {
    struct mix_slices *slices;
    struct mix_dev *dev;
    const struct mix_kernels *kern;
    const struct mix_arch *arch;
    const struct mix_share *share;
    enum mix_dtype type;
    char *host; /* the buffer */
    size_t room;
    char name[128]; /* of the tensor at hand */
};

/* ---- one weight */

static int make_room(struct load *l, size_t bytes)
{
    int rc = MIX_OK;

    if (bytes <= l->room)
        goto out;
    free(l->host);
    l->host = NULL;
    l->room = 0;
    TRY(mix_alloc_aligned(&l->host, bytes, "a weight on its way to the device"));
    l->room = bytes;
out:
    return rc;
}

static struct mix_part scaled(struct mix_part p, int by)
{
    return (struct mix_part){p.first * by, p.count * by};
}

static struct mix_part whole(int n)
{
    return (struct mix_part){0, n};
}

/* Slices, one below the other, as one packed weight.  names: of the tensors, in part's folder. */
static int load_matrix(struct load *l, struct mix_packed **packed, const char *folder,
                       const char *const *name, const struct mix_slice *part, int parts,
                       enum mix_dtype type)
{
    int rc = MIX_OK, rows = 0, columns = part[0].columns.count;
    size_t row = (size_t)columns * mix_dtype_size(type);

    for (int i = 0; i < parts; i++)
        rows += part[i].rows.count;
    TRY(make_room(l, (size_t)rows * row));
    rows = 0;
    for (int i = 0; i < parts; i++) {
        struct mix_slice slice = part[i];

        snprintf(l->name, sizeof l->name, "%s%s.weight", folder, name[i]);
        slice.name = l->name;
        TRY(mix_slices_read(l->slices, &slice, l->host + (size_t)rows * row, type));
        rows += slice.rows.count;
    }
    TRY(l->kern->product_pack(l->dev, packed, l->host, type, rows, columns));
out:
    return rc;
}

static int load_vector(struct load *l, float **vector, const char *folder, const char *name, int n)
{
    int rc = MIX_OK;
    size_t bytes = sizeof(float) * (size_t)n;
    struct mix_slice slice = {
        .name = l->name,
        .all_rows = 1,
        .all_columns = n,
        .vector = true,
        .rows = {0, 1},
        .columns = {0, n},
    };

    snprintf(l->name, sizeof l->name, "%s%s.weight", folder, name);
    TRY(make_room(l, bytes));
    TRY(mix_slices_read(l->slices, &slice, l->host, MIX_F32));
    TRY(mix_dev_alloc(l->dev, vector, bytes, "norms"));
    TRY(mix_dev_upload(l->dev, *vector, l->host, bytes));
out:
    return rc;
}

/* ---- one layer */

static int load_attention(struct load *l, struct mix_layer_weights *w, const char *folder)
{
    int rc = MIX_OK, hidden = l->arch->hidden, head_dim = l->arch->head_dim;
    struct mix_part heads = scaled(l->share->heads, head_dim);
    struct mix_part kv_heads = scaled(l->share->kv_heads, head_dim);
    int all = l->arch->heads * head_dim, all_kv = l->arch->kv_heads * head_dim;
    const char *const qkv_name[] = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"};
    const char *const o_name[] = {"self_attn.o_proj"};
    const struct mix_slice qkv[] = {
        {.all_rows = all, .all_columns = hidden, .rows = heads, .columns = whole(hidden)},
        {.all_rows = all_kv, .all_columns = hidden, .rows = kv_heads, .columns = whole(hidden)},
        {.all_rows = all_kv, .all_columns = hidden, .rows = kv_heads, .columns = whole(hidden)},
    };
    const struct mix_slice o = {
        .all_rows = hidden, .all_columns = all, .rows = whole(hidden), .columns = heads};

    TRY(load_vector(l, &w->attention_norm, folder, "input_layernorm", hidden));
    TRY(load_matrix(l, &w->qkv, folder, qkv_name, qkv, 3, l->type));
    TRY(load_vector(l, &w->q_norm, folder, "self_attn.q_norm", head_dim));
    TRY(load_vector(l, &w->k_norm, folder, "self_attn.k_norm", head_dim));
    TRY(load_matrix(l, &w->o, folder, o_name, &o, 1, l->type));
out:
    return rc;
}

/* One feed-forward block: inner is my part of its all inner dimensions. */
static int load_block(struct load *l, struct mix_layer_weights *w, int block, const char *folder,
                      struct mix_part inner, int all)
{
    int rc = MIX_OK, hidden = l->arch->hidden;
    const char *const in_name[] = {"gate_proj", "up_proj"}, *const out_name[] = {"down_proj"};
    const struct mix_slice in[] = {
        {.all_rows = all, .all_columns = hidden, .rows = inner, .columns = whole(hidden)},
        {.all_rows = all, .all_columns = hidden, .rows = inner, .columns = whole(hidden)},
    };
    const struct mix_slice out_of = {
        .all_rows = hidden, .all_columns = all, .rows = whole(hidden), .columns = inner};

    TRY(load_matrix(l, &w->gate_up[block], folder, in_name, in, 2, l->type));
    TRY(load_matrix(l, &w->down[block], folder, out_name, &out_of, 1, l->type));
out:
    return rc;
}

static int load_feed_forward(struct load *l, struct mix_layer_weights *w, int layer,
                             const char *folder)
{
    int rc = MIX_OK, hidden = l->arch->hidden, experts = l->arch->experts;
    bool moe = l->arch->moe[layer];
    char block_folder[100];
    const char *const router_name[] = {"mlp.gate"};
    const struct mix_slice router = {.all_rows = experts,
                                     .all_columns = hidden,
                                     .rows = whole(experts),
                                     .columns = whole(hidden)};

    w->blocks = moe ? experts : 1;
    TRY(mix_calloc(&w->gate_up, (size_t)w->blocks, sizeof *w->gate_up, "a layer"));
    TRY(mix_calloc(&w->down, (size_t)w->blocks, sizeof *w->down, "a layer"));
    TRY(load_vector(l, &w->block_norm, folder, "post_attention_layernorm", hidden));
    if (moe)
        TRY(load_matrix(l, &w->router, folder, router_name, &router, 1, MIX_F32));
    for (int b = 0; b < w->blocks; b++) {
        if (moe)
            snprintf(block_folder, sizeof block_folder, "%smlp.experts.%d.", folder, b);
        else
            snprintf(block_folder, sizeof block_folder, "%smlp.", folder);
        TRY(load_block(l, w, b, block_folder, moe ? l->share->moe_inner : l->share->inner,
                       moe ? l->arch->moe_inner : l->arch->inner));
    }
out:
    return rc;
}

/* ---- all of it */

/* The embedding's rows are looked up, so it stays as it is. */
static int load_embedding(struct load *l, void **embedding)
{
    int rc = MIX_OK, hidden = l->arch->hidden;
    struct mix_slice slice = {.name = "model.embed_tokens.weight",
                              .all_rows = l->arch->vocab,
                              .all_columns = hidden,
                              .rows = l->share->vocab,
                              .columns = whole(hidden)};
    size_t bytes = (size_t)slice.rows.count * (size_t)hidden * mix_dtype_size(l->type);

    TRY(make_room(l, bytes));
    TRY(mix_slices_read(l->slices, &slice, l->host, l->type));
    TRY(mix_dev_alloc(l->dev, embedding, bytes, "the embedding"));
    TRY(mix_dev_upload(l->dev, *embedding, l->host, bytes));
out:
    return rc;
}

static int load_all(struct load *l, struct mix_weights *w)
{
    int rc = MIX_OK, hidden = l->arch->hidden;
    const char *const head_name[] = {l->arch->tied ? "model.embed_tokens" : "lm_head"};
    const struct mix_slice head = {.all_rows = l->arch->vocab,
                                   .all_columns = hidden,
                                   .rows = l->share->vocab,
                                   .columns = whole(hidden)};
    char folder[64];

    TRY(load_embedding(l, &w->embedding));
    TRY(mix_calloc(&w->layer, (size_t)l->arch->layers, sizeof *w->layer, "layers"));
    w->layers = l->arch->layers;
    for (int i = 0; i < w->layers; i++) {
        snprintf(folder, sizeof folder, "model.layers.%d.", i);
        TRY(load_attention(l, &w->layer[i], folder));
        TRY(load_feed_forward(l, &w->layer[i], i, folder));
    }
    TRY(load_vector(l, &w->norm, "model.", "norm", hidden));
    TRY(load_matrix(l, &w->head, "", head_name, &head, 1, l->type));
out:
    return rc;
}

int mix_weights_load(struct mix_weights *out, struct mix_dev *dev,
                     const struct mix_weights_source *source)
{
    int rc = MIX_OK;
    struct mix_weights w = {.dev = dev};
    struct load l = {
        .dev = dev,
        .kern = mix_kernels_of(dev),
        .arch = source->arch,
        .share = source->share,
        .type = source->type,
    };

    TRY(mix_slices_open(&l.slices, source->dir, source->dummy));
    TRY(load_all(&l, &w));
    *out = w;
    w = (struct mix_weights){0};
out:
    mix_weights_fini(&w);
    mix_slices_close(l.slices);
    free(l.host);
    return rc;
}
