# The whole program under mpirun. What is too long for every day runs with MIXSERVE_LONG set.
# The longest first, for whoever runs several at a time.
dist_check_SCRIPTS += \
  %D%/kill.sh \
  %D%/bench.sh \
  %D%/dead.sh \
  %D%/layouts.sh \
  %D%/mesh.sh \
  %D%/refuse.sh \
  %D%/report.sh \
  %D%/look.sh \
  %D%/probe.sh \
  %D%/rows.sh \
  %D%/stop.sh
EXTRA_DIST += %D%/lib.sh %D%/same.py

check-all:
	MIXSERVE_LONG=1 $(MAKE) $(AM_MAKEFLAGS) check
.PHONY: check-all
