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

make -s -j"$jobs" check TESTS= # build them
make -s -k -j"$jobs" check TESTS="$(make -s tests-alone)" TEST_SUITE_LOG=tests-alone.log || failed=tests-alone.log
make -s -k -j"$jobs" check TESTS="$(make -s tests-of-jobs)" TEST_SUITE_LOG=tests-of-jobs.log || failed="$failed tests-of-jobs.log"
make -s -k check TESTS="$(make -s tests-of-ranks)" || failed="$failed test-suite.log"
find tests -name '*.trs' -exec cat {} + | awk '
  /^:test-result: (PASS|XFAIL)/ { passed++ }
  /^:test-result: (FAIL|ERROR|XPASS)/ { failed++ }
  /^:test-result: SKIP/ { skipped++ }
  END { printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped }'
[ -z "$failed" ] || { echo "check.sh: failed; in $build see $failed" >&2; exit 1; }
