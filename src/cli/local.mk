libmix_a_SOURCES += \
  %D%/choose.c      %D%/choose.h  \
  %D%/cli.c         %D%/cli.h     \
  %D%/bench_plan.c  %D%/bench_plan.h \
  %D%/bench_exchange.c %D%/bench_exchange.h \
  %D%/bench_exchange_tell.c       \
  %D%/cmd_bench.c                 \
  %D%/cmd_check.c                 \
  %D%/cmd_convert.c               \
  %D%/cmd_merge.c                 \
  %D%/cmd_plan.c                  \
  %D%/cmd_probe.c                 \
  %D%/cmd_run.c                   \
  %D%/cmd_status.c                \
  %D%/decide.c      %D%/decide.h  \
  %D%/man.c         %D%/man.h     \
  %D%/options.c     %D%/options.h \
  %D%/parse.c                     \
  %D%/sbatch.c      %D%/sbatch.h

# The man page, from the same tables as the help.
man1_MANS = mixserve.1
CLEANFILES += mixserve.1
mixserve.1: mixserve$(EXEEXT)
	$(AM_V_GEN)./mixserve$(EXEEXT) --man > $@.tmp && mv $@.tmp $@
