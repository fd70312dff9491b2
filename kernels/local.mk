# thing.h is the contract, thing_cpu.c keeps it on CPUs.
libmix_a_SOURCES += \
  %D%/kernels.c   %D%/kernels.h \
  %D%/kernels_cpu.c \
  %D%/pages.h %D%/exp.h %D%/leaf.h %D%/simd.h \
  %D%/team.h      %D%/team_cpu.c \
  %D%/attention.h %D%/attention_cpu.c %D%/attention_leaf.h \
  %D%/attention_split.h %D%/attention_split_cpu.c \
  %D%/combine.h   %D%/combine_cpu.c \
  %D%/dnnl_cpu.h  %D%/dnnl_cpu.c \
  %D%/embed.h     %D%/embed_cpu.c \
  %D%/fp8.h       %D%/fp8_cpu.c \
  %D%/gather_sum.h %D%/gather_sum_cpu.c \
  %D%/pack.h      %D%/pack_cpu.c \
  %D%/isa.h       %D%/isa_cpu.c \
  %D%/product.h   %D%/product_cpu.c %D%/product_engine.h \
  %D%/product_dnnl_cpu.c %D%/product_simd_cpu.c %D%/product_leaf.h \
  %D%/rmsnorm.h   %D%/rmsnorm_cpu.c \
  %D%/rope.h      %D%/rope_cpu.c \
  %D%/router.h    %D%/router_cpu.c \
  %D%/sum.h       %D%/sum_cpu.c \
  %D%/swiglu.h    %D%/swiglu_cpu.c
