/* store_thread.c - the I/O thread of a store: it reads shards, seals results, and waits.
 *
 * Between two pieces of work it chooses what is most urgent: answers that came (cheap,
 * and they free the caller's memory), sealing that somebody waits for, a piece that is
 * due, a shard that the replica will want next, a complete shard.  But no shard is read
 * while two are complete and not sealed: when the disk is slower than the replica, the
 * replica waits, and memory stays what a few shards need. */
#include "engine/store_state.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "text/tokenizer.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- reading */

/* Results that need no model: rows that cannot be run or ask for nothing. */
static int answer_alone(struct mix_store_shard *shard, const struct mix_row *row)
{
    struct mix_result r = {.row = row->row,
                           .text = "",
                           .finish_reason = row->error ? "error" : "length",
                           .error = row->error ? row->error : "",
                           .prompt_tokens = row->prompt_tokens};

    return mix_draft_add(shard->draft, &r);
}

static int sort_rows(struct mix_store_shard *shard)
{
    int rc = MIX_OK;
    int64_t count = shard->face.count;

    TRY(mix_calloc(&shard->todo, (size_t)count, sizeof *shard->todo, "a shard"));
    TRY(mix_calloc(&shard->wanted, (size_t)count, sizeof *shard->wanted, "a shard"));
    for (int64_t i = 0; i < count; i++) {
        const struct mix_row *row = mix_row_block_at(shard->block, i);

        if (mix_draft_has(shard->draft, row->row))
            continue;
        if (row->error || row->sampling.max_tokens == 0) {
            TRY(answer_alone(shard, row));
            continue;
        }
        shard->wanted[i] = true;
        shard->todo[shard->face.todos++] = row;
        shard->face.input_tokens += row->prompt_tokens;
    }
    shard->face.todo = shard->todo;
out:
    return rc;
}

static int fetch(struct mix_store *s, const struct mix_claim *claim)
{
    int rc;
    double start = mix_now();
    struct mix_store_shard *shard = NULL, **end;

    TRY(mix_calloc(&shard, 1, sizeof *shard, "a shard"));
    shard->face.first = claim->first;
    shard->face.count = claim->count;
    TRY(mix_input_read(s->input, s->tokenizer, &s->config.rules, claim->first, claim->count,
                       &shard->block));
    TRY(mix_draft_create(&shard->draft, claim->first, claim->count));
    if (claim->pieces)
        TRY(mix_seal_recall(s->seal, shard->draft, shard->block));
    TRY(sort_rows(shard));
    pthread_mutex_lock(&s->lock);
    for (end = &s->shards; *end; end = &(*end)->next)
        ;
    *end = shard;
    shard = NULL;
    s->asks--;
    memmove(s->ask, s->ask + 1, (size_t)s->asks * sizeof *s->ask);
    s->stats.read_s += mix_now() - start;
    s->stats.idle = false;
    pthread_mutex_unlock(&s->lock);
out:
    mix_store_shard_free(shard);
    return rc;
}

/* ---- answers */

static int take(struct mix_store *s, const struct mix_answer *a)
{
    int rc = MIX_OK;
    struct mix_store_shard *shard = s->shards;
    struct mix_result r = {.row = a->row,
                           .tokens = a->tokens,
                           .tokens_count = a->count,
                           .finish_reason = a->finish_reason,
                           .error = a->error,
                           .prompt_tokens = a->prompt_tokens,
                           .completion_tokens = a->count};

    while (shard && (a->row < shard->face.first || a->row - shard->face.first >= shard->face.count))
        shard = shard->next;
    MIX_CHECK(shard, "the shard of row %lld is gone", (long long)a->row);
    mix_str_clear(&s->text);
    TRY(mix_tokenizer_decode(s->tokenizer, a->tokens, (size_t)a->count, true, &s->text));
    r.text = s->text.s ? s->text.s : "";
    r.text_len = s->text.len;
    TRY(mix_draft_add(shard->draft, &r));
out:
    return rc;
}

/* Only this thread adds to or takes from the list of shards, so it may walk it unlocked. */
static int take_all(struct mix_store *s)
{
    int rc = MIX_OK;
    struct mix_store_letter *letter, *next;

    pthread_mutex_lock(&s->lock);
    letter = s->letters;
    s->letters = NULL;
    s->last_letter = &s->letters;
    s->stats.idle = false;
    pthread_mutex_unlock(&s->lock);
    for (; letter; letter = next) {
        next = letter->next;
        rc = rc ? rc : take(s, &letter->answer);
        free(letter);
    }
    return rc;
}

/* ---- sealing */

static bool is_complete(const struct mix_store_shard *shard)
{
    return !shard->sealed && mix_draft_missing(shard->draft) == 0;
}

/* The first complete shard that is not sealed; *n: how many there are. */
static struct mix_store_shard *complete(const struct mix_store *s, int *n)
{
    struct mix_store_shard *first = NULL;

    *n = 0;
    for (struct mix_store_shard *shard = s->shards; shard; shard = shard->next)
        if (is_complete(shard)) {
            first = first ? first : shard;
            ++*n;
        }
    return first;
}

/* How many results and bytes are unsealed in shards that are not complete. */
static int64_t unsealed(const struct mix_store *s, size_t *bytes)
{
    int64_t n = 0;

    *bytes = 0;
    for (const struct mix_store_shard *shard = s->shards; shard; shard = shard->next)
        if (!is_complete(shard)) {
            n += mix_draft_unsealed(shard->draft);
            *bytes += mix_draft_bytes(shard->draft);
        }
    return n;
}

