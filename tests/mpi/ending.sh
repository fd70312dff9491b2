#!/bin/bash
# ending.sh - what a person and the launcher see when a job of several ranks ends.
#
# The exit status of mpirun, the line that says who and why, and that nobody is left hanging.
ranks=$(pwd)/tests/mpi/ending_ranks
out=$(mktemp) || exit 1
trap 'rm -f "$out"' EXIT
n=0

# job RANKS MODE...: run it; $status, $seconds, $out
job() {
  local p=$1 begin=$EPOCHREALTIME
  shift
  timeout 60 "$MPIRUN" --oversubscribe --bind-to none -n "$p" "$ranks" "$@" > "$out" 2>&1
  status=$?
  seconds=$(awk -v a="$begin" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.1f", b - a }')
}
ok() { # ok RC TEXT...
  local rc=$1
  shift
  n=$((n + 1))
  if [ "$rc" = 0 ]; then echo "ok $n - $*"; else echo "not ok $n - $*"; sed 's/^/# /' "$out"; fi
}
is() { [ "$status" = "$1" ]; ok $? "$2: exit status $1 (was $status, $seconds s)"; }
says() { grep -Eq -- "$1" "$out"; ok $? "it says $1"; }
times() { [ "$(grep -Ec -- "$2" "$out")" = "$1" ]; ok $? "$1 line says $2"; }

for code in 0 4 75; do
  job 4 all $code
  is $code "all of 4 ranks end with $code"
done
for code in 2 3 5 7; do
  job 4 one $code 2
  is $code "rank 2 of 4 fails with $code while the others wait"
  says "^mixserve: rank 2 \\(node $(hostname)\\): code $code: a fault of my own"
done
job 8 told 5 0
is 5 "rank 0 of 8 knows why, the others are told"
times 1 ": code 5: "
job 4 usage
is 2 "a wrong command line, the same on 4 ranks"
times 1 "nonsense"
job 4 early 3 2
is 3 "one rank of 4 fails before MPI is started"
says "early fault"
job 8 killed 0 3
is 137 "rank 3 of 8 is killed"
says "(rank|process rank) 3 "

host=$(hostname)
job 2 stall 0 1
is 7 "rank 1 of 2 sleeps"
says "waited 1.5[0-9]* s in barrier of world \\(step 4182, attention\\) for rank 1 \\(node $host\\)"
job 4 stall 0 2
is 7 "rank 2 of 4 sleeps"
says "waited 1.5[0-9]* s in barrier of world \\(step 4182, attention\\) for rank 2 \\(node $host\\)$"
! grep -q "for rank [013]" "$out"
ok $? "and nobody else is named"
job 4 stall-agree 0 2
is 7 "rank 2 of 4 does not agree"
says "in agreement of world \\(step 4182, attention\\) for rank 2 \\(node $host\\)$"
job 4 stall-open 0 3
is 7 "rank 3 of 4 does not come to the opening of a group"
says "in the opening of late for rank 3 \\(node $host\\)$"
job 2 hurry 0 1
is 7 "a signal while rank 0 waits"
says "after the signal to stop, waited 1.[0-9]* s in barrier of world .* for rank 1"

# Several processes that do not see each other would all write the same results.
SLURM_STEP_ID=0 SLURM_NTASKS=4 "$ranks" all 0 > "$out" 2>&1
status=$?
seconds=0
is 2 "four tasks of srun without PMIx"
says "srun started 4 processes, but MPI sees only this one: .*srun --mpi=pmix"
SLURM_STEP_ID=0 SLURM_NTASKS=4 SLURM_PROCID=2 "$ranks" all 0 > "$out" 2>&1
status=$?
is 2 "each of them"
times 0 "MPI sees"
PMI_SIZE=3 "$ranks" all 0 > "$out" 2>&1
status=$?
is 2 "three processes of another MPI's launcher"
SLURM_STEP_ID=0 SLURM_STEP_NUM_TASKS=1 SLURM_NTASKS=4 "$ranks" all 0 > "$out" 2>&1
status=$?
is 0 "an interactive step of one task in an allocation for four"
SLURM_NTASKS=4 "$ranks" all 0 > "$out" 2>&1
status=$?
is 0 "a batch script that starts one process itself"
SLURM_STEP_ID=0 SLURM_NTASKS=4 job 1 all 0
is 0 "mpirun -n 1 inside a step of four"
echo "1..$n"
