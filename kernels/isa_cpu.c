/* isa_cpu.c - see isa.h. */
#include "kernels/isa.h"

const char *mix_isa_name(enum mix_isa isa)
{
    static const char *const names[MIX_ISAS] = {"any", "avx2", "avx512", "avx512_bf16"};

    return names[isa];
}

bool mix_isa_here(enum mix_isa isa)
{
#if MIX_X86
    switch (isa) {
    case MIX_ISA_AVX2:
        return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
    case MIX_ISA_AVX512:
        return mix_isa_here(MIX_ISA_AVX2) && __builtin_cpu_supports("avx512f") &&
               __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl");
    case MIX_ISA_AVX512_BF16:
        return mix_isa_here(MIX_ISA_AVX512) && __builtin_cpu_supports("avx512bf16");
    default:
        break;
    }
#endif
    return isa == MIX_ISA_ANY;
}

enum mix_isa mix_isa_best(void)
{
    enum mix_isa isa = MIX_ISA_AVX512_BF16;

    while (!mix_isa_here(isa))
        isa--;
    return isa;
}
