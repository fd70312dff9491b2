# The suffix says how a test is launched: .t alone, .nN under mpirun -n N, .sh by the shell.
TEST_EXTENSIONS = .t .n2 .n4 .n8 .sh
TAP = env AM_TAP_AWK='$(AWK)' $(SHELL) $(top_srcdir)/build-aux/tap-driver.sh
T_LOG_DRIVER  = $(TAP)
N2_LOG_DRIVER = $(TAP)
N4_LOG_DRIVER = $(TAP)
N8_LOG_DRIVER = $(TAP)
SH_LOG_DRIVER = $(TAP)
N2_LOG_COMPILER = $(MPIRUN_TEST) -n 2
N4_LOG_COMPILER = $(MPIRUN_TEST) -n 4
N8_LOG_COMPILER = $(MPIRUN_TEST) -n 8
SH_LOG_COMPILER = env ASAN_OPTIONS=detect_leaks=0 bash
# Threads that spin while cores are busy cost 15 times (tests/mpi/model_batch.c: 155 s, not 10).
# Open MPI leaks at exit; leaks are looked for in the tests that run alone.  More ranks than cores.
MPIRUN_TEST = env ASAN_OPTIONS=detect_leaks=0 OMP_NUM_THREADS=1 OMPI_MCA_mpi_yield_when_idle=1 \
              $(MPIRUN) $(MPIRUN_FLAGS)
MPIRUN_FLAGS = --oversubscribe --bind-to none
AM_TESTS_ENVIRONMENT = MIXSERVE='$(abs_top_builddir)/mixserve'; export MIXSERVE; \
  MPIRUN='$(MPIRUN)'; export MPIRUN; \
  srcdir='$(abs_top_srcdir)'; export srcdir; \
  OMP_WAIT_POLICY=passive; export OMP_WAIT_POLICY; \
  OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1; \
  export OMPI_ALLOW_RUN_AS_ROOT OMPI_ALLOW_RUN_AS_ROOT_CONFIRM;

LDADD = libtap.a $(MIX_LIBS)
# What the tests read.
EXTRA_DIST += %D%/golden inputs

check_LIBRARIES = libtap.a
libtap_a_SOURCES = %D%/tap.h %D%/tap.c %D%/tap_mpi.h %D%/rig.h %D%/rig.c %D%/idle.h %D%/idle.c

include tests/unit/local.mk
include tests/mpi/local.mk
include tests/kernels/local.mk
include tests/io/local.mk
include tests/cli/local.mk
include tests/e2e/local.mk
include tests/cluster/local.mk
TESTS = $(check_PROGRAMS) $(dist_check_SCRIPTS)
# CI runs those alone side by side, and whole jobs, most of whose time is starting and waiting; those
# of ranks fill the cores, and nodes are there once.
tests-alone:
	@echo $(filter-out tests/mpi/% tests/e2e/% tests/cluster/%,$(TESTS))
tests-of-jobs:
	@echo $(filter tests/e2e/%,$(TESTS))
tests-of-ranks:
	@echo $(filter tests/mpi/% tests/cluster/%,$(TESTS))
.PHONY: tests-alone tests-of-jobs tests-of-ranks
