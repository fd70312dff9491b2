libmix_a_SOURCES += \
  %D%/arch.c    %D%/arch.h    \
  %D%/members.c %D%/members.h
