/* tokenizer.c - ids and texts as the reference gives them; what a tokenizer.json must not ask for.
 */
#include "text/tokenizer.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "golden.h"
#include "scratch.h"
#include "tap.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static void write_json(const char *name, const json_t *root)
{
    char *text = json_dumps(root, 0);

    scratch_write(name, text, strlen(text));
    free(text);
}

static bool same_ids(const json_t *want, const int32_t *ids, size_t count)
{
    bool same = json_array_size(want) == count;

    for (size_t i = 0; same && i < count; i++)
        same = json_integer_value(json_array_get(want, i)) == ids[i];
    return same;
}

static bool encodes(const struct mix_tokenizer *t, const json_t *text, const json_t *want,
                    bool special)
{
    int32_t *ids = NULL;
    size_t count = 0, room = 0;
    int rc = mix_tokenizer_encode(t, json_string_value(text), json_string_length(text), special,
                                  &ids, &count, &room);
    bool same = !rc && same_ids(want, ids, count);
    size_t least = mix_tokenizer_fewest(t, json_string_length(text));

    if (!same || least > count)
        printf("# %.*s\n", (int)json_string_length(text), json_string_value(text));
    free(ids);
    return same && least <= count;
}

static bool decodes(const struct mix_tokenizer *t, const json_t *list, const json_t *want,
                    bool skip)
{
    size_t n = json_array_size(list);
    int32_t *ids = calloc(n + 1, sizeof *ids);
    struct mix_str text = {0};
    bool same;

    for (size_t i = 0; i < n; i++)
        ids[i] = (int32_t)json_integer_value(json_array_get(list, i));
    same = mix_tokenizer_decode(t, ids, n, skip, &text) == MIX_OK &&
           text.len == json_string_length(want) &&
           (text.len == 0 || memcmp(text.s, json_string_value(want), text.len) == 0);
    if (!same)
        printf("# decoded %s, not %s\n", text.s, json_string_value(want));
    free(ids);
    mix_str_fini(&text);
    return same;
}

/* The tokenizer.json of a golden case: a plain one with some members replaced. */
static void write_variant(const json_t *golden, const json_t *g)
{
    json_t *change = json_deep_copy(json_object_get(g, "with"));
    json_t *model = json_deep_copy(json_object_get(golden, "model"));
    json_t *root = json_pack("{s:s, s:{s:s}}", "version", "1.0", "decoder", "type", "ByteLevel");

    json_object_update(model, json_object_get(change, "model"));
    json_object_update(root, change);
    json_object_set_new(root, "model", model);
    write_json("tokenizer.json", root);
    json_decref(root);
    json_decref(change);
    unlink(scratch("tokenizer_config.json"));
    if (json_is_object(json_object_get(g, "config")))
        write_json("tokenizer_config.json", json_object_get(g, "config"));
}

static void variants(const json_t *golden)
{
    const json_t *list = json_object_get(golden, "tokenizers");

    for (size_t i = 0; i < json_array_size(list); i++) {
        const json_t *g = json_array_get(list, i), *in = json_object_get(g, "encode"),
                     *out = json_object_get(g, "decode");
        struct mix_tokenizer *t = NULL;
        int wrong = 0;

        write_variant(golden, g);
        if (!ok(mix_tokenizer_open(&t, scratch_folder) == MIX_OK, "tokenizer %zu", i))
            continue;
        for (size_t k = 0; k < json_array_size(in); k++) {
            const json_t *c = json_array_get(in, k), *text = json_array_get(c, 0);
            wrong += !encodes(t, text, json_array_get(c, 1), false) ||
                     !encodes(t, text, json_array_get(c, 2), true);
        }
        ok(wrong == 0, "tokenizer %zu, %zu texts to ids", i, json_array_size(in));
        for (size_t k = 0; k < json_array_size(out); k++) {
            const json_t *c = json_array_get(out, k), *ids = json_array_get(c, 0);
            wrong += !decodes(t, ids, json_array_get(c, 1), false) ||
                     !decodes(t, ids, json_array_get(c, 2), true);
        }
        ok(wrong == 0, "tokenizer %zu, %zu lists of ids to text", i, json_array_size(out));
        mix_tokenizer_close(t);
    }
}

