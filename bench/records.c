/* records.c - the planner's model against what others have published, as the table of
 * docs/planner.md: records that state their batch, then those that do not.
 *
 *   bench/records [--parts]      from the root of the source; reads inputs/configs
 *
 * Nothing is fitted: machines are the presets, or a preset with what its data sheet has
 * otherwise; a row's layout, precision, lengths and batch are what its source states.
 * Engines are given 8,192 tokens a step and, where the batch is what fits, 0.9 of the
 * memory that weights and libraries leave for whole rows, at most 2,048 of them: their
 * defaults.  Two things that sources say of their engines, and that no exchange here
 * does, are put in by formula: one row per token and node (DeepEP's normal kernels; with
 * the 4 groups of 8 that DeepSeek-V3 allows it crosses 2.6 times less often than k copies
 * over 4 nodes), and two micro-batches that hide movement under work or work under
 * movement: max(work, movement). */
#include "arch/arch.h"
#include "base/err.h"
#include "bench.h"
#include "plan/memory.h"
#include "plan/workload.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

enum { STEP_TOKENS = 8192, MOST_SEQS = 2048, PAGE = 16 };

/* ---- how numbers are kept and multiplied */

struct precision {
    const char *name;
    double dense, expert; /* bytes of a weight */
    double kv;
    double travels; /* bytes of an activation on its way to experts */
};

static const struct precision fp8 = {"FP8", 1, 1, 1, 1};
static const struct precision fp8_kv16 = {"FP8, KV bf16", 1, 1, 2, 1};
static const struct precision fp4 = {"FP4", 0.5625, 0.5625, 1, 0.5625};
static const struct precision fp8_fp4 = {"FP8, experts FP4", 1, 0.5625, 1, 0.5625};

/* ---- machines */

struct machine {
    const char *name, *preset;
    /* Best products, times those of bf16: FP8 dense and by expert, FP4 both. */
    double fp8_dense, fp8_expert, fp4;
    double links, compute, memory; /* of the preset's: NVLink, products, bandwidth */
    double bytes;                  /* of a device, 0: the preset's */
    int domain;
};

/* Hopper: FP8 in blocks, 1286 against 861 TF dense and 713 against 527 of a layer of experts.
 * Blackwell: FP8 3433 against 1745 TF; FP4 has twice the rate of FP8 on the data sheet. */
#define HOPPER    1286.0 / 861, 713.0 / 527, 0
#define BLACKWELL 3433.0 / 1745, 3433.0 / 1745, 2 * 3433.0 / 1745
static const struct machine h100 = {"H100", "h100", HOPPER, 1, 1, 1, 0, 8};
static const struct machine h200 = {"H200", "h200", HOPPER, 1, 1, 1, 0, 8};
/* NVLink of 200 GB/s, of which DeepEP sees 160. */
static const struct machine h800 = {"H800", "h100", HOPPER, 160.0 / 315, 1, 1, 0, 8};
static const struct machine b200 = {"B200", "b200", BLACKWELL, 1, 1, 1, 0, 8};
static const struct machine gb200 = {"GB200",       "b200",    BLACKWELL, 1,
                                     1822.0 / 1745, 8.0 / 7.7, 186e9,     72};

static struct mix_machine make(const struct machine *m)
{
    struct mix_machine x = {0};

    mix_machine_preset(&x, m->preset);
    for (int i = 0; i < x.link[MIX_LINK_INSIDE].points; i++)
        x.link[MIX_LINK_INSIDE].seconds[i] /= m->links;
    for (int t = 0; t < MIX_MACHINE_TYPES; t++)
        for (int w = 0; w < MIX_WORKS; w++) {
            x.rate[t][w].bandwidth *= m->memory;
            for (int i = 0; i < x.rate[t][w].points; i++)
                x.rate[t][w].speed[i] *= m->compute;
        }
    if (m->bytes > 0)
        x.memory = m->bytes;
    return x;
}

/* ---- the records */

enum what { SERVING, OFFLINE, PREFILL, DECODE };

