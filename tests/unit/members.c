/* members.c - members of a JSON file: types, ranges, and the line that says what is wrong. */
#include "arch/members.h"

#include "base/err.h"
#include "base/log.h"
#include "scratch.h"
#include "tap.h"

#include <stdio.h>
#include <string.h>

static bool says(const char *a)
{
    bool good = strstr(mix_err_last(), a) != NULL;

    if (!good)
        printf("# said: %s\n", mix_err_last());
    return good;
}

static const char text[] =
    "{\"i\":7, \"big\":99999999999, \"r\":0.5, \"s\":\"x\\u001b\", \"t\":true, \"z\":null,"
    " \"list\":[1,2], \"empty\":[], \"mixed\":[1,\"2\"], \"new\":3}";

static void files(void)
{
    static const struct {
        const char *what, *content, *say;
    } cases[] = {
        {"no JSON", "{\"a\":1,\n \"b\":}", "line 2"},
        {"a list", "[1]", "expected a JSON object"},
        {"nothing", "", "line "},
        {"a member twice", "{\"a\":1,\"a\":2}", "duplicate"},
        {"a number beyond double", "{\"a\":1e999}", "line 1"},
        {"text that is no UTF-8", "{\"a\":\"\xFF\"}", "line 1"},
    };
    json_t *root = NULL;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        scratch_write("bad.json", cases[i].content, strlen(cases[i].content));
        ok(mix_members_load(&root, scratch("bad.json")) == MIX_EINPUT && !root &&
               says("bad.json") && says(cases[i].say),
           "%s is refused", cases[i].what);
    }
    ok(mix_members_load(&root, scratch("none")) == MIX_EINPUT && says("No such file"), "no file");
    ok(mix_members_load(&root, scratch(".")) == MIX_EINPUT && says("expected a file"), "a folder");
    FILE *f = fopen(scratch("long"), "w");
    bool made = f && fseek(f, (16 << 20) + 1, SEEK_SET) == 0 && fputc('x', f) == 'x';
    ok(made && fclose(f) == 0 && mix_members_load(&root, scratch("long")) == MIX_EINPUT &&
           says("at most"),
       "a file of more than 16 MiB");
}

static void members(void)
{
    struct mix_members m = {"f.json", "part.", NULL};
    json_t *root = NULL;
    const char *s = "kept";
    double r = -1;
    bool t = false;
    int i = -1, list[3] = {0}, n = -1;

    scratch_write("good.json", text, strlen(text));
    ok(mix_members_load(&root, scratch("good.json")) == MIX_OK, "a file of members");
    m.object = root;

    ok(mix_members_int(&m, "i", 7, 7, &i) == MIX_OK && i == 7, "an integer");
    ok(mix_members_int(&m, "i", 8, 9, &i) == MIX_EINPUT && i == 7 &&
           says("f.json: part.i: expected an integer from 8 to 9, found 7"),
       "one below its range");
    ok(mix_members_int(&m, "i", 5, 6, &i) == MIX_EINPUT, "one above it");
    ok(mix_members_int(&m, "big", 0, 2147483647, &i) == MIX_EINPUT && says("99999999999"),
       "one beyond an int");
    ok(mix_members_int(&m, "r", 0, 9, &i) == MIX_EINPUT && says("found 0.5"), "a fraction");
    ok(mix_members_int(&m, "t", 0, 9, &i) == MIX_EINPUT && says("found true"), "true is not 1");
    ok(mix_members_int(&m, "s", 0, 9, &i) == MIX_EINPUT && says("found \"x\\u001B\""),
       "a text, shown without control characters");
    ok(mix_members_int(&m, "none", 0, 9, &i) == MIX_EINPUT && says("found nothing"), "no member");
    ok(mix_members_int(&m, "z", 0, 9, &i) == MIX_EINPUT && says("found nothing"), "null is none");
    ok(mix_members_int(&m, "old|new", 0, 9, &i) == MIX_OK && i == 3, "the second spelling");
    ok(mix_members_int(&m, "z|new", 0, 9, &i) == MIX_OK && i == 3, "null gives way to it");
    ok(mix_members_int(&m, "i|new", 0, 9, &i) == MIX_OK && i == 7, "the first goes before it");
    ok(mix_members_int(&m, "old|older", 0, 9, &i) == MIX_EINPUT && says("part.old:"),
       "neither: the first is named");

    ok(mix_members_real(&m, "r", 0, 1, &r) == MIX_OK && r == 0.5, "a number");
    ok(mix_members_real(&m, "i", 0, 9, &r) == MIX_OK && r == 7, "an integer is one");
    ok(mix_members_real(&m, "i", 0, 1, &r) == MIX_EINPUT && r == 7, "out of range");
    ok(mix_members_real(&m, "none", 0, 1, &r) == MIX_EINPUT, "missing");

    ok(mix_members_int_or(&m, "none", 0, 9, &i) == MIX_OK && i == 7 &&
           mix_members_real_or(&m, "z", 0, 9, &r) == MIX_OK && r == 7 &&
           mix_members_bool_or(&m, "none", &t) == MIX_OK && !t &&
           mix_members_text_or(&m, "none", &s) == MIX_OK && strcmp(s, "kept") == 0 &&
           mix_members_ints_or(&m, "none", 0, 9, list, 3, &n) == MIX_OK && n == -1,
       "an optional member that is missing leaves the value alone");
    ok(mix_members_int_or(&m, "s", 0, 9, &i) == MIX_EINPUT &&
           mix_members_real_or(&m, "s", 0, 9, &r) == MIX_EINPUT &&
           mix_members_bool_or(&m, "i", &t) == MIX_EINPUT &&
           mix_members_text_or(&m, "i", &s) == MIX_EINPUT,
       "one that is mistyped does not");
    ok(mix_members_bool_or(&m, "t", &t) == MIX_OK && t, "true");
    ok(mix_members_text_or(&m, "s", &s) == MIX_OK && s[0] == 'x', "a text");

    ok(mix_members_ints_or(&m, "list", 1, 2, list, 2, &n) == MIX_OK && n == 2 && list[1] == 2,
       "a list of integers");
    ok(mix_members_ints_or(&m, "i", 1, 9, list, 2, &n) == MIX_OK && n == 1 && list[0] == 7,
       "or a single one");
    ok(mix_members_ints_or(&m, "empty", 1, 9, list, 2, &n) == MIX_OK && n == 0, "an empty list");
    ok(mix_members_ints_or(&m, "list", 1, 9, list, 1, &n) == MIX_EINPUT && n == 0, "too many");
    ok(mix_members_ints_or(&m, "list", 2, 9, list, 2, &n) == MIX_EINPUT, "one out of range");
    ok(mix_members_ints_or(&m, "mixed", 0, 9, list, 2, &n) == MIX_EINPUT && says("[1,\"2\"]"),
       "one that is a text");
    json_decref(root);
}

int main(void)
{
    mix_log_level(MIX_LOG_SILENT);
    scratch_begin();
    files();
    members();
    scratch_end();
    return tap_done();
}
