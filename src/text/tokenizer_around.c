/* tokenizer_around.c - what add_special puts around a text: post_processor, tokenizer_config.json.
 */
#include "text/tokenizer_parts.h"

#include "base/err.h"
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

/* Put ids at the outside of *list: in front of what is before a text, behind what is after it. */
static int surround(int32_t **list, size_t *count, const int32_t *ids, size_t n, bool front)
{
    int rc;
    size_t room = *count;

    if (n == 0)
        return MIX_OK;
    TRY(mix_grow(list, &room, *count + n, sizeof **list, "a template"));
    if (front)
        memmove(*list + n, *list, *count * sizeof **list);
    memcpy(*list + (front ? 0 : *count), ids, n * sizeof **list);
    *count += n;
out:
    return rc;
}

/* Append the ids of a template's special token. */
static int template_ids(const struct mix_tokenizer *t, const struct mix_json_file *f,
                        const json_t *p, const char *name, int32_t **ids, size_t *count,
                        size_t *room)
{
    int rc = MIX_OK;
    const json_t *list =
        json_object_get(json_object_get(json_object_get(p, "special_tokens"), name), "ids");
    size_t n;

    if (json_array_size(list) == 0)
        return mix_json_bad(f, "post_processor.special_tokens has no ids for \"%.40s\"", name);
    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *v = json_array_get(list, i);
        json_int_t id = json_integer_value(v);

        if (!json_is_integer(v) || id < 0 || id >= MIX_VOCAB_MOST ||
            !mix_vocab_text(t->vocab, (int32_t)id, &n))
            return mix_json_bad(
                f, "post_processor.special_tokens: \"%.40s\" has an id that is no token's", name);
        TRY(mix_grow(ids, room, *count + 1, sizeof **ids, "a template"));
        (*ids)[(*count)++] = (int32_t)id;
    }
out:
    return rc;
}

static int load_template(struct mix_tokenizer *t, const struct mix_json_file *f, const json_t *p)
{
    int rc = MIX_OK;
    const json_t *single = json_object_get(p, "single");
    int32_t *ids = NULL;
    size_t count = 0, room = 0, before = 0, texts = 0;

    for (size_t i = 0; i < json_array_size(single); i++) {
        const json_t *piece = json_array_get(single, i);
        const char *token =
            json_string_value(json_object_get(json_object_get(piece, "SpecialToken"), "id"));
        const char *text =
            json_string_value(json_object_get(json_object_get(piece, "Sequence"), "id"));

        if (token)
            TRY(template_ids(t, f, p, token, &ids, &count, &room));
        else if (text && strcmp(text, "A") == 0) {
            before = count;
            texts++;
        } else
            TRY(mix_json_bad(
                f, "post_processor.single[%zu] is neither a SpecialToken nor the Sequence A", i));
    }
    if (texts != 1)
        TRY(mix_json_bad(f, "post_processor.single must have the Sequence A once"));
    TRY(surround(&t->before, &t->before_count, ids, before, true));
    TRY(surround(&t->after, &t->after_count, ids + before, count - before, false));
out:
    free(ids);
    return rc;
}

static int post_processor(struct mix_tokenizer *t, const struct mix_json_file *f, const json_t *p)
{
    int rc = MIX_OK;
    const char *type = mix_json_type(p);
    const json_t *list = json_object_get(p, "processors");

    if (!p || json_is_null(p) || (type && strcmp(type, "ByteLevel") == 0))
        return MIX_OK; /* ByteLevel only trims offsets */
    if (type && strcmp(type, "TemplateProcessing") == 0)
        return load_template(t, f, p);
    if (!type || strcmp(type, "Sequence") != 0 || !json_is_array(list))
        return mix_json_unsupported(f, "post_processor", p,
                                    "ByteLevel, TemplateProcessing and Sequence");
    for (size_t i = 0; i < json_array_size(list); i++)
        TRY(post_processor(t, f, json_array_get(list, i)));
out:
    return rc;
}

/* bos_token or eos_token of tokenizer_config.json: a string, or an object with a content. */
static int config_token(const struct mix_tokenizer *t, const struct mix_json_file *f,
                        const char *name, int32_t *id)
{
    const json_t *v = json_object_get(f->root, name);
    const char *content = json_string_value(json_is_object(v) ? json_object_get(v, "content") : v);

    *id = content ? mix_vocab_find(t->vocab, content, strlen(content)) : -1;
    if (*id < 0)
        return mix_json_bad(f, "%s \"%.40s\" is no token of tokenizer.json", name,
                            content ? content : "");
    return MIX_OK;
}

static int config_tokens(struct mix_tokenizer *t, const struct mix_json_file *f)
{
    int rc = MIX_OK;
    const char *class = json_string_value(json_object_get(f->root, "tokenizer_class"));
    bool bos, eos;
    int32_t id;

    if (!class || strncmp(class, "LlamaTokenizer", strlen("LlamaTokenizer")) != 0)
        return MIX_OK;
    TRY(mix_json_bool(f, f->root, "tokenizer_config", "add_bos_token", false, &bos));
    TRY(mix_json_bool(f, f->root, "tokenizer_config", "add_eos_token", false, &eos));
    if (!bos && !eos)
        return MIX_OK;
    t->before_count = t->after_count = 0;
    if (bos) {
        TRY(config_token(t, f, "bos_token", &id));
        TRY(surround(&t->before, &t->before_count, &id, 1, true));
    }
    if (eos) {
        TRY(config_token(t, f, "eos_token", &id));
        TRY(surround(&t->after, &t->after_count, &id, 1, false));
    }
out:
    return rc;
}

int mix_tokenizer_load_around(struct mix_tokenizer *t, const struct mix_json_file *tokenizer,
                              const char *model_dir)
{
    int rc;
    struct mix_json_file config = {0};

    TRY(post_processor(t, tokenizer, json_object_get(tokenizer->root, "post_processor")));
    TRY(mix_json_open(&config, model_dir, "tokenizer_config.json", false));
    if (config.root)
        TRY(config_tokens(t, &config));
out:
    mix_json_close(&config);
    return rc;
}
