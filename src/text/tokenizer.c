/* tokenizer.c - see tokenizer.h.
 *
 * The way of a text: added tokens are taken out, what is left is normalized, the
 * added tokens that are looked for only then are taken out, what is left is cut
 * into words, and each word into tokens. */
#include "text/tokenizer.h"

#include "base/err.h"
#include "base/mem.h"
#include "text/bytelevel.h"
#include "text/nfc.h"
#include "text/tokenizer_parts.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

int mix_tokenizer_open(struct mix_tokenizer **out, const char *model_dir)
{
    int rc;
    struct mix_tokenizer *t = NULL;

    TRY(mix_calloc(&t, 1, sizeof *t, "a tokenizer"));
    TRY(mix_tokenizer_load(t, model_dir));
    *out = t;
    t = NULL;
out:
    mix_tokenizer_close(t);
    return rc;
}

void mix_tokenizer_close(struct mix_tokenizer *t)
{
    if (!t)
        return;
    mix_alphabet_destroy(t->alphabet);
    mix_vocab_destroy(t->vocab);
    mix_bpe_destroy(t->bpe);
    mix_pretok_destroy(t->pretok);
    mix_added_destroy(t->raw);
    mix_added_destroy(t->normalized);
    free(t->kind);
    free(t->before);
    free(t->after);
    free(t);
}

int mix_tokenizer_vocab(const struct mix_tokenizer *t)
{
    return mix_vocab_end(t->vocab);
}

int32_t mix_tokenizer_token(const struct mix_tokenizer *t, const char *content)
{
    return mix_vocab_find(t->vocab, content, strlen(content));
}

size_t mix_tokenizer_fewest(const struct mix_tokenizer *t, size_t n)
{
    return t->longest ? n / t->longest : 0;
}

/* ---- encoding */

struct encoder {
    const struct mix_tokenizer *t;
    struct mix_regex_match *match;
    struct mix_bpe_work work;
    struct mix_str normal; /* the stretch at hand in form C */
    struct mix_str letters;
    uint8_t *symbols; /* [symbols_room], of the stretch at hand */
    size_t symbols_room;
    int32_t **ids;
    size_t *count, *room;
};

static int put_ids(const struct encoder *e, const int32_t *ids, size_t n)
{
    int rc = MIX_OK;

    if (n == 0)
        return MIX_OK;
    TRY(mix_grow(e->ids, e->room, *e->count + n, sizeof **e->ids, "token ids"));
    memcpy(*e->ids + *e->count, ids, n * sizeof **e->ids);
    *e->count += n;
out:
    return rc;
}

static int encode_word(void *ctx, const char *word, size_t n)
{
    int rc = MIX_OK;
    struct encoder *e = ctx;
    int32_t id = -1;

    if (e->t->ignore_merges) {
        mix_str_clear(&e->letters);
        TRY(mix_bytelevel_letters(&e->letters, word, n));
        id = mix_vocab_find(e->t->vocab, e->letters.s, e->letters.len);
    }
    if (id >= 0 && !mix_tokenizer_is(e->t, id, MIX_TOKENIZER_OUTSIDE))
        return put_ids(e, &id, 1);
    TRY(mix_bpe_word(e->t->bpe, &e->work, word, n, e->ids, e->count, e->room));
out:
    return rc;
}

/* A stretch without added tokens. */
static int encode_words(struct encoder *e, const char *s, size_t n)
{
    int rc = MIX_OK;
    size_t count;

    if (n == 0)
        return MIX_OK;
    TRY(mix_grow(&e->symbols, &e->symbols_room, n, 1, "symbols of a text"));
    count = mix_alphabet_write(e->t->alphabet, s, n, e->symbols);
    TRY(mix_pretok_run(e->t->pretok, e->match, s, n, e->symbols, count, encode_word, e));
out:
    return rc;
}

/* A stretch between the added tokens of the text as it is. */
static int encode_stretch(struct encoder *e, const char *s, size_t n)
{
    int rc = MIX_OK;
    struct mix_added_search at = {0};
    size_t gap, gap_end;
    int32_t id;

    if (e->t->nfc && !mix_nfc_is(e->t->alphabet, s, n)) {
        mix_str_clear(&e->normal);
        TRY(mix_nfc(e->t->alphabet, s, n, &e->normal));
        s = e->normal.s;
        n = e->normal.len;
    }
    do {
        mix_added_next(e->t->normalized, e->t->alphabet, s, n, &at, &gap, &gap_end, &id);
        TRY(encode_words(e, s + gap, gap_end - gap));
        if (id >= 0)
            TRY(put_ids(e, &id, 1));
    } while (id >= 0);
out:
    return rc;
}

static int encode_text(struct encoder *e, const char *s, size_t n)
{
    int rc = MIX_OK;
    struct mix_added_search at = {0};
    size_t gap, gap_end;
    int32_t id;

    do {
        mix_added_next(e->t->raw, e->t->alphabet, s, n, &at, &gap, &gap_end, &id);
        TRY(encode_stretch(e, s + gap, gap_end - gap));
        if (id >= 0)
            TRY(put_ids(e, &id, 1));
    } while (id >= 0);
out:
    return rc;
}

int mix_tokenizer_encode(const struct mix_tokenizer *t, const char *text, size_t n,
                         bool add_special, int32_t **ids, size_t *count, size_t *room)
{
    int rc = MIX_OK;
    struct encoder e = {.t = t, .ids = ids, .count = count, .room = room};
    size_t before = *count, wrong = 0;

    if (!mix_utf8_valid(text, n, &wrong))
        return MIX_FAIL(MIX_EINPUT, "a text to cut into tokens is not UTF-8 at byte %zu", wrong);
    TRY(mix_regex_match_create(&e.match));
    if (add_special)
        TRY(put_ids(&e, t->before, t->before_count));
    TRY(encode_text(&e, text, n));
    if (add_special)
        TRY(put_ids(&e, t->after, t->after_count));
out:
    if (rc)
        *count = before;
    mix_regex_match_destroy(e.match);
    mix_bpe_work_fini(&e.work);
    mix_str_fini(&e.normal);
    mix_str_fini(&e.letters);
    free(e.symbols);
    return rc;
}

/* ---- decoding */

int mix_tokenizer_decode(const struct mix_tokenizer *t, const int32_t *ids, size_t n,
                         bool skip_special, struct mix_str *out)
{
    int rc = MIX_OK;
    struct mix_str bytes = {0};

    for (size_t i = 0; i < n; i++) {
        size_t length = 0;
        const char *text = mix_vocab_text(t->vocab, ids[i], &length);

        if (!text)
            continue;
        if (skip_special && mix_tokenizer_is(t, ids[i], MIX_TOKENIZER_SPECIAL))
            continue;
        TRY(mix_str_add(&bytes, text, length));
    }
    TRY(mix_utf8_lossy(out, bytes.s, bytes.len));
out:
    mix_str_fini(&bytes);
    return rc;
}
