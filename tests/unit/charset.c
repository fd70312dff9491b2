/* charset.c - what is in a set, and sets without regard to case. */
#include "text/charset.h"

#include "base/err.h"
#include "tap.h"
#include "text/unicode.h"

static uint8_t category(const char *name)
{
    return (uint8_t)__builtin_ctz(mix_unicode_categories(name, 2));
}

static void membership(void)
{
    struct mix_charset set = {.categories = mix_unicode_categories("L", 1)};

    mix_charset_add(&set, '0', '5');
    ok(mix_charset_has(&set, 'x', category("Ll")) && mix_charset_has(&set, 0x4E00, category("Lo")),
       "letters by category");
    ok(mix_charset_has(&set, '0', category("Nd")) && mix_charset_has(&set, '5', category("Nd")) &&
           !mix_charset_has(&set, '6', category("Nd")),
       "a range has both its ends");
    set.space = true;
    ok(mix_charset_has(&set, 0x85, category("Cc")) && !mix_charset_has(&set, 0x84, category("Cc")),
       "white space is more than a category");
    set.negated = true;
    ok(!mix_charset_has(&set, 'x', category("Ll")) && !mix_charset_has(&set, ' ', category("Zs")) &&
           mix_charset_has(&set, '9', category("Nd")),
       "everything else");
    mix_charset_fini(&set);
    set.not_space = true;
    ok(mix_charset_has(&set, 'x', category("Ll")) && !mix_charset_has(&set, 0x3000, category("Zs")),
       "all but white space");
    set.space = true;
    ok(mix_charset_has(&set, ' ', category("Zs")), "and both together are everything");
    mix_charset_fini(&set);
}

static void fold(void)
{
    struct mix_charset set = {0};
    bool possible;

    mix_charset_add(&set, 'r', 's');
    mix_charset_add(&set, 'K', 'K');
    mix_charset_add(&set, '1', '1');
    ok(mix_charset_fold(&set, &possible) == MIX_OK && possible, "ASCII folds");
    ok(mix_charset_has(&set, 'R', 0) && mix_charset_has(&set, 'S', 0) &&
           mix_charset_has(&set, 'k', 0) && mix_charset_has(&set, 0x17F, 0) &&
           mix_charset_has(&set, 0x212A, 0) && mix_charset_has(&set, '1', 0),
       "to the other case, long s and the Kelvin sign");
    ok(!mix_charset_has(&set, 't', 0) && !mix_charset_has(&set, 'T', 0), "and to nothing else");
    ok(mix_charset_fold(&set, &possible) == MIX_OK && !possible, "beyond ASCII there is no table");
    mix_charset_fini(&set);
    set.categories = mix_unicode_categories("Lu", 2);
    ok(mix_charset_fold(&set, &possible) == MIX_OK && !possible, "nor for categories");
    mix_charset_fini(&set);
}

int main(void)
{
    membership();
    fold();
    return tap_done();
}
