/* tick.c - long operations call the tick often enough.
 *
 * Times on a busy machine prove nothing, so ticks are counted: at least one for each 200 us that
 * the operation takes one core of the machine of docs/perf.md (measured there or by bench). */
#include "kern.h"

#include <math.h>
#include <string.h>

static void count(void *ctx)
{
    ++*(long *)ctx;
}

static void finish(struct kern *k, const char *what, int rc, long *ticks, long least)
{
    ok(rc == 0 && *ticks >= least, "%s: %s ticks %ld times, at least %ld", k->name, what, *ticks,
       least);
    *ticks = 0;
}

static void product(struct kern *k, long *ticks, enum mix_dtype type, long least)
{
    enum { N = 1024, K = 4096, ROWS = 132 };
    void *w = calloc((size_t)N * K, mix_dtype_size(type));
    struct mix_packed *packed = NULL;
    int first[] = {0, ROWS}, rc = k->ops->product_pack(k->dev, &packed, w, type, N, K);
    struct mix_product a = {.y = kern_up(k, NULL, (size_t)ROWS * N * 4),
                            .x = kern_up(k, NULL, (size_t)ROWS * K * mix_dtype_size(type)),
                            .w = (const struct mix_packed *const *)&packed,
                            .first = first,
                            .groups = 1};

    *ticks = 0;
    rc = rc ? rc : k->ops->product(k->dev, &a);
    finish(k, mix_dtype_name(type), rc, ticks, least);
    k->ops->product_release(k->dev, packed);
    kern_free(k, a.y);
    kern_free(k, (void *)(size_t)a.x);
    free(w);
}

static void attention(struct kern *k, long *ticks)
{
    enum { CONTEXT = 1024, STRIDE = CONTEXT / MIX_PAGE, TOKENS = 64 };
    int32_t first[] = {0, TOKENS}, position[TOKENS], table[STRIDE];
    size_t pool = (size_t)STRIDE * MIX_PAGE * 4 * 128 * 2;
    int rc;

    for (int i = 0; i < STRIDE; i++)
        table[i] = i;
    for (int t = 0; t < TOKENS; t++)
        position[t] = CONTEXT - TOKENS + t;
    struct mix_attention a = {
        .out = kern_up(k, NULL, (size_t)TOKENS * 4096 * 2),
        .q = kern_up(k, NULL, (size_t)TOKENS * 4096 * 4),
        .kv = {kern_up(k, NULL, pool), kern_up(k, NULL, pool), MIX_BF16, 4, 128},
        .at = {kern_up(k, first, sizeof first), kern_up(k, position, sizeof position),
               kern_up(k, table, sizeof table), 1, STRIDE},
        .scratch = kern_up(
            k, NULL, k->ops->attention_scratch(TOKENS, 32, 128, CONTEXT, mix_dev_threads(k->dev))),
        .type = MIX_BF16,
        .tokens = TOKENS,
        .heads = 32,
        .scale = 1};
    rc = k->ops->attention(k->dev, &a);
    finish(k, "attention", rc, ticks, 60); /* 12 ms */
    kern_free(k, a.out);
    kern_free(k, (void *)(size_t)a.q);
    kern_free(k, a.kv.keys);
    kern_free(k, a.kv.values);
    kern_free(k, (void *)(size_t)a.at.first);
    kern_free(k, (void *)(size_t)a.at.position);
    kern_free(k, (void *)(size_t)a.at.table);
    kern_free(k, a.scratch);
}

static void rows(struct kern *k, long *ticks)
{
    enum { TOKENS = 2048, DIM = 2048 };
    size_t n = (size_t)TOKENS * DIM;
    struct mix_rmsnorm norm = {.y = kern_up(k, NULL, n * 2),
                               .x = kern_up(k, NULL, n * 4),
                               .w = kern_up(k, NULL, DIM * 4),
                               .type = MIX_BF16,
                               .tokens = TOKENS,
                               .dim = DIM,
                               .eps = 1e-6f};
    struct mix_swiglu gate = {
        .y = norm.y, .x = norm.x, .type = MIX_BF16, .rows = TOKENS, .inner = DIM / 2};
    int rc = k->ops->rmsnorm(k->dev, &norm);

    finish(k, "rmsnorm", rc, ticks, 20); /* 4 ms */
    rc = k->ops->swiglu(k->dev, &gate);
    finish(k, "swiglu", rc, ticks, 20);
    kern_free(k, norm.y);
    kern_free(k, (void *)(size_t)norm.x);
    kern_free(k, (void *)(size_t)norm.w);
}

/* Are products of bf16 done by AMX, four times as fast as by AVX-512? */
static bool tiles(struct kern *k)
{
    char text[200] = "";

    return k->ops->describe(MIX_BF16, text, sizeof text) == 0 && strstr(text, "amx");
}

static void all(struct kern *k)
{
    long ticks = 0;

    if (mix_dev_threads(k->dev) > 1)
        return; /* how many of the slices fall to the calling thread is chance */
    mix_dev_tick_set(k->dev, count, &ticks);
    product(k, &ticks, MIX_BF16, tiles(k) ? 7 : 26); /* 1.4 ms at 800, 5.3 ms at 210 Gflop/s */
    product(k, &ticks, MIX_F32, 52);
    attention(k, &ticks);
    rows(k, &ticks);
    mix_dev_tick_set(k->dev, NULL, NULL);
}

int main(void)
{
    kern_each(all);
    return tap_done();
}
