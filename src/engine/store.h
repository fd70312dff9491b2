/* store.h - a leader's files: shards in, finished rows out, on one I/O thread.
 *
 * The compute side never waits for a file.  It asks for shards ahead; the thread
 * reads, checks and tokenises them.  It hands over finished rows; the thread turns
 * tokens into text and seals them as pieces every 30 s or 16 MB, and when a shard
 * is complete compacts its pieces into one file in row order.  Rows that cannot be
 * run, and rows that ask for no tokens, become results without the compute side.
 *
 * Every sealed file is written aside, synced, renamed, the folder synced, then
 * recorded in the leader's ledger (seal.h).  All HDF5 happens on the thread: while a
 * store is open nobody else in the process may use an HDF5 file, a job's open and
 * merge among them.
 *
 * Not collective; leaders only (place tp_i = 0). */
#ifndef MIX_ENGINE_STORE_H
#define MIX_ENGINE_STORE_H

#include "engine/job.h"
#include "engine/rows.h"

#include <stdbool.h>
#include <stdint.h>

struct mix_store;

struct mix_store_config { /* texts are copied */
    const char *input;    /* prompts file; opened by the thread */
    const char *folder;   /* OUT.h5.job */
    const char *model;    /* for the tokenizer */
    struct mix_row_rules rules;
    int attempt, leader; /* name the ledger and the pieces */
    uint64_t plan_id;    /* stored with each record */
    double piece_s;      /* seal a piece after so many seconds, 30 */
    size_t piece_bytes;  /* or so many bytes, 16 MB */
};

int mix_store_open(struct mix_store **store, const struct mix_store_config *config);
/* Stops the thread; what was not sealed is dropped (see mix_store_seal).  NULL is allowed.
 */
void mix_store_close(struct mix_store *store);

/* A fetched shard: the rows that are still to be run. */
struct mix_shard {
    int64_t first, count;              /* the whole shard */
    const struct mix_row *const *todo; /* [todos] runnable rows, in row order */
    int todos;
    int64_t input_tokens; /* prompt tokens of todo */
};

/* Ask for a claimed shard; up to MIX_STORE_ASKS may be asked for, they come in order. */
enum { MIX_STORE_ASKS = 16 };
int mix_store_fetch(struct mix_store *store, const struct mix_claim *claim);
/* Has the next one come?  *shard is borrowed until all its rows are answered, or until the next
 * call if it has none to be run; NULL if not yet.  An error of the thread comes out here (and from
 * every other call that can fail). */
int mix_store_fetched(struct mix_store *store, const struct mix_shard **shard);

struct mix_answer {
    int64_t row;
    const int32_t *tokens; /* [count]; copied */
    int32_t count;
    int32_t prompt_tokens;
    const char *finish_reason; /* a constant: "stop", "length", "numeric_error" */
    const char *error;         /* NULL: none; copied */
};

/* Hand over the answer of a row of a fetched shard.  MIX_EBUG for a row that was not handed out to
 * be run, or is answered already. */
int mix_store_answer(struct mix_store *store, const struct mix_answer *answer);

/* Seal every answered row now: before an agreed stop, and at the end.  Is it done?  Nobody waits
 * here, because a slow disk may take longer than others wait for a rank that says nothing. */
int mix_store_seal(struct mix_store *store);
int mix_store_sealed(struct mix_store *store, bool *done);

struct mix_store_stats {
    int64_t rows_ended;               /* have a result, sealed or not, from this store */
    int64_t rows_sealed, rows_failed; /* of these sealed; of the sealed with an error text */
    int64_t shards_sealed;
    double read_s, write_s; /* seconds of the thread */
    bool idle;              /* nothing asked for, nothing unsealed */
};
struct mix_store_stats mix_store_stats(const struct mix_store *store);

#endif
