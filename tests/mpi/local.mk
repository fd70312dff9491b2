# The same source for several numbers of ranks: the log is named after the part before the suffix.
check_PROGRAMS += \
  %D%/agree1.t %D%/agree2.n2 %D%/agree4.n4 %D%/agree8.n8 \
  %D%/carrier1.t %D%/carrier2.n2 %D%/carrier4.n4 %D%/carrier8.n8 \
               %D%/gather4.n4                          \
               %D%/group2.n2 %D%/group4.n4 %D%/group8.n8 \
  %D%/mail1.t  %D%/mail2.n2  %D%/mail8.n8                \
               %D%/queue2.n2 %D%/queue4.n4             \
               %D%/scatter4.n4                         \
               %D%/wait4.n4   %D%/wait8.n8
%C%_agree1_t_SOURCES  = %D%/agree.c
%C%_agree2_n2_SOURCES = %D%/agree.c
%C%_agree4_n4_SOURCES = %D%/agree.c
%C%_agree8_n8_SOURCES = %D%/agree.c
%C%_carrier1_t_SOURCES = %D%/carrier.c
%C%_carrier2_n2_SOURCES = %D%/carrier.c
%C%_carrier4_n4_SOURCES = %D%/carrier.c
%C%_carrier8_n8_SOURCES = %D%/carrier.c
%C%_gather4_n4_SOURCES = %D%/gather.c
%C%_group2_n2_SOURCES = %D%/group.c
%C%_group4_n4_SOURCES = %D%/group.c
%C%_group8_n8_SOURCES = %D%/group.c
%C%_mail1_t_SOURCES   = %D%/mail.c
%C%_mail2_n2_SOURCES  = %D%/mail.c
%C%_mail8_n8_SOURCES  = %D%/mail.c
%C%_queue2_n2_SOURCES = %D%/queue.c
%C%_queue4_n4_SOURCES = %D%/queue.c
%C%_scatter4_n4_SOURCES = %D%/scatter.c
%C%_wait4_n4_SOURCES = %D%/wait.c
%C%_wait8_n8_SOURCES = %D%/wait.c

# main.c with another command line, for a test that looks at how jobs end.
dist_check_SCRIPTS += %D%/ending.sh
EXTRA_PROGRAMS += %D%/ending_ranks
CLEANFILES += %D%/ending_ranks
%C%_ending_ranks_SOURCES = %D%/ending_ranks.c src/main.c
%C%_ending_ranks_LDADD = $(MIX_LIBS)
tests/mpi/ending.log: tests/mpi/ending_ranks$(EXEEXT)

check_PROGRAMS += \
  %D%/exchange1.t    %D%/exchange2.n2    %D%/exchange4.n4    %D%/exchange8.n8 \
  %D%/golden1.t      %D%/golden2.n2      %D%/golden4.n4                       \
  %D%/layouts1.t     %D%/layouts2.n2     %D%/layouts4.n4     %D%/layouts8.n8  \
  %D%/model_batch1.t %D%/model_batch2.n2 %D%/model_batch4.n4
%C%_exchange1_t_SOURCES     = %D%/exchange.c $(EXCHANGE_TEST)
%C%_exchange2_n2_SOURCES    = %D%/exchange.c $(EXCHANGE_TEST)
%C%_exchange4_n4_SOURCES    = %D%/exchange.c $(EXCHANGE_TEST)
%C%_exchange8_n8_SOURCES    = %D%/exchange.c $(EXCHANGE_TEST)
# It counts what the program allocates.
EXCHANGE_TEST = %D%/exchange_world.h %D%/allocations.c %D%/allocations.h
COUNTED = $(AM_LDFLAGS) -Wl,--wrap=malloc -Wl,--wrap=calloc -Wl,--wrap=realloc -Wl,--wrap=aligned_alloc
%C%_exchange1_t_LDFLAGS  = $(COUNTED)
%C%_exchange2_n2_LDFLAGS = $(COUNTED)
%C%_exchange4_n4_LDFLAGS = $(COUNTED)
%C%_exchange8_n8_LDFLAGS = $(COUNTED)
%C%_golden1_t_SOURCES       = %D%/golden.c
%C%_golden2_n2_SOURCES      = %D%/golden.c
%C%_golden4_n4_SOURCES      = %D%/golden.c
%C%_layouts1_t_SOURCES      = %D%/layouts.c
%C%_layouts2_n2_SOURCES     = %D%/layouts.c
%C%_layouts4_n4_SOURCES     = %D%/layouts.c
%C%_layouts8_n8_SOURCES     = %D%/layouts.c
%C%_model_batch1_t_SOURCES  = %D%/model_batch.c
%C%_model_batch2_n2_SOURCES = %D%/model_batch.c
%C%_model_batch4_n4_SOURCES = %D%/model_batch.c

check_PROGRAMS += %D%/relay2.n2 %D%/relay8.n8
%C%_relay2_n2_SOURCES = %D%/relay.c
%C%_relay8_n8_SOURCES = %D%/relay.c

check_PROGRAMS += %D%/standing2.n2 %D%/standing4.n4
%C%_standing2_n2_SOURCES = %D%/standing.c
%C%_standing4_n4_SOURCES = %D%/standing.c

# It counts what kernels read and write.
check_PROGRAMS += %D%/copied1.t %D%/copied4.n4
%C%_copied1_t_SOURCES  = %D%/copied.c
%C%_copied4_n4_SOURCES = %D%/copied.c
%C%_copied1_t_LDFLAGS  = $(AM_LDFLAGS) -Wl,--wrap=mix_kernels_of
%C%_copied4_n4_LDFLAGS = $(AM_LDFLAGS) -Wl,--wrap=mix_kernels_of

check_PROGRAMS += %D%/reading2.n2 %D%/reading4.n4
%C%_reading2_n2_SOURCES = %D%/reading.c
%C%_reading4_n4_SOURCES = %D%/reading.c

check_PROGRAMS += %D%/measure1.t %D%/measure2.n2 %D%/measure4.n4
%C%_measure1_t_SOURCES  = %D%/measure.c
%C%_measure2_n2_SOURCES = %D%/measure.c
%C%_measure4_n4_SOURCES = %D%/measure.c

check_PROGRAMS += %D%/gauge1.t %D%/gauge4.n4
%C%_gauge1_t_SOURCES  = %D%/gauge.c
%C%_gauge4_n4_SOURCES = %D%/gauge.c

check_PROGRAMS += %D%/allocated1.t %D%/allocated4.n4
%C%_allocated1_t_SOURCES  = %D%/allocated.c
%C%_allocated4_n4_SOURCES = %D%/allocated.c
