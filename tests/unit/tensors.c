/* tensors.c - the table of tensors against published totals, published files, and itself. */
#include "arch/tensors.h"

#include "base/err.h"
#include "base/log.h"
#include "io/safetensors.h"
#include "tap.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct mix_arch qwen30 = {.family = MIX_QWEN3_MOE,
                                       .hidden = 2048,
                                       .layers = 48,
                                       .vocab = 151936,
                                       .heads = 32,
                                       .kv_heads = 4,
                                       .head_dim = 128,
                                       .inner = 6144,
                                       .experts = 128,
                                       .top_k = 8,
                                       .moe_inner = 768};
static const struct mix_arch qwen235 = {.family = MIX_QWEN3_MOE,
                                        .hidden = 4096,
                                        .layers = 94,
                                        .vocab = 151936,
                                        .heads = 64,
                                        .kv_heads = 4,
                                        .head_dim = 128,
                                        .inner = 12288,
                                        .experts = 128,
                                        .top_k = 8,
                                        .moe_inner = 1536};
static const struct mix_arch deepseek = {.family = MIX_DEEPSEEK_V3,
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
                                         .fp8_block = 128};
/* Not a size alike, so that a wrong one shows. */
static const struct mix_arch small = {.family = MIX_DEEPSEEK_V3,
                                      .hidden = 24,
                                      .layers = 2,
                                      .vocab = 40,
                                      .heads = 2,
                                      .kv_heads = 2,
                                      .head_dim = 12,
                                      .inner = 20,
                                      .experts = 4,
                                      .top_k = 2,
                                      .moe_inner = 12,
                                      .shared_experts = 2,
                                      .q_lora_rank = 14,
                                      .kv_lora_rank = 10,
                                      .qk_nope_dim = 8,
                                      .qk_rope_dim = 4,
                                      .v_dim = 6,
                                      .moe = {false, true}};

static struct mix_arch with_experts(const struct mix_arch *a, int first)
{
    struct mix_arch copy = *a;

    for (int l = first; l < a->layers; l++)
        copy.moe[l] = true;
    return copy;
}

static void totals(void)
{
    /* numel() of every parameter of the model on torch's meta device, transformers 5.24.0; for
     * DeepSeek-V3 and the 58 x 256 biases of its routers, which are buffers there.  Published, they
     * are the 30.5 B, 235 B and 671 B of the names. */
    const struct {
        const char *name;
        struct mix_arch arch;
        long long parameters;
        int tensors;
    } cases[] = {
        {"Qwen3-30B-A3B", with_experts(&qwen30, 0), 30532122624, 3 + 48 * (9 + 3 * 128)},
        {"Qwen3-235B-A22B", with_experts(&qwen235, 0), 235093634560, 3 + 94 * (9 + 3 * 128)},
        {"DeepSeek-V3", with_experts(&deepseek, 3), 671026404352 + 14848,
         3 + 61 * (9 + 5) + 3 * 6 + 58 * (2 + 6 + 6 * 256)},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct mix_arch *a = &cases[i].arch;
        struct mix_tensor_spec t, again;
        int64_t sum = 0;
        int wrong = 0;

        ok(mix_tensors_parameters(a) == cases[i].parameters, "%s has %lld parameters",
           cases[i].name, cases[i].parameters);
        ok(mix_tensors_count(a) == cases[i].tensors, "%s has %d tensors", cases[i].name,
           cases[i].tensors);
        for (int k = 0; k < mix_tensors_count(a); k++) {
            mix_tensors_at(a, k, &t);
            sum += t.scale ? 0 : (int64_t)t.shape[0] * t.shape[1];
            wrong += !mix_tensors_get(a, t.role, t.scale, t.layer, t.expert, &again) ||
                     strcmp(t.name, again.name) != 0 || t.layer != again.layer ||
                     t.expert != again.expert || t.shape[0] != again.shape[0] ||
                     t.scale != again.scale;
        }
        ok(sum == cases[i].parameters, "%s: its tensors one by one add up", cases[i].name);
        ok(wrong == 0, "%s: each is found by role, layer and expert", cases[i].name);
    }
}