/* A published tokenizer against tokenizer_NAME.json. */
static void published(const char *name, const char *folder, bool bos)
{
    const char *top = getenv("srcdir");
    char path[1024];
    struct mix_tokenizer *t = NULL;
    json_t *golden;
    const json_t *c;
    size_t i;
    int wrong = 0;
    double begin;

    snprintf(path, sizeof path, "%s/%s/tokenizer.json", top ? top : ".", folder);
    if (access(path, R_OK) != 0) {
        tap_skip(name, "its tokenizer.json is not there");
        return;
    }
    *strrchr(path, '/') = '\0';
    begin = mix_now();
    ok(mix_tokenizer_open(&t, path) == MIX_OK, "%s opens", name);
    printf("# %s: %.2f s, %d ids\n", name, mix_now() - begin, mix_tokenizer_vocab(t));
    ok(mix_tokenizer_fewest(t, 1 << 20) > 1000 && mix_tokenizer_fewest(t, 0) == 0,
       "%s: a long text is known to be long", name);
    snprintf(path, sizeof path, "tokenizer_%s.json", name);
    if (!(golden = golden_load(path))) {
        mix_tokenizer_close(t);
        return;
    }
    json_array_foreach(json_object_get(golden, "encode"), i, c)
    {
        const json_t *ids = json_object_get(c, "ids");
        json_t *all = bos ? json_pack("[i]", 0) : json_array();

        json_array_extend(all, (json_t *)ids);
        wrong += !encodes(t, json_object_get(c, "text"), ids, false) ||
                 !encodes(t, json_object_get(c, "text"), all, true) ||
                 !decodes(t, ids, json_object_get(c, "plain"), true) ||
                 !decodes(t, ids, json_object_get(c, "all"), false);
        json_decref(all);
    }
    ok(wrong == 0 && i > 400, "%s: %zu texts to ids and back", name, i);
    wrong = 0;
    json_array_foreach(json_object_get(golden, "decode"), i, c)
    {
        const json_t *ids = json_object_get(c, "ids");

        wrong += !decodes(t, ids, json_object_get(c, "plain"), true) ||
                 !decodes(t, ids, json_object_get(c, "all"), false);
    }
    ok(wrong == 0 && i > 20, "%s: %zu random lists of ids to text", name, i);
    json_decref(golden);
    mix_tokenizer_close(t);
}

/* A small tokenizer: the bytes a, b, c and their merge. */
static json_t *small(void)
{
    json_error_t error;
    json_t *root = json_loads(
        "{\"version\": \"1.0\", \"added_tokens\": [{\"id\": 4, \"content\": \"<s>\", "
        "\"single_word\":"
        " false, \"lstrip\": false, \"rstrip\": false, \"normalized\": false, \"special\": true}],"
        " \"pre_tokenizer\": {\"type\": \"Sequence\", \"pretokenizers\": [{\"type\": \"Split\","
        " \"pattern\": {\"Regex\": \"c\"}, \"behavior\": \"Isolated\", \"invert\": false},"
        " {\"type\": \"ByteLevel\", \"add_prefix_space\": false, \"use_regex\": false}]},"
        " \"decoder\": {\"type\": \"ByteLevel\"}, \"model\": {\"type\": \"BPE\","
        " \"vocab\": {\"a\": 0, \"b\": 1, \"c\": 2, \"ab\": 3}, \"merges\": [\"a b\"]}}",
        0, &error);

    if (!root)
        printf("Bail out! %s\n", error.text);
    return root;
}

