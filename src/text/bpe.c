/* bpe.c - see bpe.h.
 *
 * The word is a linked list of symbols; a binary heap holds the possible merges as
 * rank << 32 | place of the left symbol, so that its least is the next one.  An
 * entry is not removed when one of its symbols changes: it is stale, and known as
 * such because the symbol's rank is another one by then. */
#include "text/bpe.h"

#include "base/err.h"
#include "base/mem.h"
#include "text/vocab.h"

#include <stdbool.h>
#include <stdlib.h>

enum { NONE = -1 };

struct merge {
    int32_t left, right; /* left is NONE: an empty slot */
    uint32_t rank;
    int32_t whole;
};

struct mix_bpe {
    int32_t byte[256];
    struct merge *merge; /* [slots], open addressing, at most two thirds are taken */
    size_t slots;        /* a power of two */
    int shift;           /* 64 - log2(slots) */
    size_t count;        /* slots taken */
    uint32_t ranks;      /* merges given */
};

struct mix_bpe_symbol {
    uint32_t before, behind; /* neighbours; END at the ends */
    int32_t id;
    uint32_t rank; /* of the merge with the symbol behind; UNRANKED if there is none */
    int32_t whole; /* what that merge makes */
};

static const uint32_t END = UINT32_MAX, UNRANKED = UINT32_MAX;

static int more_slots(struct mix_bpe *bpe);

int mix_bpe_create(struct mix_bpe **out, const int32_t byte[256], size_t expected)
{
    int rc;
    struct mix_bpe *bpe = NULL;

    TRY(mix_calloc(&bpe, 1, sizeof *bpe, "merges"));
    for (int b = 0; b < 256; b++)
        bpe->byte[b] = byte[b];
    do
        TRY(more_slots(bpe));
    while (bpe->slots / 3 * 2 < expected && bpe->slots < MIX_VOCAB_MOST);
    *out = bpe;
    bpe = NULL;
out:
    mix_bpe_destroy(bpe);
    return rc;
}

void mix_bpe_destroy(struct mix_bpe *bpe)
{
    if (!bpe)
        return;
    free(bpe->merge);
    free(bpe);
}

/* The slot of a pair, or the empty one where it would be (Knuth's multiplicative hash). */
static struct merge *slot_of(const struct mix_bpe *bpe, int32_t left, int32_t right)
{
    uint64_t key = (uint64_t)(uint32_t)left << 32 | (uint32_t)right;
    size_t at = (size_t)(key * UINT64_C(0x9E3779B97F4A7C15) >> bpe->shift);

    while (bpe->merge[at].left != NONE &&
           (bpe->merge[at].left != left || bpe->merge[at].right != right))
        at = (at + 1) & (bpe->slots - 1);
    return &bpe->merge[at];
}

static int more_slots(struct mix_bpe *bpe)
{
    int rc;
    struct merge *old = bpe->merge, *merge = NULL;
    size_t olds = bpe->slots, slots = olds ? olds * 2 : 1024;

    TRY(mix_calloc(&merge, slots, sizeof *merge, "merges"));
    for (size_t i = 0; i < slots; i++)
        merge[i].left = NONE;
    bpe->merge = merge;
    bpe->slots = slots;
    bpe->shift = 64 - __builtin_ctzll(slots);
    for (size_t i = 0; i < olds; i++)
        if (old[i].left != NONE)
            *slot_of(bpe, old[i].left, old[i].right) = old[i];
    free(old);
out:
    return rc;
}

int mix_bpe_merge(struct mix_bpe *bpe, int32_t left, int32_t right, int32_t whole)
{
    int rc = MIX_OK;
    struct merge *m;

    MIX_CHECK(left >= 0 && right >= 0 && whole >= 0 && bpe->ranks < UNRANKED,
              "merge %u of %d and %d", bpe->ranks, left, right);
    if (bpe->count >= bpe->slots / 3 * 2)
        TRY(more_slots(bpe));
    m = slot_of(bpe, left, right);
    bpe->count += m->left == NONE;
    *m = (struct merge){.left = left, .right = right, .rank = bpe->ranks++, .whole = whole};
out:
    return rc;
}

