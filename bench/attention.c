/* attention.c - attention against the read bandwidth and the peak of the machine, in one run.
 *
 *   bench/attention [--threads N] [--rounds N] [--type bf16|f32] [--clock wall|cpu]
 *                   [--statistic median|best] [--heads N] [--kv-heads N] [--head-dim N]
 *
 * Generating: sequences of one context each, one token a sequence.  Prompts: 512 tokens of one
 * sequence after a context.  Pages lie in any order.  Heads of Qwen3-30B-A3B unless told. */
#include "base/err.h"
#include "bench.h"
#include "dev/dev.h"
#include "kernels/kernels.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ROUNDS = 101, READ = 268435456 };

static const struct {
    int seqs, tokens, context; /* tokens of each, the last at this context */
} steps[] = {
    {1, 1, 128},  {1, 1, 1024},  {1, 1, 8192},  {8, 1, 128},   {8, 1, 1024}, {8, 1, 8192},
    {64, 1, 128}, {64, 1, 1024}, {64, 1, 8192}, {1, 512, 512}, {8, 64, 64},  {1, 512, 4096},
};

struct setup {
    struct mix_dev *dev;
    const struct mix_kernels *ops;
    int threads, rounds, heads, kv_heads, dim;
    enum mix_dtype type;
    double peak;
    void *reader;
};

static int step(const struct setup *s, int seqs, int each, int context)
{
    int tokens = seqs * each, stride = (context + MIX_PAGE - 1) / MIX_PAGE, pages = seqs * stride;
    size_t row = (size_t)(s->heads * s->dim), kv = (size_t)(s->kv_heads * s->dim) * MIX_PAGE;
    size_t size = mix_dtype_size(s->type), pool = (size_t)pages * kv * size;
    int32_t *first = calloc((size_t)seqs + 1, sizeof *first), *table = NULL;
    int32_t *position = calloc((size_t)tokens, sizeof *position);
    double time[MOST_ROUNDS], read[MOST_ROUNDS], start, t, bytes, flops, seen = 0;
    void *keys = NULL, *values = NULL, *q = bench_memory((size_t)tokens * row * 4), *out = NULL;
    void *scratch = NULL;
    int rc = MIX_OK;

    TRY(mix_dev_alloc(s->dev, &keys, pool, "keys"));
    TRY(mix_dev_alloc(s->dev, &values, pool, "values"));
    TRY(mix_dev_alloc(s->dev, &out, (size_t)tokens * row * size, "results"));
    TRY(mix_dev_alloc(s->dev, &scratch,
                      s->ops->attention_scratch(tokens, s->heads, s->dim, context, s->threads),
                      "scratch"));
    table = calloc((size_t)pages, sizeof *table);
    memset(keys, 0, pool);
    memset(values, 0, pool);
    for (int i = 0; i < pages; i++)
        table[i] = (int32_t)((long)i * 7919 % pages);
    for (int i = 0; i < seqs; i++) {
        first[i + 1] = (i + 1) * each;
        for (int c = 0; c < each; c++) {
            position[i * each + c] = context - each + c;
            seen += context - each + c + 1;
        }
    }
    struct mix_attention a = {
        .out = out,
        .q = q,
        .kv = {keys, values, s->type, s->kv_heads, s->dim},
        .at = {first, position, table, seqs, stride},
        .scratch = scratch,
        .type = s->type,
        .tokens = tokens,
        .heads = s->heads,
        .scale = 1 / sqrtf((float)s->dim),
    };
    for (int round = 0; round < s->rounds; round++) {
        int times = 1 + (int)(2e7 / (seen * (double)row));

        read[round] = bench_read(s->reader, READ, s->threads) / READ;
        start = bench_now();
        for (int i = 0; i < times; i++)
            TRY(s->ops->attention(s->dev, &a));
        time[round] = (bench_now() - start) / times;
    }
    t = bench_median(time, s->rounds);
    bytes = (double)seqs * context * s->kv_heads * s->dim * 2 * (double)size;
    flops = seen * (double)row * 4;
    printf("%-5s %5d %5d %6d %10.1f %8.1f %6.0f%% %8.1f %6.0f%%\n", mix_dtype_name(s->type), seqs,
           each, context, t * 1e6, bytes / t / 1e9, 100 * bytes / t * bench_median(read, s->rounds),
           flops / t / 1e9, 100 * flops / t / s->peak);
out:
    mix_dev_release(s->dev, keys);
    mix_dev_release(s->dev, values);
    mix_dev_release(s->dev, out);
    mix_dev_release(s->dev, scratch);
    free(first);
    free(table);
    free(position);
    free(q);
    return rc;
}

int main(int argc, char **argv)
{
    struct setup s = {
        .threads = 2, .rounds = 7, .type = MIX_BF16, .heads = 32, .kv_heads = 4, .dim = 128};
    char text[256];
    int rc = MIX_OK;

    for (int i = 1; i + 1 < argc; i += 2)
        if (strcmp(argv[i], "--threads") == 0)
            s.threads = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--rounds") == 0)
            s.rounds = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--heads") == 0)
            s.heads = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--kv-heads") == 0)
            s.kv_heads = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--head-dim") == 0)
            s.dim = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--clock") == 0)
            bench_clock(argv[i + 1]);
        else if (strcmp(argv[i], "--statistic") == 0 && strcmp(argv[i + 1], "best") == 0)
            bench_best();
        else if (strcmp(argv[i], "--type") == 0)
            s.type = strcmp(argv[i + 1], "f32") == 0 ? MIX_F32 : MIX_BF16;
    if (s.rounds < 1 || s.rounds > MOST_ROUNDS)
        return 2;
    TRY(mix_dev_open(&s.dev, "cpu", 0, s.threads));
    s.ops = mix_kernels_of(s.dev);
    TRY(s.ops->describe(s.type, text, sizeof text));
    if (!(s.reader = bench_memory(READ)))
        goto out;
    s.peak = bench_peak(s.threads);
    printf("# %s\n# %d threads, peak %.0f GF/s (fp32), %d heads over %d of %d\n", text, s.threads,
           s.peak / 1e9, s.heads, s.kv_heads, s.dim);
    printf("# type  seqs  each context        us     GB/s of read     GF/s of peak\n");
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++)
        TRY(step(&s, steps[i].seqs, steps[i].tokens, steps[i].context));
out:
    free(s.reader);
    mix_dev_close(s.dev);
    return rc;
}