/* What transformers 5.24.0 saves for DeepseekV3Config of `small`. */
static const struct {
    const char *name;
    int rows, columns;
} saved[] = {
    {"lm_head.weight", 40, 24},
    {"model.embed_tokens.weight", 40, 24},
    {"model.layers.0.input_layernorm.weight", 24, 0},
    {"model.layers.0.mlp.down_proj.weight", 24, 20},
    {"model.layers.0.mlp.gate_proj.weight", 20, 24},
    {"model.layers.0.mlp.up_proj.weight", 20, 24},
    {"model.layers.0.post_attention_layernorm.weight", 24, 0},
    {"model.layers.0.self_attn.kv_a_layernorm.weight", 10, 0},
    {"model.layers.0.self_attn.kv_a_proj_with_mqa.weight", 14, 24},
    {"model.layers.0.self_attn.kv_b_proj.weight", 28, 10},
    {"model.layers.0.self_attn.o_proj.weight", 24, 12},
    {"model.layers.0.self_attn.q_a_layernorm.weight", 14, 0},
    {"model.layers.0.self_attn.q_a_proj.weight", 14, 24},
    {"model.layers.0.self_attn.q_b_proj.weight", 24, 14},
    {"model.layers.1.input_layernorm.weight", 24, 0},
    {"model.layers.1.mlp.experts.0.down_proj.weight", 24, 12},
    {"model.layers.1.mlp.experts.0.gate_proj.weight", 12, 24},
    {"model.layers.1.mlp.experts.0.up_proj.weight", 12, 24},
    {"model.layers.1.mlp.experts.1.down_proj.weight", 24, 12},
    {"model.layers.1.mlp.experts.1.gate_proj.weight", 12, 24},
    {"model.layers.1.mlp.experts.1.up_proj.weight", 12, 24},
    {"model.layers.1.mlp.experts.2.down_proj.weight", 24, 12},
    {"model.layers.1.mlp.experts.2.gate_proj.weight", 12, 24},
    {"model.layers.1.mlp.experts.2.up_proj.weight", 12, 24},
    {"model.layers.1.mlp.experts.3.down_proj.weight", 24, 12},
    {"model.layers.1.mlp.experts.3.gate_proj.weight", 12, 24},
    {"model.layers.1.mlp.experts.3.up_proj.weight", 12, 24},
    {"model.layers.1.mlp.gate.e_score_correction_bias", 4, 0},
    {"model.layers.1.mlp.gate.weight", 4, 24},
    {"model.layers.1.mlp.shared_experts.down_proj.weight", 24, 24},
    {"model.layers.1.mlp.shared_experts.gate_proj.weight", 24, 24},
    {"model.layers.1.mlp.shared_experts.up_proj.weight", 24, 24},
    {"model.layers.1.post_attention_layernorm.weight", 24, 0},
    {"model.layers.1.self_attn.kv_a_layernorm.weight", 10, 0},
    {"model.layers.1.self_attn.kv_a_proj_with_mqa.weight", 14, 24},
    {"model.layers.1.self_attn.kv_b_proj.weight", 28, 10},
    {"model.layers.1.self_attn.o_proj.weight", 24, 12},
    {"model.layers.1.self_attn.q_a_layernorm.weight", 14, 0},
    {"model.layers.1.self_attn.q_a_proj.weight", 14, 24},
    {"model.layers.1.self_attn.q_b_proj.weight", 24, 14},
    {"model.norm.weight", 24, 0},
};
enum { SAVED = sizeof saved / sizeof saved[0] };

