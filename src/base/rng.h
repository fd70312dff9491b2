/* rng.h - Philox4x32-10: random numbers as a pure function of a counter and a key.
 *
 * Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3",
 * SC 2011.  The same (key, counter) gives the same four words on every rank and
 * every machine, so a draw never depends on who else drew.  Any thread. */
#ifndef MIX_BASE_RNG_H
#define MIX_BASE_RNG_H

#include <stdint.h>

void mix_philox(uint32_t out[4], const uint32_t counter[4], const uint32_t key[2]);

#endif
