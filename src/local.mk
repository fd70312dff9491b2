# One archive, one fragment a folder, in the order of the levels (src/LAYERS).
noinst_LIBRARIES += libmix.a
libmix_a_SOURCES =
include src/base/local.mk
include src/dev/local.mk
include src/io/local.mk
include src/text/local.mk
include src/arch/local.mk
include src/topo/local.mk
include src/comm/local.mk
include src/plan/local.mk
include src/exchange/local.mk
include src/model/local.mk
include src/engine/local.mk
include src/cli/local.mk

bin_PROGRAMS += mixserve
mixserve_SOURCES = %D%/main.c
mixserve_LDADD = $(MIX_LIBS)
