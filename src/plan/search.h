/* search.h - choose a plan.
 *
 * The first planner: memory decides.  It takes the smallest tp that fits, because
 * every rank saved by tp is a copy of the model that works alone; the rest is dp.
 * Experts are split over tp, unless a pin has them whole.
 *
 *   domain   a host's ranks, or the pin; tp divides it, so that a replica lies in one
 *   tp       divides the heads; kv heads divide tp or tp divides them
 *   budget   of a rank for keys and values: half of what its host's ranks leave of
 *            the host's memory after their weights, shared by these ranks
 *   pages    min(budget, max_num_seqs rows of max_model_len)
 *
 * A pin is what the user has asked for: it holds, or it is an error that names what
 * would.  Pure: no communication, no files. */
#ifndef MIX_PLAN_SEARCH_H
#define MIX_PLAN_SEARCH_H

#include "arch/arch.h"
#include "base/str.h"
#include "plan/memory.h"
#include "plan/plan.h"
#include "topo/topo.h"

#include <stdbool.h>

struct mix_plan_pins { /* 0 or NULL: free */
    int32_t tp, dp, etp, ep, edp, domain_size;
    const char *exchange; /* "auto" is free too */
    const char *dtype;    /* "auto", "bfloat16", "float32" */
    int32_t max_num_seqs, max_batched_tokens, max_model_len, threads;
    int64_t kv_memory; /* bytes of a rank */
};

/* What the device's kernels make of a type of operands. */
struct mix_plan_kernels {
    const char *describe; /* constants and instruction set: part of the plan's identity */
    bool invariant;       /* does a row's result not depend on the batch? */
    int packed;           /* bytes of a number of a packed matrix */
};

struct mix_plan_input {
    const struct mix_arch *arch;
    const struct mix_topo *topo; /* the ranks that there are, or will be */
    struct mix_plan_pins pins;
    const char *device; /* "cpu" */
    struct mix_plan_kernels f32, bf16;
    bool has_bf16; /* the hardware multiplies bf16: dtype auto takes it */
    int page;      /* tokens of a KV page */
};

/* *why (NULL: not wanted) gets a line for each tp up to the one taken.  MIX_EUSAGE: pins that
 * contradict each other, or ask for what is not built.  MIX_EFIT: no layout fits: by how many
 * bytes, and which numbers of ranks would. */
int mix_plan_search(const struct mix_plan_input *in, struct mix_plan *plan, struct mix_str *why);

/* The bytes of a plan's largest rank, by part. */
void mix_plan_memory(const struct mix_plan_input *in, const struct mix_plan *plan,
                     struct mix_memory *m);

#endif