void mix_bpe_work_fini(struct mix_bpe_work *w)
{
    free(w->symbol);
    free(w->heap);
    *w = (struct mix_bpe_work){0};
}

/* ---- the heap */

static void heap_add(uint64_t *heap, size_t *count, uint64_t entry)
{
    size_t at = (*count)++;

    for (; at > 0 && heap[(at - 1) / 2] > entry; at = (at - 1) / 2)
        heap[at] = heap[(at - 1) / 2];
    heap[at] = entry;
}

static uint64_t heap_take(uint64_t *heap, size_t *count)
{
    uint64_t least = heap[0], last = heap[--*count];
    size_t at = 0, child;

    while ((child = 2 * at + 1) < *count) {
        if (child + 1 < *count && heap[child + 1] < heap[child])
            child++;
        if (last <= heap[child])
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
    return least;
}

/* ---- a word */

/* Note what the symbol at left and the one behind it merge to. */
static void rank_pair(const struct mix_bpe *bpe, struct mix_bpe_work *w, uint32_t left,
                      size_t *heaped)
{
    struct mix_bpe_symbol *s = &w->symbol[left];
    const struct merge *m;

    s->rank = UNRANKED;
    if (s->behind == END)
        return;
    m = slot_of(bpe, s->id, w->symbol[s->behind].id);
    if (m->left == NONE)
        return;
    s->rank = m->rank;
    s->whole = m->whole;
    heap_add(w->heap, heaped, (uint64_t)m->rank << 32 | left);
}

/* Join the symbol at left with the one behind it. */
static void join(const struct mix_bpe *bpe, struct mix_bpe_work *w, uint32_t left, size_t *heaped)
{
    struct mix_bpe_symbol *s = &w->symbol[left], *gone = &w->symbol[s->behind];

    s->id = s->whole;
    gone->rank = UNRANKED;
    s->behind = gone->behind;
    if (s->behind != END)
        w->symbol[s->behind].before = left;
    rank_pair(bpe, w, left, heaped);
    if (s->before != END)
        rank_pair(bpe, w, s->before, heaped);
}

int mix_bpe_word(const struct mix_bpe *bpe, struct mix_bpe_work *w, const char *word, size_t n,
                 int32_t **ids, size_t *count, size_t *room)
{
    int rc = MIX_OK;
    uint32_t symbols = 0;
    size_t heaped = 0;

    if (n >= END)
        return MIX_FAIL(MIX_EINPUT, "a word of %zu bytes is too long", n);
    TRY(mix_grow(&w->symbol, &w->room, n, sizeof *w->symbol, "a word"));
    /* At first n - 1 entries; each of at most n - 1 joins takes one and adds two at most. */
    TRY(mix_grow(&w->heap, &w->heap_room, 2 * n, sizeof *w->heap, "a word"));
    for (size_t i = 0; i < n; i++) {
        int32_t id = bpe->byte[(uint8_t)word[i]];

        if (id == NONE)
            continue;
        w->symbol[symbols] =
            (struct mix_bpe_symbol){.before = symbols ? symbols - 1 : END, .behind = END, .id = id};
        if (symbols)
            w->symbol[symbols - 1].behind = symbols;
        symbols++;
    }
    if (symbols == 0)
        goto out;
    for (uint32_t i = 0; i < symbols; i++)
        rank_pair(bpe, w, i, &heaped);
    while (heaped) {
        uint64_t entry = heap_take(w->heap, &heaped);
        uint32_t left = (uint32_t)entry;

        if (w->symbol[left].rank == entry >> 32)
            join(bpe, w, left, &heaped);
    }
    for (uint32_t i = 0; i != END; i = w->symbol[i].behind) {
        TRY(mix_grow(ids, room, *count + 1, sizeof **ids, "token ids"));
        (*ids)[(*count)++] = w->symbol[i].id;
    }
out:
    return rc;
}
