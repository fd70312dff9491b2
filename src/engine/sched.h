/* sched.h - which tokens a replica computes in its next step.
 *
 * Continuous batching over paged KV with chunked prefill: every running sequence
 * past its prompt gives one token, what is left of the step's budget goes to
 * prompts, oldest first.  A pure function of what was put in (rows, sampled ids):
 * every rank of a replica runs it on the same inputs and gets the same batch,
 * and it is tested without MPI and without a model.
 *
 * Progress is certain: a row is admitted only if its largest size fits the pool
 * and if, after its prompt, the pages that the oldest row may still need are
 * free.  When pages run out nevertheless, the youngest sequence is the victim: it
 * gives its pages back and restarts its generation later; its tokens are drawn
 * anew, and are the same ones.
 *
 * Host only, one thread, not collective. */
#ifndef MIX_ENGINE_SCHED_H
#define MIX_ENGINE_SCHED_H

#include <stdbool.h>
#include <stdint.h>

struct mix_sched;

struct mix_sched_config {
    int max_seqs;       /* sequences that run at once */
    int max_tokens;     /* of a step, at least max_seqs */
    int max_len;        /* of a sequence: prompt + answer */
    int pages;          /* KV pages; one sequence of max_len must fit */
    int page;           /* tokens of a page */
    const int32_t *eos; /* [eos_count] ids that end an answer; borrowed */
    int eos_count;
};

/* What the scheduler must know of a row.  max_tokens is at least 1. */
struct mix_sched_row {
    int64_t row;           /* names it */
    const int32_t *prompt; /* [prompt_tokens], copied */
    int prompt_tokens;     /* at least 1 */
    int max_tokens;        /* prompt_tokens + max_tokens <= max_len */
    int tag;               /* the caller's; comes back with the batch */
};

int mix_sched_create(struct mix_sched **s, const struct mix_sched_config *config);
void mix_sched_destroy(struct mix_sched *s); /* NULL is allowed */

/* Queue a row behind those that wait. */
int mix_sched_add(struct mix_sched *s, const struct mix_sched_row *row);

/* One step: consecutive tokens of some sequences.  Arrays are the scheduler's, valid until the next
 * call. */
struct mix_batch {
    const int32_t *id;       /* [tokens] */
    const int32_t *position; /* [tokens] */
    const int32_t *first;    /* [seqs + 1] tokens of each sequence */
    const int32_t *table;    /* [seqs][table_stride] KV pages */
    const int32_t *sample;   /* [samples] tokens after which a new one is drawn, rising */
    const int64_t *row;      /* [samples] the row that draws it */
    const int32_t *tag;      /* [samples] its tag */
    const int32_t *drawn;    /* [samples] tokens drawn for it before */
    int tokens, seqs, samples, table_stride;
    int prompt_tokens; /* of tokens: how many are prompt */
    uint64_t hash;     /* of all of the above, never 0 */
};

/* The next batch; tokens is 0 when there is nothing to do. */
int mix_sched_next(struct mix_sched *s, struct mix_batch *batch);

/* The tokens drawn for the batch's samples, in its order; -1: the logits were not numbers.  Call it
 * once per batch that has tokens, also when samples is 0. */
int mix_sched_drawn(struct mix_sched *s, const int32_t *id);

/* A row that has ended. */
struct mix_finished {
    int64_t row;
    int tag;
    const int32_t
        *tokens; /* [count] without the end token; valid until the next call of any kind */
    int count;
    int prompt_tokens;
    const char *reason; /* "stop", "length", "numeric_error" */
};

/* Take one of those that ended since; false when there is none left. */
bool mix_sched_finished(struct mix_sched *s, struct mix_finished *f);

struct mix_sched_stats {
    int waiting, running;
    int pages, pages_used;
    int64_t restarts;      /* victims so far */
    int64_t wasted_tokens; /* tokens computed for them in vain */
};
struct mix_sched_stats mix_sched_stats(const struct mix_sched *s);

#endif
