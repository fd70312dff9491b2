/* attention_split_cpu.c - see attention_split.h: the code for every instruction set. */
#include "kernels/attention_split.h"

#include "kernels/exp.h"
#include "kernels/simd.h"

#include <math.h>
#include <stdint.h>

#if MIX_X86
#include <immintrin.h>
#endif

#define LANES      4
#define ROWS       2
#define LEAF(name) any_##name
#include "kernels/attention_leaf.h"

#if MIX_X86
#pragma GCC push_options
#pragma GCC target("avx2,fma")
#define LANES      8
#define ROWS       4
#define LEAF(name) avx2_##name
#include "kernels/attention_leaf.h"
#pragma GCC pop_options

#pragma GCC push_options
#pragma GCC target("avx512f,avx512bw,avx512dq,avx512vl,avx2,fma")
#define LANES      16
#define ROWS       8
#define LEAF(name) avx512_##name
#include "kernels/attention_leaf.h"
#pragma GCC pop_options
#endif

#define CODE(isa) \
    { \
        isa##_split, isa##_fold, isa##_finish_f32, isa##_finish_bf16 \
    }

static const struct mix_split_code codes[MIX_ISAS] = {
    [MIX_ISA_ANY] = CODE(any),
#if MIX_X86
    [MIX_ISA_AVX2] = CODE(avx2),
    [MIX_ISA_AVX512] = CODE(avx512),
    [MIX_ISA_AVX512_BF16] = CODE(avx512),
#endif
};

const struct mix_split_code *mix_split_code(enum mix_isa isa)
{
    return &codes[isa];
}