static void names(void)
{
    struct mix_arch a = small;
    struct mix_tensor_spec t;
    char seen[SAVED] = {0};
    int wrong = 0, scales = 0;

    ok(mix_tensors_count(&a) == SAVED, "as many tensors as transformers saves");
    for (int i = 0; i < SAVED; i++) {
        int k = 0;
        mix_tensors_at(&a, i, &t);
        while (k < SAVED && strcmp(saved[k].name, t.name) != 0)
            k++;
        if (k == SAVED || seen[k] || t.shape[0] != saved[k].rows ||
            t.rank != 1 + !!saved[k].columns || (t.rank == 2 && t.shape[1] != saved[k].columns)) {
            printf("# %s [%d, %d]\n", t.name, t.shape[0], t.shape[1]);
            wrong++;
        } else {
            seen[k] = 1;
        }
    }
    ok(wrong == 0, "with the same names and shapes, each once");

    a.fp8_block = 5;
    for (int i = 0; i < mix_tensors_count(&a); i++) {
        mix_tensors_at(&a, i, &t);
        scales += t.scale && strcmp(t.name + strlen(t.name) - 17, ".weight_scale_inv") == 0;
    }
    /* Attention 5 a layer, dense 3, shared 3, experts 12. */
    ok(scales == 2 * 5 + 3 + 3 + 12 && mix_tensors_count(&a) == SAVED + scales,
       "an FP8 model has scales of its products, not of router, embedding and head");
    ok(mix_tensors_get(&a, MIX_KV_UP, true, 1, 0, &t) && t.shape[0] == 6 && t.shape[1] == 2 &&
           !t.fp8 && mix_tensors_get(&a, MIX_KV_UP, false, 1, 0, &t) && t.fp8,
       "a scale for each block, also for the cut ones");

    ok(!mix_tensors_get(&a, MIX_K, false, 0, 0, &t) && !mix_tensors_get(&a, MIX_Q, false, 0, 0, &t),
       "no keys, no whole queries in latent attention");
    ok(!mix_tensors_get(&a, MIX_ROUTER, false, 0, 0, &t) &&
           !mix_tensors_get(&a, MIX_GATE, false, 1, 0, &t) &&
           !mix_tensors_get(&a, MIX_EXPERT_UP, false, 0, 0, &t),
       "no router in a dense layer, no dense block beside experts");
    ok(!mix_tensors_get(&a, MIX_EXPERT_UP, false, 1, 4, &t) &&
           !mix_tensors_get(&a, MIX_EXPERT_UP, false, 1, -1, &t) &&
           !mix_tensors_get(&a, MIX_O, false, 2, 0, &t) &&
           !mix_tensors_get(&a, MIX_O, false, -1, 0, &t),
       "no expert and no layer beyond the last");
    ok(!mix_tensors_get(&a, MIX_ROUTER, true, 1, 0, &t) &&
           !mix_tensors_get(&a, MIX_HEAD, true, 0, 0, &t),
       "no scales of what is not FP8");
    a.q_lora_rank = 0;
    ok(mix_tensors_get(&a, MIX_Q, false, 1, 0, &t) && t.shape[0] == 24 && t.shape[1] == 24 &&
           !mix_tensors_get(&a, MIX_Q_UP, false, 1, 0, &t),
       "without q_lora_rank queries are one product");
    a.tied = true;
    ok(!mix_tensors_get(&a, MIX_HEAD, false, 0, 0, &t) &&
           mix_tensors_get(&a, MIX_EMBED, false, 7, 7, &t) && t.layer == -1 && t.expert == -1,
       "a tied model has an embedding and no head");
    a.shared_experts = 0;
    ok(!mix_tensors_get(&a, MIX_SHARED_UP, false, 1, 0, &t), "no shared expert, no tensors of one");
}

