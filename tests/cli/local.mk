# The commands that need no ranks, and what people see who ask or mistype.
dist_check_SCRIPTS += %D%/convert.sh
EXTRA_DIST += %D%/convert.py tests/tap.sh
