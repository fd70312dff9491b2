# The commands that need no ranks, and what people see who ask or mistype.
dist_check_SCRIPTS += \
  %D%/check.sh   \
  %D%/convert.sh \
  %D%/help.sh    \
  %D%/man.sh     \
  %D%/merge.sh   \
  %D%/plan.sh    \
  %D%/status.sh
EXTRA_DIST += %D%/bad_rows.py %D%/break_model.py %D%/convert.py tests/tap.sh %D%/job.sh
