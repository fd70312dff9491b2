/* state.h - what a model is made of, for the files of this folder. */
#ifndef MIX_MODEL_STATE_H
#define MIX_MODEL_STATE_H

#include "exchange/exchange.h"
#include "exchange/owners.h"
#include "kernels/kernels.h"
#include "model/activations.h"
#include "model/kv.h"
#include "model/model.h"
#include "model/share.h"
#include "model/weights.h"

struct mix_model {
    const struct mix_arch *arch; /* these are borrowed */
    const struct mix_plan *plan;
    struct mix_dev *dev;
    const struct mix_kernels *kern;

    struct mix_share share;
    enum mix_dtype type; /* of operands */
    int64_t bytes_weights;
    struct mix_weights weights;
    struct mix_kv_pages kv;
    float *cos_sin; /* device, [max_model_len][head_dim / 2][2] */
    struct mix_activations act;

    struct mix_group *replica; /* the tp ranks */
    struct mix_owners *owners; /* of a step's tokens, over the replica */
    struct mix_group *coupled; /* the ranks that step together */
    struct mix_group *copy;    /* etp x ep: the ranks that hold one copy of the experts */
    struct mix_homes identity; /* if the caller has no other homes */
    const struct mix_homes *homes;
    struct mix_exchange *exchange; /* over the copy; NULL if no layer has experts */
    int *tokens;                   /* [tp] of the step, by owner */
    int *copy_tokens;              /* [etp ep] likewise, in the copy */
    int together;                  /* the sum of these */
    size_t *send_at, *send_bytes;  /* [tp] of the embedding and the head */
    size_t *recv_at, *recv_bytes;  /* [tp] */
    int32_t *pick, *from;          /* [T] host: ids that I look up; rows to gather */

    const struct mix_step *step; /* the one that runs */
    struct mix_model_times times;
    double mark, waited, moved; /* the clock and the owners' times when last charged */
};

/* ---- the parts of mix_model_forward, in its order; all collective on the replica */

int mix_step_begin(struct mix_model *m, const struct mix_step *step); /* check, upload, owners */
int mix_embed_tokens(struct mix_model *m);           /* act.x = rows of the table */
int mix_block_gqa(struct mix_model *m, int layer);   /* act.x += attention */
int mix_block_dense(struct mix_model *m, int layer); /* act.x += a dense block */
int mix_block_moe(struct mix_model *m, int layer);   /* act.x += the experts */
int mix_head_rows(struct mix_model *m, float *logits, int *first, int *mine);

/* ---- what blocks are made of */

/* act.normed = norm of act.x for the tokens that I own, and everybody's by the replica. */
int mix_block_norm(struct mix_model *m, const float *weight);
/* y [rows][n] = x [rows][k] times one packed weight. */
int mix_block_product(struct mix_model *m, float *y, const void *x, const struct mix_packed *weight,
                      int rows);
/* Rows sorted into blocks of a layer, [first[i], first[i + 1]) to block i: y [rows][H] is my part
 * of their feed-forward result. */
int mix_block_feed_forward(struct mix_model *m, int layer, float *y, const void *x,
                           const int *first);
/* act.x += the sum of everybody's act.partial. */
int mix_block_home(struct mix_model *m);

/* My first owned row of act.normed. */
void *mix_block_mine(const struct mix_model *m);

/* Charge the time since the last charge to a section; waiting and moving to their own. */
void mix_model_charge(struct mix_model *m, double *section);

#endif
