libmix_a_SOURCES += \
  %D%/agree.c %D%/agree.h     \
  %D%/carrier.c %D%/carrier.h \
  %D%/check_mpi.h             \
  %D%/collect.c               \
  %D%/comm.c  %D%/comm.h      \
  %D%/flow.c                  \
  %D%/group.c %D%/group_private.h \
  %D%/mail.c  %D%/mail.h \
  %D%/queue.c %D%/queue.h \
  %D%/wait.c                  \
  %D%/measure.c %D%/measure.h \
  %D%/window.c %D%/window.h
