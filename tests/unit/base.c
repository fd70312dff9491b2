/* base.c - strings, sizes, hashes, random numbers, number types. */
#include "base/busy.h"
#include "base/dtype.h"
#include "base/err.h"
#include "base/hash.h"
#include "base/log.h"
#include "base/median.h"
#include "base/mem.h"
#include "base/rng.h"
#include "base/str.h"
#include "tap.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

static void utf8(void)
{
    static const struct {
        const char *text;
        bool valid;
        size_t bad;
    } cases[] = {
        {"", true, 0},
        {"plain", true, 0},
        {"\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80", true, 0},
        {"a\x80", false, 1},            /* a continuation alone */
        {"\xC0\xAF", false, 0},         /* overlong '/' */
        {"\xE0\x80\x80", false, 0},     /* overlong */
        {"ab\xED\xA0\x80", false, 2},   /* a surrogate */
        {"\xF4\x90\x80\x80", false, 0}, /* above U+10FFFF */
        {"\xF0\x9F\x98", false, 0},     /* cut off */
        {"\xFF", false, 0},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t bad = 0;
        ok(mix_utf8_valid(cases[i].text, strlen(cases[i].text), &bad) == cases[i].valid &&
               (cases[i].valid || bad == cases[i].bad),
           "UTF-8 case %zu is %s", i, cases[i].valid ? "well-formed" : "not well-formed");
    }
}

static void sizes(void)
{
    static const struct {
        const char *text;
        bool good;
        size_t bytes;
    } cases[] = {
        {"12", true, 12},  {"4K", true, 4000}, {"1.5Gi", true, 1610612736}, {"2Mi", true, 2097152},
        {"", false, 0},    {"x", false, 0},    {"4KB", false, 0},           {"-1", false, 0},
        {"nan", false, 0}, {"1e30", false, 0}, {"4Kib", false, 0},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t got = 0;
        bool good = mix_parse_size(cases[i].text, &got);
        ok(good == cases[i].good && got == cases[i].bytes, "size \"%s\"", cases[i].text);
    }
}

static void strings(void)
{
    struct mix_str s = {0};
    char buf[32];

    ok(mix_str_addf(&s, "%d-%s", 7, "x") == MIX_OK && strcmp(s.s, "7-x") == 0, "formatted text");
    ok(mix_str_add(&s, "a\0b", 3) == MIX_OK && s.len == 6, "bytes with a zero among them");
    mix_str_clear(&s);
    ok(s.len == 0 && s.s[0] == '\0', "clear keeps the room");
    mix_str_fini(&s);
    mix_str_fini(&s);
    ok(s.s == NULL, "fini twice is allowed");
    ok(strcmp(mix_group_digits(1234567, buf), "1 234 567") == 0, "digits in groups");
    ok(strcmp(mix_group_digits(-123, buf), "-123") == 0, "a negative number");
    ok(strcmp(mix_human_bytes(1536, buf), "1.50 KiB") == 0, "bytes for people");
    ok(strcmp(mix_human_time(3725, buf), "1:02:05") == 0, "time for people");
}

static void hashes(void)
{
    struct mix_hasher *h = NULL;

    ok(mix_crc32c("123456789", 9) == 0xE3069283u, "CRC-32C of the check string (RFC 3720)");
    ok(mix_hash("", 0) == 0x2D06800538D394C2u, "XXH3 of nothing (xxHash specification)");
    ok(mix_hasher_create(&h) == MIX_OK, "a hasher");
    mix_hasher_add(h, "ab", 2);
    mix_hasher_add(h, "c", 1);
    ok(mix_hasher_value(h) == mix_hash("abc", 3), "parts hash like the whole");
    mix_hasher_destroy(h);
    mix_hasher_destroy(NULL);
}

