libmix_a_SOURCES += \
  %D%/activations.c %D%/activations.h \
  %D%/arena.h                         \
  %D%/block.c                         \
  %D%/block_dense.c                   \
  %D%/block_gqa.c                     \
  %D%/block_moe.c                     \
  %D%/embed.c                         \
  %D%/forward.c                       \
  %D%/gauge.c       %D%/gauge.h       \
  %D%/gauge_rates.c                   \
  %D%/head.c                          \
  %D%/identity.c    %D%/identity.h    \
  %D%/kv.c          %D%/kv.h          \
  %D%/load.c                          \
  %D%/model.c       %D%/model.h       \
  %D%/rehearse.c    %D%/rehearse.h    \
  %D%/share.c       %D%/share.h       \
  %D%/slices.c      %D%/slices.h      \
  %D%/state.h                         \
  %D%/step.c                          \
  %D%/trial.c       %D%/trial.h       \
  %D%/weights.c     %D%/weights.h