struct record {
    const char *source; /* row of the list of records, system */
    const char *model;
    const struct machine *machine;
    const struct precision *precision;
    struct mix_layout layout;
    enum what what;
    /* SERVING: sequences of all ranks; PREFILL: tokens of a rank in a step; DECODE: sequences of a
     * rank */
    double batch;
    double in, out;   /* tokens; DECODE: in is the mean context */
    double published; /* tokens/s of a GPU: generated, or of PREFILL prompts */
    bool overlap;     /* two micro-batches */
    double fewer;     /* rows between nodes than k copies; 0: no */
};

#define V3   "DeepSeek-V3"
#define Q235 "Qwen3-235B-A22B"
#define Q30  "Qwen3-30B-A3B"
#define HYBRID(n) \
    { \
        1, n, 1, n, 1, MIX_EXCHANGE_HYBRID \
    }
#define EP(n) \
    { \
        1, n, 1, n, 1, MIX_EXCHANGE_EP \
    }
#define TP(n) \
    { \
        n, 1, n, 1, 1, MIX_EXCHANGE_TP \
    }
#define TPEP(n) \
    { \
        n, 1, 1, n, 1, MIX_EXCHANGE_TP \
    }

static const struct record records[] = {
    {"1 DeepSeek production, 21 tok/s a user", V3, &h800, &fp8, EP(144), DECODE, 88, 4989, 0, 1850,
     true, 0},
    {"2 DeepSeek profile", V3, &h800, &fp8, HYBRID(32), PREFILL, 16384, 4096, 0, 7839, true, 2.6},
    {"3 DeepSeek profile", V3, &h800, &fp8, EP(128), DECODE, 128, 4096, 0, 2325, true, 0},
    {"4 SGLang, 16K tokens a GPU", V3, &h100, &fp8_kv16, HYBRID(32), PREFILL, 16384, 1024, 0, 7209,
     true, 2.6},
    {"4 SGLang, 16K tokens a GPU", V3, &h100, &fp8_kv16, HYBRID(32), PREFILL, 16384, 2048, 0, 6818,
     true, 2.6},
    {"4 SGLang, 16K tokens a GPU", V3, &h100, &fp8_kv16, HYBRID(32), PREFILL, 16384, 4096, 0, 6288,
     true, 2.6},
    {"4 SGLang, perfect balance", V3, &h100, &fp8_kv16, HYBRID(32), PREFILL, 16384, 4096, 0, 7417,
     true, 2.6},
    {"5 SGLang, ITL 100 ms", V3, &h100, &fp8_kv16, EP(72), DECODE, 279, 2048, 0, 2785, true, 0},
    {"7 SGLang, 1408 a rank", V3, &gb200, &fp8_fp4, EP(48), DECODE, 1408, 2048, 0, 13386, false, 0},
    {"11 TRT-LLM offline DEP8", V3, &h200, &fp8, EP(8), OFFLINE, 0, 1024, 1024, 1627, false, 0},
    {"11 TRT-LLM offline DEP8", V3, &h200, &fp8, EP(8), OFFLINE, 0, 1024, 8192, 1218, false, 0},
    {"11 TRT-LLM offline DEP8", V3, &h200, &fp8, EP(8), OFFLINE, 0, 1024, 32768, 438, false, 0},
    {"12 TRT-LLM offline DEP4", V3, &b200, &fp4, EP(4), OFFLINE, 0, 1024, 1024, 6463, false, 0},
    {"12 TRT-LLM offline DEP4", V3, &b200, &fp4, EP(4), OFFLINE, 0, 1024, 8192, 3862, false, 0},
    {"12 TRT-LLM offline DEP4", V3, &b200, &fp4, EP(4), OFFLINE, 0, 8192, 1024, 1168, false, 0},
    {"12 TRT-LLM offline DEP4", V3, &gb200, &fp4, EP(4), OFFLINE, 0, 1024, 1024, 6939, false, 0},
    {"12 TRT-LLM offline DEP4", V3, &gb200, &fp4, EP(4), OFFLINE, 0, 1024, 8192, 4379, false, 0},
    {"12 TRT-LLM offline DEP4", V3, &gb200, &fp4, EP(4), OFFLINE, 0, 8192, 1024, 1192, false, 0},
    {"14 TRT-LLM offline DEP8", Q235, &h100, &fp8, EP(8), OFFLINE, 0, 1024, 1024, 1932, false, 0},
    {"14 TRT-LLM offline DEP8", Q235, &h100, &fp8, EP(8), OFFLINE, 0, 1024, 8192, 873, false, 0},
    {"16 TRT-LLM offline TP1", Q30, &b200, &fp4, EP(1), OFFLINE, 0, 1024, 1024, 26971, false, 0},
    {"16 TRT-LLM offline TP1", Q30, &b200, &fp4, EP(1), OFFLINE, 0, 1024, 8192, 13497, false, 0},
    {"16 TRT-LLM offline TP1", Q30, &b200, &fp4, EP(1), OFFLINE, 0, 8192, 1024, 5735, false, 0},
    {"16 TRT-LLM offline TP1", Q30, &gb200, &fp4, EP(1), OFFLINE, 0, 1024, 1024, 22856, false, 0},
    {"16 TRT-LLM offline TP1", Q30, &gb200, &fp4, EP(1), OFFLINE, 0, 1024, 8192, 14272, false, 0},
    {"16 TRT-LLM offline TP1", Q30, &gb200, &fp4, EP(1), OFFLINE, 0, 8192, 1024, 6201, false, 0},
    {"18 TRT-LLM recipe TP8EP8", V3, &h200, &fp8, TPEP(8), SERVING, 1024, 1024, 2048, 1436, false,
     0},
    {"AIC TRT-LLM DEP8", V3, &h200, &fp8, EP(8), SERVING, 256, 1024, 1024, 798, false, 0},
    {"AIC TRT-LLM DEP8", V3, &h200, &fp8, EP(8), SERVING, 256, 1024, 8192, 1031, false, 0},
    {"AIC SGLang TP8", V3, &h200, &fp8_kv16, TP(8), SERVING, 64, 1024, 1024, 240, false, 0},
    {"AIC SGLang TP8", V3, &h200, &fp8_kv16, TP(8), SERVING, 64, 8192, 1024, 153, false, 0},
    {"AIC TRT-LLM TP8", V3, &h200, &fp8, TP(8), SERVING, 64, 1024, 1024, 231, false, 0},
    {"AIC SGLang TP8", V3, &b200, &fp8_kv16, TP(8), SERVING, 512, 1024, 1024, 892, false, 0},
    {"AIC TRT-LLM DEP8", V3, &b200, &fp8, EP(8), SERVING, 256, 1024, 1024, 1430, false, 0},
    {"AIC TRT-LLM DEP4", V3, &b200, &fp4, EP(4), SERVING, 256, 1024, 1024, 2622, false, 0},
    {"AIC TRT-LLM TP4EP4", Q235, &h100, &fp8, TPEP(4), SERVING, 128, 128, 128, 840, false, 0},
    {"AIC TRT-LLM TP4EP4", Q235, &h100, &fp8, TPEP(4), SERVING, 128, 128, 512, 968, false, 0},
    {"AIC vLLM TP4", Q235, &h200, &fp8_kv16, TP(4), SERVING, 48, 1024, 1024, 330, false, 0},
    {"AIC SGLang TP4", Q235, &h200, &fp8_kv16, TP(4), SERVING, 9, 1024, 1024, 138, false, 0},
};

