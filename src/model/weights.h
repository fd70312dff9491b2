/* weights.h - this rank's slices of the weights, ready for products.
 *
 * Matrices are packed in the operands' type ("type"), norms and the router are
 * fp32.  Letters: H hidden, D head_dim, h and kv my heads, V my vocabulary, I my
 * part of the inner dimension.  load.c fills them.  Not collective. */
#ifndef MIX_MODEL_WEIGHTS_H
#define MIX_MODEL_WEIGHTS_H

#include "arch/arch.h"
#include "dev/dev.h"
#include "kernels/kernels.h"
#include "model/share.h"
#include "plan/homes.h"

#include <stdbool.h>
#include <stdint.h>

/* Feed-forward weights: one block in a dense layer, one per local expert in the others. */
struct mix_layer_weights {
    float *attention_norm;       /* [H] */
    struct mix_packed *qkv;      /* [(h + 2 kv) D][H] queries, keys, values */
    float *q_norm, *k_norm;      /* [D] */
    struct mix_packed *o;        /* [H][h D] */
    float *block_norm;           /* [H] */
    struct mix_packed *router;   /* [experts][H] fp32; NULL in a dense layer */
    int blocks;                  /* 1, or how many experts are at home here; may be 0 */
    struct mix_packed **gate_up; /* [blocks], each [2 I][H]: gate, up */
    struct mix_packed **down;    /* [blocks], each [H][I] */
};

struct mix_weights {
    struct mix_dev *dev; /* borrowed */
    void *embedding;     /* [V][H] type */
    int layers;
    struct mix_layer_weights *layer; /* [layers] */
    float *norm;                     /* [H] */
    struct mix_packed *head;         /* [V][H] */
    int64_t bytes_read;              /* from files, by this rank */
};

/* Where weights come from: a model's folder, or numbers from a seed. */
struct mix_weights_source {
    const char *dir;
    bool dummy;
    const struct mix_arch *arch;
    const struct mix_share *share;
    const struct mix_plan *plan;
    const struct mix_homes *homes; /* of the experts of every layer */
    enum mix_dtype type;           /* of operands */
    struct mix_comm *comm;         /* for the ranks of my host, who read together */
};

/* Load all slices of this rank; collective on the ranks of the host.  Besides the weights it holds
 * one slice of one tensor in host memory at a time. */
int mix_weights_load(struct mix_weights *w, struct mix_dev *dev,
                     const struct mix_weights_source *source);
void mix_weights_fini(struct mix_weights *w); /* {0} is allowed */

#endif
