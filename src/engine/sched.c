/* sched.c - see sched.h.
 *
 * Running sequences lie in an array by age, oldest first, so that "the youngest"
 * is the last one.  Rows that wait are a queue; a victim goes back to its front.
 * A row that waits is its prompt and little else, because thousands may wait.  What
 * only a running one needs, its tokens and its pages, is a place, and places are
 * kept for the next row: there are as many as sequences ran at once. */
#include "engine/sched.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "engine/pages.h"

#include <stdlib.h>
#include <string.h>

struct place {
    int32_t *token; /* [room] prompt, then answer */
    size_t room;
    int32_t *page;      /* [table_stride] */
    struct place *next; /* of the spare ones */
};

struct seq {
    int64_t row;
    int tag;
    int prompt_tokens, max_tokens;
    int count;    /* tokens known: prompt + drawn */
    int computed; /* tokens whose keys and values are in the cache */
    int pages;
    const char *reason;  /* why it ended */
    struct place *place; /* NULL while it waits */
    struct seq *next;    /* in a list: waiting, ended */
    int32_t prompt[];    /* [prompt_tokens] */
};

struct list {
    struct seq *head, *tail;
};

struct mix_sched {
    struct mix_sched_config c;
    struct mix_pages *pool;
    int table_stride;
    struct seq **running; /* [max_seqs] oldest first */
    int runners;
    struct list waiting, ended;
    struct place *spare; /* to use again */
    struct seq *shown;   /* the one that mix_sched_finished handed out last */
    int waiters;
    struct seq **sampler; /* [max_seqs] who draws in the current batch */
    int samples;
    int64_t restarts, wasted;
    /* the batch's arrays */
    int32_t *id, *position, *first, *table, *sample, *tags, *drawn;
    int64_t *rows;
};

static void push(struct list *l, struct seq *q)
{
    q->next = NULL;
    if (l->tail)
        l->tail->next = q;
    else
        l->head = q;
    l->tail = q;
}

static void push_front(struct list *l, struct seq *q)
{
    q->next = l->head;
    l->head = q;
    if (!l->tail)
        l->tail = q;
}

static struct seq *pop(struct list *l)
{
    struct seq *q = l->head;

    if (q && !(l->head = q->next))
        l->tail = NULL;
    return q;
}

int mix_sched_create(struct mix_sched **out, const struct mix_sched_config *c)
{
    int rc = MIX_OK;
    struct mix_sched *s = NULL;
    size_t seqs = (size_t)c->max_seqs, tokens = (size_t)c->max_tokens;

    if (c->max_seqs < 1 || c->max_tokens < c->max_seqs || c->page < 1 || c->max_len < 2 ||
        (c->max_len + c->page - 1) / c->page > c->pages)
        return MIX_FAIL(MIX_EFIT,
                        "a scheduler of %d sequences, %d tokens a step, length %d, %d pages of %d: "
                        "one sequence of full length must fit the pages, and one token of every "
                        "sequence the step",
                        c->max_seqs, c->max_tokens, c->max_len, c->pages, c->page);
    TRY(mix_calloc(&s, 1, sizeof *s, "the scheduler"));
    s->c = *c;
    s->table_stride = (c->max_len + c->page - 1) / c->page;
    TRY(mix_pages_create(&s->pool, c->pages));
    TRY(mix_calloc(&s->running, seqs, sizeof *s->running, "the scheduler"));
    TRY(mix_calloc(&s->sampler, seqs, sizeof *s->sampler, "the scheduler"));
    TRY(mix_calloc(&s->id, tokens, sizeof *s->id, "the batch"));
    TRY(mix_calloc(&s->position, tokens, sizeof *s->position, "the batch"));
    TRY(mix_calloc(&s->first, seqs + 1, sizeof *s->first, "the batch"));
    TRY(mix_calloc(&s->table, seqs * (size_t)s->table_stride, sizeof *s->table, "page tables"));
    TRY(mix_calloc(&s->sample, seqs, sizeof *s->sample, "the batch"));
    TRY(mix_calloc(&s->tags, seqs, sizeof *s->tags, "the batch"));
    TRY(mix_calloc(&s->drawn, seqs, sizeof *s->drawn, "the batch"));
    TRY(mix_calloc(&s->rows, seqs, sizeof *s->rows, "the batch"));
    *out = s;
    s = NULL;
out:
    mix_sched_destroy(s);
    return rc;
}

static void place_free(struct place *p)
{
    if (!p)
        return;
    free(p->token);
    free(p->page);
    free(p);
}

static void seq_free(struct seq *q)
{
    if (!q)
        return;
    place_free(q->place);
    free(q);
}

void mix_sched_destroy(struct mix_sched *s)
{
    struct seq *q;

    if (!s)
        return;
    for (struct place *next, *p = s->spare; p; p = next) {
        next = p->next;
        place_free(p);
    }
    for (int i = 0; i < s->runners; i++)
        seq_free(s->running[i]);
    while ((q = pop(&s->waiting)))
        seq_free(q);
    while ((q = pop(&s->ended)))
        seq_free(q);
    seq_free(s->shown);
    mix_pages_destroy(s->pool);
    free(s->running);
    free(s->sampler);
    free(s->id);
    free(s->position);
    free(s->first);
    free(s->table);
    free(s->sample);
    free(s->tags);
    free(s->drawn);
    free(s->rows);
    free(s);
}

