libmix_a_SOURCES += \
  %D%/pages.c   %D%/pages.h   \
  %D%/sampler.c %D%/sampler.h \
  %D%/sched.c   %D%/sched.h   \
  %D%/stop.c    %D%/stop.h
libmix_a_SOURCES += %D%/claims.c %D%/claims.h
libmix_a_SOURCES += %D%/folder.c %D%/folder.h
libmix_a_SOURCES += %D%/identity.c %D%/identity.h
libmix_a_SOURCES += %D%/kill_point.c %D%/kill_point.h
