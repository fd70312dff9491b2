/* tokenizer_load.c - tokenizer.json into the parts of a tokenizer. */
#include "text/tokenizer_parts.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "text/bytelevel.h"
#include "text/nfc.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_STAGES = 32 }; /* of a pre-tokenizer; published ones have 4 at most */

/* The expression of ByteLevel with use_regex: the one of GPT-2. */
static const char gpt2[] = "'s|'t|'re|'ve|'m|'ll|'d| ?\\p{L}+| ?\\p{N}+| ?[^\\s\\p{L}\\p{N}]+|"
                           "\\s+(?!\\S)|\\s+";

/* ---- the model */

static int load_options(struct mix_tokenizer *t, const struct mix_json_file *f, const json_t *model)
{
    int rc;
    const char *type = mix_json_type(model);
    const json_t *v;

    if (!json_is_object(model) || !type || strcmp(type, "BPE") != 0)
        return mix_json_unsupported(f, "model", model, "BPE");
    v = json_object_get(model, "dropout");
    if (v && !json_is_null(v) && json_number_value(v) != 0)
        return mix_json_bad(f, "model.dropout is not supported");
    static const char *const affixes[] = {"continuing_subword_prefix", "end_of_word_suffix"};
    for (int i = 0; i < 2; i++) {
        v = json_object_get(model, affixes[i]);
        if (v && !json_is_null(v) && json_string_length(v) > 0)
            return mix_json_bad(f, "model.%s is not supported", affixes[i]);
    }
    TRY(mix_json_bool(f, model, "model", "ignore_merges", false, &t->ignore_merges));
out:
    return rc;
}

static int load_vocab(struct mix_tokenizer *t, const struct mix_json_file *f, json_t *vocab)
{
    int rc = MIX_OK;
    const char *name;
    json_t *id;
    struct mix_str where = {0};

    if (!json_is_object(vocab) || json_object_size(vocab) == 0)
        return mix_json_bad(f, "model.vocab must be an object of names and ids");
    TRY(mix_str_addf(&where, "%s: model.vocab", f->path.s));
    json_object_foreach(vocab, name, id)
    {
        if (!json_is_integer(id))
            TRY(mix_json_bad(f, "model.vocab: the id of \"%.40s\" must be an integer", name));
        TRY(mix_vocab_add(t->vocab, json_integer_value(id), name, strlen(name), where.s));
    }
out:
    mix_str_fini(&where);
    return rc;
}

/* The tokens of single bytes.  Without one of them the reference would fall back to unk_token. */
static int load_bytes(struct mix_tokenizer *t, const struct mix_json_file *f, const json_t *model,
                      int32_t byte[256])
{
    int rc = MIX_OK;
    struct mix_str letter = {0};
    const json_t *unknown = json_object_get(model, "unk_token");
    bool fallback;

    TRY(mix_json_bool(f, model, "model", "byte_fallback", false, &fallback));
    fallback |= unknown && !json_is_null(unknown);
    for (int b = 0; b < 256; b++) {
        char c = (char)b;

        mix_str_clear(&letter);
        TRY(mix_bytelevel_letters(&letter, &c, 1));
        byte[b] = mix_vocab_find(t->vocab, letter.s, letter.len);
        if (byte[b] >= 0)
            continue;
        if (fallback)
            TRY(mix_json_bad(
                f,
                "model.vocab has no token \"%s\" for the byte 0x%02X, and unk_token and "
                "byte_fallback are not supported",
                letter.s, (unsigned)b));
        t->longest = 0; /* the byte is left out of texts */
    }
out:
    mix_str_fini(&letter);
    return rc;
}

/* One entry of merges, "a b" or ["a", "b"]: its halves in names, the first of *left bytes. */
static bool read_merge(const json_t *entry, struct mix_str *names, size_t *left, int *rc)
{
    mix_str_clear(names);
    if (json_is_string(entry)) {
        const char *s = json_string_value(entry), *blank = strchr(s, ' ');

        if (!blank || strchr(blank + 1, ' '))
            return false;
        *left = (size_t)(blank - s);
        if ((*rc = mix_str_add(names, s, *left)) == MIX_OK)
            *rc = mix_str_add(names, blank + 1, strlen(blank + 1));
        return true;
    }
    if (json_array_size(entry) != 2)
        return false;
    for (size_t i = 0; i < 2; i++) {
        const json_t *half = json_array_get(entry, i);

        if (!json_is_string(half))
            return false;
        *left = i ? *left : json_string_length(half);
        if ((*rc = mix_str_add(names, json_string_value(half), json_string_length(half))))
            break;
    }
    return true;
}

