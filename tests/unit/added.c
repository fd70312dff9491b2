/* added.c - added tokens taken out of a text: longest first, alone, with white space. */
#include "text/added.h"

#include "base/err.h"
#include "tap.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct mix_alphabet *alphabet;

/* What is found, as "gap[id]gap[id]gap". */
static const char *spell(const struct mix_added *added, const char *s)
{
    static char out[512];
    size_t n = strlen(s), at = 0, gap, end;
    struct mix_added_search search = {0};
    int32_t id;

    do {
        mix_added_next(added, alphabet, s, n, &search, &gap, &end, &id);
        at += (size_t)snprintf(out + at, sizeof out - at, "%.*s", (int)(end - gap), s + gap);
        if (id >= 0)
            at += (size_t)snprintf(out + at, sizeof out - at, "[%d]", id);
    } while (id >= 0);
    return out;
}

static void cases(void)
{
    static const struct {
        const char *content;
        struct mix_added_token token;
    } tokens[] = {
        {"<a>", {.id = 1}},
        {"<a><a>", {.id = 2}},
        {"<ab", {.id = 3}},
        {"the", {.id = 4, .single_word = true}},
        {"<l>", {.id = 5, .lstrip = true}},
        {"<r>", {.id = 6, .rstrip = true}},
        {"<lr>", {.id = 7, .lstrip = true, .rstrip = true}},
        {"\xE4\xB8\xAD", {.id = 8}},
        {"<a>", {.id = 10}}, /* again: the first counts */
        {"Q", {.id = 11, .single_word = true, .rstrip = true}},
        {"\t", {.id = 12, .lstrip = true, .rstrip = true}},
        {"\r", {.id = 13, .rstrip = true}},
    };
    static const struct {
        const char *text, *found;
    } want[] = {
        {"", ""},
        {"plain", "plain"},
        {"x<a>y", "x[1]y"},
        {"<a><a><a>", "[2][1]"},
        {"<a", "<a"},
        {"<ab<a>", "[3][1]"},
        {"<<a>>", "<[1]>"},
        {"the other the", "[4] other [4]"},
        {"then the\xCC\x81 the", "then the\xCC\x81 [4]"}, /* a mark is a word character */
        {"(the)", "([4])"},
        {"thethe", "thethe"},
        {"a  <l>  b", "a[5]  b"},
        {"a  <r>  b", "a  [6]b"},
        {" \xE3\x80\x80<lr>\n\xC2\x85 b", "[7]b"},
        {"<r>  <l>", "[6][5]"},
        {"<l>", "[5]"},
        {"   <l>   ", "[5]   "},
        {"\xE4\xB8\xAD\xE4\xB8\xAE", "[8]\xE4\xB8\xAE"},
        {"Q  Q", "[11][11]"},
        {"xQ Q", "xQ [11]"},
        {"a \t\t b", "a[12]b"},      /* the second was taken with the first */
        {"a \r\r b", "a [13][13]b"}, /* so was this, and the reference still finds it */
    };
    struct mix_added *added = NULL;

    ok(mix_added_create(&added) == MIX_OK && strcmp(spell(added, "<a>"), "<a>") == 0,
       "without tokens a text is one gap");
    for (size_t i = 0; i < sizeof tokens / sizeof tokens[0]; i++)
        mix_added_add(added, tokens[i].content, strlen(tokens[i].content), &tokens[i].token);
    mix_added_sort(added);
    for (size_t i = 0; i < sizeof want / sizeof want[0]; i++) {
        const char *found = spell(added, want[i].text);
        if (!ok(strcmp(found, want[i].found) == 0, "tokens in \"%s\"", want[i].text))
            printf("# found %s\n", found);
    }
    mix_added_destroy(added);
    mix_added_destroy(NULL);
}

/* Random tokens and texts over two letters, against trying each token at each place. */
static void random_texts(void)
{
    unsigned seed = 5;
    int wrong = 0;

    for (int round = 0; round < 300; round++) {
        struct mix_added *added = NULL;
        char content[12][8], text[40], expected[512];
        size_t at = 0;
        int tokens = 1 + rand_r(&seed) % 12;

        mix_added_create(&added);
        for (int i = 0; i < tokens; i++) {
            int n = 1 + rand_r(&seed) % 6;
            for (int k = 0; k < n; k++)
                content[i][k] = "ab"[rand_r(&seed) % 2];
            content[i][n] = '\0';
            mix_added_add(added, content[i], (size_t)n, &(struct mix_added_token){.id = i});
        }
        mix_added_sort(added);
        for (size_t k = 0; k < sizeof text; k++)
            text[k] = "aabbc"[rand_r(&seed) % 5];
        text[sizeof text - 1] = expected[0] = '\0';
        for (const char *p = text; *p;) {
            int best = -1;
            for (int i = 0; i < tokens; i++)
                if (strncmp(p, content[i], strlen(content[i])) == 0 &&
                    (best < 0 || strlen(content[i]) > strlen(content[best])))
                    best = i;
            at += (size_t)(best < 0 ? snprintf(expected + at, sizeof expected - at, "%c", *p)
                                    : snprintf(expected + at, sizeof expected - at, "[%d]", best));
            p += best < 0 ? 1 : strlen(content[best]);
        }
        wrong += strcmp(spell(added, text), expected) != 0;
        mix_added_destroy(added);
    }
    ok(wrong == 0, "random tokens in random texts, leftmost and longest");
}

int main(void)
{
    if (mix_alphabet_create(&alphabet) != MIX_OK)
        return 1;
    cases();
    random_texts();
    mix_alphabet_destroy(alphabet);
    return tap_done();
}
