/* product.c - products against the read bandwidth and the peak of the machine, in one run.
 *
 *   bench/product [--threads N] [--rounds N] [--type bf16|f32] [--shape I] [--clock wall|cpu]
 *                 [--statistic median|best] [--engine any|avx2|avx512|avx512_bf16|dnnl]
 *
 * Weights of one shape fill at least 384 MB, so that each is read from memory; a call
 * multiplies m rows with each of them (as a step's tokens meet experts).  Rounds of
 * all sizes are interleaved with a read of the same number of bytes; medians. */
#include "base/err.h"
#include "bench.h"
#include "dev/dev.h"
#include "kernels/kernels.h"
#include "kernels/product_engine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_ROUNDS = 101, MOST_GROUPS = 4096 };

static const struct {
    int n, k;
} shapes[] = {{1536, 2048}, {2048, 768}, {5120, 2048}, {4096, 4096}, {2048, 128}, {128, 2048}};

static const int rows[] = {1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 512};

enum { ROWS = sizeof rows / sizeof rows[0] };

struct setup {
    struct mix_dev *dev;
    const struct mix_kernels *ops;
    const struct mix_product_engine *engine;
    int threads, rounds;
    enum mix_dtype type;
    double peak;
    float *reader; /* memory to read for comparison */
    size_t reader_bytes;
};

static int shape(const struct setup *s, int n, int k)
{
    size_t bytes = (size_t)n * (size_t)k * mix_dtype_size(s->type);
    int groups = (int)(402653184 / bytes), rc = MIX_OK, *first = NULL;
    static struct mix_packed *w[MOST_GROUPS];
    double time[ROWS][MOST_ROUNDS], read[MOST_ROUNDS], start;
    char *raw = bench_memory((size_t)n * (size_t)k * 4);
    float *y = NULL;
    char *x = NULL;

    groups = groups > MOST_GROUPS ? MOST_GROUPS : groups < 1 ? 1 : groups;
    for (int g = 0; g < groups; g++)
        TRY(mix_product_pack_with(s->engine, s->dev, &w[g], raw, s->type, n, k));
    first = calloc((size_t)groups + 1, sizeof *first);
    x = bench_memory((size_t)(64 * groups + 512) * (size_t)k * 4);
    y = bench_memory((size_t)(64 * groups + 512) * (size_t)n * 4);
    if (!first || !x || !y)
        goto out;
    for (int round = 0; round < s->rounds; round++) {
        size_t want = bytes * (size_t)groups;

        read[round] =
            bench_read(s->reader, want < s->reader_bytes ? want : s->reader_bytes, s->threads) /
            (double)(want < s->reader_bytes ? want : s->reader_bytes);
        for (int r = 0; r < ROWS; r++) {
            int some = rows[r] <= 64    ? groups
                       : groups / 8 < 1 ? 1
                       : groups / 8 < 8 ? groups / 8
                                        : 8;
            struct mix_product a = {.y = y,
                                    .x = x,
                                    .w = (const struct mix_packed *const *)w,
                                    .first = first,
                                    .groups = some};

            for (int g = 0; g < some; g++)
                first[g + 1] = first[g] + rows[r];
            start = bench_now();
            TRY(s->ops->product(s->dev, &a));
            time[r][round] = (bench_now() - start) / some;
        }
    }
    {
        double bandwidth = 1 / bench_median(read, s->rounds);

        for (int r = 0; r < ROWS; r++) {
            double t = bench_median(time[r], s->rounds), flops = 2.0 * n * k * rows[r] / t;

            printf("%-5s %5d %5d %5d %10.1f %8.1f %6.0f%% %8.1f %6.0f%%\n", mix_dtype_name(s->type),
                   n, k, rows[r], t * 1e6, (double)bytes / t / 1e9,
                   100 * (double)bytes / t / bandwidth, flops / 1e9, 100 * flops / s->peak);
        }
        printf("# read %.1f GB/s\n", bandwidth / 1e9);
    }
out:
    for (int g = 0; g < groups; g++) {
        s->ops->product_release(s->dev, w[g]);
        w[g] = NULL;
    }
    free(raw);
    free(first);
    free(x);
    free(y);
    return rc;
}

static const struct mix_product_engine *engine_of(const char *name, enum mix_dtype type)
{
    for (int i = 0; name && i < MIX_ISAS; i++)
        if (strcmp(mix_product_simd[i].name, name) == 0)
            return &mix_product_simd[i];
    return name && strcmp(name, "dnnl") == 0 ? &mix_product_dnnl : mix_product_engine_of(type);
}

int main(int argc, char **argv)
{
    struct setup s = {.threads = 2, .rounds = 7, .type = MIX_BF16};
    const char *engine = NULL;
    char text[256];
    int rc = MIX_OK, only = -1;

    for (int i = 1; i + 1 < argc; i += 2)
        if (strcmp(argv[i], "--threads") == 0)
            s.threads = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--rounds") == 0)
            s.rounds = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--clock") == 0)
            bench_clock(argv[i + 1]);
        else if (strcmp(argv[i], "--statistic") == 0 && strcmp(argv[i + 1], "best") == 0)
            bench_best();
        else if (strcmp(argv[i], "--shape") == 0)
            only = atoi(argv[i + 1]);
        else if (strcmp(argv[i], "--engine") == 0)
            engine = argv[i + 1];
        else if (strcmp(argv[i], "--type") == 0)
            s.type = strcmp(argv[i + 1], "f32") == 0 ? MIX_F32 : MIX_BF16;
    if (s.rounds < 1 || s.rounds > MOST_ROUNDS)
        return 2;
    TRY(mix_dev_open(&s.dev, "cpu", 0, s.threads));
    s.ops = mix_kernels_of(s.dev);
    s.engine = engine_of(engine, s.type);
    TRY(s.ops->describe(s.type, text, sizeof text));
    s.reader_bytes = 402653184;
    if (!(s.reader = bench_memory(s.reader_bytes)))
        goto out;
    s.peak = bench_peak(s.threads) * (s.type == MIX_BF16 && s.ops->has_bf16() ? 2 : 1);
    printf("# %s\n# engine %s, %d threads, peak %.0f GF/s (fp32 multiply-adds%s)\n", text,
           s.engine->name, s.threads, s.peak / 1e9,
           s.type == MIX_BF16 && s.ops->has_bf16() ? ", twice for bf16" : "");
    printf("# type     n     k  rows         us     GB/s of read     GF/s of peak\n");
    for (int i = 0; i < (int)(sizeof shapes / sizeof shapes[0]); i++)
        if (only < 0 || only == i)
            TRY(shape(&s, shapes[i].n, shapes[i].k));
out:
    free(s.reader);
    mix_dev_close(s.dev);
    return rc;
}
