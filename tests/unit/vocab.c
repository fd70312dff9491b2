/* vocab.c - tokens by name and by id. */
#include "text/vocab.h"

#include "base/err.h"
#include "base/log.h"
#include "tap.h"

#include <stdio.h>
#include <string.h>

static void many(void)
{
    enum { MANY = 5000 };
    struct mix_vocab *v = NULL;
    char name[32];
    int wrong = 0;
    size_t n;

    ok(mix_vocab_create(&v, 0) == MIX_OK && mix_vocab_end(v) == 0 && mix_vocab_find(v, "a", 1) < 0,
       "an empty vocabulary");
    for (int i = 0; i < MANY; i++) { /* every second id, from the end */
        snprintf(name, sizeof name, "token %d", i);
        wrong += mix_vocab_add(v, 2 * (MANY - i), name, strlen(name), "test") != MIX_OK;
    }
    ok(wrong == 0 && mix_vocab_end(v) == 2 * MANY + 1, "%d tokens", MANY);
    for (int i = 0; i < MANY; i++) {
        int id = 2 * (MANY - i);
        const char *text = mix_vocab_text(v, id, &n);

        snprintf(name, sizeof name, "token %d", i);
        wrong += mix_vocab_find(v, name, strlen(name)) != id || !text || n != strlen(name) ||
                 memcmp(text, name, n) != 0 || mix_vocab_text(v, id - 1, &n) != NULL;
    }
    ok(wrong == 0, "are found by name and by id, and what is between is none");
    ok(mix_vocab_find(v, "token", 5) < 0 && mix_vocab_find(v, "", 0) < 0, "other names are not");
    ok(!mix_vocab_text(v, -1, &n) && !mix_vocab_text(v, 2 * MANY + 1, &n), "nor ids outside");
    mix_vocab_destroy(v);
}

static void names_and_texts(void)
{
    struct mix_vocab *v = NULL;
    size_t n = 9;
    const char *text;

    mix_vocab_create(&v, 100000);
    mix_vocab_add(v, 0, "\xC4\xA0the", 5, "test");
    ok((text = mix_vocab_text(v, 0, &n)) && n == 4 && memcmp(text, " the", 4) == 0,
       "the text of a token is its bytes");
    mix_vocab_add(v, 1, "", 0, "test");
    ok(mix_vocab_text(v, 1, &n) && n == 0 && mix_vocab_find(v, "", 0) == 1, "an empty token");
    ok(mix_vocab_respell(v, 0, "\xC4\xA0tha", 5) == MIX_OK && (text = mix_vocab_text(v, 0, &n)) &&
           n == 4 && memcmp(text, " tha", 4) == 0 && mix_vocab_find(v, "\xC4\xA0the", 5) == 0,
       "another text under the same name");
    mix_log_level(MIX_LOG_SILENT);
    ok(mix_vocab_add(v, 2, "", 0, "F: m") == MIX_EINPUT && strstr(mix_err_last(), "F: m") &&
           mix_vocab_add(v, 0, "x", 1, "F: m") == MIX_EINPUT && strstr(mix_err_last(), "already"),
       "a name or an id twice");
    ok(mix_vocab_add(v, -1, "x", 1, "") == MIX_EINPUT &&
           mix_vocab_add(v, MIX_VOCAB_MOST, "x", 1, "") == MIX_EINPUT &&
           mix_vocab_add(v, INT64_MAX, "x", 1, "") == MIX_EINPUT,
       "ids that are none");
    ok(mix_vocab_end(v) == 2, "nothing of that is kept");
    mix_vocab_destroy(v);
    mix_vocab_destroy(NULL);
}

int main(void)
{
    many();
    names_and_texts();
    return tap_done();
}