/* Parts of all ranks: they cover it, and only what kv heads share is there twice. */
static void parts(void)
{
    struct mix_arch deep = small, qwen = with_experts(&qwen30, 0);
    const struct mix_arch *archs[] = {&deep, &qwen};
    struct mix_tensor_spec t, weight;
    int holes = 0, cut_heads = 0, outside = 0;

    deep.fp8_block = 5;
    for (int m = 0; m < 2; m++)
        for (int i = 0; i < mix_tensors_count(archs[m]); i += m ? 97 : 1)
            for (int p = 1; p <= 8; p++) {
                int reach = 0;
                mix_tensors_at(archs[m], i, &t);
                for (int r = 0; r < p; r++) {
                    struct mix_part part = mix_tensors_part(archs[m], &t, p, r);
                    outside += part.first < 0 || part.count < 0 ||
                               part.first + part.count > t.shape[t.axis];
                    holes += part.count && part.first > reach;
                    cut_heads += !t.scale && (part.first % t.unit || part.count % t.unit);
                    reach = part.first + part.count > reach ? part.first + part.count : reach;
                    if (t.scale) { /* the blocks of the weight's part */
                        struct mix_part w;
                        mix_tensors_get(archs[m], t.role, false, t.layer, t.expert, &weight);
                        w = mix_tensors_part(archs[m], &weight, p, r);
                        outside += w.count && (part.first * 5 > w.first ||
                                               (part.first + part.count) * 5 < w.first + w.count);
                    }
                }
                holes += reach != t.shape[t.axis];
            }
    ok(holes == 0, "the parts of all ranks cover every tensor");
    ok(cut_heads == 0, "no head is cut");
    ok(outside == 0, "no part leaves its tensor; scales cover their weights");

    static const struct {
        int heads, kv_heads, p, i, first, count; /* in heads */
    } kv[] = {
        {32, 4, 1, 0, 0, 4}, {32, 4, 2, 1, 2, 2}, {32, 4, 4, 3, 3, 1}, {32, 4, 8, 0, 0, 1},
        {32, 4, 8, 1, 0, 1}, {32, 4, 8, 7, 3, 1}, {4, 1, 4, 2, 0, 1},  {12, 4, 6, 1, 0, 2},
        {12, 6, 4, 1, 1, 2}, {4, 2, 8, 0, 0, 0},
    };
    for (size_t k = 0; k < sizeof kv / sizeof kv[0]; k++) {
        struct mix_arch a = qwen;
        a.heads = kv[k].heads;
        a.kv_heads = kv[k].kv_heads;
        mix_tensors_get(&a, MIX_K, false, 0, 0, &t);
        struct mix_part part = mix_tensors_part(&a, &t, kv[k].p, kv[k].i);
        ok(t.unit == 128 && part.first == kv[k].first * 128 && part.count == kv[k].count * 128,
           "%d heads, %d kv heads: rank %d of %d has kv heads %d to %d", kv[k].heads,
           kv[k].kv_heads, kv[k].i, kv[k].p, kv[k].first, kv[k].first + kv[k].count - 1);
    }
    mix_tensors_get(&qwen, MIX_O, false, 5, 0, &t);
    ok(t.axis == 1 && t.split == MIX_SPLIT_HEADS && t.unit == 128 && t.whole == 4096,
       "the output projection is cut by columns");
    mix_tensors_get(&deep, MIX_KV_UP, false, 0, 0, &t);
    ok(t.axis == 0 && t.unit == 14, "keys and values of a head come from consecutive rows");
    mix_tensors_get(&qwen, MIX_EXPERT_DOWN, false, 5, 3, &t);
    ok(t.split == MIX_SPLIT_EXPERT && t.axis == 1 && t.layer == 5 && t.expert == 3 &&
           strcmp(t.name, "model.layers.5.mlp.experts.3.down_proj.weight") == 0,
       "an expert's down projection is cut by columns over etp");
}

