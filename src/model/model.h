/* model.h - one rank's share of a model, ready to run steps.
 *
 * The ranks of a replica (tp) hold slices of attention, dense blocks, embedding
 * and head; experts are split over etp or whole.  A step is the same batch on
 * every rank of the replica.  Rank t of tp owns tokens [T t / tp, T (t + 1) / tp)
 * of the step, in batch order; owners get the logits of their rows, whole.
 *
 * open and forward are collective on the ranks that replicas and copies of the
 * experts tie together (plan/mesh.h: coupled): a rank whose replica has nothing to
 * compute joins with a step of no tokens. */
#ifndef MIX_MODEL_MODEL_H
#define MIX_MODEL_MODEL_H

#include "arch/arch.h"
#include "comm/comm.h"
#include "dev/dev.h"
#include "exchange/exchange.h"
#include "plan/homes.h"
#include "plan/plan.h"

#include <stdbool.h>
#include <stdint.h>

struct mix_model;

struct mix_model_config {
    const char *dir;             /* the model's folder */
    const struct mix_arch *arch; /* borrowed for the life of the model */
    const struct mix_plan *plan; /* borrowed likewise */
    struct mix_comm *comm;
    struct mix_dev *dev;
    bool dummy;                    /* weights from a seed instead of files (benchmarks) */
    const struct mix_homes *homes; /* of the experts; borrowed.  NULL: the identity */
};

/* Load my slices, allocate KV pages and every buffer a step needs.  A missing, truncated or
 * mistyped tensor is MIX_EINPUT: file, tensor, expected, found. */
int mix_model_open(struct mix_model **m, const struct mix_model_config *config);
void mix_model_close(struct mix_model *m); /* NULL is allowed */

struct mix_group *mix_model_replica(const struct mix_model *m); /* the tp group; borrowed */
struct mix_group *mix_model_coupled(const struct mix_model *m); /* those that step together */
struct mix_exchange_traffic mix_model_traffic(const struct mix_model *m);      /* of the experts */
struct mix_exchange_times mix_model_exchange_times(const struct mix_model *m); /* likewise */
int64_t mix_model_bytes_weights(const struct mix_model *m); /* device bytes of this rank */
int64_t mix_model_bytes_kv(const struct mix_model *m);
int64_t
mix_model_bytes_read(const struct mix_model *m); /* from files; a host reads each byte once */

/* One step: rows of several sequences, whose pages are theirs already. All arrays in host memory.
 */
struct mix_step {
    const int32_t *id;       /* [tokens] */
    const int32_t *position; /* [tokens] */
    const int32_t *first;    /* [seqs + 1] tokens of each sequence, at least one each */
    const int32_t *table;    /* [seqs][table_stride] KV pages */
    const int32_t *sample;   /* [samples] tokens whose logits are wanted, rising */
    int tokens, seqs, table_stride, samples;
};

/* Run it.  logits [mine][vocab] in host memory gets the rows of step->sample that I own, which are
 * consecutive: *first is the first of them, *mine their number.  Room for max_num_seqs rows
 * (or plan->max_batched_tokens when every token is sampled) is the caller's.  tokens may be 0. */
int mix_model_forward(struct mix_model *m, const struct mix_step *step, float *logits, int *first,
                      int *mine);

/* Where the time of mix_model_forward went so far on this rank, seconds; the sections add up.
 * experts: dense blocks too.  head: the embedding too.  exchange: sorting, moving, combining. */
struct mix_model_times {
    double attention, router, experts, exchange_inside, exchange_between, waiting, head;
};
struct mix_model_times mix_model_times(const struct mix_model *m);

#endif