/* Each case replaces one value, found by a path of members, by JSON text; NULL removes it. */
static void refused(void)
{
    static const struct {
        const char *path[5];
        const char *value, *named; /* what the error line names beside the file */
    } cases[] = {
        {{"version"}, "\"2.0\"", "version"},
        {{"version"}, NULL, "version"},
        {{"truncation"}, "{\"max_length\": 5}", "truncation"},
        {{"padding"}, "{}", "padding"},
        {{"normalizer"}, "{\"type\": \"Lowercase\"}", "normalizer: the type \"Lowercase\""},
        {{"normalizer"}, "{\"type\": \"Sequence\", \"normalizers\": [{\"type\": \"NFD\"}]}", "NFD"},
        {{"normalizer"}, "[]", "normalizer"},
        {{"pre_tokenizer"}, "null", "pre_tokenizer"},
        {{"pre_tokenizer"}, "{\"type\": \"Whitespace\"}", "pre_tokenizer"},
        {{"pre_tokenizer", "pretokenizers"}, "[]", "pre_tokenizer"},
        {{"pre_tokenizer", "pretokenizers"},
         "[{\"type\": \"ByteLevel\"}, {\"type\": \"Split\"}]",
         "pre_tokenizer.pretokenizers[0]"},
        {{"pre_tokenizer", "pretokenizers", "0", "pattern", "Regex"},
         "\"(?i)c\"",
         "pretokenizers[0].pattern: byte 0"},
        {{"pre_tokenizer", "pretokenizers", "0", "pattern"}, "{}", "pretokenizers[0].pattern"},
        {{"pre_tokenizer", "pretokenizers", "0", "behavior"}, "\"Chop\"", "behavior: \"Chop\""},
        {{"pre_tokenizer", "pretokenizers", "0", "behavior"}, "3", "behavior"},
        {{"pre_tokenizer", "pretokenizers", "0", "invert"}, "1", "invert must be true or false"},
        {{"pre_tokenizer", "pretokenizers", "1", "use_regex"}, "\"no\"", "[1].use_regex"},
        {{"decoder"}, "null", "decoder"},
        {{"decoder"}, "{\"type\": \"Metaspace\"}", "decoder"},
        {{"post_processor"}, "{\"type\": \"BertProcessing\"}", "post_processor"},
        {{"post_processor"}, "{\"type\": \"TemplateProcessing\"}", "post_processor.single"},
        {{"post_processor"},
         "{\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\": {\"id\": \"<s>\"}}]}",
         "special_tokens has no ids for \"<s>\""},
        {{"post_processor"},
         "{\"type\": \"TemplateProcessing\", \"single\": [{\"Sequence\": {\"id\": \"B\"}}]}",
         "post_processor.single[0]"},
        {{"post_processor"},
         "{\"type\": \"TemplateProcessing\", \"single\": [{\"SpecialToken\": {\"id\": \"x\"}}],"
         " \"special_tokens\": {\"x\": {\"ids\": [99]}}}",
         "no token's"},
        {{"model"}, NULL, "model"},
        {{"model", "type"}, "\"Unigram\"", "model: the type \"Unigram\""},
        {{"model", "dropout"}, "0.1", "model.dropout"},
        {{"model", "continuing_subword_prefix"}, "\"##\"", "model.continuing_subword_prefix"},
        {{"model", "end_of_word_suffix"}, "\"</w>\"", "model.end_of_word_suffix"},
        {{"model", "unk_token"}, "\"a\"", "unk_token"},
        {{"model", "byte_fallback"}, "true", "byte_fallback"},
        {{"model", "ignore_merges"}, "\"yes\"", "model.ignore_merges"},
        {{"model", "vocab"}, "[]", "model.vocab"},
        {{"model", "vocab"}, "{}", "model.vocab"},
        {{"model", "vocab", "c"}, "\"2\"", "model.vocab: the id of \"c\""},
        {{"model", "vocab", "c"}, "1", "is \"b\" already"},
        {{"model", "vocab", "c"}, "-1", "an id is 0 to"},
        {{"model", "vocab", "c"}, "4000000000", "an id is 0 to"},
        {{"model", "vocab", "c"}, "1e3", "must be an integer"},
        {{"model", "merges"}, "null", "model.merges"},
        {{"model", "merges", "0"}, "\"ab\"", "model.merges[0]"},
        {{"model", "merges", "0"}, "\"a b c\"", "model.merges[0]"},
        {{"model", "merges", "0"}, "[\"a\"]", "model.merges[0]"},
        {{"model", "merges", "0"}, "[\"a\", 1]", "model.merges[0]"},
        {{"model", "merges", "0"}, "\"a x\"", "the right is not in model.vocab"},
        {{"model", "merges", "0"}, "[\"b\", \"a\"]", "the whole is not in model.vocab"},
        {{"added_tokens"}, "{}", "added_tokens"},
        {{"added_tokens", "0", "id"}, "5", "the id of \"<s>\" is 5, and 4 by its place"},
        {{"added_tokens", "0", "id"}, "null", "added_tokens[0]"},
        {{"added_tokens", "0", "content"}, "7", "added_tokens[0]"},
        {{"added_tokens", "0", "content"}, "\"ab\"", "added_tokens[0]: the id of \"ab\" is 4"},
        {{"added_tokens", "0", "lstrip"}, "0", "added_tokens[0].lstrip"},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *root = small(), *at = root;
        struct mix_tokenizer *t = NULL;
        int k = 0;

        for (; k < 4 && cases[i].path[k + 1]; k++)
            at = json_is_array(at) ? json_array_get(at, (size_t)atoi(cases[i].path[k]))
                                   : json_object_get(at, cases[i].path[k]);
        if (!cases[i].value)
            json_object_del(at, cases[i].path[k]);
        else {
            json_t *value = json_loads(cases[i].value, JSON_DECODE_ANY, NULL);
            if (json_is_array(at))
                json_array_set_new(at, (size_t)atoi(cases[i].path[k]), value);
            else
                json_object_set_new(at, cases[i].path[k], value);
        }
        write_json("tokenizer.json", root);
        json_decref(root);
        if (!ok(mix_tokenizer_open(&t, scratch_folder) == MIX_EINPUT && !t &&
                    strstr(mix_err_last(), "/tokenizer.json: ") &&
                    strstr(mix_err_last(), cases[i].named),
                "%s = %s is refused", cases[i].path[k],
                cases[i].value ? cases[i].value : "nothing"))
            printf("# %s\n", mix_err_last());
        mix_tokenizer_close(t);
    }
}