static int load_merges(struct mix_tokenizer *t, const struct mix_json_file *f, const json_t *merges)
{
    int rc = MIX_OK;
    size_t i;
    json_t *entry;
    struct mix_str names = {0};

    if (!json_is_array(merges))
        return mix_json_bad(f, "model.merges must be an array");
    json_array_foreach(merges, i, entry)
    {
        size_t left = 0;
        int32_t a, b, whole;

        if (!read_merge(entry, &names, &left, &rc))
            TRY(mix_json_bad(f, "model.merges[%zu] must be \"a b\" or [\"a\", \"b\"]", i));
        TRY(rc);
        a = mix_vocab_find(t->vocab, names.s, left);
        b = mix_vocab_find(t->vocab, names.s + left, names.len - left);
        whole = mix_vocab_find(t->vocab, names.s, names.len);
        if (a < 0 || b < 0 || whole < 0)
            TRY(mix_json_bad(f, "model.merges[%zu] (%.60s): %s is not in model.vocab", i, names.s,
                             a < 0   ? "the left"
                             : b < 0 ? "the right"
                                     : "the whole"));
        TRY(mix_bpe_merge(t->bpe, a, b, whole));
    }
out:
    mix_str_fini(&names);
    return rc;
}

static int load_model(struct mix_tokenizer *t, const struct mix_json_file *f)
{
    int rc;
    int32_t byte[256];
    const json_t *model = json_object_get(f->root, "model");
    const json_t *merges = json_object_get(model, "merges");
    json_t *vocab = json_object_get(model, "vocab");

    TRY(load_options(t, f, model));
    TRY(mix_vocab_create(&t->vocab, json_object_size(vocab)));
    TRY(load_vocab(t, f, vocab));
    t->longest = 1;
    TRY(load_bytes(t, f, model, byte));
    TRY(mix_bpe_create(&t->bpe, byte, json_array_size(merges)));
    TRY(load_merges(t, f, merges));
out:
    return rc;
}

/* ---- normalizer, pre_tokenizer, decoder */

static int load_normalizer(struct mix_tokenizer *t, const struct mix_json_file *f, const json_t *n,
                           const char *where)
{
    int rc = MIX_OK;
    const char *type = mix_json_type(n);
    const json_t *list = json_object_get(n, "normalizers");

    if (!n || json_is_null(n))
        return MIX_OK;
    if (type && strcmp(type, "NFC") == 0) {
        t->nfc = true;
        return MIX_OK;
    }
    if (!type || strcmp(type, "Sequence") != 0 || !json_is_array(list))
        return mix_json_unsupported(f, where, n, "NFC and Sequence");
    for (size_t i = 0; i < json_array_size(list); i++)
        TRY(load_normalizer(t, f, json_array_get(list, i), "normalizer.normalizers"));
out:
    return rc;
}

static int load_split(struct mix_tokenizer *t, const struct mix_json_file *f, const json_t *split,
                      const char *where)
{
    int rc;
    bool invert, literal;
    enum mix_pretok_behavior behavior;
    const char *name = json_string_value(json_object_get(split, "behavior"));
    const json_t *pattern = json_object_get(split, "pattern"), *text;
    struct mix_str full = {0};
    struct mix_regex *re = NULL;

    TRY(mix_json_bool(f, split, where, "invert", false, &invert));
    if (!name || !mix_pretok_behavior(name, &behavior))
        TRY(mix_json_bad(f, "%s.behavior: \"%.40s\" is not known", where, name ? name : ""));
    text = json_object_get(pattern, "Regex");
    literal = !text;
    if (literal)
        text = json_object_get(pattern, "String");
    if (!json_is_string(text))
        TRY(mix_json_bad(f, "%s.pattern must be a Regex or a String", where));
    TRY(mix_str_addf(&full, "%s: %s.pattern", f->path.s, where));
    TRY((literal ? mix_regex_literal : mix_regex_parse)(
        &re, json_string_value(text), json_string_length(text), full.s, t->alphabet));
    TRY(mix_pretok_split(t->pretok, re, behavior, invert));
out:
    mix_str_fini(&full);
    return rc;
}

