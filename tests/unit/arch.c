/* arch.c - config.json of both families: the published ones, and every way to be wrong. */
#include "arch/arch.h"

#include "base/err.h"
#include "base/log.h"
#include "scratch.h"
#include "tap.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* As published with Qwen3-30B-A3B and DeepSeek-V3, without what nobody reads. */
static const char qwen[] =
    "{'model_type':'qwen3_moe','attention_bias':false,'decoder_sparse_step':1,"
    "'eos_token_id':151645,'head_dim':128,'hidden_act':'silu','hidden_size':2048,"
    "'intermediate_size':6144,'max_position_embeddings':40960,'max_window_layers':48,"
    "'mlp_only_layers':[],'moe_intermediate_size':768,'norm_topk_prob':true,"
    "'num_attention_heads':32,'num_experts':128,'num_experts_per_tok':8,'num_hidden_layers':48,"
    "'num_key_value_heads':4,'rms_norm_eps':1e-06,'rope_scaling':null,'rope_theta':1000000.0,"
    "'sliding_window':null,'tie_word_embeddings':false,'torch_dtype':'bfloat16',"
    "'use_sliding_window':false,'vocab_size':151936}";
static const char deepseek[] =
    "{'model_type':'deepseek_v3','attention_bias':false,'bos_token_id':0,'eos_token_id':1,"
    "'first_k_dense_replace':3,'hidden_act':'silu','hidden_size':7168,'intermediate_size':18432,"
    "'kv_lora_rank':512,'max_position_embeddings':163840,'moe_intermediate_size':2048,"
    "'moe_layer_freq':1,'n_group':8,'n_routed_experts':256,'n_shared_experts':1,"
    "'norm_topk_prob':true,'num_attention_heads':128,'num_experts_per_tok':8,"
    "'num_hidden_layers':61,'num_key_value_heads':128,'num_nextn_predict_layers':1,"
    "'q_lora_rank':1536,'qk_nope_head_dim':128,'qk_rope_head_dim':64,'quantization_config':"
    "{'activation_scheme':'dynamic','fmt':'e4m3','quant_method':'fp8',"
    "'weight_block_size':[128,128]},'rms_norm_eps':1e-06,'rope_scaling':{'beta_fast':32,"
    "'beta_slow':1,'factor':40,'mscale':1.0,'mscale_all_dim':1.0,"
    "'original_max_position_embeddings':4096,'type':'yarn'},'rope_theta':10000,"
    "'routed_scaling_factor':2.5,'scoring_func':'sigmoid','tie_word_embeddings':false,"
    "'topk_group':4,'topk_method':'noaux_tc','torch_dtype':'bfloat16','v_head_dim':128,"
    "'vocab_size':129280}";

static bool says(const char *a)
{
    bool good = strstr(mix_err_last(), a) != NULL;

    if (!good)
        printf("# said: %s\n", mix_err_last());
    return good;
}

/* JSON with ' for ". */
static json_t *json(const char *text)
{
    char copy[2048];
    size_t n = strlen(text);

    memcpy(copy, text, n + 1);
    for (char *p = copy; *p; p++)
        if (*p == '\'')
            *p = '"';
    return json_loads(copy, JSON_DECODE_ANY, NULL);
}

/* Write config.json: base with members changed ("key value; key value", a value of - removes). */
static void configure(const char *base, const char *changes)
{
    json_t *root = json(base);
    char copy[512], *rest = copy, *one;

    snprintf(copy, sizeof copy, "%s", changes);
    while ((one = strsep(&rest, ";")) != NULL) {
        char *key = one + strspn(one, " "), *value = strchr(key, ' ');
        if (!value)
            continue;
        *value++ = '\0';
        if (strcmp(value, "-") == 0)
            json_object_del(root, key);
        else
            json_object_set_new(root, key, json(value));
    }
    if (json_dump_file(root, scratch("config.json"), 0) != 0)
        printf("Bail out! cannot write config.json\n");
    json_decref(root);
}

static int load(struct mix_arch *a, const char *base, const char *changes)
{
    configure(base, changes);
    return mix_arch_load(a, scratch("."));
}

