/* memory.c - bytes of a rank, against sums made by hand and against published sizes. */
#include "plan/memory.h"

#include "arch/tensors.h"
#include "kernels/fp8.h"
#include "plan_fixture.h"
#include "tap.h"

static struct mix_memory_layout layout(const struct mix_arch *a, int tp, int etp)
{
    return (struct mix_memory_layout){
        .arch = a,
        .tp = tp,
        .etp = etp,
        .dtype = MIX_F32,
        .kv_dtype = MIX_F32,
        .packed = 4,
        .page = 16,
        .max_num_seqs = 4,
        .max_batched_tokens = 8,
        .max_model_len = 64,
    };
}

/* The numbers of a layer: q [16][8], k and v [8][8], o [8][16]; dense 3 x [12][8]; an expert
 * 3 x [5][8].  The exchange at tp 1: ids, weights and places 16 x 20, results 16 x (32 + 12), rows
 * under work 16 x (64 + 20) + 16 x 8, tokens 8 x (32 + 16) out and 8 x 32 home.  Norms 8 + 8 + 4 +
 * 4 a layer and 8 at the end, router [3][8]; angles 64 x 4. */
static void by_hand(void)
{
    static const struct {
        int tp, etp;
        struct mix_memory want;
    } cases[] = {
        {1, 1, {3072, 1440, 1152, 640, 1344, 7648, 2048, 2976, 3136}},
        {2, 2, {1536, 864, 576, 320, 1344, 4640, 1024, 1952, 2944}},
        {4, 4, {1024, 576, 288, 192, 1344, 3424, 1024, 1568, 2848}}, /* each kv head on two ranks */
        {2, 1, {1536, 1440, 576, 320, 1344, 5216, 1024, 0, 0}},      /* experts whole */
    };
    struct mix_arch a = small_arch();

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mix_memory m, w = cases[i].want;
        struct mix_memory_layout l = layout(&a, cases[i].tp, cases[i].etp);

        mix_memory_count(&l, &m);
        ok(m.attention == w.attention && m.experts == w.experts && m.dense == w.dense &&
               m.vocabulary == w.vocabulary && m.rest == w.rest && m.weights == w.weights,
           "weights at tp %d, etp %d: %lld bytes", l.tp, l.etp, (long long)m.weights);
        ok(m.kv_page == w.kv_page, "a page at tp %d: %lld bytes", l.tp, (long long)m.kv_page);
        ok(!w.activations || (m.activations == w.activations && m.exchange == w.exchange),
           "a step at tp %d: %lld and %lld bytes, expected %lld and %lld", l.tp,
           (long long)m.activations, (long long)m.exchange, (long long)w.activations,
           (long long)w.exchange);
    }
}

