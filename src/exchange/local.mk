libmix_a_SOURCES += \
  %D%/copies.c   %D%/copies.h                    \
  %D%/count.c    %D%/count.h                     \
  %D%/ep.c                                       \
  %D%/exchange.c %D%/exchange.h %D%/exchange_private.h \
  %D%/experts.c  %D%/experts.h                   \
  %D%/hop.c      %D%/hop.h                       \
  %D%/fused.c                                    \
  %D%/hybrid.c                                   \
  %D%/mixserve.c                                 \
  %D%/owners.c   %D%/owners.h                    \
  %D%/pace.c     %D%/pace.h                      \
  %D%/relay.c    %D%/relay.h %D%/relay_private.h \
  %D%/relay_stage.c %D%/relay_wire.c             \
  %D%/route.c    %D%/route.h                     \
  %D%/tp.c