static void published(void)
{
    struct mix_arch a = {0};
    int experts = 0;

    ok(load(&a, qwen, "") == MIX_OK && a.family == MIX_QWEN3_MOE, "Qwen3-30B-A3B loads");
    ok(a.hidden == 2048 && a.layers == 48 && a.vocab == 151936 && a.heads == 32 &&
           a.kv_heads == 4 && a.head_dim == 128 && a.inner == 6144 && a.experts == 128 &&
           a.top_k == 8 && a.moe_inner == 768 && a.shared_experts == 0,
       "its sizes");
    ok(a.norm_topk_prob && !a.tied && a.rms_eps == 1e-6f && a.rope_theta == 1e6 &&
           a.max_positions == 40960 && a.dtype == MIX_BF16 && a.fp8_block == 0 &&
           a.yarn_factor == 0,
       "its constants");
    ok(a.eos_count == 1 && a.eos[0] == 151645, "its end of text");
    for (int l = 0; l < a.layers; l++)
        experts += a.moe[l];
    ok(experts == 48, "experts in every layer");
    ok(isnan(a.gen_temperature) && isnan(a.gen_top_p) && a.gen_top_k == -1,
       "no generation_config.json says nothing");
    ok(mix_arch_cannot_run(&a) == NULL, "it can be run");

    ok(load(&a, deepseek, "") == MIX_OK && a.family == MIX_DEEPSEEK_V3, "DeepSeek-V3 loads");
    ok(a.hidden == 7168 && a.layers == 61 && a.vocab == 129280 && a.heads == 128 &&
           a.kv_heads == 128 && a.head_dim == 192 && a.v_dim == 128 && a.inner == 18432 &&
           a.experts == 256 && a.top_k == 8 && a.moe_inner == 2048 && a.shared_experts == 1,
       "its sizes");
    ok(a.q_lora_rank == 1536 && a.kv_lora_rank == 512 && a.qk_nope_dim == 128 &&
           a.qk_rope_dim == 64 && a.groups == 8 && a.top_groups == 4 && a.routed_scale == 2.5 &&
           a.norm_topk_prob,
       "its latents and groups");
    ok(a.fp8_block == 128 && a.yarn_factor == 40 && a.yarn_original == 4096 &&
           a.yarn_beta_fast == 32 && a.yarn_beta_slow == 1 && a.yarn_mscale == 1 &&
           a.yarn_mscale_all_dim == 1 && a.rope_theta == 10000,
       "its FP8 and YaRN");
    ok(!a.moe[0] && !a.moe[2] && a.moe[3] && a.moe[60], "three dense layers, then experts");
    ok(mix_arch_cannot_run(&a) && strstr(mix_arch_cannot_run(&a), "deepseek_v3"),
       "it cannot be run yet, and that is said");
}

/* What transformers resolves, it is resolved here. */
static void resolved(void)
{
    struct mix_arch a = {0};

    ok(load(&a, qwen, "head_dim -") == MIX_OK && a.head_dim == 64, "head_dim is hidden / heads");
    ok(load(&a, qwen, "head_dim null") == MIX_OK && a.head_dim == 64, "also if it is null");
    ok(load(&a, qwen, "num_key_value_heads -") == MIX_OK && a.kv_heads == 32, "kv heads are heads");
    ok(load(&a, qwen, "rms_norm_eps -; rope_theta -; norm_topk_prob -; torch_dtype -") == MIX_OK &&
           a.rms_eps == 1e-6f && a.rope_theta == 10000 && !a.norm_topk_prob && a.dtype == MIX_F32,
       "defaults of qwen3_moe");
    ok(load(&a, deepseek,
            "norm_topk_prob -; q_lora_rank null; rope_scaling -; "
            "quantization_config -") == MIX_OK &&
           a.norm_topk_prob && a.q_lora_rank == 0 && a.yarn_factor == 0 && a.fp8_block == 0,
       "defaults of deepseek_v3");
    ok(load(&a, qwen, "mlp_only_layers [1,3,99]") == MIX_OK && a.moe[0] && !a.moe[1] && a.moe[2] &&
           !a.moe[3] && a.moe[47],
       "dense layers of a list; one beyond the last is nobody's");
    ok(load(&a, qwen, "decoder_sparse_step 2; mlp_only_layers [5]") == MIX_OK && !a.moe[0] &&
           a.moe[1] && !a.moe[2] && !a.moe[5] && a.moe[7],
       "experts in every second layer");
    ok(load(&a, qwen, "eos_token_id [3,4,5]") == MIX_OK && a.eos_count == 3 && a.eos[2] == 5,
       "several ends of text");
    ok(load(&a, qwen, "eos_token_id null") == MIX_OK && a.eos_count == 0, "or none");
    ok(load(&a, qwen, "use_sliding_window true") == MIX_OK &&
           load(&a, qwen, "sliding_window 4096") == MIX_OK,
       "a sliding window that is off, or has no size, is none");
    ok(load(&a, qwen, "tie_word_embeddings true") == MIX_OK && a.tied, "tied embeddings");
    /* As transformers 5 writes them. */
    ok(load(&a, qwen,
            "num_experts -; num_local_experts 128; torch_dtype -; dtype 'float16'; rope_theta -; "
            "rope_scaling -; rope_parameters {'rope_theta':5e5,'rope_type':'default'}") == MIX_OK &&
           a.experts == 128 && a.dtype == MIX_F16 && a.rope_theta == 5e5 && a.yarn_factor == 0,
       "the names of transformers 5");
    ok(load(&a, qwen, "rope_scaling {'rope_type':'yarn','factor':4.0}") == MIX_OK &&
           a.yarn_factor == 4 && a.yarn_original == 40960 && a.yarn_beta_fast == 32 &&
           a.yarn_beta_slow == 1 && a.yarn_mscale == 0,
       "YaRN with its defaults");
    ok(mix_arch_cannot_run(&a) && strstr(mix_arch_cannot_run(&a), "YaRN"), "which is not run yet");
    ok(load(&a, qwen, "quantization_config {'quant_method':'fp8','weight_block_size':[128,128]}") ==
               MIX_OK &&
           a.fp8_block == 128 && strstr(mix_arch_cannot_run(&a), "FP8"),
       "nor is FP8");
}

