/* attention_leaf.h - one split of context for a tile of queries, for one instruction set.
 *
 * Included by attention_cpu.c once per instruction set, with LANES (fp32 numbers of
 * a register), VALUE_ROWS and LEAF(name).  A row is one query head of one token; the rows of a tile
 * share a kv head, so that each number of a page is loaded and widened once for several rows.  Each
 * sum runs over d or over p in rising order in one lane, whatever LANES is and however rows are put
 * together: blocking changes speed, not bits. */

typedef float LEAF(vf) __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
typedef uint32_t LEAF(vu) __attribute__((vector_size(4 * LANES)));
typedef uint16_t LEAF(vh) __attribute__((vector_size(2 * LANES), aligned(2), may_alias));

#define INLINE static inline __attribute__((always_inline))

INLINE void LEAF(load)(LEAF(vf) * v, const void *base, size_t at, bool bf16)
{
    if (bf16) {
        LEAF(vh) h = *(const LEAF(vh) *)((const uint16_t *)base + at);

        *v = (LEAF(vf))(__builtin_convertvector(h, LEAF(vu)) << 16);
    } else {
        *v = *(const LEAF(vf) *)((const float *)base + at);
    }
}

/* score[r][page i] of rows [0, rows) and pages [0, pages), both constants. */
INLINE void LEAF(score_block)(const struct split *s, int row, int page, const int rows,
                              const int pages, const bool bf16)
{
    enum { PARTS = MIX_PAGE / LANES };
    LEAF(vf) acc[8][PARTS] = {{{0}}};
    const void *keys = s->keys;
    size_t dim = (size_t)s->dim;

    for (size_t d = 0; d < dim; d++)
#pragma GCC unroll MIX_UNROLL
        for (int i = 0; i < pages; i++)
#pragma GCC unroll MIX_UNROLL
            for (int part = 0; part < PARTS; part++) {
                LEAF(vf) k;

                LEAF(load)
                (&k, keys, s->key[page + i] + d * MIX_PAGE + (size_t)(part * LANES), bf16);
#pragma GCC unroll MIX_UNROLL
                for (int r = 0; r < rows; r++)
                    acc[r * pages + i][part] += s->q[row + r][d] * k;
            }
#pragma GCC unroll MIX_UNROLL
    for (int r = 0; r < rows; r++)
#pragma GCC unroll MIX_UNROLL
        for (int i = 0; i < pages; i++)
#pragma GCC unroll MIX_UNROLL
            for (int part = 0; part < PARTS; part++)
                *(LEAF(vf) *)(s->score + (size_t)(row + r) * MIX_SPLIT +
                              (size_t)((page + i) * MIX_PAGE + part * LANES)) =
                    acc[r * pages + i][part];
}

INLINE void LEAF(scores)(const struct split *s, const bool bf16)
{
    enum { MOST = 8 / (MIX_PAGE / LANES) }; /* rows x pages: 8 registers of sums */
    int row = 0;

    for (; row + MOST <= s->rows; row += MOST)
        for (int page = 0; page < s->pages; page++)
            LEAF(score_block)(s, row, page, MOST, 1, bf16);
    for (; row + MOST / 2 <= s->rows; row += MOST / 2) {
        int page = 0;

        for (; page + 2 <= s->pages; page += 2)
            LEAF(score_block)(s, row, page, MOST / 2, 2, bf16);
        for (; page < s->pages; page++)
            LEAF(score_block)(s, row, page, MOST / 2, 1, bf16);
    }
    for (; row < s->rows; row++) {
        int page = 0;

        for (; page + MOST <= s->pages; page += MOST)
            LEAF(score_block)(s, row, page, 1, MOST, bf16);
        for (; page < s->pages; page++)
            LEAF(score_block)(s, row, page, 1, 1, bf16);
    }
}

