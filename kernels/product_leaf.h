/* product_leaf.h - a stripe of columns times some rows, for one instruction set.
 *
 * Included by product_simd_cpu.c once per instruction set, with LANES (fp32 numbers
 * of a register), VECTORS (registers across a stripe), ROWS (of a block), STEPS (of k
 * between two branches: enough for a line of memory), PAIRS (1: the processor multiplies
 * pairs of bf16) and LEAF(name).
 *
 * A stripe is WIDTH = LANES * VECTORS columns of y, for all k; its weights lie
 * together, [k][WIDTH], or [k / 2][WIDTH][2] for pairs, so that one stream comes from
 * memory.  A block is up to ROWS rows: ROWS x VECTORS registers of sums, for each k VECTORS
 * loads and ROWS broadcasts.  A sum is one chain over k, whatever the block; for fp32
 * chains of MIX_CHAIN that are added up in order, because there its rounding is what limits
 * the result (for bf16 that of the operands does).
 *
 * With more than one block the stripe is read from memory by the first and from L2
 * by the others, in which memory would be idle: they ask for the next stripe. */

#include "kernels/leaf.h"

#define WIDTH (LANES * VECTORS)

/* acc += x[r][p] * w[p] for the rows of a block, all constants but the pointers and p. */
INLINE void LEAF(step)(LEAF(vf) * acc, const char *w, const char *const *x, size_t p,
                       const int rows, const enum kind kind)
{
    LEAF(vf) f[VECTORS];

    (void)f;
    if (kind == KIND_F32 || kind == KIND_WIDEN) {
#pragma GCC unroll MIX_UNROLL
        for (int v = 0; v < VECTORS; v++)
            if (kind == KIND_F32)
                f[v] = *(const LEAF(vf) *)(w + (p * WIDTH + (size_t)(v * LANES)) * 4);
            else
                f[v] = LEAF(widen)((const uint16_t *)(const void *)w + p * WIDTH + v * LANES);
#pragma GCC unroll MIX_UNROLL
        for (int r = 0; r < rows; r++)
#pragma GCC unroll MIX_UNROLL
            for (int v = 0; v < VECTORS; v++)
                acc[r * VECTORS + v] += ((const float *)x[r])[p] * f[v];
    }
#if PAIRS
    if (kind == KIND_PAIRS) {
        LEAF(vu) pair[VECTORS];

#pragma GCC unroll MIX_UNROLL
        for (int v = 0; v < VECTORS; v++)
            pair[v] = *(const LEAF(vu) *)(w + (p * WIDTH + (size_t)(v * LANES)) * 4);
#pragma GCC unroll MIX_UNROLL
        for (int r = 0; r < rows; r++) {
            uint32_t two;

            memcpy(&two, x[r] + 4 * p, sizeof two);
#pragma GCC unroll MIX_UNROLL
            for (int v = 0; v < VECTORS; v++)
                acc[r * VECTORS + v] =
                    (LEAF(vf))_mm512_dpbf16_ps((__m512)acc[r * VECTORS + v], (__m512bh)pair[v],
                                               (__m512bh)((LEAF(vu)){0} + two));
        }
    }
#endif
}

/* Rows [row, row + rows).  ahead: where the next stripe is asked for from, lines of it every
 * STEPS steps. */
INLINE void LEAF(block)(const struct stripe *s, int row, const int rows, const enum kind kind,
                        const char *ahead, const int lines)
{
    LEAF(vf) sum[ROWS * VECTORS];
    const char *x[ROWS];
    size_t p = 0, steps = (size_t)(kind == KIND_PAIRS ? s->k / 2 : s->k);

#pragma GCC unroll MIX_UNROLL
    for (int r = 0; r < rows; r++)
        x[r] = s->x + (size_t)(row + r) * s->x_stride;
    do {
        size_t end = kind == KIND_F32 && steps - p > MIX_CHAIN ? p + MIX_CHAIN : steps;
        bool first = kind != KIND_F32 || p == 0;
        LEAF(vf) acc[ROWS * VECTORS];

#pragma GCC unroll MIX_UNROLL
        for (int i = 0; i < rows * VECTORS; i++)
            acc[i] = (LEAF(vf)){0};
        for (; p + STEPS <= end; p += STEPS) {
#pragma GCC unroll MIX_UNROLL
            for (int i = 0; i < STEPS; i++) {
#pragma GCC unroll MIX_UNROLL
                for (int l = i * lines / STEPS; l < (i + 1) * lines / STEPS; l++)
                    __builtin_prefetch(ahead + l * 64, 0, 2);
                LEAF(step)(acc, s->w, x, p + (size_t)i, rows, kind);
            }
            ahead += lines * 64;
        }
        for (; p < end; p++)
            LEAF(step)(acc, s->w, x, p, rows, kind);
        if (kind == KIND_PAIRS && p == steps && s->k % 2) { /* the last k, with a zero beside it */
            uint32_t last[ROWS];
            const char *at[ROWS];

#pragma GCC unroll MIX_UNROLL
            for (int r = 0; r < rows; r++) {
                last[r] = ((const uint16_t *)x[r])[s->k - 1];
                at[r] = (const char *)&last[r];
            }
            LEAF(step)(acc, s->w + steps * WIDTH * 4, at, 0, rows, kind);
        }
#pragma GCC unroll MIX_UNROLL
        for (int i = 0; i < rows * VECTORS; i++)
            if (first)
                sum[i] = acc[i];
            else
                sum[i] += acc[i];
    } while (p < steps);
    if (s->columns == WIDTH) {
#pragma GCC unroll MIX_UNROLL
        for (int r = 0; r < rows; r++)
#pragma GCC unroll MIX_UNROLL
            for (int v = 0; v < VECTORS; v++)
                *(LEAF(vf) *)(s->y + (size_t)(row + r) * s->y_stride + v * LANES) =
                    sum[r * VECTORS + v];
    } else {
        float whole[ROWS * WIDTH];

#pragma GCC unroll MIX_UNROLL
        for (int i = 0; i < rows * VECTORS; i++)
            *(LEAF(vf) *)(whole + i * LANES) = sum[i];
        for (int r = 0; r < rows; r++)
            memcpy(s->y + (size_t)(row + r) * s->y_stride, whole + r * WIDTH,
                   (size_t)s->columns * sizeof(float));
    }
}

