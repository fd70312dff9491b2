/* attention_split.h - attention of some query rows to one split of context; between
 * attention_cpu.c, which shares the splits of a step out, and the code for each
 * instruction set.  Nobody else includes it but tests. */
#ifndef MIX_KERN_ATTENTION_SPLIT_H
#define MIX_KERN_ATTENTION_SPLIT_H

#include "kernels/attention.h"
#include "kernels/isa.h"

#include <stdbool.h>

enum { MIX_SPLIT_PAGES = MIX_SPLIT / MIX_PAGE };

/* A row is one query head of one token; the rows of a tile share a kv head. */
struct mix_split {
    const void *keys, *values;
    size_t page[MIX_SPLIT_PAGES]; /* where the kv head's part of each page starts, in numbers */
    size_t next[MIX_SPLIT_PAGES]; /* the same of the split after it, to be asked for */
    const float *const *q;        /* [rows] */
    const int *limit;             /* [rows] tokens of this split that the row sees */
    float *score;                 /* [rows][MIX_SPLIT], to work in */
    float *max, *sum;             /* [rows] largest score; sum of exp(score - max) */
    float *out;                   /* [rows][dim] sum of exp(score - max) * value */
    float scale;
    int rows, dim;
    int most, pages; /* the largest limit, and its pages */
    int next_pages;  /* 0: no split after it */
    bool bf16;       /* keys and values */
};

struct mix_split_code {
    void (*split)(const struct mix_split *s);
    /* total = keep * total + take * part */
    void (*fold)(float *total, const float *part, float keep, float take, int dim);
    /* out[d] = total[d] / weight */
    void (*finish_f32)(float *out, const float *total, float weight, int dim);
    void (*finish_bf16)(uint16_t *out, const float *total, float weight, int dim);
};

/* For an instruction set that is here. */
const struct mix_split_code *mix_split_code(enum mix_isa isa);

/* attention_cpu with the code of a given instruction set. */
int mix_attention_with(enum mix_isa isa, struct mix_dev *dev, const struct mix_attention *a);

#endif