static void wrong(void)
{
    static const struct {
        const char *base, *change, *say;
    } cases[] = {
        {qwen, "model_type 'llama'",
         "model_type: expected qwen3_moe or deepseek_v3, found \"llama\""},
        {qwen, "model_type -", "model_type: expected qwen3_moe or deepseek_v3, found nothing"},
        {qwen, "model_type 3", "model_type"},
        {qwen, "hidden_size -",
         "hidden_size: expected an integer from 1 to 4194304, found nothing"},
        {qwen, "hidden_size '2048'", "hidden_size"},
        {qwen, "hidden_size 2048.0", "hidden_size"},
        {qwen, "hidden_size -2048", "hidden_size"},
        {qwen, "hidden_size 9223372036854775807", "hidden_size"},
        {qwen, "num_hidden_layers 0", "num_hidden_layers"},
        {qwen, "num_hidden_layers 257", "from 1 to 256, found 257"},
        {qwen, "vocab_size -", "vocab_size"},
        {qwen, "num_attention_heads 0", "num_attention_heads"},
        {qwen, "num_key_value_heads 5", "num_key_value_heads: expected a divisor"},
        {qwen, "num_key_value_heads 64", "num_key_value_heads"},
        {qwen, "head_dim 0", "head_dim"},
        {qwen, "head_dim 127", "head_dim: expected an even size"},
        {qwen, "head_dim -; hidden_size 31", "head_dim: expected an even size"},
        {qwen, "head_dim -; hidden_size 4194304; num_attention_heads 1; num_key_value_heads 1",
         "head_dim"},
        {qwen, "intermediate_size -", "intermediate_size"},
        {qwen, "moe_intermediate_size null", "moe_intermediate_size"},
        {qwen, "num_experts -", "num_experts"},
        {qwen, "num_experts 0", "num_experts"},
        {qwen, "num_experts_per_tok 129", "num_experts_per_tok"},
        {qwen, "norm_topk_prob 1", "norm_topk_prob: expected true or false, found 1"},
        {qwen, "mlp_only_layers 1", "mlp_only_layers"},
        {qwen, "mlp_only_layers [-1]", "mlp_only_layers"},
        {qwen, "mlp_only_layers ['1']", "mlp_only_layers"},
        {qwen, "decoder_sparse_step 0", "decoder_sparse_step"},
        {qwen, "max_position_embeddings -", "max_position_embeddings"},
        {qwen, "rms_norm_eps -1", "rms_norm_eps"},
        {qwen, "rms_norm_eps 'small'", "rms_norm_eps"},
        {qwen, "rope_theta 0", "rope_theta"},
        {qwen, "hidden_act 'gelu'", "hidden_act: expected \"silu\""},
        {qwen, "attention_bias true", "attention_bias: expected false"},
        {qwen, "use_sliding_window true; sliding_window 4096", "use_sliding_window"},
        {qwen, "use_sliding_window true; sliding_window -", "use_sliding_window"},
        {qwen, "tie_word_embeddings 'no'", "tie_word_embeddings"},
        {qwen, "torch_dtype 'int8'", "torch_dtype: expected bfloat16"},
        {qwen, "eos_token_id 151936", "eos_token_id"},
        {qwen, "eos_token_id -1", "eos_token_id"},
        {qwen, "eos_token_id [1,2,3,4,5,6,7,8,9]", "eos_token_id: expected at most 8"},
        {qwen, "rope_scaling 4", "rope_scaling: expected an object"},
        {qwen, "rope_scaling {'type':'linear','factor':2}",
         "rope_scaling.rope_type: expected default"},
        {qwen, "rope_scaling {'type':'yarn'}", "rope_scaling.factor"},
        {qwen, "rope_scaling {'type':'yarn','factor':0.5}", "rope_scaling.factor"},
        {qwen, "rope_scaling {'type':'yarn','factor':2,'attention_factor':1.1}",
         "attention_factor"},
        {qwen, "rope_scaling {'type':'yarn','factor':2,'truncate':false}", "truncate"},
        {qwen, "partial_rotary_factor 0.5", "partial_rotary_factor"},
        {qwen, "quantization_config {'quant_method':'awq'}", "quantization_config.quant_method"},
        {qwen, "quantization_config {}", "quant_method: expected \"fp8\", found nothing"},
        {qwen, "quantization_config 8", "quantization_config: expected an object"},
        {qwen, "quantization_config {'quant_method':'fp8'}", "weight_block_size"},
        {qwen, "quantization_config {'quant_method':'fp8','weight_block_size':[128,64]}",
         "weight_block_size"},
        {qwen, "quantization_config {'quant_method':'fp8','weight_block_size':128}",
         "weight_block_size"},
        {deepseek, "kv_lora_rank -", "kv_lora_rank"},
        {deepseek, "qk_rope_head_dim 63", "qk_rope_head_dim"},
        {deepseek, "qk_nope_head_dim -", "qk_nope_head_dim"},
        {deepseek, "v_head_dim -", "v_head_dim"},
        {deepseek, "q_lora_rank 0", "q_lora_rank"},
        {deepseek, "num_key_value_heads 8", "num_key_value_heads: expected 128"},
        {deepseek, "rope_interleave false", "rope_interleave"},
        {deepseek, "n_routed_experts -", "n_routed_experts"},
        {deepseek, "n_shared_experts -", "n_shared_experts"},
        {deepseek, "n_group 7", "n_group: expected a divisor"},
        {deepseek, "n_group 256; topk_group 256", "n_group: expected groups of two"},
        {deepseek, "topk_group 9", "topk_group"},
        {deepseek, "num_experts_per_tok 129", "num_experts_per_tok: expected at most the 128"},
        {deepseek, "routed_scaling_factor -", "routed_scaling_factor"},
        {deepseek, "scoring_func 'softmax'", "scoring_func"},
        {deepseek, "topk_method 'greedy'", "topk_method"},
        {deepseek, "moe_layer_freq 2", "moe_layer_freq"},
        {deepseek, "first_k_dense_replace -", "first_k_dense_replace"},
    };
    struct mix_arch a, before;

    memset(&before, 0x5A, sizeof before);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        a = before;
        ok(load(&a, cases[i].base, cases[i].change) == MIX_EINPUT && says("config.json: ") &&
               says(cases[i].say) && memcmp(&a, &before, sizeof a) == 0,
           "%s is refused", cases[i].change);
    }
    scratch_write("config.json", "{", 1);
    ok(mix_arch_load(&a, scratch(".")) == MIX_EINPUT && says("config.json: line"), "no JSON");
    ok(mix_arch_load(&a, scratch("none")) == MIX_EINPUT && says("none/config.json: No such file"),
       "no folder");
}

