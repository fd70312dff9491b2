/* hash.h - checksums and identities.  Any thread; not collective. */
#ifndef MIX_BASE_HASH_H
#define MIX_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

uint64_t mix_hash(const void *bytes, size_t n);                 /* XXH3, 64 bits */
uint64_t mix_hash_add(uint64_t h, const void *bytes, size_t n); /* h, continued by bytes */

/* A hash fed in parts; the same as mix_hash of all the parts together. */
struct mix_hasher;
int mix_hasher_create(struct mix_hasher **h);
void mix_hasher_destroy(struct mix_hasher *h); /* NULL is allowed */
void mix_hasher_add(struct mix_hasher *h, const void *bytes, size_t n);
uint64_t mix_hasher_value(const struct mix_hasher *h);

/* CRC-32C (Castagnoli, reflected), as in iSCSI (RFC 3720) and ext4. */
uint32_t mix_crc32c(const void *bytes, size_t n);

#endif
