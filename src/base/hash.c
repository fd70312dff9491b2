/* hash.c - see hash.h: XXH3 from libxxhash; CRC-32C by table, for records of a
 * hundred bytes, where a library would be more to carry than the loop. */
#include "base/hash.h"

#include "base/err.h"

#include <xxhash.h>

uint64_t mix_hash(const void *bytes, size_t n)
{
    return XXH3_64bits(bytes, n);
}

uint64_t mix_hash_add(uint64_t h, const void *bytes, size_t n)
{
    return XXH3_64bits_withSeed(bytes, n, h);
}

int mix_hasher_create(struct mix_hasher **h)
{
    XXH3_state_t *s = XXH3_createState();

    if (!s || XXH3_64bits_reset(s) != XXH_OK)
        return MIX_FAIL(MIX_EFIT, "out of host memory: a hash state");
    *h = (struct mix_hasher *)s;
    return MIX_OK;
}

void mix_hasher_destroy(struct mix_hasher *h)
{
    if (h)
        XXH3_freeState((XXH3_state_t *)h);
}

void mix_hasher_add(struct mix_hasher *h, const void *bytes, size_t n)
{
    XXH3_64bits_update((XXH3_state_t *)h, bytes, n);
}

uint64_t mix_hasher_value(const struct mix_hasher *h)
{
    return XXH3_64bits_digest((const XXH3_state_t *)h);
}

uint32_t mix_crc32c(const void *bytes, size_t n)
{
    const unsigned char *p = bytes;
    uint32_t crc = ~0u;

    for (size_t i = 0; i < n; i++) {
        crc ^= p[i];
        for (int bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (0x82F63B78u & -(crc & 1));
    }
    return ~crc;
}
