/* arch.c - see arch.h.
 *
 * A family's numbers are read by one function each; the checks stand beside the
 * reads.  What is not read here changes nothing in what the program computes. */
#include "arch/arch.h"

#include "arch/members.h"
#include "base/err.h"
#include "base/str.h"

#include <errno.h>
#include <math.h>
#include <string.h>
#include <sys/stat.h>

/* Far above any published model, and small enough that no product of two leaves an int. */
enum {
    MOST_WIDTH = 1 << 22, /* hidden, inner */
    MOST_HEADS = 4096,
    MOST_HEAD = 4096, /* numbers of a head */
    MOST_EXPERTS = 4096,
    MOST_VOCAB = 1 << 24,
    MOST_POSITIONS = 1 << 30,
};

struct mix_part mix_split(int x, int p, int t)
{
    int first = (int)((long long)x * t / p);

    return (struct mix_part){first, (int)((long long)x * (t + 1) / p) - first};
}

/* ---- what both families have */

/* A feature that is only there in the other setting. */
static int only_false(const struct mix_members *m, const char *key)
{
    bool on = false;
    int rc = mix_members_bool_or(m, key, &on);

    if (rc == MIX_OK && on)
        rc = mix_members_wrong(m, key, "false: true is not supported");
    return rc;
}

static int only_text(const struct mix_members *m, const char *key, const char *want)
{
    const char *found = want;
    int rc = mix_members_text_or(m, key, &found);

    if (rc == MIX_OK && strcmp(found, want) != 0)
        rc = mix_members_wrong(m, key, "\"%s\": nothing else is supported", want);
    return rc;
}

static int load_dtype(struct mix_arch *a, const struct mix_members *m)
{
    static const struct {
        const char *name;
        enum mix_dtype dtype;
    } types[] = {{"bfloat16", MIX_BF16}, {"float16", MIX_F16}, {"float32", MIX_F32}};
    const char *name = "float32";
    int rc;

    TRY(mix_members_text_or(m, "torch_dtype|dtype", &name));
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strcmp(name, types[i].name) == 0) {
            a->dtype = types[i].dtype;
            return MIX_OK;
        }
    rc = mix_members_wrong(m, "torch_dtype|dtype", "bfloat16, float16 or float32");
out:
    return rc;
}

/* rope_theta stands beside rope_scaling, or with it in rope_parameters (transformers 5). */
static int load_rope(struct mix_arch *a, const struct mix_members *m)
{
    static const char key[] = "rope_scaling|rope_parameters";
    struct mix_members rope = {m->path, "rope_scaling.", mix_members_get(m, key)};
    const char *type = "default";
    bool truncate = true;
    int rc;

    a->rope_theta = 10000;
    TRY(mix_members_real_or(m, "rope_theta", 1, 1e12, &a->rope_theta));
    if (mix_members_get(m, "partial_rotary_factor"))
        return mix_members_wrong(m, "partial_rotary_factor", "nothing: it is not supported");
    if (!rope.object)
        return MIX_OK;
    if (!json_is_object(rope.object))
        return mix_members_wrong(m, key, "an object");
    TRY(mix_members_real_or(&rope, "rope_theta", 1, 1e12, &a->rope_theta));
    TRY(mix_members_text_or(&rope, "rope_type|type", &type));
    if (strcmp(type, "default") == 0)
        return MIX_OK;
    if (strcmp(type, "yarn") != 0)
        return mix_members_wrong(&rope, "rope_type|type", "default or yarn");

    a->yarn_original = a->max_positions;
    a->yarn_beta_fast = 32;
    a->yarn_beta_slow = 1;
    TRY(mix_members_real(&rope, "factor", 1, 1e6, &a->yarn_factor));
    TRY(mix_members_int_or(&rope, "original_max_position_embeddings", 1, MOST_POSITIONS,
                           &a->yarn_original));
    TRY(mix_members_real_or(&rope, "beta_fast", 1e-6, 1e6, &a->yarn_beta_fast));
    TRY(mix_members_real_or(&rope, "beta_slow", 1e-6, 1e6, &a->yarn_beta_slow));
    TRY(mix_members_real_or(&rope, "mscale", 0, 1e6, &a->yarn_mscale));
    TRY(mix_members_real_or(&rope, "mscale_all_dim", 0, 1e6, &a->yarn_mscale_all_dim));
    if (mix_members_get(&rope, "attention_factor"))
        return mix_members_wrong(&rope, "attention_factor", "nothing: it is not supported");
    TRY(mix_members_bool_or(&rope, "truncate", &truncate));
    if (!truncate)
        rc = mix_members_wrong(&rope, "truncate", "true: nothing else is supported");
out:
    return rc;
}

