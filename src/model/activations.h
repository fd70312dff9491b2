/* activations.h - every buffer that a step needs, in one allocation.
 *
 * Sizes come from the plan: T tokens of a step, N sequences, O tokens that one rank
 * owns at most (T / tp, rounded up).  What only one kind of block uses shares its
 * place with the other kinds'.  Not collective. */
#ifndef MIX_MODEL_ACTIVATIONS_H
#define MIX_MODEL_ACTIVATIONS_H

#include "arch/arch.h"
#include "dev/dev.h"
#include "model/share.h"
#include "plan/plan.h"

#include <stdint.h>

/* Device memory unless said otherwise; "type" is the operands' type. */
struct mix_activations {
    struct mix_dev *dev; /* borrowed */
    void *memory;
    size_t bytes;
    int tokens, owned, seqs, table; /* T, O, N, page numbers of a step at most */
    int head_rows;                  /* H: rows that the head takes at a time */
    int routed;                     /* R: rows that experts take at a time */

    /* the step, as the kernels want it */
    int32_t *id;       /* [T] */
    int32_t *position; /* [T] */
    int32_t *first;    /* [N + 1] */
    int32_t *page;     /* [table] */
    int32_t *from;     /* [T] rows to gather */

    /* between blocks */
    float *x;       /* [O][hidden] the residual stream of the tokens that I own */
    void *normed;   /* [T][hidden] type: all tokens, normed */
    float *partial; /* [T][hidden] my part of a block's result, for all tokens */
    float *room;    /* [tp - 1][O][hidden] what comes from others */

    /* attention */
    float *qkv;    /* [T][heads + 2 kv_heads][head_dim] */
    float *q;      /* [T][heads][head_dim] */
    void *context; /* [T][heads][head_dim] type */
    void *scratch; /* of the attention kernel */

    /* a feed-forward block: of dense layers T rows of inner, of experts R rows of moe_inner */
    float *gate_up;    /* [rows][2 inner] */
    void *inner;       /* [rows][inner] type */
    float *normed_f32; /* [O][hidden] */
    float *router;     /* [O][experts] */
    int32_t *expert;   /* [O][top_k] */
    float *weight;     /* [O][top_k] */

    /* the head */
    float *sampled;    /* [H][hidden] rows whose logits are wanted */
    void *head_normed; /* [H][hidden] type */
    float *slice;      /* [H][my vocabulary] */
    float *logits;     /* [H rows, or O if fewer][vocab], by the rank that it came from; tp > 1 */
};

int mix_activations_init(struct mix_activations *a, struct mix_dev *dev,
                         const struct mix_arch *arch, const struct mix_plan *plan,
                         const struct mix_share *share);
void mix_activations_fini(struct mix_activations *a); /* {0} is allowed */

#endif
