libmix_a_SOURCES += \
  %D%/busy.c  %D%/busy.h  \
  %D%/clock.c %D%/clock.h \
  %D%/dtype.c %D%/dtype.h \
  %D%/err.c   %D%/err.h   \
  %D%/hash.c  %D%/hash.h  \
  %D%/log.c   %D%/log.h   \
  %D%/median.c %D%/median.h \
  %D%/mem.c   %D%/mem.h   \
  %D%/rng.c   %D%/rng.h   \
  %D%/str.c   %D%/str.h