/* Blocks of every number of rows, each a function of its own: inlined into one, they would
 * get in each other's way for registers. */
typedef void LEAF(block_func)(const struct stripe *s, int row, const char *ahead);

enum { /* half the lines of memory of STEPS steps, or the only one */
       LEAF(HALF4) = STEPS * WIDTH * 4 / 64 / 2,
       LEAF(HALF2) = LEAF(HALF4) / 2 > 0 ? LEAF(HALF4) / 2 : 1,
};

#define BLOCK(name, rows, kind, lines) \
    static __attribute__((noinline)) void LEAF(name##_##rows)(const struct stripe *s, int row, \
                                                              const char *ahead) \
    { \
        LEAF(block)(s, row, rows, kind, ahead, lines); \
    }
#if ROWS == 6
#define BLOCKS(name, kind, lines) \
    BLOCK(name, 1, kind, lines) \
    BLOCK(name, 2, kind, lines) \
    BLOCK(name, 3, kind, lines) \
    BLOCK(name, 4, kind, lines) \
    BLOCK(name, 5, kind, lines) \
    BLOCK(name, 6, kind, lines) \
    static LEAF(block_func) *const LEAF(name)[] = {NULL,           LEAF(name##_1), LEAF(name##_2), \
                                                   LEAF(name##_3), LEAF(name##_4), LEAF(name##_5), \
                                                   LEAF(name##_6)};
#else
#define BLOCKS(name, kind, lines) \
    BLOCK(name, 1, kind, lines) \
    BLOCK(name, 2, kind, lines) \
    BLOCK(name, 3, kind, lines) \
    BLOCK(name, 4, kind, lines) \
    static LEAF(block_func) *const LEAF(name)[] = {NULL, LEAF(name##_1), LEAF(name##_2), \
                                                   LEAF(name##_3), LEAF(name##_4)};
#endif

BLOCKS(f32_alone, KIND_F32, 0)
BLOCKS(f32_asking, KIND_F32, LEAF(HALF4))
#if PAIRS
BLOCKS(bf16_alone, KIND_PAIRS, 0)
BLOCKS(bf16_asking, KIND_PAIRS, LEAF(HALF4))
#else
BLOCKS(bf16_alone, KIND_WIDEN, 0)
BLOCKS(bf16_asking, KIND_WIDEN, LEAF(HALF2))
#endif
#if LANES == 16
#define F32_SINGLE  LEAF(f32_alone)
#define BF16_SINGLE LEAF(bf16_alone)
#else
BLOCKS(f32_single, KIND_F32, 2 * LEAF(HALF4))
#define F32_SINGLE  LEAF(f32_single)
#define BF16_SINGLE LEAF(bf16_asking)
#endif

/* All rows in blocks of nearly equal size, of which the first two ask for the next stripe: per
 * block they go through so many bytes of it.  A single block has memory to itself, and
 * asking helps it only where registers are short: with 16 lanes enough loads are under way. */
INLINE void LEAF(blocks)(const struct stripe *s, LEAF(block_func) *const *alone,
                         LEAF(block_func) *const *asking, LEAF(block_func) *const *single,
                         size_t bytes)
{
    int blocks = (s->rows + ROWS - 1) / ROWS;
    const char *ahead = s->ahead, *end = s->ahead + s->bytes;

    for (int b = blocks, row = 0; b > 0; b--) {
        int rows = (s->rows - row + b - 1) / b;

        if (!s->ahead || ahead >= end || (blocks == 1 && rows == 1)) {
            alone[rows](s, row, NULL);
        } else if (blocks == 1) {
            single[rows](s, row, ahead);
        } else {
            asking[rows](s, row, ahead);
            ahead += bytes;
        }
        row += rows;
    }
}

static void LEAF(f32)(const struct stripe *s)
{
    LEAF(blocks)
    (s, LEAF(f32_alone), LEAF(f32_asking), F32_SINGLE, (size_t)s->k / STEPS * LEAF(HALF4) * 64);
}

static void LEAF(bf16)(const struct stripe *s)
{
#if PAIRS
    size_t bytes = (size_t)(s->k / 2) / STEPS * LEAF(HALF4) * 64;
#else
    size_t bytes = (size_t)s->k / STEPS * LEAF(HALF2) * 64;
#endif

    LEAF(blocks)(s, LEAF(bf16_alone), LEAF(bf16_asking), BF16_SINGLE, bytes);
}

#undef BLOCK
#undef BLOCKS
#undef F32_SINGLE
#undef BF16_SINGLE
#undef INLINE
#undef WIDTH
#undef LANES
#undef VECTORS
#undef STEPS
#undef ROWS
#undef PAIRS
#undef LEAF
