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

#include <stdlib.h>
#include <string.h>

struct load {
    struct mix_slices *slices;
    struct mix_dev *dev;
    const struct mix_kernels *kern;
    const struct mix_arch *arch;
    const struct mix_share *share;
    const struct mix_homes *homes;
    int ep_i;
    bool *read; /* [ep] is some rank of this host that home?  Only these experts are read */
    enum mix_dtype type;
    char *host; /* the buffer */
    size_t room;
    int layer, block; /* at hand: of a layer with experts, block is the expert */
    bool elsewhere;   /* the expert is not at home here: the others of the host read it */
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

/* One below the other, my slices of these tensors of the layer and block at hand, in the buffer:
 * [*rows][*columns]. */
static int read_slices(struct load *l, const enum mix_tensor_role *role, int roles,
                       enum mix_dtype type, int *rows, int *columns)
{
    int rc = MIX_OK;
    struct mix_tensor_spec t[3];
    struct mix_part part[3];
    size_t at = 0;

    *rows = 0;
    for (int i = 0; i < roles; i++) {
        MIX_CHECK(mix_tensors_get(l->arch, role[i], false, l->layer, l->block, &t[i]),
                  "layer %d has no tensor of role %d", l->layer, (int)role[i]);
        part[i] = t[i].split == MIX_SPLIT_EXPERT
                      ? mix_tensors_part(l->arch, &t[i], l->share->etp, l->share->etp_i)
                      : mix_tensors_part(l->arch, &t[i], l->share->tp, l->share->tp_i);
        if (l->elsewhere)
            part[i].count = 0;
        *rows += t[i].axis == 0 ? part[i].count : t[i].shape[0];
        *columns = t[i].rank == 1 ? 1 : t[i].axis == 1 ? part[i].count : t[i].shape[1];
    }
    if (!l->elsewhere)
        TRY(make_room(l, (size_t)*rows * (size_t)*columns * mix_dtype_size(type)));
    for (int i = 0; i < roles; i++) {
        int count = t[i].axis == 0 ? part[i].count : t[i].shape[0];

        TRY(mix_slices_read(l->slices, &t[i], part[i], l->host + at, type));
        at += (size_t)count * (size_t)*columns * mix_dtype_size(type);
    }
out:
    return rc;
}

static int load_matrix(struct load *l, struct mix_packed **packed, const enum mix_tensor_role *role,
                       int roles, enum mix_dtype type)
{
    int rc = MIX_OK, rows = 0, columns = 0;

    TRY(read_slices(l, role, roles, type, &rows, &columns));
    if (l->elsewhere)
        goto out;
    TRY(l->kern->product_pack(l->dev, packed, l->host, type, rows, columns));
out:
    return rc;
}

/* A tensor as it is, *plain its device memory: a norm, or the embedding, whose rows are looked up.
 */
static int load_plain(struct load *l, void *plain, enum mix_tensor_role role, enum mix_dtype type,
                      const char *what)
{
    int rc = MIX_OK, rows = 0, columns = 0;
    void *p = NULL;
    size_t bytes;

    TRY(read_slices(l, &role, 1, type, &rows, &columns));
    bytes = (size_t)rows * (size_t)columns * mix_dtype_size(type);
    TRY(mix_dev_alloc(l->dev, plain, bytes, what));
    memcpy(&p, plain, sizeof p);
    TRY(mix_dev_upload(l->dev, p, l->host, bytes));
out:
    return rc;
}

/* ---- one layer */

static int load_attention(struct load *l, struct mix_layer_weights *w)
{
    int rc = MIX_OK;
    static const enum mix_tensor_role qkv[] = {MIX_Q, MIX_K, MIX_V}, o[] = {MIX_O};

    TRY(load_plain(l, &w->attention_norm, MIX_ATTN_NORM, MIX_F32, "norms"));
    TRY(load_matrix(l, &w->qkv, qkv, 3, l->type));
    TRY(load_plain(l, &w->q_norm, MIX_Q_NORM, MIX_F32, "norms"));
    TRY(load_plain(l, &w->k_norm, MIX_K_NORM, MIX_F32, "norms"));
    TRY(load_matrix(l, &w->o, o, 1, l->type));
out:
    return rc;
}

/* Does any rank of this host hold the expert at hand? */
static bool wanted(const struct load *l)
{
    for (int home = 0; home < l->homes->ep; home++)
        if (l->read[home] && mix_homes_at(l->homes, l->layer, l->block, home))
            return true;
    return false;
}

/* All experts in turn, by all ranks of the host: mine are kept. */
static int load_experts(struct load *l, struct mix_layer_weights *w)
{
    int rc = MIX_OK, at = 0;
    static const enum mix_tensor_role in[] = {MIX_EXPERT_GATE, MIX_EXPERT_UP};
    static const enum mix_tensor_role out_of[] = {MIX_EXPERT_DOWN};
    struct mix_packed *none;

    for (l->block = 0; l->block < l->arch->experts; l->block++) {
        if (!wanted(l))
            continue;
        l->elsewhere = !mix_homes_at(l->homes, l->layer, l->block, l->ep_i);
        TRY(load_matrix(l, l->elsewhere ? &none : &w->gate_up[at], in, 2, l->type));
        TRY(load_matrix(l, l->elsewhere ? &none : &w->down[at], out_of, 1, l->type));
        at += !l->elsewhere;
    }
    l->elsewhere = false;
out:
    return rc;
}

static int load_feed_forward(struct load *l, struct mix_layer_weights *w)
{
    int rc = MIX_OK;
    static const enum mix_tensor_role router[] = {MIX_ROUTER};
    static const enum mix_tensor_role dense_in[] = {MIX_GATE, MIX_UP}, dense_out[] = {MIX_DOWN};
    bool moe = l->arch->moe[l->layer];

    w->blocks = moe ? mix_homes_local(l->homes, l->layer, l->ep_i, NULL) : 1;
    TRY(mix_calloc(&w->gate_up, (size_t)w->blocks, sizeof *w->gate_up, "a layer"));
    TRY(mix_calloc(&w->down, (size_t)w->blocks, sizeof *w->down, "a layer"));
    TRY(load_plain(l, &w->block_norm, MIX_FFN_NORM, MIX_F32, "norms"));
    if (moe) {
        TRY(load_matrix(l, &w->router, router, 1, MIX_F32));
        TRY(load_experts(l, w));
        goto out;
    }
    l->block = 0;
    TRY(load_matrix(l, &w->gate_up[0], dense_in, 2, l->type));
    TRY(load_matrix(l, &w->down[0], dense_out, 1, l->type));
out:
    return rc;
}

/* ---- all of it */

/* Who I am, and which homes the ranks of my host are. */
static int look_at_host(struct load *l, const struct mix_weights_source *s)
{
    int rc = MIX_OK, me = s->comm ? mix_comm_rank(s->comm) : 0;

    l->ep_i = mix_plan_place(s->plan, me).ep_i;
    TRY(mix_calloc(&l->read, (size_t)s->plan->ep, sizeof *l->read, "a layer"));
    for (int r = 0; r < s->plan->world; r++)
        if (r == me || (s->comm && mix_comm_host_shared(s->comm, r)))
            l->read[mix_plan_place(s->plan, r).ep_i] = true;
out:
    return rc;
}

/* Embedding and head; when they are tied they are one tensor, read once. */
static int load_vocabulary(struct load *l, struct mix_weights *w)
{
    int rc = MIX_OK;
    static const enum mix_tensor_role head[] = {MIX_HEAD};
    struct mix_part mine = mix_split(l->arch->vocab, l->share->tp, l->share->tp_i);

    TRY(load_plain(l, &w->embedding, MIX_EMBED, l->type, "the embedding"));
    if (l->arch->tied) /* it is in the buffer still */
        TRY(l->kern->product_pack(l->dev, &w->head, l->host, l->type, mine.count, l->arch->hidden));
    else
        TRY(load_matrix(l, &w->head, head, 1, l->type));
out:
    return rc;
}

static int load_all(struct load *l, struct mix_weights *w)
{
    int rc = MIX_OK;

    TRY(load_vocabulary(l, w));
    TRY(mix_calloc(&w->layer, (size_t)l->arch->layers, sizeof *w->layer, "layers"));
    w->layers = l->arch->layers;
    for (l->layer = 0; l->layer < w->layers; l->layer++) {
        TRY(load_attention(l, &w->layer[l->layer]));
        TRY(load_feed_forward(l, &w->layer[l->layer]));
    }
    TRY(load_plain(l, &w->norm, MIX_LAST_NORM, MIX_F32, "norms"));
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
        .homes = source->homes,
        .type = source->type,
    };

    TRY(look_at_host(&l, source));
    TRY(mix_slices_open(&l.slices, source->dir, source->dummy, source->comm));
    TRY(load_all(&l, &w));
    w.bytes_read = mix_slices_bytes_read(l.slices);
    *out = w;
    w = (struct mix_weights){0};
out:
    mix_weights_fini(&w);
    mix_slices_close(l.slices);
    free(l.read);
    free(l.host);
    return rc;
}
