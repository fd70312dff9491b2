/* memory.h - how many bytes a layout takes on a rank, by part.
 *
 * Weights are counted from the table of tensors (arch/tensors.h), rank by rank: each
 * tensor's part under tp or etp, the experts that are at home on the rank, matrices
 * in the type that the kernels keep them in, norms and the router in fp32.  The rank
 * with most counts.  Keys and values have their real dimensions.  Activations are
 * what model/activations.c lays out (attention's scratch, which has a bound of some
 * 10 MB, is left out); the exchange's buffers are those of exchange/ (but for tables of
 * some bytes a rank or expert).  They hold the worst case, every token of a copy of the
 * experts routed to one rank, because nothing is allocated in a step.
 *
 * Pure; the counts are those of the largest rank.  Bounds: a model that
 * mix_arch_load accepts overflows nothing here. */
#ifndef MIX_PLAN_MEMORY_H
#define MIX_PLAN_MEMORY_H

#include "arch/arch.h"
#include "base/dtype.h"

#include <stddef.h>
#include <stdint.h>

struct mix_memory_layout {
    const struct mix_arch *arch;
    int tp, etp;
    int ep;              /* 0: as 1 */
    int domain;          /* ranks; 0: all of a copy of the experts */
    int exchange;        /* enum mix_exchange_kind */
    enum mix_dtype wire; /* of results between domains */
    enum mix_dtype dtype, kv_dtype;
    enum mix_dtype dispatch; /* of rows to experts: MIX_F8E4M3, or else they go as dtype */
    /* Bytes of a packed matrix [n][k]: what the kernels take; NULL: n k numbers of `packed` bytes.
     */
    size_t (*product_bytes)(enum mix_dtype type, int n, int k);
    int packed;
    /* If not 0, bytes of a number of experts' and of all other packed matrices: planning for
     * weights in types that this build does not multiply. */
    double expert_bytes, dense_bytes;
    int page; /* tokens of a KV page */
    int max_num_seqs, max_batched_tokens, max_model_len;
};

struct mix_memory {
    /* weights */
    int64_t attention, experts, dense; /* dense: layers without experts, shared experts */
    int64_t vocabulary;                /* embedding and head */
    int64_t rest;                      /* norms, router, the table of angles */
    int64_t weights;                   /* all of these */

    int64_t kv_page; /* one page, of all layers */
    int64_t activations;
    int64_t exchange; /* its buffers */
};

/* Of the rank with most weights. */
void mix_memory_count(const struct mix_memory_layout *layout, struct mix_memory *m);

#endif
