#!/bin/sh
# check.sh - set up, build and run the tests; the last lines say how many passed.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
build=$("$top/jobs/build.sh" "$@")

make -C "$build" -s -j"$(nproc)" check TESTS= # build them
make -C "$build" -s check || { echo "check.sh: failed; see $build/test-suite.log" >&2; exit 1; }
