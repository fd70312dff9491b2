/* regex.c - see regex.h: the grammar, and PCRE2 over bytes. */
#include "text/regex.h"

#include "base/err.h"
#include "base/mem.h"
#include "base/str.h"
#include "text/utf8.h"

#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

enum {
    DEEPEST = 100,            /* groups in groups */
    LONGEST = 65536,          /* bytes of an expression: published ones have under 1,000 */
    MOST_REPEATS = 1000,      /* in {n,m} */
    END = MIX_CODEPOINTS,     /* behind the last code point */
    INTERPRETER_KB = 1 << 20, /* heap of a match without machine code */
};

struct mix_regex {
    char *where;         /* for error lines */
    struct mix_str text; /* for PCRE2; a set is the byte 0 and its number in 4 bytes */
    struct mix_charset *set;
    size_t sets, sets_room;
    pcre2_code *code;
    pcre2_match_context *limits;
};

/* ---- reading */

struct reader {
    const char *begin, *at, *end;
    struct mix_regex *re;
    int depth;
    bool fold[DEEPEST + 1]; /* is (?i: in force, by depth */
    bool look[DEEPEST + 1]; /* is it a look-around */
};

static uint32_t peek(const struct reader *r)
{
    const char *at = r->at;

    return at < r->end ? mix_utf8_next(&at) : END;
}

static uint32_t next(struct reader *r)
{
    return r->at < r->end ? mix_utf8_next(&r->at) : END;
}

static bool take(struct reader *r, const char *text)
{
    size_t n = strlen(text);

    if ((size_t)(r->end - r->at) < n || memcmp(r->at, text, n) != 0)
        return false;
    r->at += n;
    return true;
}

static int refuse(const struct reader *r, const char *at, const char *why)
{
    return MIX_FAIL(MIX_EINPUT, "%s: byte %zu of the expression: %s", r->re->where,
                    (size_t)(at - r->begin), why);
}

