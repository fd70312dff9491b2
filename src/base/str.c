/* str.c - see str.h. */
#include "base/str.h"

#include "base/err.h"
#include "base/mem.h"

#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void mix_str_fini(struct mix_str *str)
{
    free(str->s);
    *str = (struct mix_str){0};
}

void mix_str_clear(struct mix_str *str)
{
    str->len = 0;
    if (str->s)
        str->s[0] = '\0';
}

int mix_str_add(struct mix_str *str, const void *bytes, size_t n)
{
    int rc = mix_grow(&str->s, &str->room, str->len + n + 1, 1, "text");

    if (rc)
        return rc;
    if (n)
        memcpy(str->s + str->len, bytes, n);
    str->len += n;
    str->s[str->len] = '\0';
    return MIX_OK;
}

int mix_str_addf(struct mix_str *str, const char *fmt, ...)
{
    va_list ap;
    int n, rc;

    va_start(ap, fmt);
    n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0)
        return MIX_FAIL(MIX_EBUG, "bad format %s", fmt);
    rc = mix_grow(&str->s, &str->room, str->len + (size_t)n + 1, 1, "text");
    if (rc)
        return rc;
    va_start(ap, fmt);
    vsnprintf(str->s + str->len, (size_t)n + 1, fmt, ap);
    va_end(ap);
    str->len += (size_t)n;
    return MIX_OK;
}

bool mix_utf8_valid(const char *s, size_t n, size_t *bad)
{
    const unsigned char *p = (const unsigned char *)s;

    for (size_t i = 0; i < n;) {
        unsigned char c = p[i];
        size_t more = c < 0x80 ? 0 : c >= 0xC2 && c <= 0xDF ? 1 : (c & 0xF0) == 0xE0 ? 2 : 3;
        bool good = c < 0x80 || (c >= 0xC2 && c <= 0xF4);

        /* The second byte excludes overlong forms, surrogates and what is above U+10FFFF. */
        if (good && more) {
            unsigned char low = c == 0xE0 ? 0xA0 : c == 0xF0 ? 0x90 : 0x80;
            unsigned char high = c == 0xED ? 0x9F : c == 0xF4 ? 0x8F : 0xBF;
            good = i + more < n && p[i + 1] >= low && p[i + 1] <= high;
            for (size_t k = 2; good && k <= more; k++)
                good = (p[i + k] & 0xC0) == 0x80;
        }
        if (!good) {
            if (bad)
                *bad = i;
            return false;
        }
        i += more + 1;
    }
    return true;
}

char *mix_strdup(const char *s)
{
    char *copy = strdup(s);

    if (!copy)
        (void)MIX_FAIL(MIX_EFIT, "out of host memory: %zu bytes of text", strlen(s));
    return copy;
}

bool mix_parse_size(const char *s, size_t *bytes)
{
    static const char letter[] = "KMGT";
    char *end;
    double v = strtod(s, &end), unit = 1;
    const char *at;

    if (end == s || !isfinite(v) || v < 0)
        return false;
    if (*end && (at = strchr(letter, *end))) {
        bool binary = end[1] == 'i';
        for (const char *l = letter; l <= at; l++)
            unit *= binary ? 1024 : 1000;
        end += binary ? 2 : 1;
    }
    if (*end || v * unit >= 9.2e18)
        return false;
    *bytes = (size_t)(v * unit);
    return true;
}

const char *mix_group_digits(long long n, char buf[32])
{
    char plain[32];
    int len = snprintf(plain, sizeof plain, "%lld", n), first = plain[0] == '-', out = 0;

    for (int i = 0; i < len; i++) {
        if (i > first && (len - i) % 3 == 0)
            buf[out++] = ' ';
        buf[out++] = plain[i];
    }
    buf[out] = '\0';
    return buf;
}

const char *mix_human_bytes(double bytes, char buf[32])
{
    static const char *const unit[] = {"B", "KiB", "MiB", "GiB", "TiB"};
    int u = 0;

    for (; bytes >= 1024 && u < 4; u++)
        bytes /= 1024;
    snprintf(buf, 32, u == 0 ? "%.0f %s" : "%.2f %s", bytes, unit[u]);
    return buf;
}

const char *mix_human_time(double seconds, char buf[32])
{
    long s = seconds > 0 && seconds < 1e9 ? lrint(seconds) : 0;

    snprintf(buf, 32, "%ld:%02ld:%02ld", s / 3600, s / 60 % 60, s % 60);
    return buf;
}