static void generation(void)
{
    static const struct {
        const char *what, *text;
        double temperature, top_p; /* -1: says nothing */
        int top_k, eos, rc;
    } cases[] = {
        {"Qwen3's",
         "{'do_sample':true,'eos_token_id':[151645,151643],'temperature':0.6,'top_k':20,'top_p':0."
         "95}",
         0.6, 0.95, 20, 2, MIX_OK},
        {"an empty one", "{}", -1, -1, -1, 1, MIX_OK},
        {"one that does not sample", "{'do_sample':false,'temperature':0.6}", 0, -1, -1, 1, MIX_OK},
        {"one end of text", "{'eos_token_id':7}", -1, -1, -1, 1, MIX_OK},
        {"an empty list of ends", "{'eos_token_id':[]}", -1, -1, -1, 0, MIX_OK},
        {"a negative temperature", "{'temperature':-1}", 0, 0, 0, 0, MIX_EINPUT},
        {"top_p above 1", "{'top_p':1.5}", 0, 0, 0, 0, MIX_EINPUT},
        {"a fractional top_k", "{'top_k':1.5}", 0, 0, 0, 0, MIX_EINPUT},
        {"an end beyond the vocabulary", "{'eos_token_id':200000}", 0, 0, 0, 0, MIX_EINPUT},
        {"a list", "[]", 0, 0, 0, 0, MIX_EINPUT},
    };
    struct mix_arch a;

    configure(qwen, "");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        json_t *j = json(cases[i].text);
        int rc, want = cases[i].rc;
        bool good;

        json_dump_file(j, scratch("generation_config.json"), 0);
        json_decref(j);
        rc = mix_arch_load(&a, scratch("."));
        good = rc == want;
        if (good && rc == MIX_OK)
            good = (cases[i].temperature < 0 ? isnan(a.gen_temperature)
                                             : a.gen_temperature == cases[i].temperature) &&
                   (cases[i].top_p < 0 ? isnan(a.gen_top_p) : a.gen_top_p == cases[i].top_p) &&
                   a.gen_top_k == cases[i].top_k && a.eos_count == cases[i].eos;
        else
            good = good && says("generation_config.json: ");
        ok(good, "generation_config.json: %s", cases[i].what);
    }
    unlink(scratch("generation_config.json"));
}