static bool is_letter_or_digit(uint32_t c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static int hex(struct reader *r, size_t least, size_t most, uint32_t *c)
{
    size_t n = 0;

    for (*c = 0; n < most && r->at < r->end; n++, r->at++) {
        static const char digits[] = "0123456789abcdef";
        const char *d = *r->at ? strchr(digits, *r->at | 0x20) : NULL;

        if (!d)
            break;
        *c = *c * 16 + (uint32_t)(d - digits);
    }
    if (n < least || *c >= MIX_CODEPOINTS || (*c >= 0xD800 && *c <= 0xDFFF))
        return refuse(r, r->at, "not the hexadecimal number of a character");
    return MIX_OK;
}

/* \p{name}: its categories. */
static int property(struct reader *r, bool negated, uint32_t *categories)
{
    const char *name, *close;

    if (!take(r, "{"))
        return refuse(r, r->at, "a { was expected behind \\p");
    negated ^= take(r, "^");
    name = r->at;
    close = memchr(name, '}', (size_t)(r->end - name));
    *categories = close ? mix_unicode_categories(name, (size_t)(close - name)) : 0;
    if (!*categories)
        return refuse(r, name, "only general categories (L, Lu, N, P, ...) are known in \\p{..}");
    if (negated)
        *categories = ~*categories;
    r->at = close + 1;
    return MIX_OK;
}

/* Behind a backslash: one character in *c, or a class added to the set and *c = END. */
static int escape(struct reader *r, struct mix_charset *set, uint32_t *c)
{
    static const char names[] = "tnrfvae", meant[] = "\t\n\r\f\v\a\033";
    const char *begin = r->at;
    uint32_t e = next(r), categories = 0;
    const char *name = e && e < 0x80 ? strchr(names, (int)e) : NULL;
    int rc = MIX_OK;

    *c = END;
    if (name)
        *c = (uint32_t)meant[name - names];
    else if (e == 's')
        set->space = true;
    else if (e == 'S')
        set->not_space = true;
    else if (e == 'd' || e == 'D')
        categories = mix_unicode_categories("Nd", 2) ^ (e == 'D' ? ~UINT32_C(0) : 0);
    else if (e == 'p' || e == 'P')
        TRY(property(r, e == 'P', &categories));
    else if (e == 'x' && take(r, "{")) {
        TRY(hex(r, 1, 8, c));
        if (!take(r, "}"))
            return refuse(r, r->at, "a } was expected");
    } else if (e == 'x')
        return hex(r, 2, 2, c);
    else if (e == 'u')
        return hex(r, 4, 4, c);
    else if (e == END || e >= 0x80 || is_letter_or_digit(e))
        return refuse(r, begin, "this escape is not supported");
    else
        *c = e;
    set->categories |= categories;
out:
    return rc;
}

/* Behind [: everything up to ]. */
static int bracket(struct reader *r, struct mix_charset *set)
{
    int rc = MIX_OK;
    const char *begin = r->at;

    set->negated = take(r, "^");
    if (peek(r) == ']')
        return refuse(r, r->at, "an empty class");
    for (;;) {
        const char *item = r->at;
        uint32_t c = next(r), last;

        if (c == END)
            return refuse(r, begin, "a class without its ]");
        if (c == ']')
            return MIX_OK;
        if (c == '[' || (c == '&' && peek(r) == '&'))
            return refuse(r, item, "a class inside a class is not supported");
        if (c == '\\')
            TRY(escape(r, set, &c));
        last = c;
        if (c != END && r->end - r->at >= 2 && r->at[0] == '-' && r->at[1] != ']') {
            r->at++;
            last = next(r);
            if (last == '\\')
                TRY(escape(r, set, &last));
            if (last == END || last == '[' || last < c)
                return refuse(r, item, "not a range of characters");
        } else if (c == END && r->at < r->end && r->at[0] == '-' && r->at + 1 < r->end &&
                   r->at[1] != ']')
            return refuse(r, r->at, "a - behind a class is not supported");
        if (c != END)
            TRY(mix_charset_add(set, c, last));
    }
out:
    return rc;
}

/* Write a set into the expression and hand it over to it. */
static int emit(struct reader *r, const char *begin, struct mix_charset *set)
{
    int rc;
    struct mix_regex *re = r->re;
    uint32_t number = (uint32_t)re->sets;
    bool possible = true;

    if (r->fold[r->depth])
        TRY(mix_charset_fold(set, &possible));
    if (!possible)
        return refuse(r, begin, "ignoring the case of other than ASCII letters is not supported");
    TRY(mix_grow(&re->set, &re->sets_room, re->sets + 1, sizeof *re->set, "charsets"));
    re->set[re->sets++] = *set;
    *set = (struct mix_charset){0};
    TRY(mix_str_add(&re->text, "", 1));
    TRY(mix_str_add(&re->text, &number, sizeof number));
out:
    return rc;
}

/* Two letters that fold to one character beyond ASCII (ss and U+00DF, ff and U+FB00, ...): the
 * reference would match that too. */
static bool folds_together(uint32_t a, uint32_t b)
{
    a |= 0x20;
    b |= 0x20;
    return (a == 's' && (b == 's' || b == 't')) || (a == 'f' && (b == 'f' || b == 'i' || b == 'l'));
}

static int group(struct reader *r, const char *begin)
{
    static const char *const kinds[] = {"?:", "?=", "?!", "?<=", "?<!", "?>"};
    const char *kind = NULL;
    bool fold = r->fold[r->depth];

    if (take(r, "?i:")) {
        kind = "?:";
        fold = true;
    } else if (peek(r) != '?')
        kind = "?:"; /* there are no back references, so nothing asks for the group's text */
    for (size_t i = 0; !kind && i < sizeof kinds / sizeof kinds[0]; i++)
        if (take(r, kinds[i]))
            kind = kinds[i];
    if (!kind)
        return refuse(r, begin, "this kind of group is not supported");
    if (r->depth == DEEPEST)
        return refuse(r, begin, "groups nested too deeply");
    r->fold[++r->depth] = fold;
    r->look[r->depth] = kind[1] != ':' && kind[1] != '>';
    return mix_str_addf(&r->re->text, "(%s", kind);
}

static bool number(struct reader *r, int *n)
{
    const char *begin = r->at;

    for (*n = 0; r->at < r->end && *r->at >= '0' && *r->at <= '9' && *n <= MOST_REPEATS; r->at++)
        *n = *n * 10 + (*r->at - '0');
    return r->at > begin;
}

/* {n}, {n,}, {,m} or {n,m}; the { is read. */
static int interval(struct reader *r, const char *begin)
{
    int least = 0, most = -1;
    bool has_least = number(r, &least), comma = take(r, ","), has_most = comma && number(r, &most);

    if (!take(r, "}") || (!has_least && !has_most) || least > MOST_REPEATS || most > MOST_REPEATS ||
        (has_most && most < least))
        return refuse(r, begin, "not a number of repetitions from 0 to 1000");
    /* {n}? and {n,m}+ mean other things in the two languages. */
    if (peek(r) == '?' || peek(r) == '+')
        return refuse(r, r->at, "{..}? and {..}+ are not supported");
    if (!comma)
        return mix_str_addf(&r->re->text, "{%d}", least);
    if (!has_most)
        return mix_str_addf(&r->re->text, "{%d,}", least);
    return mix_str_addf(&r->re->text, "{%d,%d}", least, most);
}

static int quantifier(struct reader *r)
{
    int rc = MIX_OK;
    const char *begin = r->at;
    uint32_t c = peek(r);

    if (c == '{') {
        r->at++;
        TRY(interval(r, begin));
    } else if (c == '?' || c == '*' || c == '+') {
        r->at++;
        TRY(mix_str_add(&r->re->text, begin, 1));
        if (peek(r) == '?' || peek(r) == '+')
            TRY(mix_str_add(&r->re->text, r->at++, 1));
    } else
        return MIX_OK;
    c = peek(r);
    if (c == '{' || c == '?' || c == '*' || c == '+')
        return refuse(r, r->at, "a repetition of a repetition is not supported");
out:
    return rc;
}

static int expression(struct reader *r)
{
    int rc = MIX_OK;
    struct mix_charset set = {0};
    uint32_t letter = 0; /* the literal just before */

    while (r->at < r->end) {
        const char *begin = r->at;
        uint32_t c = next(r), literal = 0;

        if (c == '(') {
            TRY(group(r, begin));
            letter = 0;
            continue;
        }
        if (c == '|') {
            TRY(mix_str_add(&r->re->text, "|", 1));
            letter = 0;
            continue;
        }
        if (c == ')') {
            if (r->depth == 0)
                TRY(refuse(r, begin, "a ) without its ("));
            if (r->look[r->depth--] && strchr("*+?{", r->at < r->end ? *r->at : 'x'))
                TRY(refuse(r, r->at, "a repetition of a look-around"));
            TRY(mix_str_add(&r->re->text, ")", 1));
        } else {
            if (strchr("^$*+?{", c && c < 0x80 ? (int)c : 'x'))
                TRY(refuse(r, begin, "an anchor, or a repetition of nothing"));
            if (c == '[')
                TRY(bracket(r, &set));
            else if (c == '.') {
                TRY(mix_charset_add(&set, '\n', '\n'));
                set.negated = true;
            } else {
                if (c == '\\')
                    TRY(escape(r, &set, &c));
                literal = c;
                if (c != END)
                    TRY(mix_charset_add(&set, c, c));
            }
            if (r->fold[r->depth] && folds_together(letter, literal))
                TRY(refuse(r, begin, "two letters that fold to one character"));
            TRY(emit(r, begin, &set));
        }
        letter = literal;
        TRY(quantifier(r));
    }
    if (r->depth)
        TRY(refuse(r, r->at, "a ( without its )"));
out:
    mix_charset_fini(&set);
    return rc;
}

static int parse(struct mix_regex **out, const char *pattern, size_t n, const char *where,
                 struct mix_alphabet *alphabet, bool literal)
{
    int rc;
    struct mix_regex *re = NULL;
    struct mix_charset set = {0};

    if (n == 0 || n > LONGEST || !mix_utf8_valid(pattern, n, NULL))
        return MIX_FAIL(MIX_EINPUT, "%s: an expression has 1 to %d bytes of UTF-8", where, LONGEST);
    TRY(mix_calloc(&re, 1, sizeof *re, "a regular expression"));
    if (!(re->where = mix_strdup(where)))
        TRY(MIX_EFIT);
    struct reader r = {.begin = pattern, .at = pattern, .end = pattern + n, .re = re};
    while (literal && r.at < r.end) {
        const char *begin = r.at;
        uint32_t c = next(&r);

        TRY(mix_charset_add(&set, c, c));
        TRY(emit(&r, begin, &set));
    }
    TRY(expression(&r));
    for (size_t i = 0; i < re->sets; i++)
        if (!mix_alphabet_tell(alphabet, &re->set[i]))
            TRY(refuse(&r, r.begin, "more kinds of characters than a byte can hold"));
    *out = re;
    re = NULL;
out:
    mix_charset_fini(&set);
    mix_regex_destroy(re);
    return rc;
}

int mix_regex_parse(struct mix_regex **re, const char *pattern, size_t n, const char *where,
                    struct mix_alphabet *alphabet)
{
    return parse(re, pattern, n, where, alphabet, false);
}

int mix_regex_literal(struct mix_regex **re, const char *text, size_t n, const char *where,
                      struct mix_alphabet *alphabet)
{
    return parse(re, text, n, where, alphabet, true);
}

void mix_regex_destroy(struct mix_regex *re)
{
    if (!re)
        return;
    for (size_t i = 0; i < re->sets; i++)
        mix_charset_fini(&re->set[i]);
    free(re->set);
    free(re->where);
    mix_str_fini(&re->text);
    pcre2_code_free(re->code);
    pcre2_match_context_free(re->limits);
    free(re);
}

/* ---- compiling and searching */

/* A set as a class of bytes. */
static int write_class(struct mix_str *out, const struct mix_charset *set,
                       const struct mix_alphabet *alphabet)
{
    int rc = MIX_OK, from = -1;

    TRY(mix_str_addf(out, "["));
    for (int s = 0; s <= alphabet->symbols; s++) {
        bool in = s < alphabet->symbols && mix_alphabet_in(alphabet, set, s);

        if (in && from < 0)
            from = s;
        if (in || from < 0)
            continue;
        TRY(mix_str_addf(out, "\\x%02x-\\x%02x", (unsigned)from, (unsigned)(s - 1)));
        from = -1;
    }
    if (out->s[out->len - 1] == '[') /* nothing is inside: a class that no byte is in */
        TRY(mix_str_addf(out, "^\\x00-\\xff"));
    TRY(mix_str_addf(out, "]"));
out:
    return rc;
}

int mix_regex_compile(struct mix_regex *re, const struct mix_alphabet *alphabet)
{
    int rc = MIX_OK, error;
    PCRE2_SIZE at;
    PCRE2_UCHAR why[128];
    struct mix_str text = {0};

    for (size_t i = 0; i < re->text.len; i++) {
        uint32_t number;

        if (re->text.s[i] != 0) {
            TRY(mix_str_add(&text, &re->text.s[i], 1));
            continue;
        }
        memcpy(&number, &re->text.s[i + 1], sizeof number);
        i += sizeof number;
        TRY(write_class(&text, &re->set[number], alphabet));
    }
    re->code = pcre2_compile((PCRE2_SPTR)text.s, text.len, 0, &error, &at, NULL);
    if (!re->code) {
        pcre2_get_error_message(error, why, sizeof why);
        TRY(MIX_FAIL(MIX_EINPUT, "%s: PCRE2 refuses the expression: %s", re->where, (char *)why));
    }
    /* Without machine code (a processor without a compiler, a kernel that forbids it) the
     * interpreter matches the same, only slower. */
    pcre2_jit_compile(re->code, PCRE2_JIT_COMPLETE);
    re->limits = pcre2_match_context_create(NULL);
    if (!re->limits)
        TRY(MIX_FAIL(MIX_EFIT, "out of host memory: a regular expression"));
    pcre2_set_match_limit(re->limits, UINT32_MAX);
    pcre2_set_depth_limit(re->limits, UINT32_MAX);
    pcre2_set_heap_limit(re->limits, INTERPRETER_KB);
out:
    mix_str_fini(&text);
    return rc;
}

struct mix_regex_match {
    pcre2_match_data *data;
};

int mix_regex_match_create(struct mix_regex_match **out)
{
    int rc;
    struct mix_regex_match *m = NULL;

    TRY(mix_calloc(&m, 1, sizeof *m, "a match"));
    m->data = pcre2_match_data_create(1, NULL);
    if (!m->data)
        TRY(MIX_FAIL(MIX_EFIT, "out of host memory: a match"));
    *out = m;
    m = NULL;
out:
    mix_regex_match_destroy(m);
    return rc;
}

void mix_regex_match_destroy(struct mix_regex_match *m)
{
    if (!m)
        return;
    pcre2_match_data_free(m->data);
    free(m);
}

int mix_regex_find(const struct mix_regex *re, struct mix_regex_match *m, const uint8_t *symbols,
                   size_t n, size_t from, bool *found, size_t *begin, size_t *end)
{
    const PCRE2_SIZE *ends;
    int got = pcre2_match(re->code, symbols, n, from, 0, m->data, re->limits);

    if (got == PCRE2_ERROR_JIT_STACKLIMIT) /* the interpreter keeps its stack on the heap */
        got = pcre2_match(re->code, symbols, n, from, PCRE2_NO_JIT, m->data, re->limits);
    *found = got >= 0;
    if (got == PCRE2_ERROR_NOMATCH)
        return MIX_OK;
    if (got < 0)
        return MIX_FAIL(MIX_EBUG, "PCRE2 gave up on a text of %zu characters: error %d", n, got);
    ends = pcre2_get_ovector_pointer(m->data);
    *begin = ends[0];
    *end = ends[1];
    return MIX_OK;
}
