# Programs that measure; built by `make bench`, never installed.
EXTRA_PROGRAMS += %D%/product
EXTRA_LIBRARIES += libbench.a
libbench_a_SOURCES = %D%/bench.h %D%/bench.c
%C%_product_SOURCES = %D%/product.c
%C%_product_LDADD   = libbench.a $(MIX_LIBS)

bench: %D%/product
.PHONY: bench
CLEANFILES += %D%/product libbench.a
