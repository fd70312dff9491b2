libmix_a_SOURCES += \
  %D%/file.c        %D%/file.h        \
  %D%/safetensors.c %D%/safetensors.h
