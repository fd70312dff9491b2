/* deal.c - see deal.h.  The message is a count, then per row a fixed head and its
 * token ids; all ranks run one build on one kind of machine, so it is plain bytes. */
#include "engine/deal.h"

#include "base/err.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

struct head {
    int64_t row;
    struct mix_sampling sampling;
    int64_t prompt_tokens;
};

struct mix_deck {
    const struct mix_row **row; /* [rows] in the order of dealing */
    size_t room;
    int rows, next;
};

struct mix_hand {
    struct mix_sampling *card; /* [cards] */
    int *vacant;               /* [vacants] places to use again */
    size_t card_room, vacant_room;
    int cards, vacants;
};

/* More work first, then the lower row. */
static int longest_first(const void *a, const void *b)
{
    const struct mix_row *x = *(const struct mix_row *const *)a;
    const struct mix_row *y = *(const struct mix_row *const *)b;
    int64_t work_x = x->prompt_tokens + x->sampling.max_tokens;
    int64_t work_y = y->prompt_tokens + y->sampling.max_tokens;

    if (work_x != work_y)
        return work_x > work_y ? -1 : 1;
    return x->row < y->row ? -1 : x->row > y->row;
}

/* ---- deck */

int mix_deck_create(struct mix_deck **deck)
{
    return mix_calloc(deck, 1, sizeof **deck, "a deck of rows");
}

void mix_deck_destroy(struct mix_deck *deck)
{
    if (!deck)
        return;
    free(deck->row);
    free(deck);
}

int mix_deck_take(struct mix_deck *deck, const struct mix_shard *shard)
{
    int rc = MIX_OK;
    size_t rows = (size_t)shard->todos;

    MIX_CHECK(mix_deck_left(deck) == 0, "a shard on top of %d rows", mix_deck_left(deck));
    TRY(mix_grow(&deck->row, &deck->room, rows, sizeof *deck->row, "a deck of rows"));
    if (rows) {
        memcpy(deck->row, shard->todo, rows * sizeof *deck->row);
        qsort(deck->row, rows, sizeof *deck->row, longest_first);
    }
    deck->rows = shard->todos;
    deck->next = 0;
out:
    return rc;
}

int mix_deck_size(const struct mix_deck *deck)
{
    return deck->rows;
}

int mix_deck_left(const struct mix_deck *deck)
{
    return deck->rows - deck->next;
}

int mix_deck_deal(struct mix_deck *deck, int n, struct mix_str *message)
{
    int rc;
    int64_t rows = n < mix_deck_left(deck) ? n : mix_deck_left(deck);

    mix_str_clear(message);
    TRY(mix_str_add(message, &rows, sizeof rows));
    for (int64_t i = 0; i < rows; i++) {
        const struct mix_row *row = deck->row[deck->next + i];
        struct head h = {row->row, row->sampling, row->prompt_tokens};

        TRY(mix_str_add(message, &h, sizeof h));
        TRY(mix_str_add(message, row->prompt, (size_t)h.prompt_tokens * sizeof *row->prompt));
    }
    deck->next += (int)rows;
out:
    return rc;
}

/* ---- hand */

int mix_hand_create(struct mix_hand **hand)
{
    return mix_calloc(hand, 1, sizeof **hand, "a hand of rows");
}

void mix_hand_destroy(struct mix_hand *hand)
{
    if (!hand)
        return;
    free(hand->card);
    free(hand->vacant);
    free(hand);
}

static int place(struct mix_hand *hand, const struct mix_sampling *sampling, int *tag)
{
    int rc = MIX_OK;

    if (hand->vacants) {
        *tag = hand->vacant[--hand->vacants];
    } else {
        size_t need = (size_t)hand->cards + 1;
        TRY(mix_grow(&hand->card, &hand->card_room, need, sizeof *hand->card, "a hand of rows"));
        TRY(mix_grow(&hand->vacant, &hand->vacant_room, need, sizeof *hand->vacant,
                     "a hand of rows"));
        *tag = hand->cards++;
    }
    hand->card[*tag] = *sampling;
out:
    return rc;
}

int mix_hand_take(struct mix_hand *hand, const void *message, size_t bytes, struct mix_sched *sched)
{
    int rc = MIX_OK;
    const char *at = message, *end = at + bytes;
    int64_t rows = 0;

    MIX_CHECK(bytes >= sizeof rows, "a shard's message of %zu bytes", bytes);
    memcpy(&rows, at, sizeof rows);
    at += sizeof rows;
    for (int64_t i = 0; i < rows; i++) {
        struct head h;
        int tag;
        MIX_CHECK((size_t)(end - at) >= sizeof h, "a shard's message is cut off at row %lld",
                  (long long)i);
        memcpy(&h, at, sizeof h);
        at += sizeof h;
        MIX_CHECK(h.prompt_tokens >= 0 &&
                      (size_t)(end - at) / sizeof(int32_t) >= (size_t)h.prompt_tokens,
                  "a shard's message is cut off at row %lld", (long long)i);
        TRY(place(hand, &h.sampling, &tag));
        /* Heads are a multiple of 4 bytes, so the ids are aligned. */
        struct mix_sched_row row = {.row = h.row,
                                    .prompt = (const int32_t *)(const void *)at,
                                    .prompt_tokens = (int)h.prompt_tokens,
                                    .max_tokens = (int)h.sampling.max_tokens,
                                    .tag = tag};
        TRY(mix_sched_add(sched, &row));
        at += (size_t)h.prompt_tokens * sizeof(int32_t);
    }
out:
    return rc;
}

const struct mix_sampling *mix_hand_at(const struct mix_hand *hand, int tag)
{
    return &hand->card[tag];
}

void mix_hand_drop(struct mix_hand *hand, int tag)
{
    hand->vacant[hand->vacants++] = tag;
}
