libmix_a_SOURCES += \
  %D%/arena.h                                    \
  %D%/exchange.c %D%/exchange.h %D%/exchange_private.h \
  %D%/owners.c   %D%/owners.h                    \
  %D%/route.c    %D%/route.h                     \
  %D%/tp.c