static void split(void)
{
    int wrong_sums = 0;
    struct mix_part p;

    for (int x = 0; x < 40; x++)
        for (int n = 1; n < 12; n++) {
            int at = 0;
            for (int t = 0; t < n; t++) {
                p = mix_split(x, n, t);
                wrong_sums += p.first != at || p.count < x / n || p.count > x / n + 1;
                at += p.count;
            }
            wrong_sums += at != x;
        }
    ok(wrong_sums == 0, "parts follow each other, differ by one at most and make up the whole");
    p = mix_split(10, 4, 1);
    ok(p.first == 2 && p.count == 3, "part 1 of 4 of 10 is [2, 5)");
    p = mix_split(3, 8, 0);
    ok(p.first == 0 && p.count == 0, "a part may be empty");
    p = mix_split(2147483647, 100000, 99999);
    ok(p.first == 2147462172 && p.count == 21475, "no overflow");
}

/* Folders of this project, where they are. */
static void in_tree(void)
{
    static const struct {
        const char *folder;
        int hidden, layers;
    } cases[] = {
        {"tests/golden/awkward", 96, 4},
        {"inputs/models/tiny-qwen3-moe", 0, 0},
        {"inputs/configs/Qwen3-30B-A3B", 2048, 48},
        {"inputs/configs/Qwen3-235B-A22B", 4096, 94},
        {"inputs/configs/DeepSeek-V3", 7168, 61},
    };
    const char *top = getenv("srcdir");
    struct mix_arch a;
    char path[512];
    FILE *f;

    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(path, sizeof path, "%s/%s/config.json", top ? top : ".", cases[i].folder);
        if (!(f = fopen(path, "r"))) {
            tap_skip(cases[i].folder, "not in this tree");
            continue;
        }
        fclose(f);
        *strrchr(path, '/') = '\0';
        ok(mix_arch_load(&a, path) == MIX_OK &&
               (!cases[i].hidden || (a.hidden == cases[i].hidden && a.layers == cases[i].layers)),
           "%s loads", cases[i].folder);
    }
}

int main(void)
{
    mix_log_level(MIX_LOG_SILENT);
    scratch_begin();
    published();
    resolved();
    wrong();
    generation();
    split();
    in_tree();
    scratch_end();
    return tap_done();
}