/* A place for a row that is about to run, its prompt in it. */
static int take_place(struct mix_sched *s, struct seq *q)
{
    int rc = MIX_OK;
    struct place *p = s->spare;

    if (p) {
        s->spare = p->next;
    } else {
        TRY(mix_calloc(&p, 1, sizeof *p, "a sequence"));
        TRY(mix_calloc(&p->page, (size_t)s->table_stride, sizeof *p->page, "a sequence's pages"));
    }
    TRY(mix_grow(&p->token, &p->room, (size_t)(q->prompt_tokens + q->max_tokens), sizeof *p->token,
                 "a sequence"));
    memcpy(p->token, q->prompt, (size_t)q->prompt_tokens * sizeof *p->token);
    q->place = p;
    p = NULL;
out:
    place_free(p);
    return rc;
}

static void give_place(struct mix_sched *s, struct seq *q)
{
    q->place->next = s->spare;
    s->spare = q->place;
    q->place = NULL;
}

int mix_sched_add(struct mix_sched *s, const struct mix_sched_row *r)
{
    int rc = MIX_OK;
    struct seq *q = NULL;

    MIX_CHECK(r->prompt_tokens >= 1 && r->max_tokens >= 1 &&
                  r->max_tokens <= s->c.max_len - r->prompt_tokens,
              "row %lld: %d + %d tokens for a length of %d", (long long)r->row, r->prompt_tokens,
              r->max_tokens, s->c.max_len);
    TRY(mix_calloc(&q, 1, sizeof *q + (size_t)r->prompt_tokens * sizeof *q->prompt, "a row"));
    memcpy(q->prompt, r->prompt, (size_t)r->prompt_tokens * sizeof *q->prompt);
    q->row = r->row;
    q->tag = r->tag;
    q->prompt_tokens = q->count = r->prompt_tokens;
    q->max_tokens = r->max_tokens;
    push(&s->waiting, q);
    s->waiters++;
out:
    return rc;
}

static int pages_for(const struct mix_sched *s, int tokens)
{
    return (tokens + s->c.page - 1) / s->c.page;
}

/* Back to the front of the queue, its answer forgotten. */
static int restart(struct mix_sched *s, struct seq *q)
{
    int rc = mix_pages_give(s->pool, q->place->page, q->pages);

    give_place(s, q);
    s->restarts++;
    s->wasted += q->computed;
    q->count = q->prompt_tokens;
    q->computed = q->pages = 0;
    push_front(&s->waiting, q);
    s->waiters++;
    return rc;
}

/* Pages for the first n tokens of running[at], from younger sequences if there is no other way.
 * *got is false if running[at] itself was the youngest and had to go. */
static int ensure_pages(struct mix_sched *s, int at, int n, bool *got)
{
    struct seq *q = s->running[at];
    int more = pages_for(s, n) - q->pages, rc = MIX_OK;

    *got = true;
    while (more > mix_pages_free(s->pool)) {
        struct seq *victim = s->running[--s->runners];
        TRY(restart(s, victim));
        if (victim == q) {
            *got = false;
            return MIX_OK;
        }
    }
    if (more > 0) {
        mix_pages_take(s->pool, q->place->page + q->pages, more);
        q->pages += more;
    }
out:
    return rc;
}

/* Admit rows while there is room for them: a slot, their prompt's pages, and what the oldest row
 * may need. */
static int admit(struct mix_sched *s)
{
    while (s->waiting.head && s->runners < s->c.max_seqs) {
        struct seq *q = s->waiting.head;
        int need = pages_for(s, q->prompt_tokens + 1), rc;

        if (s->runners > 0) {
            const struct seq *oldest = s->running[0];
            int most = pages_for(s, oldest->prompt_tokens + oldest->max_tokens);
            need += most - oldest->pages;
            /* Running prompts have been promised their pages too, though they take them chunk by
             * chunk. */
            for (int i = 1; i < s->runners; i++) {
                int all = pages_for(s, s->running[i]->prompt_tokens + 1);
                need += all > s->running[i]->pages ? all - s->running[i]->pages : 0;
            }
        }
        if (need > mix_pages_free(s->pool))
            return MIX_OK;
        if ((rc = take_place(s, q)) != MIX_OK)
            return rc;
        pop(&s->waiting);
        s->waiters--;
        s->running[s->runners++] = q;
    }
    return MIX_OK;
}

/* Put tokens [computed, computed + n) of running[at] into the batch as its sequence number b->seqs.
 */
