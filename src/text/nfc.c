/* nfc.c - see nfc.h.
 *
 * utf8proc orders combining marks by exchanging neighbours, which takes a day for
 * a megabyte of them.  So the order is made here, by counting, and utf8proc only
 * decomposes single code points and composes. */
#include "text/nfc.h"

#include "base/err.h"
#include "base/mem.h"
#include "text/utf8.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <utf8proc.h>

enum { MOST_PARTS = 8 }; /* of one code point; 4 is the most that there are (U+1F82, ...) */

static uint8_t properties_of(const struct mix_alphabet *a, uint32_t c)
{
    return a->properties[a->symbol[c]];
}

/* The bytes in front of the first code point that is not ASCII, eight at a time. */
static const char *skip_ascii(const char *s, const char *end)
{
    uint64_t eight;

    for (; end - s >= 8; s += 8) {
        memcpy(&eight, s, 8);
        if (eight & UINT64_C(0x8080808080808080))
            break;
    }
    while (s < end && !(*s & 0x80))
        s++;
    return s;
}

bool mix_nfc_is(const struct mix_alphabet *a, const char *s, size_t n)
{
    for (const char *end = s + n; (s = skip_ascii(s, end)) < end;)
        if (properties_of(a, mix_utf8_next(&s)) & MIX_UNICODE_UNSTABLE)
            return false;
    return true;
}

struct parts {
    utf8proc_int32_t *c, *sorted;
    size_t count, room, sorted_room;
};

static int decompose(struct parts *p, uint32_t c)
{
    int rc, boundary = 0;
    utf8proc_ssize_t got;

    TRY(mix_grow(&p->c, &p->room, p->count + MOST_PARTS, sizeof *p->c, "a normal form"));
    got = utf8proc_decompose_char((utf8proc_int32_t)c, p->c + p->count, MOST_PARTS,
                                  UTF8PROC_DECOMPOSE, &boundary);
    MIX_CHECK(got > 0 && got <= MOST_PARTS, "utf8proc does not decompose U+%04X", (unsigned)c);
    p->count += (size_t)got;
out:
    return rc;
}

static int class_of(utf8proc_int32_t c)
{
    return utf8proc_get_property(c)->combining_class;
}

/* Put each run of combining marks in the order of their classes, equal ones as they were. */
static int order(struct parts *p)
{
    int rc = MIX_OK;

    for (size_t begin = 0, end; begin < p->count; begin = end + 1) {
        size_t at[257] = {0};

        for (end = begin; end < p->count && class_of(p->c[end]) != 0; end++)
            at[class_of(p->c[end]) + 1]++;
        if (end - begin < 2)
            continue;
        TRY(mix_grow(&p->sorted, &p->sorted_room, end - begin, sizeof *p->sorted, "marks"));
        for (int i = 0; i < 256; i++)
            at[i + 1] += at[i];
        for (size_t i = begin; i < end; i++)
            p->sorted[at[class_of(p->c[i])]++] = p->c[i];
        memcpy(p->c + begin, p->sorted, (end - begin) * sizeof *p->c);
    }
out:
    return rc;
}

/* Append the form C of a stretch. */
static int compose(struct parts *p, const char *s, const char *end, struct mix_str *out)
{
    int rc = MIX_OK;
    char bytes[4];
    utf8proc_ssize_t count;

    p->count = 0;
    while (s < end)
        TRY(decompose(p, mix_utf8_next(&s)));
    TRY(order(p));
    count = utf8proc_normalize_utf32(p->c, (utf8proc_ssize_t)p->count,
                                     UTF8PROC_COMPOSE | UTF8PROC_STABLE);
    MIX_CHECK(count >= 0, "utf8proc does not compose %zu characters", p->count);
    for (utf8proc_ssize_t i = 0; i < count; i++)
        TRY(mix_str_add(out, bytes, (size_t)mix_utf8_put(bytes, (uint32_t)p->c[i])));
out:
    return rc;
}

int mix_nfc(const struct mix_alphabet *a, const char *s, size_t n, struct mix_str *out)
{
    int rc = MIX_OK;
    struct parts p = {0};
    const char *end = s + n, *copied = s; /* everything in front of copied is in out */

    while ((s = skip_ascii(s, end)) < end) {
        const char *begin = s, *stretch = s;

        if (!(properties_of(a, mix_utf8_next(&s)) & MIX_UNICODE_UNSTABLE))
            continue;
        /* The stretch: what may join from in front, and all unstable ones. */
        if (begin > copied) {
            const char *before = begin;
            if (properties_of(a, mix_utf8_back(&before)) & MIX_UNICODE_FIRST)
                stretch = before;
        }
        while (s < end) {
            const char *behind = s;
            if (!(properties_of(a, mix_utf8_next(&behind)) & MIX_UNICODE_UNSTABLE))
                break;
            s = behind;
        }
        TRY(mix_str_add(out, copied, (size_t)(stretch - copied)));
        TRY(compose(&p, stretch, s, out));
        copied = s;
    }
    TRY(mix_str_add(out, copied, (size_t)(end - copied)));
out:
    free(p.c);
    free(p.sorted);
    return rc;
}
