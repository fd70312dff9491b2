/* attention_leaf.h - one split of context for a tile of queries, for one instruction set.
 *
 * Included by attention_split_cpu.c once per instruction set, with LANES (fp32 numbers of
 * a register), ROWS (of the largest block) and LEAF(name).  The rows of a tile share
 * a kv head, so that each number of a page is loaded and widened once for several rows.
 * Each sum runs over d or over p in rising order in one lane, whatever LANES is and
 * however rows are put together: blocking changes speed, not bits.
 *
 * Pages lie anywhere, so hardware sees no streams in them: while scores are computed the
 * values of the same page are asked for, and while values are summed the keys of the next
 * split. */

#include "kernels/leaf.h"

#define PARTS (MIX_PAGE / LANES)

INLINE LEAF(vf) LEAF(load)(const void *base, size_t at, const bool bf16)
{
    return bf16 ? LEAF(widen)((const uint16_t *)base + at)
                : *(const LEAF(vf) *)((const float *)base + at);
}

/* Ask for so many numbers, of one kv head in some pages. */
INLINE void LEAF(ask)(const void *base, const size_t *page, int pages, size_t numbers, bool bf16)
{
    size_t size = bf16 ? 2 : 4;

    for (int i = 0; i < pages; i++)
        for (size_t b = 0; b < numbers * size; b += 64)
            __builtin_prefetch((const char *)base + page[i] * size + b, 0, 2);
}

/* score[r][page i] of rows [row, row + rows) and some pages, both constants.  ask: lines of the
 * values of the (only) page for each 2 d. */
INLINE void LEAF(score_block)(const struct mix_split *s, int row, int page, const int rows,
                              const int pages, const bool bf16, const int ask)
{
    LEAF(vf) acc[8 * PARTS];
    const float *q[8];
    const char *ahead = (const char *)s->values + s->page[page] * (bf16 ? 2 : 4);
    size_t dim = (size_t)s->dim;

#pragma GCC unroll MIX_UNROLL
    for (int i = 0; i < rows * pages * PARTS; i++)
        acc[i] = (LEAF(vf)){0};
#pragma GCC unroll MIX_UNROLL
    for (int r = 0; r < rows; r++)
        q[r] = s->q[row + r];
    for (size_t d = 0; d < dim; d++) {
        if (ask && (ask > 1 || d % 2 == 0)) {
            __builtin_prefetch(ahead, 0, 2);
            ahead += 64;
        }
#pragma GCC unroll MIX_UNROLL
        for (int i = 0; i < pages * PARTS; i++) {
            LEAF(vf)
            k = LEAF(load)(s->keys,
                           s->page[page + i / PARTS] + d * MIX_PAGE + (size_t)(i % PARTS * LANES),
                           bf16);

#pragma GCC unroll MIX_UNROLL
            for (int r = 0; r < rows; r++)
                acc[r * pages * PARTS + i] += q[r][d] * k;
        }
    }
#pragma GCC unroll MIX_UNROLL
    for (int r = 0; r < rows; r++)
#pragma GCC unroll MIX_UNROLL
        for (int i = 0; i < pages * PARTS; i++)
            *(LEAF(vf) *)(s->score + (size_t)(row + r) * MIX_SPLIT +
                          (size_t)(page * MIX_PAGE + i * LANES)) = acc[r * pages * PARTS + i];
}

/* A function for every size of block, for the sake of registers. */
#define SCORES(name, rows, pages, bf16, lines) \
    static __attribute__((noinline)) void LEAF(name)(const struct mix_split *s, int row, int page) \
    { \
        LEAF(score_block)(s, row, page, rows, pages, bf16, lines); \
    }

