libmix_a_SOURCES += \
  %D%/arrange.c               \
  %D%/cgroup.c                \
  %D%/gather.c                \
  %D%/machine.c               \
  %D%/machine_json.c          \
  %D%/machine_presets.c       \
  %D%/machine.h               \
  %D%/print.c                 \
  %D%/probe.c                 \
  %D%/topo.h %D%/topo_private.h
