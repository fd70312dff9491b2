libmix_a_SOURCES += \
  %D%/claims.c %D%/claims.h
