/* store.c - the caller's side of a store: queues in, queues out; see store_state.h. */
#include "engine/store.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "engine/store_state.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- life */

/* The thread waits by the monotonic clock: a clock that is set must not delay a piece. */
static int init_locks(struct mix_store *s)
{
    pthread_condattr_t attr;
    int bad = pthread_condattr_init(&attr);

    bad = bad ? bad : pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    bad = bad ? bad : pthread_cond_init(&s->to_thread, &attr);
    bad = bad ? bad : pthread_mutex_init(&s->lock, NULL);
    if (bad)
        return MIX_FAIL(MIX_EBUG, "cannot set up the I/O thread: %s", strerror(bad));
    pthread_condattr_destroy(&attr);
    return MIX_OK;
}

/* Signals are for the main thread: the new one is born with all of them blocked. */
static int start_thread(struct mix_store *s)
{
    sigset_t all, before;
    int bad;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bad = pthread_create(&s->thread, NULL, mix_store_thread, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (bad)
        return MIX_FAIL(MIX_EBUG, "cannot start the I/O thread: %s", strerror(bad));
    s->started = true;
    return MIX_OK;
}

int mix_store_open(struct mix_store **out, const struct mix_store_config *config)
{
    int rc = MIX_OK;
    struct mix_store *s = NULL;

    TRY(mix_calloc(&s, 1, sizeof *s, "a leader's store"));
    s->last_letter = &s->letters;
    s->config = *config;
    s->input_path = mix_strdup(config->input);
    s->folder = mix_strdup(config->folder);
    s->model = mix_strdup(config->model);
    if (!s->input_path || !s->folder || !s->model) {
        rc = MIX_EFIT;
        goto out;
    }
    TRY(init_locks(s));
    TRY(start_thread(s));
    *out = s;
    s = NULL;
out:
    mix_store_close(s);
    return rc;
}

void mix_store_shard_free(struct mix_store_shard *shard)
{
    if (!shard)
        return;
    mix_row_block_free(shard->block);
    mix_draft_destroy(shard->draft);
    free(shard->todo);
    free(shard->wanted);
    free(shard);
}

void mix_store_close(struct mix_store *s)
{
    if (!s)
        return;
    if (s->started) {
        pthread_mutex_lock(&s->lock);
        s->stop = true;
        pthread_cond_signal(&s->to_thread);
        pthread_mutex_unlock(&s->lock);
        pthread_join(s->thread, NULL);
        pthread_mutex_destroy(&s->lock);
        pthread_cond_destroy(&s->to_thread);
    }
    for (struct mix_store_shard *next, *shard = s->shards; shard; shard = next) {
        next = shard->next;
        mix_store_shard_free(shard);
    }
    for (struct mix_store_letter *next, *letter = s->letters; letter; letter = next) {
        next = letter->next;
        free(letter);
    }
    free(s->input_path);
    free(s->folder);
    free(s->model);
    free(s);
}

/* ---- shards */

int mix_store_fetch(struct mix_store *s, const struct mix_claim *claim)
{
    int rc;

    pthread_mutex_lock(&s->lock);
    if ((rc = s->rc) == MIX_OK) {
        if (s->asks == MIX_STORE_ASKS || claim->count < 1)
            rc = MIX_FAIL(MIX_EBUG, "asked for %lld rows with %d shards asked for",
                          (long long)claim->count, s->asks);
        else
            s->ask[s->asks++] = *claim;
        pthread_cond_signal(&s->to_thread);
    }
    pthread_mutex_unlock(&s->lock);
    return rc;
}

int mix_store_fetched(struct mix_store *s, const struct mix_shard **out)
{
    struct mix_store_shard *shard;
    int rc;

    *out = NULL;
    pthread_mutex_lock(&s->lock);
    rc = s->rc;
    for (shard = s->shards; shard && shard->lent; shard = shard->next)
        ;
    if (rc == MIX_OK && shard) {
        shard->lent = true;
        if (shard->face.todos == 0) { /* the thread may free it at once */
            s->empty = shard->face;
            s->empty.todo = NULL;
            *out = &s->empty;
            pthread_cond_signal(&s->to_thread);
        } else {
            *out = &shard->face;
        }
    }
    pthread_mutex_unlock(&s->lock);
    return rc;
}

/* ---- answers */

static int write_letter(struct mix_store_letter **out, const struct mix_answer *a)
{
    const char *error = a->error ? a->error : "";
    size_t tokens = (size_t)a->count * sizeof *a->tokens, text = strlen(error) + 1;
    struct mix_store_letter *letter;
    int rc;
    char *behind;

    TRY(mix_calloc(&letter, 1, sizeof *letter + tokens + text, "an answer"));
    behind = (char *)(letter + 1);
    if (tokens)
        memcpy(behind, a->tokens, tokens);
    memcpy(behind + tokens, error, text);
    letter->answer = *a;
    letter->answer.tokens = (const int32_t *)(const void *)behind;
    letter->answer.error = behind + tokens;
    *out = letter;
out:
    return rc;
}

/* Cross the row off; MIX_EBUG if it is not on the list of those that are to be run. */
static int cross_off(struct mix_store *s, int64_t row)
{
    for (struct mix_store_shard *shard = s->shards; shard; shard = shard->next) {
        int64_t at = row - shard->face.first;

        if (!shard->lent || row < shard->face.first || at >= shard->face.count)
            continue;
        if (!shard->wanted[at])
            break;
        shard->wanted[at] = false;
        return MIX_OK;
    }
    return MIX_FAIL(MIX_EBUG, "an answer to row %lld, which was not to be run or has one",
                    (long long)row);
}

int mix_store_answer(struct mix_store *s, const struct mix_answer *answer)
{
    struct mix_store_letter *letter = NULL;
    int rc = write_letter(&letter, answer);

    if (rc)
        return rc;
    pthread_mutex_lock(&s->lock);
    rc = s->rc ? s->rc : cross_off(s, answer->row);
    if (rc == MIX_OK) {
        *s->last_letter = letter;
        s->last_letter = &letter->next;
        letter = NULL;
        pthread_cond_signal(&s->to_thread);
    }
    pthread_mutex_unlock(&s->lock);
    free(letter);
    return rc;
}

int mix_store_seal(struct mix_store *s)
{
    int rc;

    pthread_mutex_lock(&s->lock);
    rc = s->rc;
    s->seal_asked++;
    pthread_cond_signal(&s->to_thread);
    pthread_mutex_unlock(&s->lock);
    return rc;
}

int mix_store_sealed(struct mix_store *s, bool *done)
{
    int rc;

    pthread_mutex_lock(&s->lock);
    rc = s->rc;
    *done = s->seal_done == s->seal_asked;
    pthread_mutex_unlock(&s->lock);
    return rc;
}

struct mix_store_stats mix_store_stats(const struct mix_store *store)
{
    struct mix_store *s = (struct mix_store *)store; /* asking locks */
    struct mix_store_stats stats;

    pthread_mutex_lock(&s->lock);
    stats = s->stats;
    stats.idle = stats.idle && s->asks == 0 && !s->letters;
    pthread_mutex_unlock(&s->lock);
    return stats;
}
