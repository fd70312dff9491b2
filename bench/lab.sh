# lab.sh - what the scripts that measure on nodes of this machine share.
#
# The caller has set $1 to the program. Sets: top (the project), mixserve, lab (LAB or
# jobs/cluster-lab.sh), results (RESULTS or bench/results, which is made), python (PYTHON), work (a folder
# that goes at the end, with the nodes).
# shellcheck shell=bash disable=SC2034
top=$(cd "$(dirname "$0")/.." && pwd) mixserve=$(realpath "$1")
lab=${LAB:-$top/jobs/cluster-lab.sh} results=${RESULTS:-$top/bench/results}
python=${PYTHON:-/usr/bin/python3}
work=$(mktemp -d) || exit 1
export MIXSERVE_LAB=$work/lab
clean_up() {
  [ ! -e "$MIXSERVE_LAB" ] || "$lab" down
  rm -rf "$work"
}
trap clean_up EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
mkdir -p "$results"
