libmix_a_SOURCES += \
  %D%/dev.c     %D%/dev.h \
  %D%/dev_cpu.c %D%/dev_private.h
