/* str.h - a string that grows, and the few things asked of text everywhere.
 *
 * Any thread; not collective. */
#ifndef MIX_BASE_STR_H
#define MIX_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes that grow; always ends with a 0 byte that len does not count.  {0} is empty. */
struct mix_str {
    char *s; /* NULL while empty */
    size_t len;
    size_t room;
};

void mix_str_fini(struct mix_str *str);  /* frees; {0} is allowed */
void mix_str_clear(struct mix_str *str); /* length 0, room kept */
int mix_str_add(struct mix_str *str, const void *bytes, size_t n);
int mix_str_addf(struct mix_str *str, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Is s[0..n) well-formed UTF-8 (no overlong forms, no surrogates, at most U+10FFFF)?
 * On false, *bad (may be NULL) is the offset of the first wrong byte. */
bool mix_utf8_valid(const char *s, size_t n, size_t *bad);

/* A copy of s on the heap, or NULL with a log line.  free() it. */
char *mix_strdup(const char *s);

/* "12", "4K", "1.5Gi": K M G T are powers of 1000, Ki Mi Gi Ti of 1024. False if it is not that. */
bool mix_parse_size(const char *s, size_t *bytes);

/* 1234567 -> "1 234 567" (buf), for tables and progress lines; returns buf. */
const char *mix_group_digits(long long n, char buf[32]);
/* 1536000000 -> "1.43 GiB" (buf); returns buf. */
const char *mix_human_bytes(double bytes, char buf[32]);
/* 3725 seconds -> "1:02:05" (buf); returns buf. */
const char *mix_human_time(double seconds, char buf[32]);

#endif
