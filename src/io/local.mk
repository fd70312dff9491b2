libmix_a_SOURCES += \
  %D%/file.c        %D%/file.h        \
  %D%/ledger.c      %D%/ledger.h      \
  %D%/lock.c        %D%/lock.h        \
  %D%/safetensors.c %D%/safetensors.h