static void bad_files(void)
{
    static const char *const texts[] = {
        "", "[]", "{", "{\"version\": 1", "nonsense", "{\"a\": \xFF}", "{\"a\\u0000\": 1}"};
    struct mix_tokenizer *t = NULL;
    json_t *root = small(),
           *config = json_pack("{s:s, s:b, s:s}", "tokenizer_class", "LlamaTokenizer",
                               "add_bos_token", 1, "bos_token", "<none>");
    char *deep = malloc(200000);

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        scratch_write("tokenizer.json", texts[i], strlen(texts[i]));
        ok(mix_tokenizer_open(&t, scratch_folder) == MIX_EINPUT && !t &&
               strstr(mix_err_last(), "/tokenizer.json"),
           "a file that holds %s", texts[i]);
    }
    memset(deep, '[', 200000);
    scratch_write("tokenizer.json", deep, 200000);
    ok(mix_tokenizer_open(&t, scratch_folder) == MIX_EINPUT && !t, "200000 brackets");
    free(deep);
    unlink(scratch("tokenizer.json"));
    ok(mix_tokenizer_open(&t, scratch_folder) == MIX_EINPUT &&
           strstr(mix_err_last(), "No such file"),
       "no file");
    ok(mix_tokenizer_open(&t, "/nonexistent") == MIX_EINPUT && !t, "no folder");
    write_json("tokenizer.json", root);
    write_json("tokenizer_config.json", config);
    ok(mix_tokenizer_open(&t, scratch_folder) == MIX_EINPUT &&
           strstr(mix_err_last(), "/tokenizer_config.json: bos_token \"<none>\""),
       "a bos_token that is none");
    scratch_write("tokenizer_config.json", "{", 1);
    ok(mix_tokenizer_open(&t, scratch_folder) == MIX_EINPUT &&
           strstr(mix_err_last(), "/tokenizer_config.json: line"),
       "a tokenizer_config.json that is no JSON");
    unlink(scratch("tokenizer_config.json"));
    json_decref(root);
    json_decref(config);
}

