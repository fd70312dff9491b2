/* pages.h - how keys and values of one layer lie in KV pages.
 *
 * A page holds MIX_PAGE tokens of one sequence, for the kv heads of this rank:
 *
 *   keys    [pages][kv_heads][head_dim][MIX_PAGE]    tokens innermost: a score is a
 *                                                    sum over d of 16 tokens at once
 *   values  [pages][kv_heads][MIX_PAGE][head_dim]    an output is a sum over tokens
 *
 * Position p of a sequence is slot p % MIX_PAGE of page table[p / MIX_PAGE].
 * MIX_PAGE and MIX_SPLIT fix the order of sums, hence bits: docs/numerics.md. */
#ifndef MIX_KERN_PAGES_H
#define MIX_KERN_PAGES_H

#include "base/dtype.h"

#include <stdint.h>

enum {
    MIX_PAGE = 16,   /* tokens of a page: one AVX-512 register of scores */
    MIX_SPLIT = 256, /* tokens of context that one partial attention covers */
};

/* Which tokens of a step belong to which sequence, and where its pages are. */
struct mix_paging {
    const int32_t *first;    /* [seqs + 1] tokens of each sequence in the step, rising from 0 */
    const int32_t *position; /* [tokens] place in its sequence; consecutive inside a sequence */
    const int32_t *table;    /* [seqs][table_stride] page numbers */
    int seqs;
    int table_stride;
};

struct mix_kv {
    void *keys; /* one layer's pages, see above */
    void *values;
    enum mix_dtype type; /* MIX_F32 or MIX_BF16 */
    int kv_heads, head_dim;
};

#endif
