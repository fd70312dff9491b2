/* pretok.c - see pretok.h: the stages call each other, one piece at a time. */
#include "text/pretok.h"

#include "base/err.h"
#include "base/mem.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

struct stage {
    struct mix_regex *re; /* NULL: a space in front */
    enum mix_pretok_behavior behavior;
    bool invert;
};

struct mix_pretok {
    struct stage *stage; /* [count] */
    size_t count, room;
};

bool mix_pretok_behavior(const char *name, enum mix_pretok_behavior *behavior)
{
    static const char *const names[MIX_PRETOK_BEHAVIORS] = {
        [MIX_PRETOK_REMOVED] = "Removed",
        [MIX_PRETOK_ISOLATED] = "Isolated",
        [MIX_PRETOK_MERGED_WITH_PREVIOUS] = "MergedWithPrevious",
        [MIX_PRETOK_MERGED_WITH_NEXT] = "MergedWithNext",
        [MIX_PRETOK_CONTIGUOUS] = "Contiguous",
    };

    for (int b = 0; b < MIX_PRETOK_BEHAVIORS; b++)
        if (strcmp(names[b], name) == 0) {
            *behavior = (enum mix_pretok_behavior)b;
            return true;
        }
    return false;
}

int mix_pretok_create(struct mix_pretok **p)
{
    return mix_calloc(p, 1, sizeof **p, "a pre-tokenizer");
}

void mix_pretok_destroy(struct mix_pretok *p)
{
    if (!p)
        return;
    for (size_t i = 0; i < p->count; i++)
        mix_regex_destroy(p->stage[i].re);
    free(p->stage);
    free(p);
}

static int add_stage(struct mix_pretok *p, struct stage stage)
{
    int rc = mix_grow(&p->stage, &p->room, p->count + 1, sizeof *p->stage, "a pre-tokenizer");

    if (rc == MIX_OK)
        p->stage[p->count++] = stage;
    else
        mix_regex_destroy(stage.re);
    return rc;
}

int mix_pretok_split(struct mix_pretok *p, struct mix_regex *re, enum mix_pretok_behavior behavior,
                     bool invert)
{
    return add_stage(p, (struct stage){.re = re, .behavior = behavior, .invert = invert});
}

int mix_pretok_prefix(struct mix_pretok *p)
{
    return add_stage(p, (struct stage){0});
}

int mix_pretok_compile(struct mix_pretok *p, const struct mix_alphabet *a)
{
    int rc = MIX_OK;

    for (size_t i = 0; i < p->count; i++)
        if (p->stage[i].re)
            TRY(mix_regex_compile(p->stage[i].re, a));
out:
    return rc;
}

bool mix_pretok_drops(const struct mix_pretok *p)
{
    for (size_t i = 0; i < p->count; i++)
        if (p->stage[i].re && p->stage[i].behavior == MIX_PRETOK_REMOVED)
            return true;
    return false;
}

/* ---- running */

/* A piece: text and the same as symbols. */
struct piece {
    const char *s;
    size_t n;
    const uint8_t *symbols;
    size_t count;
};

struct run {
    const struct mix_pretok *p;
    struct mix_regex_match *m;
    mix_pretok_word *word;
    void *ctx;
};

static int run_stage(const struct run *r, size_t stage, struct piece x);

/* The cutting of one piece: what was cut last is held back while the next can still join it. */
struct cut {
    const struct run *r;
    size_t stage;
    const struct piece *whole;
    const char *at;        /* where the piece at symbol `handed` begins */
    size_t handed;         /* symbols handed on or dropped */
    size_t held, held_end; /* symbols held back; equal: none */
    bool holding, matched; /* is something held back (it may be empty); was the last a match */
};