static int load_quantization(struct mix_arch *a, const struct mix_members *m)
{
    struct mix_members q = {m->path, "quantization_config.",
                            mix_members_get(m, "quantization_config")};
    int block[2], n = 0, rc;

    if (!q.object)
        return MIX_OK;
    if (!json_is_object(q.object))
        return mix_members_wrong(m, "quantization_config", "an object");
    if (!mix_members_get(&q, "quant_method"))
        return mix_members_wrong(&q, "quant_method", "\"fp8\"");
    TRY(only_text(&q, "quant_method", "fp8"));
    TRY(only_text(&q, "fmt", "e4m3"));
    TRY(only_text(&q, "activation_scheme", "dynamic"));
    TRY(mix_members_ints_or(&q, "weight_block_size", 1, 1 << 16, block, 2, &n));
    if (n != 2 || block[0] != block[1])
        return mix_members_wrong(&q, "weight_block_size", "two equal sizes");
    a->fp8_block = block[0];
out:
    return rc;
}

static int load_common(struct mix_arch *a, const struct mix_members *m)
{
    double eps = 1e-6;
    int rc;

    TRY(mix_members_int(m, "num_hidden_layers", 1, MIX_MAX_LAYERS, &a->layers));
    TRY(mix_members_int(m, "hidden_size", 1, MOST_WIDTH, &a->hidden));
    TRY(mix_members_int(m, "vocab_size", 1, MOST_VOCAB, &a->vocab));
    TRY(mix_members_int(m, "num_attention_heads", 1, MOST_HEADS, &a->heads));
    TRY(mix_members_int(m, "intermediate_size", 1, MOST_WIDTH, &a->inner));
    TRY(mix_members_int(m, "moe_intermediate_size", 1, MOST_WIDTH, &a->moe_inner));
    TRY(mix_members_int(m, "max_position_embeddings", 1, MOST_POSITIONS, &a->max_positions));
    TRY(mix_members_real_or(m, "rms_norm_eps", 0, 1, &eps));
    a->rms_eps = (float)eps;
    TRY(mix_members_bool_or(m, "tie_word_embeddings", &a->tied));
    TRY(only_text(m, "hidden_act", "silu"));
    TRY(only_false(m, "attention_bias"));
    TRY(load_dtype(a, m));
    TRY(load_rope(a, m));
    TRY(load_quantization(a, m));
    rc =
        mix_members_ints_or(m, "eos_token_id", 0, a->vocab - 1, a->eos, MIX_MAX_EOS, &a->eos_count);
out:
    return rc;
}

/* ---- qwen3_moe */

