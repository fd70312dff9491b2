/* vocab.c - two pools of bytes, and a hash table of ids with open addressing. */
#include "text/vocab.h"

#include "base/err.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"
#include "text/bytelevel.h"

#include <stdlib.h>
#include <string.h>

struct token {
    size_t name, text; /* offsets into the pools */
    uint32_t name_n, text_n;
    bool used;
};

struct slot {
    int32_t id;   /* -1: empty */
    uint32_t tag; /* the upper half of the name's hash: most others are told apart by it */
};

struct mix_vocab {
    struct token *token; /* [room], by id; beyond end unused */
    size_t room;
    int end;
    size_t count;
    struct slot *slot; /* [slots]; at most two thirds are taken */
    size_t slots;      /* a power of two */
    struct mix_str names, texts;
};

static int more_slots(struct mix_vocab *v);

int mix_vocab_create(struct mix_vocab **out, size_t expected)
{
    int rc;
    struct mix_vocab *v = NULL;

    TRY(mix_calloc(&v, 1, sizeof *v, "a vocabulary"));
    do
        TRY(more_slots(v));
    while (v->slots / 3 * 2 < expected && v->slots < MIX_VOCAB_MOST);
    *out = v;
    v = NULL;
out:
    mix_vocab_destroy(v);
    return rc;
}

void mix_vocab_destroy(struct mix_vocab *v)
{
    if (!v)
        return;
    free(v->token);
    free(v->slot);
    mix_str_fini(&v->names);
    mix_str_fini(&v->texts);
    free(v);
}

/* The slot of a name, or the empty one where it would be; there is always an empty one. */
static size_t slot_of(const struct mix_vocab *v, const char *name, size_t n, uint32_t *tag)
{
    uint64_t hash = mix_hash(name, n);
    size_t at = (size_t)hash & (v->slots - 1);

    *tag = (uint32_t)(hash >> 32);
    for (; v->slot[at].id >= 0; at = (at + 1) & (v->slots - 1)) {
        const struct token *t = &v->token[v->slot[at].id];

        if (v->slot[at].tag == *tag && t->name_n == n && memcmp(v->names.s + t->name, name, n) == 0)
            break;
    }
    return at;
}

static int more_slots(struct mix_vocab *v)
{
    int rc;
    size_t slots = v->slots ? v->slots * 2 : 1024;
    struct slot *slot = NULL;

    TRY(mix_calloc(&slot, slots, sizeof *slot, "a vocabulary"));
    free(v->slot);
    v->slot = slot;
    v->slots = slots;
    for (size_t i = 0; i < slots; i++)
        slot[i].id = -1;
    for (int id = 0; id < v->end; id++) {
        const struct token *t = &v->token[id];
        uint32_t tag;

        if (!t->used)
            continue;
        slot = &v->slot[slot_of(v, v->names.s + t->name, t->name_n, &tag)];
        *slot = (struct slot){.id = id, .tag = tag};
    }
out:
    return rc;
}

int mix_vocab_add(struct mix_vocab *v, int64_t id, const char *name, size_t n, const char *where)
{
    int rc;
    size_t at, old = v->room;
    uint32_t tag;
    struct token *t;

    if (id < 0 || id >= MIX_VOCAB_MOST)
        return MIX_FAIL(MIX_EINPUT, "%s: token \"%.40s\": an id is 0 to %d, not %lld", where, name,
                        MIX_VOCAB_MOST - 1, (long long)id);
    if (n > UINT32_MAX)
        return MIX_FAIL(MIX_EINPUT, "%s: a token of %zu bytes", where, n);
    if (v->count >= v->slots / 3 * 2)
        TRY(more_slots(v));
    at = slot_of(v, name, n, &tag);
    if (v->slot[at].id >= 0)
        return MIX_FAIL(MIX_EINPUT, "%s: token \"%.40s\" twice, ids %d and %lld", where, name,
                        v->slot[at].id, (long long)id);
    TRY(mix_grow(&v->token, &v->room, (size_t)id + 1, sizeof *v->token, "a vocabulary"));
    if (v->room > old)
        memset(v->token + old, 0, (v->room - old) * sizeof *v->token);
    t = &v->token[id];
    if (t->used)
        return MIX_FAIL(MIX_EINPUT, "%s: token \"%.40s\": the id %lld is \"%.*s\" already", where,
                        name, (long long)id, t->name_n > 40 ? 40 : (int)t->name_n,
                        v->names.s + t->name);
    t->name = v->names.len;
    t->name_n = (uint32_t)n;
    TRY(mix_str_add(&v->names, name, n));
    TRY(mix_vocab_respell(v, (int32_t)id, name, n));
    t->used = true;
    v->slot[at] = (struct slot){.id = (int32_t)id, .tag = tag};
    v->count++;
    if (id >= v->end)
        v->end = (int)id + 1;
out:
    return rc;
}

int mix_vocab_respell(struct mix_vocab *v, int32_t id, const char *name, size_t n)
{
    int rc;
    size_t text = v->texts.len;

    TRY(mix_bytelevel_bytes(&v->texts, name, n));
    v->token[id].text = text;
    v->token[id].text_n = (uint32_t)(v->texts.len - text);
out:
    return rc;
}

int mix_vocab_end(const struct mix_vocab *v)
{
    return v->end;
}

int32_t mix_vocab_find(const struct mix_vocab *v, const char *name, size_t n)
{
    uint32_t tag;

    return v->slot[slot_of(v, name, n, &tag)].id;
}

const char *mix_vocab_text(const struct mix_vocab *v, int32_t id, size_t *n)
{
    if (id < 0 || id >= v->end || !v->token[id].used)
        return NULL;
    *n = v->token[id].text_n;
    return v->texts.s ? v->texts.s + v->token[id].text : "";
}