static void schedule(struct mix_sched *s, struct mix_batch *b, int at, int n)
{
    struct seq *q = s->running[at];
    int32_t *table = s->table + (size_t)b->seqs * (size_t)s->table_stride;

    for (int i = 0; i < n; i++) {
        s->id[b->tokens + i] = q->place->token[q->computed + i];
        s->position[b->tokens + i] = q->computed + i;
        b->prompt_tokens += q->computed + i < q->prompt_tokens;
    }
    memcpy(table, q->place->page, (size_t)q->pages * sizeof *table);
    b->tokens += n;
    q->computed += n;
    s->first[++b->seqs] = b->tokens;
    if (q->computed == q->count) {
        s->sampler[b->samples] = q;
        s->sample[b->samples] = b->tokens - 1;
        s->rows[b->samples] = q->row;
        s->tags[b->samples] = q->tag;
        s->drawn[b->samples++] = q->count - q->prompt_tokens;
    }
}

static uint64_t hash_of(const struct mix_sched *s, const struct mix_batch *b)
{
    uint64_t h = mix_hash(s->id, (size_t)b->tokens * sizeof *s->id);

    h = mix_hash_add(h, s->position, (size_t)b->tokens * sizeof *s->position);
    h = mix_hash_add(h, s->first, (size_t)(b->seqs + 1) * sizeof *s->first);
    for (int i = 0; i < b->seqs; i++)
        h = mix_hash_add(h, s->table + (size_t)i * (size_t)s->table_stride,
                         (size_t)pages_for(s, s->position[s->first[i + 1] - 1] + 1) *
                             sizeof *s->table);
    h = mix_hash_add(h, s->rows, (size_t)b->samples * sizeof *s->rows);
    return h ? h : 1;
}

int mix_sched_next(struct mix_sched *s, struct mix_batch *b)
{
    int rc = MIX_OK, budget = s->c.max_tokens;
    bool got;

    *b = (struct mix_batch){.id = s->id,
                            .position = s->position,
                            .first = s->first,
                            .table = s->table,
                            .sample = s->sample,
                            .row = s->rows,
                            .tag = s->tags,
                            .drawn = s->drawn,
                            .table_stride = s->table_stride};
    s->first[0] = 0;
    TRY(admit(s));
    /* Answers first: one token each, so that prompts never hold them up. Taking pages may remove
     * sequences from the end, so sizes are asked anew each time. */
    for (int i = 0; i < s->runners; i++)
        if (s->running[i]->count - s->running[i]->computed == 1) {
            TRY(ensure_pages(s, i, s->running[i]->count, &got));
            budget -= got;
        }
    for (int i = 0; i < s->runners; i++) {
        struct seq *q = s->running[i];
        int n = q->count - q->computed;

        if (n > 1) { /* a prompt, or the rest of one */
            n = n < budget ? n : budget;
            if (n == 0)
                continue;
            TRY(ensure_pages(s, i, q->computed + n, &got));
            if (!got)
                break;
            budget -= n;
        }
        /* A younger one that had its page may have been a victim since: it is not running any more.
         */
        schedule(s, b, i, n);
    }
    s->samples = b->samples;
    b->hash = hash_of(s, b);
out:
    return rc;
}

static int end(struct mix_sched *s, struct seq *q, const char *reason)
{
    q->reason = reason;
    push(&s->ended, q);
    return mix_pages_give(s->pool, q->place->page, q->pages);
}

static bool is_eos(const struct mix_sched *s, int32_t id)
{
    for (int i = 0; i < s->c.eos_count; i++)
        if (s->c.eos[i] == id)
            return true;
    return false;
}

int mix_sched_drawn(struct mix_sched *s, const int32_t *id)
{
    int rc = MIX_OK, kept = 0;

    for (int i = 0; i < s->samples; i++) {
        struct seq *q = s->sampler[i];

        if (id[i] < 0) {
            TRY(end(s, q, "numeric_error"));
        } else if (is_eos(s, id[i])) {
            TRY(end(s, q, "stop"));
        } else {
            q->place->token[q->count++] = id[i];
            if (q->count - q->prompt_tokens == q->max_tokens)
                TRY(end(s, q, "length"));
        }
    }
    s->samples = 0;
    for (int i = 0; i < s->runners; i++)
        if (!s->running[i]->reason)
            s->running[kept++] = s->running[i];
    s->runners = kept;
out:
    return rc;
}

bool mix_sched_finished(struct mix_sched *s, struct mix_finished *f)
{
    struct seq *q;

    if (s->shown) {
        give_place(s, s->shown);
        seq_free(s->shown);
        s->shown = NULL;
    }
    if (!(q = pop(&s->ended)))
        return false;
    s->shown = q;
    *f = (struct mix_finished){.row = q->row,
                               .tag = q->tag,
                               .tokens = q->place->token + q->prompt_tokens,
                               .count = q->count - q->prompt_tokens,
                               .prompt_tokens = q->prompt_tokens,
                               .reason = q->reason};
    return true;
}

struct mix_sched_stats mix_sched_stats(const struct mix_sched *s)
{
    return (struct mix_sched_stats){.waiting = s->waiters,
                                    .running = s->runners,
                                    .pages = s->c.pages,
                                    .pages_used = s->c.pages - mix_pages_free(s->pool),
                                    .restarts = s->restarts,
                                    .wasted_tokens = s->wasted};
}