static int load_qwen3_moe(struct mix_arch *a, const struct mix_members *m)
{
    const json_t *dense = mix_members_get(m, "mlp_only_layers"), *window, *e;
    bool windowed = false;
    int step = 1, rc;
    size_t i;

    TRY(load_common(a, m));
    a->kv_heads = a->heads;
    TRY(mix_members_int_or(m, "num_key_value_heads", 1, a->heads, &a->kv_heads));
    if (a->heads % a->kv_heads != 0)
        return mix_members_wrong(m, "num_key_value_heads", "a divisor of num_attention_heads, %d",
                                 a->heads);
    a->head_dim = a->hidden / a->heads;
    TRY(mix_members_int_or(m, "head_dim", 1, MOST_HEAD, &a->head_dim));
    if (a->head_dim < 2 || a->head_dim % 2 != 0 || a->head_dim > MOST_HEAD)
        return mix_members_wrong(m, "head_dim", "an even size (hidden_size / heads is %d)",
                                 a->hidden / a->heads);
    TRY(mix_members_int(m, "num_experts|num_local_experts", 1, MOST_EXPERTS, &a->experts));
    TRY(mix_members_int(m, "num_experts_per_tok", 1, a->experts, &a->top_k));
    TRY(mix_members_bool_or(m, "norm_topk_prob", &a->norm_topk_prob));

    TRY(mix_members_bool_or(m, "use_sliding_window", &windowed));
    window = json_object_get(m->object, "sliding_window");
    if (windowed && !json_is_null(window)) /* left out means 4096 */
        return mix_members_wrong(m, "use_sliding_window",
                                 "false: a sliding window is not "
                                 "supported");

    TRY(mix_members_int_or(m, "decoder_sparse_step", 1, 1 << 16, &step));
    for (int l = 0; l < a->layers; l++)
        a->moe[l] = (l + 1) % step == 0;
    if (dense && !json_is_array(dense))
        return mix_members_wrong(m, "mlp_only_layers", "a list of layers");
    json_array_foreach((json_t *)dense, i, e)
    {
        if (!json_is_integer(e) || json_integer_value(e) < 0)
            return mix_members_wrong(m, "mlp_only_layers", "a list of layers");
        if (json_integer_value(e) < a->layers)
            a->moe[json_integer_value(e)] = false;
    }
out:
    return rc;
}

/* ---- deepseek_v3 */

static int load_deepseek_v3(struct mix_arch *a, const struct mix_members *m)
{
    int kv_heads, first, freq = 1, rc;
    bool interleaved = true;

    TRY(load_common(a, m));
    a->kv_heads = kv_heads = a->heads;
    TRY(mix_members_int_or(m, "num_key_value_heads", 1, MOST_HEADS, &kv_heads));
    if (kv_heads != a->heads)
        return mix_members_wrong(m, "num_key_value_heads", "%d, as num_attention_heads", a->heads);
    TRY(mix_members_int_or(m, "q_lora_rank", 1, MOST_WIDTH, &a->q_lora_rank));
    TRY(mix_members_int(m, "kv_lora_rank", 1, MOST_WIDTH, &a->kv_lora_rank));
    TRY(mix_members_int(m, "qk_nope_head_dim", 1, MOST_HEAD, &a->qk_nope_dim));
    TRY(mix_members_int(m, "qk_rope_head_dim", 1, MOST_HEAD, &a->qk_rope_dim));
    if (a->qk_rope_dim % 2 != 0)
        return mix_members_wrong(m, "qk_rope_head_dim", "an even size");
    TRY(mix_members_int(m, "v_head_dim", 1, MOST_HEAD, &a->v_dim));
    a->head_dim = a->qk_nope_dim + a->qk_rope_dim;
    TRY(mix_members_bool_or(m, "rope_interleave", &interleaved));
    if (!interleaved)
        return mix_members_wrong(m, "rope_interleave", "true: nothing else is supported");

    a->norm_topk_prob = true;
    TRY(mix_members_int(m, "n_routed_experts|num_local_experts", 1, MOST_EXPERTS, &a->experts));
    TRY(mix_members_int(m, "num_experts_per_tok", 1, a->experts, &a->top_k));
    TRY(mix_members_int(m, "n_shared_experts", 0, 64, &a->shared_experts));
    TRY(mix_members_bool_or(m, "norm_topk_prob", &a->norm_topk_prob));
    TRY(mix_members_real(m, "routed_scaling_factor", 1e-6, 1e6, &a->routed_scale));
    TRY(mix_members_int(m, "n_group", 1, a->experts, &a->groups));
    if (a->experts % a->groups != 0)
        return mix_members_wrong(m, "n_group", "a divisor of the number of experts, %d",
                                 a->experts);
    TRY(mix_members_int(m, "topk_group", 1, a->groups, &a->top_groups));
    if (a->top_k > a->experts / a->groups * a->top_groups)
        return mix_members_wrong(m, "num_experts_per_tok",
                                 "at most the %d experts of topk_group groups",
                                 a->experts / a->groups * a->top_groups);
    /* A group is chosen by the sum of its two best experts. */
    if (a->groups > 1 && a->experts / a->groups < 2)
        return mix_members_wrong(m, "n_group", "groups of two experts or more");
    TRY(only_text(m, "scoring_func", "sigmoid"));
    TRY(only_text(m, "topk_method", "noaux_tc"));

    TRY(mix_members_int(m, "first_k_dense_replace", 0, 1 << 16, &first));
    TRY(mix_members_int_or(m, "moe_layer_freq", 1, 1, &freq));
    for (int l = 0; l < a->layers; l++)
        a->moe[l] = l >= first;
out:
    return rc;
}

