/* leaf.h - vectors of one instruction set, for the leaf files that are compiled for each.
 *
 * Included by those files, which are included once per instruction set with LANES (fp32
 * numbers of a register) and LEAF(name), inside `#pragma GCC target`.  Widening bf16 is the
 * one place for intrinsics: from a portable expression gcc 12 makes five instructions
 * where one or two do (attention over long contexts: 1.2 times the speed). */

#define INLINE static inline __attribute__((always_inline))

typedef float LEAF(vf) __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef uint32_t LEAF(vu) __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef uint16_t LEAF(vh) __attribute__((vector_size(2 * LANES), aligned(2), may_alias));

/* LANES bf16 numbers as fp32. */
INLINE LEAF(vf) LEAF(widen)(const uint16_t *x)
{
#if LANES == 16
    /* Each number to the upper half of a word, zeros to the lower. */
    const __m512i to = _mm512_set_epi16(15, 0, 14, 0, 13, 0, 12, 0, 11, 0, 10, 0, 9, 0, 8, 0, 7, 0,
                                        6, 0, 5, 0, 4, 0, 3, 0, 2, 0, 1, 0, 0, 0);
    __m512i half = _mm512_castsi256_si512(_mm256_loadu_si256((const __m256i *)(const void *)x));

    return (LEAF(vf))_mm512_maskz_permutexvar_epi16(0xAAAAAAAAu, to, half);
#elif LANES == 8
    __m128i half = _mm_loadu_si128((const __m128i *)(const void *)x);

    return (LEAF(vf))_mm256_slli_epi32(_mm256_cvtepu16_epi32(half), 16);
#else
    return (LEAF(vf))(__builtin_convertvector(*(const LEAF(vh) *)x, LEAF(vu)) << 16);
#endif
}
