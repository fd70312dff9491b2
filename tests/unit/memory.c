/* memory.c - bytes of a rank, against sums made by hand and against published sizes. */
#include "plan/memory.h"

#include "arch/tensors.h"
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
 * 3 x [5][8].  Norms 8 + 8 + 4 + 4 a layer and 8 at the end, router [3][8]; angles 64 x 4. */
static void by_hand(void)
{
    static const struct {
        int tp, etp;
        struct mix_memory want;
    } cases[] = {
        {1, 1, {3072, 1440, 1152, 640, 1344, 7648, 2048, 4128}},
        {2, 2, {1536, 864, 576, 320, 1344, 4640, 1024, 3872}},
        {4, 4, {1024, 576, 288, 192, 1344, 3424, 1024, 3552}}, /* each kv head on two ranks */
        {2, 1, {1536, 1440, 576, 320, 1344, 5216, 1024, 0}},   /* experts whole */
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
        ok(!w.activations || m.activations == w.activations,
           "activations at tp %d: %lld bytes, expected %lld", l.tp, (long long)m.activations,
           (long long)w.activations);
    }
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
    types();
    qwen3_30b();
    deepseek_v3();
    return tap_done();
}
