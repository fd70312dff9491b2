# Programs that measure; built by `make bench`, never installed.
EXTRA_PROGRAMS += %D%/attention %D%/product %D%/records %D%/step
EXTRA_LIBRARIES += libbench.a
libbench_a_SOURCES = %D%/bench.h %D%/bench.c
%C%_attention_SOURCES = %D%/attention.c
%C%_attention_LDADD   = libbench.a $(MIX_LIBS)
%C%_product_SOURCES = %D%/product.c
%C%_product_LDADD   = libbench.a $(MIX_LIBS)
%C%_records_SOURCES = %D%/records.c
%C%_records_LDADD   = libbench.a $(MIX_LIBS)
%C%_step_SOURCES = %D%/step.c
%C%_step_LDADD   = libbench.a $(MIX_LIBS)

bench: %D%/attention %D%/product %D%/records %D%/step
.PHONY: bench
EXTRA_DIST += %D%/cluster.py %D%/cluster.sh %D%/exchange.py %D%/exchange.sh %D%/lab.sh %D%/memory.sh %D%/plot.py
CLEANFILES += %D%/attention %D%/product %D%/records %D%/step libbench.a
