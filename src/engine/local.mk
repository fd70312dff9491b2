libmix_a_SOURCES += \
  %D%/pages.c   %D%/pages.h   \
  %D%/sampler.c %D%/sampler.h \
  %D%/sched.c   %D%/sched.h   \
  %D%/stop.c    %D%/stop.h
