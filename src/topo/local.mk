libmix_a_SOURCES += \
  %D%/arrange.c               \
  %D%/cgroup.c                \
  %D%/gather.c                \
  %D%/print.c                 \
  %D%/probe.c                 \
  %D%/topo.h %D%/topo_private.h
