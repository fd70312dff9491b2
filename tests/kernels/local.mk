# One test an operation, on every backend of this build and machine.
check_LIBRARIES += libkern.a
libkern_a_SOURCES = %D%/kern.h %D%/kern.c
KERN_LDADD = libkern.a libtap.a $(MIX_LIBS)

check_PROGRAMS += %D%/attention.t %D%/combine.t %D%/embed.t %D%/exp.t %D%/fp8.t %D%/gather_sum.t %D%/pack.t \
                  %D%/product.t %D%/rmsnorm.t %D%/rope.t %D%/router.t %D%/sum.t %D%/swiglu.t %D%/tick.t
%C%_attention_t_SOURCES = %D%/attention.c
%C%_attention_t_LDADD   = $(KERN_LDADD)
%C%_combine_t_SOURCES = %D%/combine.c
%C%_combine_t_LDADD   = $(KERN_LDADD)
%C%_embed_t_SOURCES   = %D%/embed.c
%C%_embed_t_LDADD     = $(KERN_LDADD)
%C%_exp_t_SOURCES     = %D%/exp.c
%C%_fp8_t_SOURCES     = %D%/fp8.c
%C%_fp8_t_LDADD       = $(KERN_LDADD)
%C%_gather_sum_t_SOURCES = %D%/gather_sum.c
%C%_gather_sum_t_LDADD   = $(KERN_LDADD)
%C%_pack_t_SOURCES    = %D%/pack.c
%C%_pack_t_LDADD      = $(KERN_LDADD)
%C%_product_t_SOURCES = %D%/product.c
%C%_product_t_LDADD   = $(KERN_LDADD)
%C%_rmsnorm_t_SOURCES = %D%/rmsnorm.c
%C%_rmsnorm_t_LDADD   = $(KERN_LDADD)
%C%_rope_t_SOURCES    = %D%/rope.c
%C%_rope_t_LDADD      = $(KERN_LDADD)
%C%_router_t_SOURCES  = %D%/router.c
%C%_router_t_LDADD    = $(KERN_LDADD)
%C%_sum_t_SOURCES     = %D%/sum.c
%C%_sum_t_LDADD       = $(KERN_LDADD)
%C%_swiglu_t_SOURCES  = %D%/swiglu.c
%C%_swiglu_t_LDADD    = $(KERN_LDADD)
%C%_tick_t_SOURCES    = %D%/tick.c
%C%_tick_t_LDADD      = $(KERN_LDADD)
# Run in the build folder, on the program that check has built.
dist_check_SCRIPTS += %D%/product_isa.sh
