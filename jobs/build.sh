#!/bin/sh
# build.sh - set up and build out of tree, into build/ of this repository; prints where it is.
#
# A second run builds only what changed.  Extra arguments go to configure, once.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
build=${MIXSERVE_BUILD:-$top/build}

"$top/jobs/setup.sh" >&2
mkdir -p "$build"
log=$build/build.log
quietly() { "$@" >"$log" 2>&1 || { tail -40 "$log" >&2; echo "build.sh: $1 failed; all of it is in $log" >&2; exit 1; }; }
[ -x "$top/configure" ] && [ "$top/configure" -nt "$top/configure.ac" ] || quietly "$top/autogen.sh"
cd "$build"
[ -f Makefile ] || quietly "$top/configure" --quiet "$@"
quietly make -j"$(nproc)"
echo "$build"