enum { RECORDS = sizeof records / sizeof records[0] };

/* ---- the prediction */

static struct mix_cost_model model_of(const struct record *r, const struct mix_arch *a,
                                      const struct mix_machine *m)
{
    int world = r->layout.tp * r->layout.dp;
    const struct precision *p = r->precision;
    double dense = p->dense < 1 ? r->machine->fp4 : r->machine->fp8_dense;
    double expert = p->expert < 1 ? r->machine->fp4 : r->machine->fp8_expert;

    return (struct mix_cost_model){
        .arch = a,
        .machine = m,
        .type = MIX_MACHINE_BF16,
        .layout = r->layout,
        .domain = world < r->machine->domain ? world : r->machine->domain,
        .node = 8,
        .type_bytes = r->layout.tp > 1 ? 2 : p->travels,
        .dispatch_bytes = r->layout.tp > 1 ? 2 : p->travels,
        .kv_bytes = p->kv,
        .wire_bytes = 2,
        .partial_bytes = 2,
        .dense_bytes = p->dense,
        .expert_bytes = p->expert,
        .dense_speed = dense,
        .expert_speed = expert,
        .dense_rows = 2 / p->dense / dense, /* the rule of machine_presets.c for other widths */
        .expert_rows = 2 / p->expert / expert,
    };
}

