/* results_form.c - see results_form.h. */
#include "io/results_form.h"

#include "base/hash.h"
#include "io/columns.h"

#include <string.h>

static const struct {
    const char *name;
    enum { I64, I32, TEXT } type;
} sets[MIX_RESULTS_SETS] = {
    [MIX_RESULTS_ROW] = {"row", I64},
    [MIX_RESULTS_SAMPLE] = {"sample", I32},
    [MIX_RESULTS_PROMPT_TOKENS] = {"prompt_tokens", I32},
    [MIX_RESULTS_COMPLETION_TOKENS] = {"completion_tokens", I32},
    [MIX_RESULTS_FINISH_REASON] = {"finish_reason", TEXT},
    [MIX_RESULTS_ERROR] = {"error", TEXT},
    [MIX_RESULTS_TEXT] = {"text", TEXT},
    [MIX_RESULTS_TOKENS] = {"tokens", I32},
    [MIX_RESULTS_OFFSETS] = {"offsets", I64},
    [MIX_RESULTS_CUSTOM_ID] = {"custom_id", TEXT},
};

const char *mix_results_set_name(enum mix_results_set set)
{
    return sets[set].name;
}

hid_t mix_results_set_type(enum mix_results_set set, hid_t text)
{
    return sets[set].type == TEXT ? text : sets[set].type == I64 ? H5T_STD_I64LE : H5T_STD_I32LE;
}

hid_t mix_results_set_memory(enum mix_results_set set, hid_t text)
{
    return sets[set].type == TEXT  ? text
           : sets[set].type == I64 ? H5T_NATIVE_INT64
                                   : H5T_NATIVE_INT32;
}

static void add_sized(struct mix_hasher *h, const void *bytes, size_t n)
{
    uint64_t len = n;

    mix_hasher_add(h, &len, sizeof len);
    if (n)
        mix_hasher_add(h, bytes, n);
}

void mix_results_hash_schema(struct mix_hasher *h, const struct mix_results_schema *schema)
{
    int64_t head[3] = {MIX_RESULTS_VERSION, schema->custom_id, mix_columns_count(schema->columns)};

    mix_hasher_add(h, head, sizeof head);
    mix_columns_hash_names(schema->columns, h);
}

void mix_results_hash_entry(struct mix_hasher *h, const struct mix_result *e,
                            const struct mix_columns *columns, int64_t row)
{
    int64_t numbers[4] = {e->row, e->sample, e->prompt_tokens, e->completion_tokens};

    mix_hasher_add(h, numbers, sizeof numbers);
    add_sized(h, e->finish_reason, strlen(e->finish_reason));
    add_sized(h, e->error, strlen(e->error));
    add_sized(h, e->text, e->text_len);
    add_sized(h, e->tokens, (size_t)e->tokens_count * sizeof *e->tokens);
    if (e->custom_id)
        add_sized(h, e->custom_id, strlen(e->custom_id));
    mix_columns_hash_row(columns, row, h);
}

void mix_results_hash_run(struct mix_hasher *h, const char *name, const char *text)
{
    add_sized(h, name, strlen(name));
    add_sized(h, text, strlen(text));
}