/* ---- the two files */

static int load_config(struct mix_arch *a, const char *path)
{
    struct mix_members m = {path, "", NULL};
    const char *type = "";
    json_t *root = NULL;
    int rc;

    TRY(mix_members_load(&root, path));
    m.object = root;
    TRY(mix_members_text_or(&m, "model_type", &type));
    if (strcmp(type, "qwen3_moe") == 0) {
        a->family = MIX_QWEN3_MOE;
        rc = load_qwen3_moe(a, &m);
    } else if (strcmp(type, "deepseek_v3") == 0) {
        a->family = MIX_DEEPSEEK_V3;
        rc = load_deepseek_v3(a, &m);
    } else {
        rc = mix_members_wrong(&m, "model_type", "qwen3_moe or deepseek_v3");
    }
out:
    json_decref(root);
    return rc;
}

static int load_generation(struct mix_arch *a, const char *path)
{
    struct mix_members m = {path, "", NULL};
    bool sample = true;
    json_t *root = NULL;
    struct stat st;
    int rc;

    a->gen_temperature = a->gen_top_p = NAN;
    a->gen_top_k = -1;
    if (stat(path, &st) != 0 && errno == ENOENT)
        return MIX_OK;
    TRY(mix_members_load(&root, path));
    m.object = root;
    TRY(mix_members_real_or(&m, "temperature", 0, 1000, &a->gen_temperature));
    TRY(mix_members_real_or(&m, "top_p", 0, 1, &a->gen_top_p));
    TRY(mix_members_int_or(&m, "top_k", -1, MOST_VOCAB, &a->gen_top_k));
    TRY(mix_members_bool_or(&m, "do_sample", &sample));
    if (!sample)
        a->gen_temperature = 0;
    rc = mix_members_ints_or(&m, "eos_token_id", 0, a->vocab - 1, a->eos, MIX_MAX_EOS,
                             &a->eos_count);
out:
    json_decref(root);
    return rc;
}

int mix_arch_load(struct mix_arch *out, const char *dir)
{
    struct mix_arch a = {0};
    struct mix_str config = {0}, generation = {0};
    int rc;

    TRY(mix_str_addf(&config, "%s/config.json", dir));
    TRY(mix_str_addf(&generation, "%s/generation_config.json", dir));
    TRY(load_config(&a, config.s));
    TRY(load_generation(&a, generation.s));
    *out = a;
out:
    mix_str_fini(&config);
    mix_str_fini(&generation);
    return rc;
}

const char *mix_arch_cannot_run(const struct mix_arch *a)
{
    if (a->family == MIX_DEEPSEEK_V3)
        return "deepseek_v3 can be planned, but this version has no forward pass for it";
    if (a->fp8_block)
        return "this version has no FP8 weights: take the model's bfloat16 form";
    if (a->yarn_factor > 0)
        return "this version has no YaRN: remove rope_scaling from config.json";
    return NULL;
}
