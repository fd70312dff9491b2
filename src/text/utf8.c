/* utf8.c - see utf8.h. */
#include "text/utf8.h"

#include "base/err.h"

int mix_utf8_put(char out[4], uint32_t c)
{
    if (c < 0x80) {
        out[0] = (char)c;
        return 1;
    }
    if (c < 0x800) {
        out[0] = (char)(0xC0 | c >> 6);
        out[1] = (char)(0x80 | (c & 0x3F));
        return 2;
    }
    if (c < 0x10000) {
        out[0] = (char)(0xE0 | c >> 12);
        out[1] = (char)(0x80 | (c >> 6 & 0x3F));
        out[2] = (char)(0x80 | (c & 0x3F));
        return 3;
    }
    out[0] = (char)(0xF0 | c >> 18);
    out[1] = (char)(0x80 | (c >> 12 & 0x3F));
    out[2] = (char)(0x80 | (c >> 6 & 0x3F));
    out[3] = (char)(0x80 | (c & 0x3F));
    return 4;
}

/* How many bytes of s[0..n), which begins with a wrong sequence, one U+FFFD stands for. */
static size_t wrong_bytes(const unsigned char *s, size_t n)
{
    size_t whole = s[0] >= 0xC2 && s[0] <= 0xDF ? 2 : (s[0] & 0xF0) == 0xE0 ? 3 : 4, i = 1;
    unsigned char low = s[0] == 0xE0 ? 0xA0 : s[0] == 0xF0 ? 0x90 : 0x80;
    unsigned char high = s[0] == 0xED ? 0x9F : s[0] == 0xF4 ? 0x8F : 0xBF;

    if (s[0] < 0xC2 || s[0] > 0xF4)
        return 1;
    for (; i < whole && i < n && s[i] >= low && s[i] <= high; i++) {
        low = 0x80;
        high = 0xBF;
    }
    return i;
}

int mix_utf8_lossy(struct mix_str *out, const char *s, size_t n)
{
    int rc = MIX_OK;
    size_t good = 0;

    while (n) {
        bool valid = mix_utf8_valid(s, n, &good);

        if (valid)
            good = n;
        TRY(mix_str_add(out, s, good));
        if (valid)
            break;
        TRY(mix_str_add(out, "\xEF\xBF\xBD", 3));
        good += wrong_bytes((const unsigned char *)s + good, n - good);
        s += good;
        n -= good;
    }
out:
    return rc;
}