static void fits(void)
{
    struct mix_arch a = small;
    struct mix_tensor_spec matrix, vector, fp8;
    const uint64_t good[] = {24, 12}, turned[] = {12, 24}, huge[] = {UINT64_MAX, UINT64_MAX},
                   eight[] = {UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX,
                              UINT64_MAX, UINT64_MAX, UINT64_MAX, UINT64_MAX};
    char why[MIX_TENSOR_WHY];

    mix_tensors_get(&a, MIX_O, false, 0, 0, &matrix);
    mix_tensors_get(&a, MIX_ATTN_NORM, false, 0, 0, &vector);
    a.fp8_block = 5;
    mix_tensors_get(&a, MIX_O, false, 0, 0, &fp8);
    const struct {
        const char *what;
        const struct mix_tensor_spec *t;
        const char *dtype;
        int rank;
        const uint64_t *shape;
        const char *why; /* NULL: it fits */
    } cases[] = {
        {"bfloat16", &matrix, "BF16", 2, good, NULL},
        {"half", &matrix, "F16", 2, good, NULL},
        {"float32", &matrix, "F32", 2, good, NULL},
        {"a vector", &vector, "BF16", 1, good, NULL},
        {"FP8", &fp8, "F8_E4M3", 2, good, NULL},
        {"integers", &matrix, "I64", 2, good,
         "expected BF16, F16 or F32 [24, 12], found I64 [24, 12]"},
        {"FP8 in a model that has none", &matrix, "F8_E4M3", 2, good,
         "expected BF16, F16 or F32 [24, 12], found F8_E4M3 [24, 12]"},
        {"bfloat16 in an FP8 model", &fp8, "BF16", 2, good,
         "expected F8_E4M3 [24, 12], found BF16 [24, 12]"},
        {"an unknown type", &matrix, "F4", 2, good,
         "expected BF16, F16 or F32 [24, 12], found F4 [24, 12]"},
        {"a transposed one", &matrix, "BF16", 2, turned,
         "expected BF16, F16 or F32 [24, 12], found BF16 [12, 24]"},
        {"one dimension less", &matrix, "BF16", 1, good,
         "expected BF16, F16 or F32 [24, 12], found BF16 [24]"},
        {"one more", &vector, "BF16", 2, good,
         "expected BF16, F16 or F32 [24], found BF16 [24, 12]"},
        {"a number", &vector, "BF16", 0, good, "expected BF16, F16 or F32 [24], found BF16 []"},
        {"none at all", &matrix, NULL, 0, NULL,
         "expected BF16, F16 or F32 [24, 12], found nothing"},
        {"a huge one", &matrix, "BF16", 2, huge,
         "found BF16 [18446744073709551615, 18446744073709551615]"},
        {"eight huge ones", &matrix, "BF16", 8, eight, "found BF16 [18446744073709551615, "},
    };

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        memset(why, '?', sizeof why);
        bool good_one =
            mix_tensors_fits(cases[i].t, cases[i].dtype, cases[i].rank, cases[i].shape, why);
        ok(good_one == !cases[i].why &&
               (good_one || (memchr(why, 0, sizeof why) && strstr(why, cases[i].why))),
           "%s %s", cases[i].what, cases[i].why ? "does not fit, and that is said" : "fits");
        if (!good_one)
            printf("# %s\n", why);
    }
}

/* A folder of this project has exactly the tensors of the table. */
static void folder(const char *name)
{
    const char *top = getenv("srcdir");
    struct mix_safetensors *s = NULL;
    char path[512], why[MIX_TENSOR_WHY];
    struct mix_tensor_spec t;
    struct mix_arch a;
    int wrong = 0;

    snprintf(path, sizeof path, "%s/%s/config.json", top ? top : ".", name);
    FILE *f = fopen(path, "r");
    if (!f) {
        tap_skip(name, "not in this tree");
        return;
    }
    fclose(f);
    *strrchr(path, '/') = '\0';
    if (!ok(mix_arch_load(&a, path) == MIX_OK && mix_safetensors_open(&s, path) == MIX_OK,
            "%s opens", name))
        return;
    for (int i = 0; i < mix_tensors_count(&a); i++) {
        mix_tensors_at(&a, i, &t);
        const struct mix_tensor *found = mix_safetensors_find(s, t.name);
        if (!mix_tensors_fits(&t, found ? found->dtype_name : NULL, found ? found->rank : 0,
                              found ? found->shape : NULL, why)) {
            printf("# %s: %s\n", t.name, why);
            wrong++;
        }
    }
    ok(wrong == 0 && (size_t)mix_tensors_count(&a) == mix_safetensors_count(s),
       "%s has the tensors of the table and no others", name);
    ok(mix_tensors_parameters(&a) * 2 == (int64_t)mix_safetensors_bytes(s),
       "%s: 2 bytes a parameter", name);
    mix_safetensors_close(s);
}

int main(void)
{
    mix_log_level(MIX_LOG_SILENT);
    totals();
    names();
    parts();
    fits();
    folder("tests/golden/awkward");
    folder("inputs/models/tiny-qwen3-moe");
    return tap_done();
}
