/* rig.h - a model under test: sequences, pages and steps without an engine.
 *
 * A rig is a model of one plan with a few sequences whose pages are given for good.
 * Every rank of a replica makes the same calls; logits of all sampled rows are
 * gathered, so that every rank can look at all of them. */
#ifndef MIX_TESTS_RIG_H
#define MIX_TESTS_RIG_H

#include "model/model.h"

#include <stddef.h>

struct rig_layout {
    int world, tp, etp; /* dp = world / tp */
    enum mix_dtype dtype;
    int max_num_seqs, max_batched_tokens, max_model_len;
    int ep, domain_size; /* 0: 1, world; edp = world / (etp ep) */
    enum mix_exchange_kind exchange;
    int chunks, chunk_bytes, depth; /* of mixserve and fused */
    const struct mix_homes *homes;  /* NULL: the identity */
};

struct rig_sequence {
    int32_t *token; /* [max_model_len] */
    int length;     /* known tokens */
    int at;         /* of which so many went through the model */
};

struct rig {
    struct mix_comm *comm; /* borrowed */
    struct mix_dev *dev;
    struct mix_arch arch;
    struct mix_plan plan;
    struct mix_model *model;
    struct rig_sequence *seq; /* [max_num_seqs] */
    float *logits;            /* [max_batched_tokens][vocab] of the last step's samples */
    int samples;
    float *mine; /* what the model wrote */
    int32_t *id, *position, *first, *table, *sample;
    int pages_each;
};

/* What one sequence does in a step. */
enum rig_want { RIG_NONE, RIG_LAST, RIG_ALL };
struct rig_part {
    int seq, count; /* its next count tokens */
    enum rig_want want;
};

int rig_open(struct rig *r, struct mix_comm *comm, const char *dir, const struct rig_layout *l);
void rig_close(struct rig *r);

/* Start sequence i anew with these tokens. */
void rig_begin(struct rig *r, int i, const int32_t *token, int length);
/* One step; logits of the wanted rows, in the order of the parts.  Collective on the replica, and
 * on the ranks that it is coupled with. */
int rig_step(struct rig *r, const struct rig_part *part, int parts);
/* The largest logit's id of a row of the last step, ties to the lowest. */
int32_t rig_best(const struct rig *r, int row);

/* ---- golden files, see tests/golden/make_golden.py */

struct rig_golden {
    int32_t *token; /* [length] */
    float *logits;  /* [length][vocab] */
    int32_t greedy[64];
    int length;
};
enum { RIG_PROMPTS = 20, RIG_GREEDY = 64 };

struct rig_model {
    const char *name; /* "awkward" */
    char dir[600];
    struct rig_golden golden[RIG_PROMPTS];
};
/* The models with golden files: tiny and awkward.  False if its files are not there. */
bool rig_load_golden(struct rig_model *m, const char *name);
void rig_free_golden(struct rig_model *m);

/* The group of these world ranks, in their order; NULL on the others, and where it fails. */
struct mix_group *rig_group(struct mix_comm *comm, const char *name, const int *world, int n);
/* All ranks from the last to the first: places are not ranks. */
struct mix_group *rig_group_backwards(struct mix_comm *comm);

/* mix_comm_open and mix_comm_close, with MPI's start and end.  Leaks are looked for in between:
 * MPI's own do not count, and what the test has allocated must be free before the close. */
int rig_comm(struct mix_comm **comm);
void rig_comm_close(struct mix_comm *comm);

#endif
