/* added.c - the contents sorted by bytes; a match narrows the range of candidates byte by byte. */
#include "text/added.h"

#include "base/err.h"
#include "base/mem.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

struct entry {
    char *content;
    size_t n, place; /* place: in the order given */
    struct mix_added_token token;
};

struct mix_added {
    struct entry *entry; /* [count], sorted after mix_added_sort */
    size_t count, room;
    size_t first[257]; /* entries that begin with byte b: [first[b], first[b + 1]) */
};

int mix_added_create(struct mix_added **added)
{
    return mix_calloc(added, 1, sizeof **added, "added tokens");
}

void mix_added_destroy(struct mix_added *added)
{
    if (!added)
        return;
    for (size_t i = 0; i < added->count; i++)
        free(added->entry[i].content);
    free(added->entry);
    free(added);
}

int mix_added_add(struct mix_added *added, const char *content, size_t n,
                  const struct mix_added_token *token)
{
    int rc;
    char *copy = NULL;

    MIX_CHECK(n > 0, "an added token without content");
    TRY(mix_grow(&added->entry, &added->room, added->count + 1, sizeof *added->entry,
                 "added tokens"));
    TRY(mix_calloc(&copy, n, 1, "an added token"));
    memcpy(copy, content, n);
    added->entry[added->count] =
        (struct entry){.content = copy, .n = n, .place = added->count, .token = *token};
    added->count++;
out:
    return rc;
}

static int by_bytes(const void *x, const void *y)
{
    const struct entry *a = x, *b = y;
    int order = memcmp(a->content, b->content, a->n < b->n ? a->n : b->n);

    if (order == 0)
        order = (a->n > b->n) - (a->n < b->n);
    return order ? order : (a->place > b->place) - (a->place < b->place);
}

void mix_added_sort(struct mix_added *added)
{
    size_t kept = 0, at = 0;

    if (added->count)
        qsort(added->entry, added->count, sizeof *added->entry, by_bytes);
    for (size_t i = 0; i < added->count; i++) {
        const struct entry *last = kept ? &added->entry[kept - 1] : NULL, *e = &added->entry[i];

        if (last && last->n == e->n && memcmp(last->content, e->content, e->n) == 0)
            free(e->content);
        else
            added->entry[kept++] = *e;
    }
    added->count = kept;
    for (int b = 0; b < 256; b++) {
        added->first[b] = at;
        while (at < kept && (unsigned char)added->entry[at].content[0] == b)
            at++;
    }
    added->first[256] = at;
}

/* The first entry of [low, high), whose contents agree in their first `depth` bytes and have more,
 * that has a byte of at least b behind them. */
static size_t bound(const struct mix_added *added, size_t low, size_t high, size_t depth, int b)
{
    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if ((unsigned char)added->entry[middle].content[depth] < b)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The longest content that s[0..n) begins with. */
static const struct entry *longest_at(const struct mix_added *added, const char *s, size_t n)
{
    unsigned char b = (unsigned char)s[0];
    size_t low = added->first[b], high = added->first[b + 1];
    const struct entry *found = NULL;

    for (size_t depth = 1; low < high; depth++) {
        if (added->entry[low].n == depth) /* the shortest stands first */
            found = &added->entry[low++];
        if (depth == n)
            break;
        b = (unsigned char)s[depth];
        low = bound(added, low, high, depth, b);
        high = bound(added, low, high, depth, b + 1);
    }
    return found;
}

static bool is_word(const struct mix_alphabet *a, uint32_t c)
{
    return a->properties[a->symbol[c]] & MIX_UNICODE_WORD;
}

static bool stands_alone(const struct mix_alphabet *a, const char *s, size_t n, size_t begin,
                         size_t end)
{
    const char *before = s + begin, *behind = s + end;

    return (begin == 0 || !is_word(a, mix_utf8_back(&before))) &&
           (end == n || !is_word(a, mix_utf8_next(&behind)));
}

void mix_added_next(const struct mix_added *added, const struct mix_alphabet *a, const char *s,
                    size_t n, struct mix_added_search *at, size_t *gap, size_t *gap_end,
                    int32_t *id)
{
    while (at->from < n && added->count) {
        const struct entry *e = longest_at(added, s + at->from, n - at->from);
        size_t begin = at->from, end;

        if (!e) {
            at->from++;
            continue;
        }
        at->from = end = begin + e->n;
        if (e->token.single_word && !stands_alone(a, s, n, begin, end))
            continue;
        for (const char *p = s + begin; e->token.lstrip && begin > at->taken;
             begin = (size_t)(p - s))
            if (!mix_unicode_space(mix_utf8_back(&p)))
                break;
        if (e->token.lstrip && begin < at->taken)
            begin = at->taken;
        for (const char *p = s + end; e->token.rstrip && end < n; end = (size_t)(p - s))
            if (!mix_unicode_space(mix_utf8_next(&p)))
                break;
        if (begin >= end) /* white space that the token in front has taken already */
            continue;
        *gap = at->taken;
        *gap_end = begin > at->taken ? begin : at->taken;
        *id = e->token.id;
        at->taken = end;
        return;
    }
    *gap = at->taken;
    *gap_end = n;
    *id = -1;
}
