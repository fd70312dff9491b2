libmix_a_SOURCES += \
  %D%/claims.c     %D%/claims.h     \
  %D%/folder.c     %D%/folder.h     \
  %D%/identity.c   %D%/identity.h   \
  %D%/kill_point.c %D%/kill_point.h