/* Hand symbols [begin, end) on, where begin is at or behind what was handed on. */
static int hand_on(struct cut *c, size_t begin, size_t end)
{
    struct piece x = {.symbols = c->whole->symbols + begin, .count = end - begin};

    if (c->whole->n == c->whole->count) { /* ASCII only */
        x.s = c->whole->s + begin;
        x.n = end - begin;
    } else {
        for (; c->handed < begin; c->handed++)
            c->at += mix_utf8_length(*c->at);
        x.s = c->at;
        for (; c->handed < end; c->handed++)
            c->at += mix_utf8_length(*c->at);
        x.n = (size_t)(c->at - x.s);
    }
    return x.n ? run_stage(c->r, c->stage + 1, x) : MIX_OK;
}

static int let_go(struct cut *c)
{
    bool holding = c->holding;

    c->holding = false;
    return holding ? hand_on(c, c->held, c->held_end) : MIX_OK;
}

/* The next part of the piece, [begin, end), a match of the expression or what is between two. */
static int part(struct cut *c, size_t begin, size_t end, bool match)
{
    int rc = MIX_OK;
    const struct stage *stage = &c->r->p->stage[c->stage];
    bool joins = false;

    match ^= stage->invert;
    switch (stage->behavior) {
    case MIX_PRETOK_REMOVED:
        return match ? MIX_OK : hand_on(c, begin, end);
    case MIX_PRETOK_MERGED_WITH_PREVIOUS:
        joins = match && !c->matched;
        break;
    case MIX_PRETOK_MERGED_WITH_NEXT:
        joins = !match && c->matched;
        break;
    case MIX_PRETOK_CONTIGUOUS:
        joins = match == c->matched;
        break;
    default:
        return hand_on(c, begin, end);
    }
    c->matched = match;
    if (joins && c->holding) {
        c->held_end = end;
        return MIX_OK;
    }
    TRY(let_go(c));
    c->held = begin;
    c->held_end = end;
    c->holding = true;
out:
    return rc;
}

static int split(const struct run *r, size_t stage, struct piece x)
{
    int rc = MIX_OK;
    struct cut c = {.r = r, .stage = stage, .whole = &x, .at = x.s};
    size_t done = 0, from = 0, last_end = SIZE_MAX;

    while (from <= x.count) {
        bool found;
        size_t begin, end;

        TRY(mix_regex_find(r->p->stage[stage].re, r->m, x.symbols, x.count, from, &found, &begin,
                           &end));
        if (!found)
            break;
        if (begin == end && begin == last_end) { /* an empty match just behind a match is none */
            from = end + 1;
            continue;
        }
        last_end = end;
        if (begin > done)
            TRY(part(&c, done, begin, false));
        TRY(part(&c, begin, end, true));
        done = end;
        from = begin == end ? end + 1 : end;
    }
    if (done < x.count)
        TRY(part(&c, done, x.count, false));
    TRY(let_go(&c));
out:
    return rc;
}

static int prefix(const struct run *r, size_t stage, struct piece x)
{
    int rc = MIX_OK;
    char *s = NULL;
    uint8_t *symbols = NULL;

    if (x.s[0] == ' ')
        return run_stage(r, stage + 1, x);
    TRY(mix_calloc(&s, x.n + 1, 1, "a word"));
    TRY(mix_calloc(&symbols, x.count + 1, 1, "a word"));
    s[0] = ' ';
    symbols[0] = ' ';
    memcpy(s + 1, x.s, x.n);
    memcpy(symbols + 1, x.symbols, x.count);
    TRY(run_stage(r, stage + 1, (struct piece){s, x.n + 1, symbols, x.count + 1}));
out:
    free(s);
    free(symbols);
    return rc;
}

static int run_stage(const struct run *r, size_t stage, struct piece x)
{
    if (stage == r->p->count)
        return r->word(r->ctx, x.s, x.n);
    return (r->p->stage[stage].re ? split : prefix)(r, stage, x);
}

int mix_pretok_run(const struct mix_pretok *p, struct mix_regex_match *m, const char *s, size_t n,
                   const uint8_t *symbols, size_t count, mix_pretok_word *word, void *ctx)
{
    struct run r = {.p = p, .m = m, .word = word, .ctx = ctx};

    return n ? run_stage(&r, 0, (struct piece){s, n, symbols, count}) : MIX_OK;
}