static void random_numbers(void)
{
    /* Known answers of the Random123 distribution (kat_vectors: philox4x32 10). */
    static const struct {
        uint32_t counter[4], key[2], want[4];
    } cases[] = {
        {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
        {{~0u, ~0u, ~0u, ~0u}, {~0u, ~0u}, {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
        {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
         {0xa4093822, 0x299f31d0},
         {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t got[4];
        mix_philox(got, cases[i].counter, cases[i].key);
        ok(memcmp(got, cases[i].want, sizeof got) == 0, "Philox4x32-10 known answer %zu", i);
    }
}

static void number_types(void)
{
    float f[3] = {1.00390625f, NAN, -2.5f}; /* 1 + 2^-8: a tie between 1 and 1 + 2^-7 */
    uint16_t b[3], half[4] = {0x3C00, 0xC000, 0x0001, 0x7C00};
    float got[4];

    ok(mix_dtype_convert(b, MIX_BF16, f, MIX_F32, 3) == MIX_OK && b[0] == 0x3F80,
       "a tie rounds to even");
    ok(isnan(mix_bf16_to_f32(b[1])), "NaN stays NaN");
    ok(mix_bf16_to_f32(b[2]) == -2.5f, "exact values stay exact");
    ok(mix_dtype_convert(got, MIX_F32, half, MIX_F16, 4) == MIX_OK && got[0] == 1 && got[1] == -2 &&
           got[2] == ldexpf(1, -24) && isinf(got[3]),
       "half precision, with subnormals and infinity");
    mix_log_level(MIX_LOG_SILENT);
    ok(mix_dtype_convert(got, MIX_F32, half, MIX_I64, 1) == MIX_EINPUT, "no way from I64");
    mix_log_level(MIX_LOG_INFO);
    for (int i = 0; i < MIX_DTYPES; i++) {
        enum mix_dtype t;
        ok(mix_dtype_parse(mix_dtype_name((enum mix_dtype)i), &t) && (int)t == i,
           "type %s by its name", mix_dtype_name((enum mix_dtype)i));
    }
}

static void arrays(void)
{
    int *a = NULL;
    size_t room = 0;
    bool good = true;

    for (size_t i = 0; i < 1000; i++) {
        good &= mix_grow(&a, &room, i + 1, sizeof *a, "test") == MIX_OK;
        a[i] = (int)i;
    }
    ok(good && a[0] == 0 && a[999] == 999 && room >= 1000, "an array grows and keeps its content");
    free(a);
}

static void *fail_often(void *letter)
{
    char text[200];

    memset(text, *(char *)letter, sizeof text - 1);
    text[sizeof text - 1] = '\0';
    for (int i = 0; i < 20000; i++)
        (void)MIX_FAIL(MIX_EINPUT, "%s", text);
    return NULL;
}

/* Two threads fail while a third reads: never half of one and half of the other. */
static void last_words(void)
{
    pthread_t thread[2];
    char letter[2] = {'a', 'b'};
    int torn = 0;

    mix_log_level(MIX_LOG_SILENT);
    (void)MIX_FAIL(MIX_EINPUT, "a");
    for (int i = 0; i < 2; i++)
        pthread_create(&thread[i], NULL, fail_often, &letter[i]);
    for (int i = 0; i < 20000; i++) {
        const char *said = mix_err_last();
        torn += strspn(said, (char[2]){said[0], 0}) != strlen(said);
    }
    for (int i = 0; i < 2; i++)
        pthread_join(thread[i], NULL);
    mix_log_level(MIX_LOG_INFO);
    ok(torn == 0, "the last error of several threads is whole (%d torn)", torn);
}

static int tell(void *ctx)
{
    return ++*(int *)ctx < 3 ? MIX_OK : MIX_ECOMM;
}

static void busy(void)
{
    int told = 0, rc = mix_busy();

    ok(rc == MIX_OK, "busy with nobody waiting");
    mix_busy_set(tell, &told, 3600);
    ok(mix_busy() == MIX_OK && told == 0, "nothing is told before it is time");
    mix_busy_set(tell, &told, 0);
    ok(mix_busy() == MIX_OK && mix_busy() == MIX_OK && told == 2, "then it is");
    ok(mix_busy() == MIX_ECOMM, "and who cannot tell stops");
    mix_busy_set(NULL, NULL, 0);
    ok(mix_busy() == MIX_OK && told == 3, "until nobody waits again");
}

static void medians(void)
{
    double odd[] = {3, -1, 2}, even[] = {4, 1, 3, 1}, one[] = {7};

    ok(mix_median(odd, 3) == 2 && odd[0] == -1 && odd[2] == 3, "the middle of three, sorted");
    ok(mix_median(even, 4) == 2 && mix_median(one, 1) == 7, "of four, of one");
}

int main(void)
{
    utf8();
    sizes();
    strings();
    hashes();
    random_numbers();
    number_types();
    arrays();
    last_words();
    busy();
    medians();
    return tap_done();
}