/* Rows by the block, few rows over several pages at once.  The first also ask for the values. */
#define ALL_SCORES(name, bf16, lines) \
    SCORES(name##_first, ROWS, 1, bf16, lines) \
    SCORES(name##_many, ROWS, 1, bf16, 0) \
    SCORES(name##_some, ROWS / 2, 1, bf16, lines) \
    SCORES(name##_two, 2, 1, bf16, 0) \
    SCORES(name##_two_long, 2, ROWS / 2, bf16, 0) \
    SCORES(name##_one, 1, 1, bf16, 0) \
    SCORES(name##_one_long, 1, ROWS, bf16, 0) \
    static void LEAF(name)(const struct mix_split *s) \
    { \
        size_t numbers = (size_t)s->dim * MIX_PAGE; \
        int row = 0, page; \
\
        for (; row + ROWS <= s->rows; row += ROWS) \
            for (page = 0; page < s->pages; page++) \
                row ? LEAF(name##_many)(s, row, page) : LEAF(name##_first)(s, row, page); \
        for (; ROWS > 4 && row + ROWS / 2 <= s->rows; row += ROWS / 2) \
            for (page = 0; page < s->pages; page++) \
                LEAF(name##_some)(s, row, page); \
        for (; row + 2 <= s->rows; row += 2) { \
            for (page = 0; page + ROWS / 2 <= s->pages; page += ROWS / 2) { \
                if (row == 0) \
                    LEAF(ask)(s->values, s->page + page, ROWS / 2, numbers, bf16); \
                LEAF(name##_two_long)(s, row, page); \
            } \
            if (row == 0) \
                LEAF(ask)(s->values, s->page + page, s->pages - page, numbers, bf16); \
            for (; page < s->pages; page++) \
                LEAF(name##_two)(s, row, page); \
        } \
        for (; row < s->rows; row++) { \
            for (page = 0; page + ROWS <= s->pages; page += ROWS) { \
                if (row == 0) \
                    LEAF(ask)(s->values, s->page + page, ROWS, numbers, bf16); \
                LEAF(name##_one_long)(s, row, page); \
            } \
            if (row == 0) \
                LEAF(ask)(s->values, s->page + page, s->pages - page, numbers, bf16); \
            for (; page < s->pages; page++) \
                LEAF(name##_one)(s, row, page); \
        } \
    }

ALL_SCORES(scores_f32, false, 2)
ALL_SCORES(scores_bf16, true, 1)

/* Scores to weights exp(scale * score - largest); zero behind the row's last token. */
static void LEAF(weights)(const struct mix_split *s)
{
    for (int r = 0; r < s->rows; r++) {
        float *p = s->score + (size_t)r * MIX_SPLIT, lane[MIX_PAGE], max, scale = s->scale;
        int limit = s->limit[r], whole = s->pages * MIX_PAGE;

        for (int i = limit; i < whole; i++)
            p[i] = -INFINITY;
#pragma omp simd
        for (int i = 0; i < MIX_PAGE; i++)
            lane[i] = -INFINITY;
        for (int c = 0; c < whole; c += MIX_PAGE)
#pragma omp simd
            for (int i = 0; i < MIX_PAGE; i++)
                lane[i] = p[c + i] > lane[i] ? p[c + i] : lane[i];
        max = mix_tree_max(lane, MIX_PAGE) * scale;
#pragma omp simd
        for (int i = 0; i < MIX_PAGE; i++)
            lane[i] = 0;
        for (int c = 0; c < whole; c += MIX_PAGE)
#pragma omp simd
            for (int i = 0; i < MIX_PAGE; i++) {
                float w = c + i < limit ? mix_exp(scale * p[c + i] - max) : 0.0f;

                p[c + i] = w;
                lane[i] += w;
            }
        s->max[r] = max;
        s->sum[r] = mix_tree_sum(lane, MIX_PAGE);
    }
}

/* out[r][d .. d + vectors * LANES) of rows [row, row + rows), both constants.  ask: of the keys of
 * the next split, as many lines for each token as a token's values have. */
INLINE void LEAF(value_block)(const struct mix_split *s, int row, size_t d, const int rows,
                              const int vectors, const bool bf16, const bool ask)
{
    LEAF(vf) acc[16];
    const float *weight = s->score + (size_t)row * MIX_SPLIT;
    size_t dim = (size_t)s->dim, bytes = dim * (bf16 ? 2 : 4);

#pragma GCC unroll MIX_UNROLL
    for (int i = 0; i < rows * vectors; i++)
        acc[i] = (LEAF(vf)){0};
    for (int page = 0, p = 0; p < s->most; page++) {
        int end = s->most - p < MIX_PAGE ? s->most : p + MIX_PAGE;
        const char *ahead = (const char *)s->keys + s->next[page] * (bf16 ? 2 : 4);

        for (size_t at = s->page[page] + d; p < end; p++, at += dim) {
            if (ask && page < s->next_pages) {
                for (size_t b = 0; b < bytes; b += 64)
                    __builtin_prefetch(ahead + b, 0, 2);
                ahead += bytes;
            }
#pragma GCC unroll MIX_UNROLL
            for (int v = 0; v < vectors; v++) {
                LEAF(vf) x = LEAF(load)(s->values, at + (size_t)(v * LANES), bf16);

#pragma GCC unroll MIX_UNROLL
                for (int r = 0; r < rows; r++)
                    acc[r * vectors + v] += weight[r * MIX_SPLIT + p] * x;
            }
        }
    }
#pragma GCC unroll MIX_UNROLL
    for (int r = 0; r < rows; r++)
#pragma GCC unroll MIX_UNROLL
        for (int v = 0; v < vectors; v++)
            *(LEAF(vf) *)(s->out + (size_t)(row + r) * dim + d + (size_t)(v * LANES)) =
                acc[r * vectors + v];
}

#define VALUES(name, rows, vectors, bf16, ask) \
    static __attribute__((noinline)) void LEAF(name)(const struct mix_split *s, int row, size_t d) \
    { \
        LEAF(value_block)(s, row, d, rows, vectors, bf16, ask); \
    }

/* The numbers of a head that do not fill a register. */
INLINE void LEAF(value_rest)(const struct mix_split *s, size_t d, const bool bf16)
{
    for (int r = 0; r < s->rows; r++) {
        float *out = s->out + (size_t)r * (size_t)s->dim;

        for (size_t c = d; c < (size_t)s->dim; c++) {
            float sum = 0;

            for (int p = 0; p < s->most; p++) {
                size_t at = s->page[p / MIX_PAGE] + (size_t)(p % MIX_PAGE) * (size_t)s->dim + c;
                float v = bf16 ? mix_bf16_to_f32(((const uint16_t *)s->values)[at])
                               : ((const float *)s->values)[at];

                sum += s->score[(size_t)r * MIX_SPLIT + (size_t)p] * v;
            }
            out[c] = sum;
        }
    }
}

#define ALL_VALUES(name, bf16) \
    VALUES(name##_first, ROWS, 2, bf16, true) \
    VALUES(name##_many, ROWS, 2, bf16, false) \
    VALUES(name##_narrow, ROWS, 1, bf16, false) \
    VALUES(name##_two_first, 2, 4, bf16, true) \
    VALUES(name##_two_wide, 2, 4, bf16, false) \
    VALUES(name##_two, 2, 2, bf16, false) \
    VALUES(name##_two_narrow, 2, 1, bf16, false) \
    VALUES(name##_one_first, 1, 4, bf16, true) \
    VALUES(name##_one_wide, 1, 4, bf16, false) \
    VALUES(name##_one, 1, 1, bf16, false) \
    static void LEAF(name)(const struct mix_split *s) \
    { \
        size_t dim = (size_t)s->dim, d; \
        int row = 0; \
\
        if (dim < (s->rows < ROWS ? 4 : 2) * LANES) /* no block below does */ \
            LEAF(ask)(s->keys, s->next, s->next_pages, dim * MIX_PAGE, bf16); \
        for (; row + ROWS <= s->rows; row += ROWS) { \
            for (d = 0; d + 2 * LANES <= dim; d += 2 * LANES) \
                row + (int)d ? LEAF(name##_many)(s, row, d) : LEAF(name##_first)(s, row, d); \
            for (; d + LANES <= dim; d += LANES) \
                LEAF(name##_narrow)(s, row, d); \
        } \
        for (; row + 2 <= s->rows; row += 2) { \
            for (d = 0; d + 4 * LANES <= dim; d += 4 * LANES) \
                row + (int)d ? LEAF(name##_two_wide)(s, row, d) \
                             : LEAF(name##_two_first)(s, row, d); \
            for (; d + 2 * LANES <= dim; d += 2 * LANES) \
                LEAF(name##_two)(s, row, d); \
            for (; d + LANES <= dim; d += LANES) \
                LEAF(name##_two_narrow)(s, row, d); \
        } \
        for (; row < s->rows; row++) { \
            for (d = 0; d + 4 * LANES <= dim; d += 4 * LANES) \
                row + (int)d ? LEAF(name##_one_wide)(s, row, d) \
                             : LEAF(name##_one_first)(s, row, d); \
            for (; d + LANES <= dim; d += LANES) \
                LEAF(name##_one)(s, row, d); \
        } \
        LEAF(value_rest)(s, dim / LANES * LANES, bf16); \
    }

ALL_VALUES(values_f32, false)
ALL_VALUES(values_bf16, true)

static void LEAF(split)(const struct mix_split *s)
{
    if (s->bf16)
        LEAF(scores_bf16)(s);
    else
        LEAF(scores_f32)(s);
    LEAF(weights)(s);
    if (s->bf16)
        LEAF(values_bf16)(s);
    else
        LEAF(values_f32)(s);
}

/* Fold a partial into the running one: total (+)= partial, in order of context. */
static void LEAF(fold)(float *total, const float *part, float keep, float take, int dim)
{
#pragma omp simd
    for (int d = 0; d < dim; d++)
        total[d] *= keep;
#pragma omp simd
    for (int d = 0; d < dim; d++)
        total[d] += take * part[d];
}

static void LEAF(finish_f32)(float *out, const float *total, float weight, int dim)
{
#pragma omp simd
    for (int d = 0; d < dim; d++)
        out[d] = total[d] / weight;
}

static void LEAF(finish_bf16)(uint16_t *out, const float *total, float weight, int dim)
{
#pragma omp simd
    for (int d = 0; d < dim; d++)
        out[d] = mix_f32_to_bf16(total[d] / weight);
}

#undef INLINE
#undef PARTS
#undef SCORES
#undef ALL_SCORES
#undef VALUES
#undef ALL_VALUES
#undef LANES
#undef ROWS
#undef LEAF
