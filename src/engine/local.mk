libmix_a_SOURCES += \
  %D%/claims.c     %D%/claims.h     \
  %D%/folder.c     %D%/folder.h     \
  %D%/identity.c   %D%/identity.h   \
  %D%/kill_point.c %D%/kill_point.h
  %D%/pages.c   %D%/pages.h   \
  %D%/sampler.c %D%/sampler.h \
  %D%/sched.c   %D%/sched.h   \
  %D%/stop.c    %D%/stop.h