/* Whole rows whose keys and values a rank holds beside its weights. */
static double fitting(const struct record *r, const struct mix_arch *a, const struct mix_machine *m)
{
    struct mix_memory bytes;
    double token;

    mix_memory_count(&(struct mix_memory_layout){.arch = a,
                                                 .tp = r->layout.tp,
                                                 .etp = r->layout.etp,
                                                 .ep = r->layout.ep,
                                                 .dtype = MIX_BF16,
                                                 .kv_dtype = MIX_BF16,
                                                 .packed = 2,
                                                 .expert_bytes = r->precision->expert,
                                                 .dense_bytes = r->precision->dense,
                                                 .page = PAGE,
                                                 .max_num_seqs = 1,
                                                 .max_batched_tokens = 1,
                                                 .max_model_len = 1},
                     &bytes);
    token = (double)bytes.kv_page / PAGE * r->precision->kv / 2;
    return fmin(MOST_SEQS,
                0.9 * (m->memory - m->reserved - (double)bytes.weights) / token / (r->in + r->out));
}

/* A step as the engine of the record does it, seconds. */
static double seconds(const struct record *r, const struct mix_cost_model *m,
                      const struct mix_cost_step *s, struct mix_cost *c)
{
    double moving;

    mix_cost_step(m, s, c);
    if (r->fewer > 0) {
        double less = c->part[MIX_COST_BETWEEN] * (1 - 1 / r->fewer);

        c->part[MIX_COST_BETWEEN] -= less;
        c->bound[MIX_BOUND_BETWEEN] -= less;
        c->total -= less;
    }
    moving = c->part[MIX_COST_INSIDE] + c->part[MIX_COST_BETWEEN];
    return r->overlap ? fmax(moving, c->total - moving) : c->total;
}

/* Tokens/s of a GPU; the step's cost. */
static double predict(const struct record *r, const struct mix_arch *a, const struct mix_machine *m,
                      struct mix_cost *c)
{
    struct mix_cost_model model = model_of(r, a, m);
    double world = (double)r->layout.tp * r->layout.dp, seqs;
    struct mix_lengths l = mix_lengths_of(1000000000, (int64_t)r->in, (int64_t)r->out);
    struct mix_workload w;
    struct mix_cost_step s = {.prompt_context = r->in / 2, .context = r->in};

    if (r->what == PREFILL || r->what == DECODE) {
        s.prompt = r->what == PREFILL ? r->batch : 0;
        s.chunk = r->in;
        s.decode = r->what == DECODE ? r->batch : 0;
        s.samples = r->what == DECODE ? r->batch : r->batch / r->in;
        return r->batch / seconds(r, &model, &s, c);
    }
    seqs = r->what == OFFLINE ? fitting(r, a, m) : r->batch / r->layout.dp;
    mix_workload_take(&l,
                      &(struct mix_workload_limits){.replicas = r->layout.dp,
                                                    .seqs = (int)fmax(1, seqs),
                                                    .tokens = STEP_TOKENS,
                                                    .kv_tokens = INT64_MAX / 2},
                      &w);
    return w.mixed.samples * r->layout.dp / seconds(r, &model, &w.mixed, c) / world;
}

