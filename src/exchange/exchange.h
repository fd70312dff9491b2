/* exchange.h - tokens to their experts and back.
 *
 * Between blocks every rank owns whole tokens.  One call pair moves a layer's
 * tokens to the ranks that hold their experts, runs these, and brings the sums
 * back, whatever the meshes:
 *
 *   start    x [owned][hidden], expert [owned][k], weight [owned][k], and a
 *            function that runs the local experts on rows sorted by expert
 *   finish   y [owned][hidden] += sum_j weight_j * expert_j(x)
 *
 * Order of sums: the experts of a token by the tree of kernels/combine.h; the
 * slices of an expert (etp > 1) in rank order.  Partials inside a domain are
 * fp32.  The result of a token does not depend on the other tokens.
 *
 * Collective on the ranks of one copy of the experts (etp x ep).  Buffers are
 * made once, for the largest step; start and finish allocate nothing. */
#ifndef MIX_EXCHANGE_EXCHANGE_H
#define MIX_EXCHANGE_EXCHANGE_H

#include "base/dtype.h"
#include "comm/comm.h"
#include "dev/dev.h"
#include "plan/plan.h"

#include <stdint.h>

struct mix_exchange;

/* The size and the shape of the layers that it serves. */
struct mix_exchange_config {
    struct mix_dev *dev;
    struct mix_group *group; /* the ranks of one expert copy, in order of etp_i (ep = 1 for now) */
    enum mix_exchange_kind kind;
    enum mix_dtype type; /* of x */
    int hidden, experts, k;
    int max_tokens; /* of a step, over the group */
    int max_owned;  /* of these, by one member */
};

/* Run local experts: rows [first[e], first[e + 1]) of x meet local expert e.
 * weight is NULL: the exchange weights.  out is fp32. */
typedef int mix_experts_fn(void *ctx, float *out /* [n][hidden] */, const void *x /* [n][hidden] */,
                           const int *first /* [local experts + 1] */);

struct mix_exchange_step {
    const void *x;         /* [tokens of mine][hidden], type */
    const int32_t *expert; /* [tokens of mine][k] */
    const float *weight;   /* [tokens of mine][k] */
    const int *tokens;     /* [group size] how many each member owns: known to all */
    mix_experts_fn *run;
    void *ctx;
};

int mix_exchange_open(struct mix_exchange **e, const struct mix_exchange_config *config);
void mix_exchange_close(struct mix_exchange *e); /* NULL is allowed */

/* Device bytes that open allocates for such a configuration. */
size_t mix_exchange_bytes(const struct mix_exchange_config *config, int group_size);

int mix_exchange_start(struct mix_exchange *e, const struct mix_exchange_step *step);
int mix_exchange_finish(struct mix_exchange *e, float *y /* [tokens of mine][hidden] */);

/* Seconds spent so far: running experts; sorting, moving and combining; waiting for others. */
struct mix_exchange_times {
    double experts_s, exchange_s, wait_s;
};
struct mix_exchange_times mix_exchange_times(const struct mix_exchange *e);

#endif