/* Experts over ep: three of 3 x [5][8] = 480 bytes each, and what an exchange needs besides. */
static void expert_parallel(void)
{
    static const struct {
        const char *what;
        int tp, etp, ep, domain, exchange;
        int64_t experts, exchange_bytes;
    } cases[] = {
        /* 2 x 8 tokens meet; a rank has at most 2 experts (0 and 1), so at most 32 rows, of which
         * 16 are under work at a time (84 each, and 8 for each of the 32) */
        {"tp over 2", 1, 1, 2, 2, MIX_EXCHANGE_TP, 2 * 480,
         16 * 2 * 20 + 32 * 44 + 16 * 84 + 32 * 8 + 8 * 48 + 16 * 32},
        /* 16 copies leave, 32 come and are answered; 16 results and their places are mine */
        {"ep over 2", 1, 1, 2, 2, MIX_EXCHANGE_EP, 2 * 480,
         16 * 32 + 32 * 32 + 16 * 8 + 32 * 20 + 16 * 84 + 32 * 8 + 16 * 52},
        /* homes of three over 3 are 2, 1, 0: two slices of 3 of 5 (2 x 3 x 3 x 8 x 4 = 576 bytes);
         * other hosts: what comes has its own place, and comes back in two slices */
        {"ep over 3, in slices", 1, 2, 3, 2, MIX_EXCHANGE_EP, 576,
         (16 + 96) * 32 + (96 + 16 * 2) * 32 + 16 * 8 + 96 * 20 + 16 * 84 + 96 * 8 + 16 * 52},
        /* 3 x 16 copies are relayed: over the rail, and inside */
        {"hybrid", 1, 2, 3, 2, MIX_EXCHANGE_HYBRID, 576,
         (16 + 48) * 32 + (48 + 16) * 32 + 16 * 8 + 48 * 20 + 48 * 32 + 96 * 32 + 48 * 8 + 96 * 20 +
             16 * 84 + 96 * 8 + 48 * 36 + 16 * 52},
        /* 3 domains of 2, one row of 32 + 16 bytes of each of 8 tokens for each: 3 x 8 land, parts
         * of 6 x 8; 2 x 8 go and come, 3 + 2 times results of 32 bytes; those of 96 rows, lists of
         * 48 rows with 2 experts, and 2 places each */
        {"fused", 1, 2, 3, 2, MIX_EXCHANGE_FUSED, 576,
         (24 + 16) * 48 + 48 * 32 + (24 + 16) * 32 + 96 * 32 + 48 * (24 + 4) + 48 * 2 * 8 +
             16 * 84 + 96 * 8},
        /* two copies of each, 32 + 4 bytes */
        {"mixserve", 1, 2, 3, 2, MIX_EXCHANGE_MIXSERVE, 576,
         (48 + 32) * 36 + 96 * 32 + (48 + 32) * 32 + 96 * 32 + 96 * (12 + 4) + 96 * 2 * 8 +
             16 * 84 + 96 * 8 + 16 * 52},
        /* one domain: nothing leaves it */
        {"fused over 2", 1, 1, 2, 2, MIX_EXCHANGE_FUSED, 2 * 480,
         8 * 48 + 16 * 32 + 8 * 32 + 32 * 32 + 16 * (24 + 4) + 16 * 2 * 8 + 16 * 84 + 32 * 8},
        /* a replica of two ranks: 4 of its 8 tokens are owned by each */
        {"ep over a replica", 2, 1, 2, 2, MIX_EXCHANGE_EP, 2 * 480,
         8 * 32 + 16 * 32 + 8 * 8 + 16 * 20 + 8 * 84 + 16 * 8 + 8 * 52},
    };
    struct mix_arch a = small_arch();

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct mix_memory m;
        struct mix_memory_layout l = layout(&a, cases[i].tp, cases[i].etp);

        l.ep = cases[i].ep;
        l.domain = cases[i].domain;
        l.exchange = cases[i].exchange;
        mix_memory_count(&l, &m);
        ok(m.experts == cases[i].experts && m.exchange == cases[i].exchange_bytes,
           "%s: %lld bytes of experts, %lld of exchange, expected %lld and %lld", cases[i].what,
           (long long)m.experts, (long long)m.exchange, (long long)cases[i].experts,
           (long long)cases[i].exchange_bytes);
    }
}

/* Rows of eight bits: what kernels/fp8.h packs, on 2 x 3 - 1 places of 8 rows. */
static void eight_bits(void)
{
    static const int hidden[] = {8, 128, 129, 7168};
    struct mix_arch a = small_arch();

    for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++) {
        struct mix_memory m, narrow;
        struct mix_memory_layout l = layout(&a, 1, 2);

        a.hidden = hidden[i];
        l.ep = 3;
        l.domain = 2;
        l.exchange = MIX_EXCHANGE_FUSED;
        mix_memory_count(&l, &m);
        l.dispatch = MIX_F8E4M3;
        mix_memory_count(&l, &narrow);
        ok(m.exchange - narrow.exchange ==
               5 * 8 * (hidden[i] * 4 - (int64_t)mix_fp8_row(hidden[i])),
           "rows of %d numbers in eight bits", hidden[i]);
    }
}

/* 10 words over tp 4 are 2, 3, 2, 3; experts over ep 4 are 1, 1, 1, 0: the rank with most has 3
 * words and an expert. */
static void uneven(void)
{
    struct mix_arch a = small_arch();
    struct mix_memory_layout l = layout(&a, 4, 1);
    struct mix_memory m;

    l.ep = 4;
    mix_memory_count(&l, &m); /* not a layout: ep 4 of 3 experts, but countable */
    ok(m.vocabulary == 2 * 3 * 8 * 4 && m.experts == 480, "the rank with most, not the last");
}

