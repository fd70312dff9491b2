/* search.h - choose a plan.
 *
 * Every layout that the pins leave and that can be (plan/layouts.h) is a candidate.
 * Those that fit in memory are ranked: with a machine by what a step costs on it
 * (plan/cost.h) under the job's lengths and the objective (plan/workload.h); without
 * one memory decides: the smallest tp that fits with the experts split as attention is,
 * because every rank saved by tp is a copy of the model that works alone, and else the
 * smallest copy of the experts.
 *
 *   domain   a host's ranks, the machine's, or the pin
 *   wire     float32 if operands are, or if copies of the experts lie inside domains; else bfloat16
 *   budget   of a rank for keys and values: where ranks share a host, half of what its
 *            ranks leave of its memory after their weights; of a device, all that it has
 *            left after weights, a step's buffers and libraries
 *   pages    min(budget, max_num_seqs rows of max_model_len)
 *   chunks   of mixserve and fused: what is best for a mean prompt, of a size that leaves small
 *            steps alone (plan/chunks.h)
 *
 * A pin is what the user has asked for: it holds, or it is an error that names what
 * would.  Pure: no communication, no files. */
#ifndef MIX_PLAN_SEARCH_H
#define MIX_PLAN_SEARCH_H

#include "arch/arch.h"
#include "base/str.h"
#include "plan/cost.h"
#include "plan/memory.h"
#include "plan/plan.h"
#include "plan/workload.h"
#include "topo/machine.h"
#include "topo/topo.h"

#include <stdbool.h>

struct mix_plan_pins { /* 0 or NULL: free */
    int32_t tp, dp, etp, ep, edp, domain_size;
    const char *exchange;   /* "auto" is free too */
    int32_t chunks;         /* of a peer's rows */
    bool in_turn;           /* no chunks: nothing overlaps */
    const char *dtype;      /* "auto", "bfloat16", "float32" */
    const char *wire_dtype; /* "auto", "fp8": of rows to experts */
    int32_t max_num_seqs, max_batched_tokens, max_model_len, threads;
    int64_t kv_memory; /* bytes of a rank */
};

/* What the device's kernels make of a type of operands. */
struct mix_plan_kernels {
    const char *describe; /* constants and instruction set: part of the plan's identity */
    bool invariant;       /* does a row's result not depend on the batch? */
    int packed;           /* bytes of a number of a packed matrix */
    /* bytes of a packed matrix [n][k]; NULL: n k packed */
    size_t (*product_bytes)(enum mix_dtype type, int n, int k);
};

struct mix_plan_input {
    const struct mix_arch *arch;
    const struct mix_topo *topo; /* the ranks that there are, or will be */
    struct mix_plan_pins pins;
    const char *device; /* "cpu" */
    struct mix_plan_kernels f32, bf16;
    bool has_bf16; /* the hardware multiplies bf16: dtype auto takes it */
    int page;      /* tokens of a KV page */

    const struct mix_machine *machine;   /* NULL: memory decides */
    const struct mix_lengths *lengths;   /* of the job; NULL: rows of 512 and 256 tokens */
    int objective;                       /* enum mix_objective */
    const struct mix_plan_numeric *keep; /* of a job that goes on: types and sums; or NULL */
};

/* The same without communication for ranks that are not here: every node like the others. */
int mix_plan_topo(struct mix_topo *t, int nodes, int each, double memory); /* mix_plan_topo_fini */
void mix_plan_topo_fini(struct mix_topo *t);

/* ---- all candidates */

struct mix_plan_candidate {
    struct mix_layout layout;
    int32_t wire, sums, sum_domains;
    int32_t chunks, chunk_bytes; /* as in a plan; 0 where the exchange has none */
    char why[MIX_LAYOUT_WHY];    /* "": it can be */
    int64_t missing;             /* bytes that the tightest host lacks; 0 or less: it fits */
    int pages, length;
    struct mix_memory memory;
    /* with a machine, if it fits */
    struct mix_workload work;
    struct mix_cost mixed, prefill, decode; /* of work's steps */
    double seconds, ttft, itl;              /* of the job; of a prompt; of a token */
};

struct mix_plan_ranking {
    struct mix_plan_candidate
        *c;                   /* [count] best first, then what does not fit, then what can't be */
    int count, fit, possible; /* the first fit of them fit; possible: they and those too big */
    struct mix_mesh_size {
        int world, hosts, domain, domains;
    } mesh;
    double seconds; /* that ranking took */
};

/* Everything that the pins leave.  MIX_EUSAGE as mix_plan_search; that nothing fits is no failure.
 */
int mix_plan_rank(const struct mix_plan_input *in, struct mix_plan_ranking *r);
void mix_plan_ranking_fini(struct mix_plan_ranking *r); /* {0} is allowed */

/* The plan that a candidate of the ranking makes. */
void mix_plan_take(const struct mix_plan_input *in, const struct mix_plan_ranking *r, int i,
                   struct mix_plan *plan);

/* Nothing fits: say by how much, and what would.  Returns MIX_EFIT, or MIX_EUSAGE for pins that
 * nothing can satisfy. */
int mix_plan_refuse(const struct mix_plan_input *in, const struct mix_plan_ranking *r);

/* ---- the best */

/* *why (NULL: not wanted) gets a line for each of the best candidates.  MIX_EUSAGE: pins that
 * contradict each other, or ask for what is not built.  MIX_EFIT: no layout fits: by how many
 * bytes, and which numbers of ranks would. */
int mix_plan_search(const struct mix_plan_input *in, struct mix_plan *plan, struct mix_str *why);

/* The bytes of a plan's largest rank, by part. */
void mix_plan_memory(const struct mix_plan_input *in, const struct mix_plan *plan,
                     struct mix_memory *m);

#endif