static int seal_shard(struct mix_store *s)
{
    int n, rc;
    struct mix_store_shard *shard = complete(s, &n);

    rc = mix_seal_shard(s->seal, shard->draft, shard->block);
    shard->sealed = rc == MIX_OK;
    return rc;
}

static int seal_pieces(struct mix_store *s)
{
    int rc = MIX_OK;

    for (struct mix_store_shard *shard = s->shards; shard; shard = shard->next)
        if (!is_complete(shard))
            TRY(mix_seal_piece(s->seal, shard->draft, shard->block));
out:
    return rc;
}

/* ---- the loop */

enum work { WAIT, TAKE, FETCH, SHARD, PIECES };

enum { MOST_COMPLETE = 2 }; /* shards that wait to be sealed */

/* What next; *wait: for how long if nothing is to be done now.  The lock is held, so that sealing
 * is called done only if no answer came meanwhile. */
static enum work choose(struct mix_store *s, double *wait)
{
    bool asked = s->seal_done < s->seal_asked;
    size_t bytes;
    int64_t n = unsealed(s, &bytes);
    int ended;

    *wait = 3600;
    if (s->letters)
        return TAKE;
    (void)complete(s, &ended);
    if (asked && (ended || n))
        return ended ? SHARD : PIECES;
    if (asked)
        s->seal_done = s->seal_asked;
    if (n) {
        *wait = s->oldest + s->config.piece_s - mix_now();
        if (*wait <= 0 || bytes >= s->config.piece_bytes)
            return PIECES;
    }
    if (s->asks && ended < MOST_COMPLETE)
        return FETCH;
    return ended ? SHARD : WAIT;
}

static int work(struct mix_store *s, enum work what)
{
    int rc = MIX_OK;
    double start = mix_now();
    struct mix_claim claim;

    switch (what) {
    case TAKE:
        return take_all(s);
    case FETCH:
        pthread_mutex_lock(&s->lock);
        claim = s->ask[0];
        pthread_mutex_unlock(&s->lock);
        return fetch(s, &claim);
    case SHARD:
        rc = seal_shard(s);
        break;
    case PIECES:
        rc = seal_pieces(s);
        break;
    case WAIT:
        return MIX_OK;
    }
    pthread_mutex_lock(&s->lock);
    s->stats.write_s += mix_now() - start;
    pthread_mutex_unlock(&s->lock);
    return rc;
}

/* After some work: forget shards that are sealed and were handed out, tell the figures. */
static void settle(struct mix_store *s)
{
    struct mix_seal_counts counts = mix_seal_counts(s->seal);
    struct mix_store_shard **at = &s->shards, *done = NULL, *shard;
    size_t bytes;
    int64_t n;
    int ended;

    pthread_mutex_lock(&s->lock);
    while ((shard = *at)) {
        if (shard->sealed && shard->lent) {
            *at = shard->next;
            shard->next = done;
            done = shard;
        } else {
            at = &shard->next;
        }
    }
    n = unsealed(s, &bytes);
    s->stats.rows_ended = counts.rows + n;
    s->stats.rows_sealed = counts.rows;
    s->stats.rows_failed = counts.failed;
    s->stats.shards_sealed = counts.shards;
    s->stats.idle = n == 0 && !complete(s, &ended);
    pthread_mutex_unlock(&s->lock);
    if (n == 0)
        s->oldest = 0;
    else if (s->oldest == 0)
        s->oldest = mix_now();
    for (; done; done = shard) {
        shard = done->next;
        mix_store_shard_free(done);
    }
}

static void wait_for_work(struct mix_store *s, double seconds)
{
    struct timespec until;
    long whole = (long)seconds;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += whole;
    until.tv_nsec += (long)((seconds - (double)whole) * 1e9);
    if (until.tv_nsec >= 1000000000) {
        until.tv_nsec -= 1000000000;
        until.tv_sec++;
    }
    pthread_cond_timedwait(&s->to_thread, &s->lock, &until);
}

static int open_files(struct mix_store *s)
{
    int rc;
    struct mix_seal_config seal = {.folder = s->folder,
                                   .input = s->input_path,
                                   .attempt = s->config.attempt,
                                   .leader = s->config.leader,
                                   .plan_id = s->config.plan_id};

    TRY(mix_tokenizer_open(&s->tokenizer, s->model));
    TRY(mix_input_open(&s->input, s->input_path));
    seal.schema = mix_input_schema(s->input);
    TRY(mix_seal_open(&s->seal, &seal));
out:
    return rc;
}

static void close_files(struct mix_store *s)
{
    mix_seal_close(s->seal);
    mix_input_close(s->input);
    mix_tokenizer_close(s->tokenizer);
    mix_str_fini(&s->text);
}

void *mix_store_thread(void *arg)
{
    struct mix_store *s = arg;
    int rc = open_files(s);
    enum work what;
    double wait;
    bool stop = false;

    while (rc == MIX_OK && !stop) {
        settle(s);
        pthread_mutex_lock(&s->lock);
        stop = s->stop;
        what = stop ? WAIT : choose(s, &wait);
        if (!stop && what == WAIT)
            wait_for_work(s, wait);
        pthread_mutex_unlock(&s->lock);
        rc = work(s, what);
    }
    close_files(s);
    pthread_mutex_lock(&s->lock);
    s->rc = rc;
    pthread_mutex_unlock(&s->lock);
    return NULL;
}