static void contract(void)
{
    json_t *root = small();
    struct mix_tokenizer *t = NULL;
    int32_t *ids = NULL;
    size_t count = 0, room = 0;
    struct mix_str text = {0};

    write_json("tokenizer.json", root);
    json_decref(root);
    ok(mix_tokenizer_open(&t, scratch_folder) == MIX_OK && mix_tokenizer_vocab(t) == 5,
       "five tokens");
    ok(mix_tokenizer_token(t, "ab") == 3 && mix_tokenizer_token(t, "<s>") == 4 &&
           mix_tokenizer_token(t, "abc") == -1 && mix_tokenizer_token(t, "") == -1,
       "tokens by name");
    ok(mix_tokenizer_encode(t, "abc", 3, true, &ids, &count, &room) == MIX_OK && count == 2 &&
           mix_tokenizer_encode(t, "b<s>", 4, false, &ids, &count, &room) == MIX_OK && count == 4 &&
           ids[0] == 3 && ids[1] == 2 && ids[2] == 1 && ids[3] == 4,
       "ids are appended");
    mix_log_level(MIX_LOG_SILENT);
    ok(mix_tokenizer_encode(t, "ab\xC3", 3, false, &ids, &count, &room) == MIX_EINPUT &&
           count == 4 && strstr(mix_err_last(), "byte 2"),
       "what is not UTF-8 is refused, nothing appended");
    ok(mix_tokenizer_encode(t, "", 0, false, &ids, &count, &room) == MIX_OK &&
           mix_tokenizer_encode(t, NULL, 0, false, &ids, &count, &room) == MIX_OK && count == 4,
       "no text has no tokens");
    ok(mix_tokenizer_decode(t, ids, 4, false, &text) == MIX_OK &&
           mix_tokenizer_decode(t, ids, 4, true, &text) == MIX_OK &&
           strcmp(text.s, "abcb<s>abcb") == 0,
       "text is appended");
    ok(mix_tokenizer_decode(t, (int32_t[]){-1, 5, INT32_MAX, INT32_MIN, 0}, 5, false, &text) ==
               MIX_OK &&
           strcmp(text.s, "abcb<s>abcba") == 0 &&
           mix_tokenizer_decode(t, NULL, 0, false, &text) == MIX_OK,
       "ids of no token are left out");
    ok(mix_tokenizer_fewest(t, 1000) == 0, "a tokenizer that drops bytes promises nothing");
    free(ids);
    mix_str_fini(&text);
    mix_tokenizer_close(t);
    mix_tokenizer_close(NULL);
}

/* Several threads with one tokenizer. */
struct job {
    const struct mix_tokenizer *t;
    const json_t *cases;
    int wrong;
};

static void *work(void *arg)
{
    struct job *job = arg;

    for (size_t i = 0; i < json_array_size(job->cases); i++) {
        const json_t *c = json_array_get(job->cases, i);
        job->wrong += !encodes(job->t, json_array_get(c, 0), json_array_get(c, 1), false);
    }
    return NULL;
}

static void threads(const json_t *golden)
{
    const json_t *g = json_array_get(json_object_get(golden, "tokenizers"), 0);
    struct mix_tokenizer *t = NULL;
    struct job job[4];
    pthread_t thread[4];
    int wrong = 0;

    write_variant(golden, g);
    mix_tokenizer_open(&t, scratch_folder);
    for (int i = 0; i < 4; i++) {
        job[i] = (struct job){.t = t, .cases = json_object_get(g, "encode")};
        pthread_create(&thread[i], NULL, work, &job[i]);
    }
    for (int i = 0; i < 4; i++) {
        pthread_join(thread[i], NULL);
        wrong += job[i].wrong;
    }
    ok(wrong == 0, "four threads with one tokenizer");
    mix_tokenizer_close(t);
}

int main(void)
{
    json_t *golden = golden_load("text.json");

    scratch_begin();
    mix_log_level(MIX_LOG_SILENT);
    if (golden) {
        variants(golden);
        threads(golden);
    }
    json_decref(golden);
    published("tiny", "inputs/models/tiny-qwen3-moe", false);
    published("qwen3", "../shared/tokenizers/qwen3", false);
    published("deepseek_v3", "../shared/tokenizers/deepseek_v3", true);
    unlink(scratch("tokenizer_config.json"));
    refused();
    bad_files();
    contract();
    scratch_end();
    return tap_done();
}
