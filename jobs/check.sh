#!/bin/sh
# check.sh - set up, build and run the tests; the last line says how many passed.
#
# Tests of one process run side by side, and so do whole jobs, which mostly start and wait; the others fill
# the cores by themselves.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
build=$("$top/jobs/build.sh" "$@")
cd "$build"
jobs=$(nproc) failed=

group() { # group NAME N: the tests of a list of tests/local.mk, N at a time
  make -s -k -j"$2" check TESTS="$(make -s "$1")" TEST_SUITE_LOG="$1.log" || failed="$failed $1.log"
}

make -s -j"$jobs" check TESTS= # build them
group tests-alone "$jobs"
group tests-of-jobs "$jobs"
group tests-of-ranks 1
find tests -name '*.trs' -exec cat {} + | awk '
  /^:test-result: (PASS|XFAIL)/ { passed++ }
  /^:test-result: (FAIL|ERROR|XPASS)/ { failed++ }
  /^:test-result: SKIP/ { skipped++ }
  END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped }'
[ -z "$failed" ] || { echo "check.sh: failed; in $build see $failed" >&2; exit 1; }
