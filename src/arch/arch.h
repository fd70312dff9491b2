/* arch.h - what a model is: the numbers of its config.json.
 *
 * Two families in their published Hugging Face form: qwen3_moe (grouped-query
 * attention with q/k norms, softmax router) and deepseek_v3 (MLA, sigmoid router
 * with groups, shared expert, block-scaled FP8).  Names follow config.json where
 * the field has no better one; defaults are those of transformers.
 *
 * Plain data, not collective. */
#ifndef MIX_ARCH_ARCH_H
#define MIX_ARCH_ARCH_H

#include "base/dtype.h"

#include <stdbool.h>
#include <stdint.h>

enum { MIX_MAX_LAYERS = 256, MIX_MAX_EOS = 8 };

enum mix_family { MIX_QWEN3_MOE, MIX_DEEPSEEK_V3 };

struct mix_arch {
    enum mix_family family;
    int hidden, layers, vocab;
    int heads, kv_heads, head_dim; /* deepseek_v3: head_dim of queries and keys, nope + rope */
    int inner;                     /* of dense feed-forward layers */
    int experts, top_k, moe_inner;
    int shared_experts;       /* 0 or more, each of moe_inner */
    bool moe[MIX_MAX_LAYERS]; /* does layer l have experts (or one dense block)? */
    bool norm_topk_prob;
    bool tied; /* the head is the embedding table */
    float rms_eps;
    double rope_theta;
    int max_positions;        /* max_position_embeddings */
    enum mix_dtype dtype;     /* as stored */
    int32_t eos[MIX_MAX_EOS]; /* of generation_config.json, else config.json */
    int eos_count;

    /* generation_config.json; NAN or -1 where it says nothing, temperature 0 where it says not to
     * sample */
    double gen_temperature, gen_top_p;
    int gen_top_k;

    /* deepseek_v3 */
    int q_lora_rank; /* 0: queries in one product */
    int kv_lora_rank, qk_nope_dim, qk_rope_dim, v_dim;
    int groups, top_groups; /* n_group, topk_group */
    double routed_scale;    /* routed_scaling_factor */

    /* either family */
    int fp8_block;      /* rows = columns of a scale block; 0: not FP8 */
    double yarn_factor; /* 0: no YaRN */
    int yarn_original;  /* original_max_position_embeddings */
    double yarn_beta_fast, yarn_beta_slow, yarn_mscale, yarn_mscale_all_dim;
};

/* Read dir/config.json and, if there, dir/generation_config.json.  A member that is missing,
 * mistyped, out of range or asks for what we do not have is MIX_EINPUT, naming file, member,
 * expected, found. */
int mix_arch_load(struct mix_arch *a, const char *dir);

/* NULL if this build can run the model, else why not. */
const char *mix_arch_cannot_run(const struct mix_arch *a);

/* Part t of p of size x: [x * t / p, x * (t + 1) / p), parts may be uneven or empty. */
struct mix_part {
    int first, count;
};
struct mix_part mix_split(int x, int p, int t);

#endif
