# Several nodes, made of namespaces by jobs/cluster-lab.sh; where that is refused, these skip.
dist_check_SCRIPTS += \
  %D%/clean.sh \
  %D%/dead.sh  \
  %D%/nodes.sh
EXTRA_DIST += %D%/lib.sh

EXTRA_PROGRAMS += %D%/wire
CLEANFILES += %D%/wire
%C%_wire_SOURCES = %D%/wire.c
tests/cluster/nodes.log: tests/cluster/wire$(EXEEXT)
