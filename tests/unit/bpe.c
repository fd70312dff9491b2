/* bpe.c - merging against a loop that looks at all pairs each time. */
#include "text/bpe.h"

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "tap.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LETTERS = 4, MERGES = 60 };

struct merge {
    int32_t left, right, whole;
};

/* The definition: join the first of the list that is there, leftmost first, until none is. */
static size_t naive(const struct merge *merge, int merges, const char *word, size_t n, int32_t *out)
{
    for (size_t i = 0; i < n; i++)
        out[i] = word[i] - 'a';
    for (;;) {
        size_t at = 0;
        int best = merges;

        for (size_t i = 0; i + 1 < n; i++)
            for (int m = 0; m < best; m++)
                if (merge[m].left == out[i] && merge[m].right == out[i + 1]) {
                    best = m;
                    at = i;
                }
        if (best == merges)
            return n;
        out[at] = merge[best].whole;
        memmove(out + at + 1, out + at + 2, (n - at - 2) * sizeof *out);
        n--;
    }
}

static void byte_tokens(int32_t byte[256])
{
    for (int b = 0; b < 256; b++)
        byte[b] = b >= 'a' && b < 'a' + LETTERS ? b - 'a' : -1;
}

/* Random merges of tokens there are, one whole for each pair of contents. */
static void random_words(void)
{
    unsigned seed = 3;
    int wrong = 0;
    struct mix_bpe_work work = {0};

    for (int round = 0; round < 60; round++) {
        struct merge merge[MERGES];
        char content[LETTERS + MERGES][64];
        int32_t byte[256], want[40], *got = NULL;
        size_t room = 0;
        struct mix_bpe *bpe = NULL;
        int merges = 0;

        byte_tokens(byte);
        mix_bpe_create(&bpe, byte, 0);
        for (int i = 0; i < LETTERS; i++)
            memcpy(content[i], (char[2]){(char)('a' + i)}, 2);
        while (merges < MERGES) {
            int tokens = LETTERS + merges, l = rand_r(&seed) % tokens, r = rand_r(&seed) % tokens;
            bool known = strlen(content[l]) + strlen(content[r]) > 12;

            if (known)
                continue;
            memcpy(content[tokens], content[l], sizeof content[l]);
            memcpy(content[tokens] + strlen(content[l]), content[r], strlen(content[r]) + 1);
            for (int i = 0; i < tokens; i++)
                known |= strcmp(content[i], content[tokens]) == 0;
            if (known)
                continue;
            merge[merges++] = (struct merge){l, r, tokens};
            mix_bpe_merge(bpe, l, r, tokens);
        }
        for (int i = 0; i < 200; i++) {
            char word[40];
            size_t n = (size_t)rand_r(&seed) % sizeof word, count = 0, wanted;

            for (size_t k = 0; k < n; k++)
                word[k] = (char)('a' + rand_r(&seed) % LETTERS);
            wanted = n ? naive(merge, merges, word, n, want) : 0;
            wrong += mix_bpe_word(bpe, &work, word, n, &got, &count, &room) != MIX_OK ||
                     count != wanted || (n && memcmp(got, want, count * sizeof *got) != 0);
        }
        free(got);
        mix_bpe_destroy(bpe);
    }
    ok(wrong == 0, "12000 random words under 60 random lists of merges");
    mix_bpe_work_fini(&work);
}

static void order(void)
{
    int32_t byte[256], *ids = NULL;
    size_t count = 0, room = 0;
    struct mix_bpe *bpe = NULL;
    struct mix_bpe_work work = {0};

    byte_tokens(byte);
    mix_bpe_create(&bpe, byte, 10);
    mix_bpe_merge(bpe, 0, 1, 10); /* ab */
    mix_bpe_merge(bpe, 1, 2, 11); /* bc */
    ok(mix_bpe_word(bpe, &work, "abc", 3, &ids, &count, &room) == MIX_OK && count == 2 &&
           ids[0] == 10 && ids[1] == 2,
       "the earlier merge wins");
    mix_bpe_merge(bpe, 0, 1, 10); /* again: later now */
    count = 1;
    ok(mix_bpe_word(bpe, &work, "abc", 3, &ids, &count, &room) == MIX_OK && count == 3 &&
           ids[0] == 10 && ids[1] == 0 && ids[2] == 11,
       "a pair given twice has the later place; ids are appended");
    count = 0;
    ok(mix_bpe_word(bpe, &work, "axbzc", 5, &ids, &count, &room) == MIX_OK && count == 2 &&
           ids[0] == 0 && ids[1] == 11,
       "bytes without a token are left out, their neighbours meet");
    count = 0;
    ok(mix_bpe_word(bpe, &work, "xyz", 3, &ids, &count, &room) == MIX_OK && count == 0 &&
           mix_bpe_word(bpe, &work, "", 0, &ids, &count, &room) == MIX_OK && count == 0,
       "nothing is left of a word of such bytes, nor of none");
    mix_log_level(MIX_LOG_SILENT);
    ok(mix_bpe_merge(bpe, -1, 0, 0) == MIX_EBUG, "a merge of what is no token");
    free(ids);
    mix_bpe_destroy(bpe);
    mix_bpe_destroy(NULL);
    mix_bpe_work_fini(&work);
}

/* One word of a megabyte: aaaa... with merges that double. */
static void long_word(void)
{
    enum { LONG = 1 << 20 };
    int32_t byte[256], *ids = NULL;
    size_t count = 0, room = 0;
    struct mix_bpe *bpe = NULL;
    struct mix_bpe_work work = {0};
    char *word = malloc(LONG);
    double begin = mix_now();

    byte_tokens(byte);
    mix_bpe_create(&bpe, byte, 20);
    for (int i = 0; i < 20; i++)
        mix_bpe_merge(bpe, i ? 9 + i : 0, i ? 9 + i : 0, 10 + i);
    memset(word, 'a', LONG);
    ok(mix_bpe_word(bpe, &work, word, LONG, &ids, &count, &room) == MIX_OK && count == 1 &&
           ids[0] == 29,
       "a word of a megabyte is one token in the end");
    ok(mix_now() - begin < 20, "in seconds, not hours");
    free(ids);
    free(word);
    mix_bpe_destroy(bpe);
    mix_bpe_work_fini(&work);
}

int main(void)
{
    random_words();
    order();
    long_word();
    return tap_done();
}
