# Programs that measure; built by `make bench`, never installed.
EXTRA_PROGRAMS += %D%/product %D%/step
EXTRA_LIBRARIES += libbench.a
libbench_a_SOURCES = %D%/bench.h %D%/bench.c
%C%_product_SOURCES = %D%/product.c
%C%_product_LDADD   = libbench.a $(MIX_LIBS)
%C%_step_SOURCES = %D%/step.c
%C%_step_LDADD   = libbench.a $(MIX_LIBS)

bench: %D%/product %D%/step
.PHONY: bench
EXTRA_DIST += %D%/memory.sh
CLEANFILES += %D%/product %D%/step libbench.a
