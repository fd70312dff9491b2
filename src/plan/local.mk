libmix_a_SOURCES += \
  %D%/memory.c %D%/memory.h \
  %D%/plan.c   %D%/plan.h   \
  %D%/search.c %D%/search.h
