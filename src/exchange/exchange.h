/* exchange.h - tokens to their experts and back.
 *
 * Between blocks every rank owns whole tokens.  One call pair moves a layer's
 * tokens to the ranks that hold their experts, runs these, and brings the sums
 * back, whatever the meshes:
 *
 *   start    x [owned][hidden], expert [owned][k], weight [owned][k], and a
 *            function that runs local experts on rows sorted by expert
 *   finish   y [owned][hidden] += sum_j weight_j * expert_j(x)
 *
 * Between the two the caller may compute (a shared expert), but not communicate.
 *
 *   tp       every token to every rank of the copy, partial sums back   (tp.c)
 *   ep       every copy of a token straight to the ranks of its expert  (ep.c)
 *   hybrid   over the rail to the expert's domain, then inside it       (hybrid.c)
 *   mixserve the same, domain by domain, overlapped: the paper's        (mixserve.c)
 *   fused    a token once to each domain, chunk by chunk, overlapped    (fused.c)
 *
 * With plan.h's dispatch in eight bits, experts meet x as kernels/fp8.h rounds it, under every
 * exchange; fused and mixserve send it so, the others as what it has been rounded to.
 *
 * Order of sums: the experts of a token by the tree of kernels/combine.h, the slices
 * of an expert (etp > 1) in rank order before.  What is summed before it is sent is
 * plan.h's `sums`; every such term is rounded to the wire type, whether it travels or
 * not.  Slices are summed in fp32.  The result of a token does not depend on the other
 * tokens.
 *
 * Collective on the ranks of one copy of the experts (etp x ep).  Buffers are
 * made once, for the largest step; start and finish allocate nothing. */
#ifndef MIX_EXCHANGE_EXCHANGE_H
#define MIX_EXCHANGE_EXCHANGE_H

#include "base/dtype.h"
#include "comm/comm.h"
#include "dev/dev.h"
#include "plan/homes.h"
#include "plan/mesh.h"
#include "plan/plan.h"

#include <stdint.h>

struct mix_exchange;
struct mix_pace;

/* What happens to pieces (relay.h) of mixserve and fused, for whoever watches: one has come to this
 * rank; a stage's partial sums are made; its sums are made, and on their way.  domain: of the copy,
 * whose rows they are; of a stage of several pieces, the first one's. */
enum mix_exchange_event { MIX_EVENT_LANDED, MIX_EVENT_COMPUTED, MIX_EVENT_RETURNED };
typedef void mix_exchange_watch_fn(void *ctx, enum mix_exchange_event event, int number,
                                   int domain);

/* The size and the shape of the layers that it serves; pointers are borrowed for its life. */
struct mix_exchange_config {
    struct mix_dev *dev;
    struct mix_comm *comm;
    const struct mix_plan *plan;   /* meshes, exchange, wire type */
    const struct mix_homes *homes; /* of every layer */
    enum mix_dtype type;           /* of x */
    int hidden, k;
    int max_owned; /* tokens of a step that a rank owns at most */
    int max_rows;  /* that run takes at a time, at least 1 */
    bool fixed;    /* mixserve, fused: sizes as for a captured graph, whatever the routing */
    mix_exchange_watch_fn *watch; /* or NULL; is short, may be called in a tick */
    void *watch_ctx;
    const struct mix_pace *pace; /* measurements; NULL: as the machine is */
};

/* Run local experts: rows [first[e], first[e + 1]) of x meet the e-th expert of this rank in the
 * layer.  May be called several times in a step, for at most max_rows rows.  out is fp32. */
typedef int mix_experts_fn(void *ctx, float *out /* [n][hidden] */, const void *x /* [n][hidden] */,
                           const int *first /* [local experts + 1] */);

struct mix_exchange_step {
    int layer;
    const void *x;         /* [tokens of mine][hidden], type */
    const int32_t *expert; /* [tokens of mine][k] */
    const float *weight;   /* [tokens of mine][k] */
    const int *tokens;     /* [etp ep] how many each rank of the copy owns: known to all */
    mix_experts_fn *run;
    void *ctx;
};

/* The group of the plan's meshes that holds this rank.  Collective on it. */
int mix_exchange_group(struct mix_group **g, struct mix_comm *comm, const struct mix_plan *plan,
                       enum mix_mesh_group which);

/* Collective on the copy, opens its groups.  MIX_EFIT: a copy that neither consists of whole
 * domains nor lies in one, for hybrid, mixserve and fused; a domain on several hosts, or rows of
 * more than 1 GiB from a rank to a domain, for the last two. */
int mix_exchange_open(struct mix_exchange **e, const struct mix_exchange_config *config);
void mix_exchange_close(struct mix_exchange *e); /* NULL is allowed */

int mix_exchange_start(struct mix_exchange *e, const struct mix_exchange_step *step);
int mix_exchange_finish(struct mix_exchange *e, float *y /* [tokens of mine][hidden] */);

/* Seconds spent so far: running experts; sorting, moving and combining, where this ends inside the
 * domain and where not; waiting for others. */
struct mix_exchange_times {
    double experts_s, inside_s, between_s, wait_s;
    double phase_s[MIX_PHASES]; /* the last three once more, by phase */
};
struct mix_exchange_times mix_exchange_times(const struct mix_exchange *e);

/* What this rank has sent so far to others, by phase and link. */
enum { MIX_INSIDE, MIX_BETWEEN, MIX_SIDES }; /* of the domain */
struct mix_exchange_traffic {
    uint64_t bytes[MIX_PHASES][MIX_SIDES], messages[MIX_PHASES][MIX_SIDES];
    uint64_t padding; /* bytes between domains beside these that say nothing: config.fixed */
};
struct mix_exchange_traffic mix_exchange_traffic(const struct mix_exchange *e);

#endif