static void types(void)
{
    struct mix_arch a = small_arch();
    struct mix_memory_layout l = layout(&a, 1, 1);
    struct mix_memory m;

    l.dtype = l.kv_dtype = MIX_BF16;
    l.packed = 2;
    mix_memory_count(&l, &m);
    ok(m.attention == 1536 && m.experts == 720 && m.vocabulary == 320 && m.rest == 1344 &&
           m.kv_page == 1024,
       "bfloat16 halves matrices, keys and values, not norms and router");
    l.packed = 4;
    mix_memory_count(&l, &m);
    ok(m.attention == 3072 && m.vocabulary == 160 + 320, "bfloat16 multiplied as fp32");
    a.tied = true;
    mix_memory_count(&l, &m);
    ok(m.vocabulary == 160 + 320, "a tied head is packed all the same");
}

/* Qwen3-30B-A3B: model.safetensors.index.json says total_size 61064245248, in bfloat16. */
static void qwen3_30b(void)
{
    struct mix_arch a = {.family = MIX_QWEN3_MOE,
                         .hidden = 2048,
                         .layers = 48,
                         .vocab = 151936,
                         .heads = 32,
                         .kv_heads = 4,
                         .head_dim = 128,
                         .inner = 6144,
                         .experts = 128,
                         .top_k = 8,
                         .moe_inner = 768,
                         .max_positions = 40960};
    struct mix_memory_layout l = layout(&a, 1, 1);
    struct mix_memory m, half;
    int64_t matrices;

    for (int i = 0; i < a.layers; i++)
        a.moe[i] = true;
    l.dtype = l.kv_dtype = MIX_BF16;
    l.packed = 2;
    l.max_model_len = 0; /* no table of angles */
    mix_memory_count(&l, &m);
    matrices = m.attention + m.experts + m.dense + m.vocabulary;
    ok(matrices + m.rest / 2 == 61064245248, "Qwen3-30B-A3B has its published size");
    ok(m.kv_page == 16 * 48 * 2 * 4 * 128 * 2, "98304 bytes of keys and values a token");
    l.tp = l.etp = 8;
    mix_memory_count(&l, &half);
    ok(half.experts * 8 == m.experts && half.kv_page * 4 == m.kv_page,
       "tp 8 has an eighth of the experts and a quarter of the kv heads");
}

/* DeepSeek-V3: 671 G parameters; 70.272 KB of latents a token in bfloat16 ("Insights into
 * DeepSeek-V3", ISCA 2025, table 1). */
static void deepseek_v3(void)
{
    struct mix_arch a = {.family = MIX_DEEPSEEK_V3,
                         .hidden = 7168,
                         .layers = 61,
                         .vocab = 129280,
                         .heads = 128,
                         .kv_heads = 128,
                         .head_dim = 192,
                         .inner = 18432,
                         .experts = 256,
                         .top_k = 8,
                         .moe_inner = 2048,
                         .shared_experts = 1,
                         .q_lora_rank = 1536,
                         .kv_lora_rank = 512,
                         .qk_nope_dim = 128,
                         .qk_rope_dim = 64,
                         .v_dim = 128,
                         .groups = 8,
                         .top_groups = 4,
                         .max_positions = 163840};
    struct mix_memory_layout l = layout(&a, 1, 1);
    struct mix_memory m, split;
    int64_t numbers;

    for (int i = 3; i < a.layers; i++)
        a.moe[i] = true;
    l.dtype = l.kv_dtype = MIX_BF16;
    l.packed = 2;
    l.max_model_len = 0;
    mix_memory_count(&l, &m);
    numbers = (m.attention + m.experts + m.dense + m.vocabulary) / 2 + m.rest / 4;
    ok(numbers == mix_tensors_parameters(&a) && numbers / 1000000000 == 671,
       "DeepSeek-V3 has 671 G parameters (%lld)", (long long)numbers);
    ok(m.kv_page == 16 * 70272, "70.272 KB of latents a token");
    l.tp = l.etp = 8;
    mix_memory_count(&l, &split);
    ok(split.kv_page == m.kv_page && split.experts * 8 == m.experts,
       "every rank of tp holds the latents");
    l.packed = 4;
    l.tp = l.etp = 1;
    l.max_model_len = 163840;
    l.max_num_seqs = l.max_batched_tokens = 1 << 20;
    mix_memory_count(&l, &m);
    ok(m.weights > 2600000000000 && m.activations > 0, "large limits overflow nothing");
}

int main(void)
{
    by_hand();
    expert_parallel();
    eight_bits();
    uneven();
    types();
    qwen3_30b();
    deepseek_v3();
    return tap_done();
}
