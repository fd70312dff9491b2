/* store_state.h - what the two sides of a store share: the caller's (store.c) and the I/O
 * thread's (store_thread.c).
 *
 * One mutex guards what is marked so below; it is held for list operations only, never
 * during file work.  What is not marked belongs to the thread once it runs. */
#ifndef MIX_ENGINE_STORE_STATE_H
#define MIX_ENGINE_STORE_STATE_H

#include "base/str.h"
#include "engine/draft.h"
#include "engine/seal.h"
#include "engine/store.h"

#include <pthread.h>

/* One shard, from the fetch until it is sealed and was handed out. */
struct mix_store_shard {
    struct mix_shard face;       /* what the caller sees; constant once it is in the list */
    const struct mix_row **todo; /* [face.todos] in block */
    struct mix_row_block *block;
    struct mix_draft *draft;
    bool sealed;
    bool *wanted;                 /* guarded: [face.count] to be run and not answered yet */
    bool lent;                    /* guarded: handed out */
    struct mix_store_shard *next; /* guarded */
};

/* An answer on its way to the thread; one allocation with the tokens and the error behind it. */
struct mix_store_letter {
    struct mix_answer answer;
    struct mix_store_letter *next;
};

struct mix_store {
    struct mix_store_config config;
    char *input_path, *folder, *model;

    pthread_t thread;
    bool started;
    pthread_mutex_t lock;
    pthread_cond_t to_thread;

    /* guarded */
    int rc; /* of the thread; once it is set the thread is gone */
    bool stop;
    struct mix_claim ask[MIX_STORE_ASKS]; /* [asks], the oldest first */
    int asks;
    struct mix_store_shard *shards;                  /* in the order of the asks */
    struct mix_store_letter *letters, **last_letter; /* in the order of the answers */
    long seal_asked, seal_done;
    struct mix_store_stats stats;

    struct mix_shard empty; /* the caller's: the last shard handed out that had nothing to run */

    /* the thread's */
    struct mix_input *input;
    struct mix_tokenizer *tokenizer;
    struct mix_seal *seal;
    struct mix_str text;
    double oldest; /* when the oldest unsealed result came; 0: there is none */
};

void *mix_store_thread(void *store);

void mix_store_shard_free(struct mix_store_shard *shard); /* NULL is allowed */

#endif
