/* draft.c - results of an open shard: once a row, in order, sealed or not. */
#include "engine/draft.h"

#include "base/err.h"
#include "base/log.h"
#include "tap.h"

#include <string.h>

static int add(struct mix_draft *d, int64_t row, const char *text, int tokens, const char *error)
{
    static const int32_t token[4] = {5, 6, 7, 8};
    struct mix_result r = {.row = row,
                           .sample = 3,
                           .text = text,
                           .text_len = strlen(text),
                           .tokens = token,
                           .tokens_count = tokens,
                           .finish_reason = "stop",
                           .error = error,
                           .prompt_tokens = 9,
                           .completion_tokens = tokens,
                           .custom_id = "not looked at"};

    return mix_draft_add(d, &r);
}

static void results(void)
{
    struct mix_draft *d = NULL;
    struct mix_result e[3];

    ok(mix_draft_create(&d, 10, 5) == MIX_OK && mix_draft_missing(d) == 5 &&
           mix_draft_unsealed(d) == 0 && !mix_draft_has(d, 12),
       "a new draft has nothing");
    mix_draft_sort(d);
    ok(add(d, 13, "thirteen", 4, "") == MIX_OK && add(d, 10, "", 0, "bad") == MIX_OK &&
           add(d, 12, "twelve", 2, "") == MIX_OK,
       "three rows are answered, out of order");
    ok(mix_draft_missing(d) == 2 && mix_draft_unsealed(d) == 3 && mix_draft_failed(d) == 1 &&
           mix_draft_has(d, 10) && !mix_draft_has(d, 11) && mix_draft_bytes(d) > 14 + 24,
       "they are counted");
    mix_draft_sort(d);
    for (int i = 0; i < 3; i++)
        e[i] = mix_draft_entry(d, i);
    ok(e[0].row == 10 && e[1].row == 12 && e[2].row == 13, "entries come by row");
    ok(e[0].text_len == 0 && strcmp(e[0].error, "bad") == 0 && e[0].tokens_count == 0 &&
           e[1].tokens_count == 2 && e[1].tokens[1] == 6 && memcmp(e[1].text, "twelve", 6) == 0 &&
           e[2].tokens[3] == 8 && memcmp(e[2].text, "thirteen", 8) == 0 && e[2].sample == 0 &&
           !e[2].custom_id && e[2].prompt_tokens == 9 && strcmp(e[2].finish_reason, "stop") == 0,
       "with what was added");
    mix_draft_clear(d);
    ok(mix_draft_unsealed(d) == 0 && mix_draft_failed(d) == 0 && mix_draft_bytes(d) == 0 &&
           mix_draft_missing(d) == 2 && mix_draft_has(d, 13),
       "once sealed they are gone, and known");
    ok(add(d, 14, "f", 1, "") == MIX_OK && mix_draft_entry(d, 0).row == 14 &&
           mix_draft_entry(d, 0).tokens[0] == 5 && mix_draft_entry(d, 0).text[0] == 'f',
       "and it goes on");
    ok(mix_draft_sealed(d, 11) && !mix_draft_sealed(d, 11) && !mix_draft_sealed(d, 14) &&
           !mix_draft_sealed(d, 9) && !mix_draft_sealed(d, 15) && mix_draft_missing(d) == 0,
       "a row is found sealed once, inside the shard");
    mix_log_level(MIX_LOG_SILENT);
    ok(add(d, 14, "", 0, "") == MIX_EBUG && add(d, 11, "", 0, "") == MIX_EBUG &&
           strstr(mix_err_last(), "row 11"),
       "a second answer is a bug");
    ok(add(d, 15, "", 0, "") == MIX_EBUG && add(d, 9, "", 0, "") == MIX_EBUG &&
           add(d, INT64_MIN, "", 0, "") == MIX_EBUG && add(d, INT64_MAX, "", 0, "") == MIX_EBUG,
       "so is one outside");
    mix_log_level(MIX_LOG_INFO);
    mix_draft_destroy(d);
}

static void pieces(void)
{
    struct mix_draft *d = NULL;

    mix_draft_create(&d, 0, 1);
    for (int i = 0; i < 40; i++)
        mix_draft_add_piece(d, &(struct mix_folder_name){.kind = MIX_FOLDER_PIECE, .seq = i});
    ok(mix_draft_pieces(d) == 40 && mix_draft_piece(d, 39)->seq == 39, "40 pieces");
    mix_draft_drop_pieces(d, 38);
    ok(mix_draft_pieces(d) == 2 && mix_draft_piece(d, 0)->seq == 38, "the first 38 are dropped");
    mix_draft_drop_pieces(d, 2);
    mix_draft_drop_pieces(d, 0);
    ok(mix_draft_pieces(d) == 0, "and the rest");
    mix_draft_destroy(d);
    mix_draft_destroy(NULL);
    ok(true, "destroying NULL is allowed");
}

int main(void)
{
    results();
    pieces();
    return tap_done();
}
