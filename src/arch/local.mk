libmix_a_SOURCES += \
  %D%/arch.c    %D%/arch.h    \
  %D%/members.c %D%/members.h \
  %D%/tensors.c %D%/tensors.h
