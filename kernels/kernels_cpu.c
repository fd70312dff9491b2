/* kernels_cpu.c - the table of the cpu backend. */
#include "base/err.h"
#include "kernels/dnnl_cpu.h"
#include "kernels/isa.h"
#include "kernels/kernels.h"
#include "kernels/product_engine.h"
#include "kernels/simd.h"

#include <stdio.h>

/* Does the compiler contract a product and a sum to an fma in leaf functions, here?  1 + 2^-12
 * squared is 1 + 2^-11 + 2^-24, and only an fma keeps the last term. */
MIX_SIMD static float contracted(float x, float y)
{
    return x * x + y;
}

static int describe(enum mix_dtype type, char *text, size_t room)
{
    volatile float x = 1.0f + 0x1p-12f, y = -(1.0f + 0x1p-11f);
    const struct mix_product_engine *engine = mix_product_engine_of(type);
    bool fma = contracted(x, y) != 0;
    int n = snprintf(
        text, room,
        "cpu %s, products %s%s%s, chain %d, page %d, split %d, fp8 block %d, %s, compiler %s",
        mix_isa_name(mix_isa_best()), engine->name, engine == &mix_product_dnnl ? " " : "",
        engine == &mix_product_dnnl ? mix_dnnl_describe() : "", MIX_CHAIN, MIX_PAGE, MIX_SPLIT,
        MIX_FP8_BLOCK, fma ? "fma" : "no fma", __VERSION__);

    if (n < 0 || (size_t)n >= room)
        return MIX_FAIL(MIX_EBUG, "%zu bytes are too few to describe the kernels", room);
    return MIX_OK;
}

static bool has_bf16(void)
{
    return mix_isa_here(MIX_ISA_AVX512_BF16);
}

const struct mix_kernels mix_kernels_cpu = {
    .name = "cpu",
    .product_pack = mix_product_pack_cpu,
    .product_release = mix_product_release_cpu,
    .product_bytes = mix_product_bytes_cpu,
    .product_selftest = mix_product_selftest_cpu,
    .attention_scratch = mix_attention_scratch_cpu,
    .describe = describe,
    .has_bf16 = has_bf16,
    .embed = mix_embed_cpu,
    .rmsnorm = mix_rmsnorm_cpu,
    .product = mix_product_cpu,
    .rope = mix_rope_cpu,
    .attention = mix_attention_cpu,
    .router = mix_router_cpu,
    .pack = mix_pack_cpu,
    .swiglu = mix_swiglu_cpu,
    .combine = mix_combine_cpu,
    .sum = mix_sum_cpu,
    .gather_sum = mix_gather_sum_cpu,
    .fp8_pack = mix_fp8_pack_cpu,
    .fp8_unpack = mix_fp8_unpack_cpu,
};