static int load_bytelevel(struct mix_tokenizer *t, const struct mix_json_file *f,
                          const json_t *level, const char *where)
{
    int rc;
    bool prefix, regex;
    struct mix_regex *re = NULL;

    TRY(mix_json_bool(f, level, where, "add_prefix_space", true, &prefix));
    TRY(mix_json_bool(f, level, where, "use_regex", true, &regex));
    if (prefix)
        TRY(mix_pretok_prefix(t->pretok));
    if (regex) {
        TRY(mix_regex_parse(&re, gpt2, sizeof gpt2 - 1, "ByteLevel", t->alphabet));
        TRY(mix_pretok_split(t->pretok, re, MIX_PRETOK_ISOLATED, false));
    }
out:
    return rc;
}

static int load_pretok(struct mix_tokenizer *t, const struct mix_json_file *f)
{
    int rc;
    const json_t *p = json_object_get(f->root, "pre_tokenizer"), *list;
    const char *type = mix_json_type(p);
    bool sequence = type && strcmp(type, "Sequence") == 0;
    size_t count = 1;
    static const char supported[] = "Split, and ByteLevel at the end";

    list = sequence ? json_object_get(p, "pretokenizers") : NULL;
    if (sequence)
        count = json_array_size(list);
    if (count == 0 || count > MOST_STAGES)
        return mix_json_bad(f,
                            "pre_tokenizer: %zu stages; 1 to %d are possible, ByteLevel at the end",
                            count, MOST_STAGES);
    TRY(mix_pretok_create(&t->pretok));
    for (size_t i = 0; i < count; i++) {
        char where[64] = "pre_tokenizer";
        const json_t *stage = sequence ? json_array_get(list, i) : p;

        if (sequence)
            snprintf(where, sizeof where, "pre_tokenizer.pretokenizers[%zu]", i);
        type = mix_json_type(stage);
        if (type && i + 1 == count && strcmp(type, "ByteLevel") == 0)
            TRY(load_bytelevel(t, f, stage, where));
        else if (type && i + 1 < count && strcmp(type, "Split") == 0)
            TRY(load_split(t, f, stage, where));
        else
            TRY(mix_json_unsupported(f, where, stage, supported));
    }
    TRY(mix_pretok_compile(t->pretok, t->alphabet));
    if (mix_pretok_drops(t->pretok))
        t->longest = 0;
out:
    return rc;
}

static int check_decoder(const struct mix_json_file *f)
{
    const json_t *d = json_object_get(f->root, "decoder"), *list;
    const char *type = mix_json_type(d);

    list = json_object_get(d, "decoders");
    if (type && strcmp(type, "Sequence") == 0 && json_array_size(list) == 1)
        type = mix_json_type(json_array_get(list, 0));
    if (!type || strcmp(type, "ByteLevel") != 0)
        return mix_json_unsupported(f, "decoder", d, "ByteLevel");
    return MIX_OK;
}

/* ---- added tokens */

static int note_kind(struct mix_tokenizer *t, int32_t id, int kind)
{
    int rc;
    size_t old = t->kinds;

    TRY(mix_grow(&t->kind, &t->kinds, (size_t)id + 1, 1, "added tokens"));
    memset(t->kind + old, 0, t->kinds - old);
    t->kind[id] = (uint8_t)(MIX_TOKENIZER_ADDED | kind);
out:
    return rc;
}

