/* workload.h - what a job asks of a layout: its lengths, the mean step, the time of all.
 *
 * A row brings p tokens of prompt and a tokens of answer; the first token of the answer
 * comes with the last of the prompt, so a row is decoded a - 1 times.  A replica keeps S
 * sequences and takes B tokens a step.  In its steady state it ends r rows a step:
 *
 *   r = min(S / E[a - 1 + steps of the prompt], B / E[p + a - 1])            (Little's law)
 *
 * so that a step has r E[p] tokens of prompts and r E[a - 1] of answers.  A token of an
 * answer meets E[(a-1)(p + a/2)] / E[a - 1] keys on average, one of a prompt E[p^2] / 2 E[p].
 * S is max_num_seqs, or fewer: the rows of a replica, or what its pages hold of
 * sequences of mean length.
 *
 * Pure; not collective. */
#ifndef MIX_PLAN_WORKLOAD_H
#define MIX_PLAN_WORKLOAD_H

#include "plan/cost.h"

#include <stdint.h>

enum { MIX_LENGTH_BINS = 24 }; /* bin i: lengths of at least 2^i and below 2^(i + 1); 0 in 0 */

/* A job's lengths in tokens.  {0}: add rows one by one. */
struct mix_lengths {
    int64_t rows;    /* of the job that can be run, estimated from those that were looked at */
    int64_t refused; /* the others: bad ones, and prompts longer than a row may be */
    int64_t sampled; /* of these that were looked at */
    /* sums over the sampled rows: p, a, p^2, p a, a^2 */
    double prompt, answer, prompt2, both, answer2;
    int64_t longest; /* prompt and answer */
    int64_t prompt_bin[MIX_LENGTH_BINS], answer_bin[MIX_LENGTH_BINS];
    bool assumed; /* answers have no limit: their length is a guess */
};

void mix_lengths_add(struct mix_lengths *l, int64_t prompt, int64_t answer); /* sets sampled */
/* All rows alike. */
struct mix_lengths mix_lengths_of(int64_t rows, int64_t prompt, int64_t answer);

enum mix_objective {                           /* what a plan is chosen for: less is better */
                     MIX_OBJECTIVE_THROUGHPUT, /* seconds of the job */
                     MIX_OBJECTIVE_TTFT,       /* seconds to a mean prompt's first token */
                     MIX_OBJECTIVE_ITL,        /* seconds between two tokens */
                     MIX_OBJECTIVES
};
const char *mix_objective_name(int objective); /* "throughput"; never NULL */
int mix_objective_parse(const char *name);     /* -1: there is none of that name */

struct mix_workload_limits { /* of a replica */
    int64_t replicas;
    int seqs, tokens;  /* of a step */
    int64_t kv_tokens; /* that its pages hold */
};

struct mix_workload {
    struct mix_cost_step mixed;   /* the mean step in the steady state */
    struct mix_cost_step prefill; /* a mean prompt alone, or as much of it as a step takes */
    struct mix_cost_step decode;  /* as many sequences as run, each its next token */
    double seqs;                  /* that run */
    double steps;                 /* of the job */
    double prefill_steps;         /* of a mean prompt */
};

void mix_workload_take(const struct mix_lengths *l, const struct mix_workload_limits *limits,
                       struct mix_workload *w);

#endif