/* Scores to weights exp(scale * score - largest); zero behind the row's last token. */
static void LEAF(weights)(const struct split *s)
{
    for (int r = 0; r < s->rows; r++) {
        float *p = s->score + (size_t)r * MIX_SPLIT, lane[MIX_PAGE] = {0};
        float max = -INFINITY, scale = s->scale;
        int limit = s->limit[r], whole = s->pages * MIX_PAGE;

        for (int i = 0; i < limit; i++)
            max = p[i] > max ? p[i] : max;
        max *= scale;
#pragma omp simd
        for (int i = 0; i < whole; i++)
            p[i] = i < limit ? mix_exp(scale * p[i] - max) : 0.0f;
        for (int c = 0; c < whole; c += MIX_PAGE)
#pragma omp simd
            for (int i = 0; i < MIX_PAGE; i++)
                lane[i] += p[c + i];
        for (int step = MIX_PAGE / 2; step > 0; step /= 2)
            for (int i = 0; i < step; i++)
                lane[i] += lane[i + step];
        s->max[r] = max;
        s->sum[r] = lane[0];
    }
}

/* out[r][d .. d + vectors * LANES) of rows [row, row + rows), both constants. */
INLINE void LEAF(value_block)(const struct split *s, int row, size_t d, const int rows,
                              const int vectors, const bool bf16)
{
    LEAF(vf) acc[16] = {{0}};
    size_t dim = (size_t)s->dim;

    for (int page = 0, p = 0; p < s->most; page++) {
        int end = s->most - p < MIX_PAGE ? s->most : p + MIX_PAGE;

        for (size_t at = s->value[page] + d; p < end; p++, at += dim)
#pragma GCC unroll 16
            for (int v = 0; v < vectors; v++) {
                LEAF(vf) x;

                LEAF(load)(&x, s->values, at + (size_t)(v * LANES), bf16);
#pragma GCC unroll 16
                for (int r = 0; r < rows; r++)
                    acc[r * vectors + v] += s->score[(size_t)(row + r) * MIX_SPLIT + (size_t)p] * x;
            }
    }
#pragma GCC unroll 16
    for (int r = 0; r < rows; r++)
#pragma GCC unroll 16
        for (int v = 0; v < vectors; v++)
            *(LEAF(vf) *)(s->out + (size_t)(row + r) * dim + d + (size_t)(v * LANES)) =
                acc[r * vectors + v];
}

/* The numbers of a head that do not fill a register. */
INLINE void LEAF(value_rest)(const struct split *s, size_t d, const bool bf16)
{
    for (int r = 0; r < s->rows; r++) {
        float *out = s->out + (size_t)r * (size_t)s->dim;

        for (size_t c = d; c < (size_t)s->dim; c++) {
            float sum = 0;

            for (int p = 0; p < s->most; p++) {
                size_t at = s->value[p / MIX_PAGE] + (size_t)(p % MIX_PAGE) * (size_t)s->dim + c;
                float v = bf16 ? mix_bf16_to_f32(((const uint16_t *)s->values)[at])
                               : ((const float *)s->values)[at];

                sum += s->score[(size_t)r * MIX_SPLIT + (size_t)p] * v;
            }
            out[c] = sum;
        }
    }
}

INLINE void LEAF(values)(const struct split *s, const bool bf16)
{
    size_t d = 0, dim = (size_t)s->dim;

    for (; d + 4 * LANES <= dim; d += 4 * LANES) {
        int row = 0;

        for (; row + VALUE_ROWS <= s->rows; row += VALUE_ROWS)
            LEAF(value_block)(s, row, d, VALUE_ROWS, 4, bf16);
        for (; row < s->rows; row++)
            LEAF(value_block)(s, row, d, 1, 4, bf16);
    }
    for (; d + LANES <= dim; d += LANES) {
        int row = 0;

        for (; row + 4 <= s->rows; row += 4)
            LEAF(value_block)(s, row, d, 4, 1, bf16);
        for (; row < s->rows; row++)
            LEAF(value_block)(s, row, d, 1, 1, bf16);
    }
    LEAF(value_rest)(s, d, bf16);
}

static void LEAF(split)(const struct split *s)
{
    if (s->bf16)
        LEAF(scores)(s, true);
    else
        LEAF(scores)(s, false);
    LEAF(weights)(s);
    if (s->bf16)
        LEAF(values)(s, true);
    else
        LEAF(values)(s, false);
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

#undef INLINE
#undef LANES
#undef VALUE_ROWS
#undef LEAF