static int add_token(struct mix_tokenizer *t, const struct mix_json_file *f, const json_t *entry,
                     const char *where, int64_t expected)
{
    int rc;
    struct mix_added_token token = {0};
    bool normalized, special;
    int outside = 0;
    const char *content = json_string_value(json_object_get(entry, "content")), *text;
    const json_t *id = json_object_get(entry, "id");
    size_t n = json_string_length(json_object_get(entry, "content"));
    struct mix_str full = {0}, form = {0};

    if (!content || !json_is_integer(id))
        return mix_json_bad(f, "%s needs a content and an id", where);
    TRY(mix_json_bool(f, entry, where, "single_word", false, &token.single_word));
    TRY(mix_json_bool(f, entry, where, "lstrip", false, &token.lstrip));
    TRY(mix_json_bool(f, entry, where, "rstrip", false, &token.rstrip));
    TRY(mix_json_bool(f, entry, where, "normalized", false, &normalized));
    TRY(mix_json_bool(f, entry, where, "special", false, &special));
    if (n == 0)
        goto out; /* the reference ignores it */
    token.id = mix_vocab_find(t->vocab, content, n);
    if (token.id >= 0 && mix_tokenizer_is(t, token.id, MIX_TOKENIZER_ADDED))
        TRY(mix_json_bad(f, "%s: \"%.40s\" twice", where, content));
    /* The reference numbers added tokens itself; a file that says otherwise has two meanings. */
    if (json_integer_value(id) != (token.id >= 0 ? token.id : expected))
        TRY(mix_json_bad(f, "%s: the id of \"%.40s\" is %lld, and %lld by its place in the file",
                         where, content, (long long)json_integer_value(id),
                         (long long)(token.id >= 0 ? token.id : expected)));
    if (token.id < 0) {
        TRY(mix_str_addf(&full, "%s: %s", f->path.s, where));
        TRY(mix_vocab_add(t->vocab, expected, content, n, full.s));
        token.id = (int32_t)expected;
        outside = MIX_TOKENIZER_OUTSIDE;
    }
    text = content;
    if (normalized && t->nfc) {
        TRY(mix_nfc(t->alphabet, content, n, &form));
        TRY(mix_vocab_respell(t->vocab, token.id, form.s, form.len));
        /* Its text is the normal form; the reference knows special ones by their content. */
        special &= form.len == n && memcmp(form.s, content, n) == 0;
        text = form.s;
        n = form.len;
    }
    TRY(note_kind(t, token.id, (special ? MIX_TOKENIZER_SPECIAL : 0) | outside));
    TRY(mix_added_add(normalized ? t->normalized : t->raw, text, n, &token));
    if (token.lstrip || token.rstrip)
        t->longest = 0;
    else if (t->longest && n > t->longest)
        t->longest = n;
out:
    mix_str_fini(&full);
    mix_str_fini(&form);
    return rc;
}

static int load_added(struct mix_tokenizer *t, const struct mix_json_file *f)
{
    int rc;
    size_t i;
    json_t *entry, *list = json_object_get(f->root, "added_tokens");
    int64_t words = (int64_t)json_object_size(
                json_object_get(json_object_get(f->root, "model"), "vocab")),
            largest = -1;

    TRY(mix_added_create(&t->raw));
    TRY(mix_added_create(&t->normalized));
    if (list && !json_is_null(list) && !json_is_array(list))
        return mix_json_bad(f, "added_tokens must be an array");
    json_array_foreach(list, i, entry)
    {
        char where[64];
        int64_t id = json_integer_value(json_object_get(entry, "id"));

        snprintf(where, sizeof where, "added_tokens[%zu]", i);
        TRY(add_token(t, f, entry, where, largest >= words ? largest + 1 : words));
        if (id > largest)
            largest = id;
    }
    mix_added_sort(t->raw);
    mix_added_sort(t->normalized);
out:
    return rc;
}

/* ---- all of it */

static void measure_longest(struct mix_tokenizer *t)
{
    size_t n;

    for (int id = 0; t->longest && id < mix_vocab_end(t->vocab); id++)
        if (mix_vocab_text(t->vocab, id, &n) && n > t->longest)
            t->longest = n;
    /* The normal form of a text can be a third of it: nine bytes of Hangul letters, a syllable. */
    if (t->nfc)
        t->longest *= 3;
}

int mix_tokenizer_load(struct mix_tokenizer *t, const char *model_dir)
{
    int rc;
    struct mix_json_file file = {0};
    const char *version;

    TRY(mix_json_open(&file, model_dir, "tokenizer.json", true));
    version = json_string_value(json_object_get(file.root, "version"));
    if (!version || strcmp(version, "1.0") != 0)
        TRY(mix_json_bad(&file, "version must be \"1.0\""));
    static const char *const unused[] = {"truncation", "padding"};
    for (int i = 0; i < 2; i++) {
        const json_t *v = json_object_get(file.root, unused[i]);
        if (v && !json_is_null(v))
            TRY(mix_json_bad(&file, "%s is not supported; make it null", unused[i]));
    }
    TRY(mix_alphabet_create(&t->alphabet));
    TRY(load_model(t, &file));
    TRY(load_normalizer(t, &file, json_object_get(file.root, "normalizer"), "normalizer"));
    TRY(load_pretok(t, &file));
    TRY(check_decoder(&file));
    TRY(load_added(t, &file));
    TRY(mix_tokenizer_load_around(t, &file, model_dir));
    measure_longest(t);
out:
    mix_json_close(&file);
    return rc;
}
