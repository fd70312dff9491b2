/* h5arena.c - memory that is freed all at once: alignment, long values, sizes that cannot be. */
#include "io/h5arena.h"

#include "base/err.h"
#include "base/log.h"
#include "tap.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int main(void)
{
    struct mix_h5arena a = {0};
    unsigned char *p[3000];
    const char *text;
    bool aligned = true, kept = true;
    size_t before;

    /* Values of all lengths, some longer than a piece of the arena, each filled with its number. */
    for (size_t i = 0; i < 3000; i++) {
        size_t n = i % 100 == 99 ? 1000 * i : i % 257;

        p[i] = mix_h5arena_alloc(n, &a);
        aligned &= p[i] && (uintptr_t)p[i] % 16 == 0;
        memset(p[i], (int)(i % 251), n);
    }
    for (size_t i = 0; i < 3000; i++) {
        size_t n = i % 100 == 99 ? 1000 * i : i % 257;

        for (size_t k = 0; k < n; k++)
            kept &= p[i][k] == i % 251;
    }
    ok(aligned, "every value is aligned to 16 bytes");
    ok(kept, "no value lies over another");
    ok(mix_h5arena_text(&a, "a\0b", 3, &text) == MIX_OK && memcmp(text, "a\0b", 4) == 0,
       "a text is copied, a 0 byte behind it");
    ok(mix_h5arena_text(&a, NULL, 0, &text) == MIX_OK && text[0] == '\0', "an empty text");
    before = a.bytes;
    ok(!mix_h5arena_alloc(SIZE_MAX, &a) && !mix_h5arena_alloc(SIZE_MAX - 16, &a) &&
           a.bytes == before,
       "sizes that cannot be are refused");
    mix_log_level(MIX_LOG_SILENT);
    ok(mix_h5arena_text(&a, "", SIZE_MAX, &text) == MIX_EFIT, "also for a text");
    mix_log_level(MIX_LOG_INFO);
    mix_h5arena_fini(&a);
    ok(a.bytes == 0 && !a.last, "all is freed");
    mix_h5arena_fini(&a);
    return tap_done();
}