static const char *layout_text(const struct record *r, char text[48])
{
    const struct mix_layout *l = &r->layout;

    if (l->tp * l->dp == 1)
        snprintf(text, 48, "1 GPU");
    else if (l->tp == 1)
        snprintf(text, 48, "dp %d, ep %d", l->dp, l->ep);
    else if (l->ep > 1)
        snprintf(text, 48, "tp %d, ep %d", l->tp, l->ep);
    else
        snprintf(text, 48, "tp %d", l->tp);
    return text;
}

static const char *job_text(const struct record *r, char text[48])
{
    static const char *const what[] = {
        [SERVING] = "", [OFFLINE] = "offline ", [PREFILL] = "prefill ", [DECODE] = "decode "};

    if (r->what == PREFILL || r->what == DECODE)
        snprintf(text, 48, "%s%.0f x %.0f", what[r->what], r->batch, r->in);
    else if (r->what == SERVING)
        snprintf(text, 48, "%.0f x %.0f/%.0f", r->batch, r->in, r->out);
    else
        snprintf(text, 48, "%s%.0f/%.0f", what[r->what], r->in, r->out);
    return text;
}

static void print_parts(const struct mix_cost *c)
{
    printf("#   %.2f ms:", c->total * 1e3);
    for (int i = 0; i < MIX_COST_PARTS; i++)
        printf(" %s %.2f,", mix_cost_part_name((enum mix_cost_part)i), c->part[i] * 1e3);
    printf(" bound by %s\n", mix_cost_bound_name(mix_cost_bound_of(c)));
}

static void summary(const char *what, const double *off, int n)
{
    double error[RECORDS], ratio[RECORDS];
    int within = 0, beyond = 0;

    for (int i = 0; i < n; i++) {
        ratio[i] = off[i];
        error[i] = fabs(off[i] - 1);
        within += error[i] <= 0.25;
        beyond += off[i] > 2 || off[i] < 0.5;
    }
    printf("\n%s, %d records: median error %.0f %%, median ratio %.2f, %d within 25 %%, %d beyond "
           "2x.\n",
           what, n, 100 * bench_median(error, n), bench_median(ratio, n), within, beyond);
}

/* The rows of one table, those of offline runs or the others; *n grows by their ratios in off. */
static int table(bool offline, bool parts, double *off, int *n)
{
    printf(
        "\n| record | model | machine | precision | layout | job | published | predicted | ratio "
        "| bound by |\n|---|---|---|---|---|---|---|---|---|---|\n");
    for (int i = 0; i < RECORDS; i++) {
        const struct record *r = &records[i];
        struct mix_machine m = make(r->machine);
        struct mix_arch a;
        struct mix_cost c;
        char dir[64], layout[48], job[48];
        double x;

        if ((r->what == OFFLINE) != offline)
            continue;
        snprintf(dir, sizeof dir, "inputs/configs/%s", r->model);
        if (mix_arch_load(&a, dir))
            return 1;
        x = predict(r, &a, &m, &c);
        off[*n] = x / r->published;
        printf("| %s | %s | %s | %s | %s | %s | %.0f | %.0f | %.2f | %s |\n", r->source, r->model,
               r->machine->name, r->precision->name, layout_text(r, layout), job_text(r, job),
               r->published, x, off[*n], mix_cost_bound_name(mix_cost_bound_of(&c)));
        ++*n;
        if (parts)
            print_parts(&c);
    }
    return 0;
}

int main(int argc, char **argv)
{
    double off[RECORDS];
    int n = 0, stated;
    bool parts = argc > 1 && strcmp(argv[1], "--parts") == 0;

    if (table(false, parts, off, &n))
        return 1;
    summary("That state their batch", off, n);
    stated = n;
    if (table(true, parts, off, &n))
        return 1;
    summary("Offline, batch not stated", off + stated, n - stated);
    summary("All", off, n);
    return 0;
}
