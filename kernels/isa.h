/* isa.h - the instruction sets that kernels with code of their own for each know.
 *
 * Any thread; not collective. */
#ifndef MIX_KERN_ISA_H
#define MIX_KERN_ISA_H

#include <stdbool.h>

/* Leaf code for x86-64 is compiled (gcc's pragmas; other compilers and machines have MIX_ISA_ANY,
 * in vectors of four). */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__)
#define MIX_X86 1
#else
#define MIX_X86 0
#endif

enum mix_isa { /* each contains those before */
               MIX_ISA_ANY,
               MIX_ISA_AVX2,   /* and FMA */
               MIX_ISA_AVX512, /* F, BW, DQ, VL */
               MIX_ISA_AVX512_BF16,
               MIX_ISAS,
};

const char *mix_isa_name(enum mix_isa isa);
bool mix_isa_here(enum mix_isa isa); /* in this build and on this processor? */
enum mix_isa mix_isa_best(void);     /* the last that is here */

#endif
