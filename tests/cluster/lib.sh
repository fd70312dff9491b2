# lib.sh - what the tests on nodes share: tests/e2e/lib.sh, whose jobs run on a lab's nodes here.
#
#   lab_up NODES RATE       nodes with two rails, and so two ranks, each; skips the test where that
#                           is refused
#   run, start, finish...   as in tests/e2e/lib.sh, with two ranks on each node
#   on_one                  from now on on node n0 alone; on_all: on all of them again
#
# All of a test is in one folder, $home. Whatever ends the test, lab and folder go: if not by the
# test itself, then by a process that waits for its end.
# shellcheck shell=bash disable=SC2034
home=$(mktemp -d) || exit 1
export TMPDIR=$home MIXSERVE_LAB=$home/lab RAILS=2 NICE=0
lab=$srcdir/jobs/cluster-lab.sh
setsid bash -c 'tail --pid="$1" -s 0.2 -f /dev/null; "$2" down; rm -rf "$3"' keeper \
  $$ "$lab" "$home" < /dev/null > /dev/null 2>&1 &
keeper=$!
. "$srcdir/tests/e2e/lib.sh"

lab_clean_up() {
  [ ! -e "$MIXSERVE_LAB" ] || "$lab" down
  clean_up
  rm -rf "$home"
  kill -- -$keeper
}
trap lab_clean_up EXIT

# Of several ranks over several nodes.
exchanges='ep hybrid mixserve fused'
# What Open MPI leaves in the lab goes with it.
unset OMPI_MCA_btl_vader_backing_directory OMPI_MCA_btl_sm_backing_directory
export OMPI_MCA_odls_base_sigkill_timeout=0 # a job that fails is not given three seconds more

lab_up() {
  "$lab" up "$@" > "$out" 2> "$err"
  status=$?
  [ $status != 5 ] || [ $tap_count != 0 ] || skip_all "$(head -n 1 "$err")"
  is 0 "$1 nodes, $2 each" || done_testing
}
on_all() { mpirun=("$lab" run); }
on_one() { mpirun=("$lab" run --host n0); }
on_all

ranks() { # pids of the job's ranks on all nodes
  local first
  read -r first _ < "$MIXSERVE_LAB/sw" && pgrep --ns "$first" --nslist pid -x mixserve
}
