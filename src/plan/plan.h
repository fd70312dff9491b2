/* plan.h - a parallel strategy: what rank 0 decides and everybody follows.
 *
 * Two parts.  The numeric part fixes every bit of the answer; the placement part
 * fixes none.  A job keeps the numeric part of its first plan for life; a resume
 * may change the placement.
 *
 *   attention   tp (inside a domain) x dp                  = world
 *   experts     etp (inside a domain) x ep x edp           = world
 *   rank        = dp_i * tp + tp_i  = (edp_i * ep + ep_i) * etp + etp_i
 *
 * Plain data: sent as bytes between ranks of one build, stored as JSON. */
#ifndef MIX_PLAN_PLAN_H
#define MIX_PLAN_PLAN_H

#include "base/dtype.h"

#include <stdbool.h>
#include <stdint.h>

/* How tokens get to their experts (exchange/). */
enum mix_exchange_kind {
    MIX_EXCHANGE_TP,
    MIX_EXCHANGE_EP,
    MIX_EXCHANGE_HYBRID,
    MIX_EXCHANGE_MIXSERVE,
    MIX_EXCHANGE_FUSED,
    MIX_EXCHANGE_KINDS
};

/* What it sends, in this order. */
enum mix_exchange_phase { MIX_PHASE_COUNTS, MIX_PHASE_DISPATCH, MIX_PHASE_COMBINE, MIX_PHASES };

/* What is summed, and rounded to the wire type, before the sum over experts: the slices of an
 * expert, or the experts of a home, slice by slice; then the value is the number of homes, ep. */
enum { MIX_SUMS_EXPERTS = 0 };

struct mix_plan_numeric {
    int32_t tp, etp;
    int32_t dtype;       /* enum mix_dtype of matrix operands: MIX_F32 or MIX_BF16 */
    int32_t kv_dtype;    /* enum mix_dtype of the KV cache */
    int32_t wire;        /* enum mix_dtype of what comes back from experts between domains */
    int32_t sums;        /* MIX_SUMS_..., or how many groups of experts */
    int32_t sum_domains; /* not 0: such groups are summed in so many domains, each rounded once */
    int32_t dispatch;    /* enum mix_dtype of what goes to experts: dtype, or MIX_F8E4M3 (fp8.h) */
    int32_t invariant;   /* 1: batch-invariant; 0: the CPU has no invariant path (stored, said) */
    char device[16];     /* "cpu" */
    char kernels[200];   /* mix_kernels.describe: constants and instruction set */
};

enum {
    MIX_PLAN_CHUNKS = 16, /* of a peer's rows at most */
    /* Messages under way at once: the next is with MPI when one ends, however late its rank gets a
     * core. With more, those of one link arrive together and none early (docs/exchange.md). */
    MIX_PLAN_DEPTH = 2,
};

struct mix_plan {
    struct mix_plan_numeric numeric;
    int32_t world, domains, domain_size; /* world = domains * domain_size */
    int32_t dp, ep, edp;
    int32_t exchange;     /* enum mix_exchange_kind */
    int32_t chunks;       /* of a peer's rows at most (mixserve, fused); 0: nothing overlaps */
    int32_t chunk_bytes;  /* so many make a chunk worth its message (mix_plan_chunks) */
    int32_t depth;        /* messages to others under way at once (mixserve, fused) */
    int32_t threads;      /* of a rank; 0: each rank's own share of its cpus */
    int32_t max_num_seqs; /* sequences of a replica that run at once */
    int32_t max_batched_tokens;                         /* tokens of a replica's step */
    int32_t max_model_len;                              /* prompt + answer, tokens */
    int32_t pages;                                      /* KV pages of a rank */
    int64_t bytes_weights, bytes_kv, bytes_activations; /* of the largest rank */
};

struct mix_place { /* one rank's coordinates */
    int tp_i, dp_i, etp_i, ep_i, edp_i, domain;
};

/* Why this is not a plan ("8 ranks are not tp 2 x dp 3"), or NULL if its numbers fit together;
 * borrowed until the next call.  For plans from files. */
const char *mix_plan_wrong(const struct mix_plan *plan);

const char *mix_exchange_kind_name(int kind);  /* "tp", as --exchange takes it; never NULL */
int mix_exchange_kind_parse(const char *name); /* -1: no such exchange */
/* mixserve and fused: rows are cut into chunks, and read in the domain's shared memory. */
bool mix_exchange_chunked(int kind);

/* Set n's sums and sum_domains to those of an exchange over such a mesh, in the one form of those
 * that give equal bits; n has etp and wire.  With whole experts (etp 1) and ep a power of two, the
 * experts of a home, and of a domain, are a subtree of the sum over all experts
 * (kernels/combine.h): with fp32 on the wire nothing is summed in another order, else a domain's
 * sum is that of a home of as many experts.  With fp32 and a power of two of homes in a domain,
 * domains of homes are summed as homes are.  shuffled: experts are not at home where
 * mix_homes_identity has them. */
void mix_plan_sums(struct mix_plan_numeric *n, int exchange, int ep, int domain_size,
                   bool shuffled);

/* How many chunks the rows for each peer are cut into in a step in which a row of each of its
 * tokens is no more than `bytes` at any rank: at most `chunks`, and one for each chunk_bytes of
 * these; 0: rows go in one message and nothing overlaps. */
int mix_plan_chunks(int chunks, int chunk_bytes, int64_t bytes);

struct mix_place mix_plan_place(const struct mix_plan *plan, int rank);

/* 64 bits that are equal exactly when the numeric parts are. */
uint64_t mix_plan_numeric_id(const struct mix_plan *plan);

/* Which member of the numeric parts differs, as "tp 2, was 4", or NULL if none; borrowed until the
 * next call. */
const char *mix_plan_numeric_difference(const struct mix_plan *plan, const struct mix_plan *was);

#endif
