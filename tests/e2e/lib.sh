# lib.sh - what the end-to-end tests share: files to work on, mixserve under mpirun.
#
# A test sources it, calls what follows and tests/tap.sh, and ends with `done_testing`. $work is a
# folder of its own, removed at the end; jobs still running then are killed, by pid. The harness
# gives MIXSERVE, MPIRUN, srcdir.
set -u
. "$srcdir/tests/tap.sh"
export LC_ALL=C ASAN_OPTIONS=detect_leaks=0 # MPI leaks at exit
model=$srcdir/inputs/models/tiny-qwen3-moe
machine=$srcdir/tests/golden/machine.json # so that runs do not measure, and plan alike
python=${PYTHON:-/usr/bin/python3}
here=$srcdir/tests/e2e
long=${MIXSERVE_LONG:-}
short=${MIXSERVE_SHORT:-} # one or two cases of a kind: under sanitizers, after all of them without
work=$scratch
# What Open MPI leaves behind when a job is killed goes with $work.
export TMPDIR=$work OMPI_MCA_btl_vader_backing_directory=$work OMPI_MCA_btl_sm_backing_directory=$work
job=        # pid of the mpirun that `start` started
seconds=

clean_up() {
  [ -z "$job" ] || { kill_all mpirun; wait "$job"; }
  exec 2>&3
  grep -v -e 'kill: ' -e '/proc/' -e ': line [0-9]*: *[0-9]* Killed ' "$work/shell" >&2
  ! mountpoint -q "$work/disk" || umount "$work/disk"
  rm -rf "$work"
}
exec 3>&2 2> "$work/shell" # the shell tells of every process that was killed: not of interest
trap clean_up EXIT

[ -x "$MIXSERVE" ] || skip_all "there is no $MIXSERVE"
"$python" -c 'import h5py' 2> /dev/null || skip_all "$python has no h5py (Debian: python3-h5py)"
: > "$err"

# ---- jobs

mpirun=("$MPIRUN" --oversubscribe --bind-to none) # more ranks than cores

now() { awk -v t="$EPOCHREALTIME" 'BEGIN { printf "%.2f", t }'; }
since() { awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f", b - a }'; }
less() { awk -v a="$1" -v b="$2" 'BEGIN { exit !(a < b) }'; } # less A B: is A < B?

# run RANKS ARGUMENT...: mixserve run to its end; sets $status and $seconds, fills $out and $err.
run() {
  local p=$1 begin=$EPOCHREALTIME
  shift
  timeout -k 5 "${limit:-120}" "${mpirun[@]}" -n "$p" \
    "$MIXSERVE" run --model "$model" --machine "$machine" "$@" \
    > "$out" 2> "$err"
  status=$?
  seconds=$(since "$begin")
}

# start RANKS ARGUMENT...: the same in the background; $job is mpirun's pid, so that no shell may
# stand between.
start() {
  local p=$1
  shift
  : > "$work/why"
  "${mpirun[@]}" -n "$p" "$MIXSERVE" run --model "$model" --machine "$machine" "$@" \
    > "$out" 2> "$err" &
  job=$!
  begun=$EPOCHREALTIME
}

# start_hook RANKS RANK NAME=VALUE ARGUMENT...: the same, with a variable in one rank's environment.
# shellcheck disable=SC2016
hook='[ "${OMPI_COMM_WORLD_RANK:-$PMIX_RANK}" != "$1" ] || export "$2"; shift 2; exec "$@"'
start_hook() {
  local p=$1 rank=$2 set=$3
  shift 3
  : > "$work/why"
  "${mpirun[@]}" -n "$p" bash -c "$hook" hook "$rank" "$set" \
    "$MIXSERVE" run --model "$model" --machine "$machine" "$@" > "$out" 2> "$err" &
  job=$!
  begun=$EPOCHREALTIME
}

# kill_all [mpirun]: kill -9 every rank at once, and mpirun with them if asked for. It is stopped
# first, so that it does not start a rank that nobody kills.
kill_all() {
  kill -STOP "$job"
  # shellcheck disable=SC2046
  kill -9 $(ranks)
  [ -z "${1:-}" ] || kill -9 "$job"
  kill -CONT "$job"
}

ranks() { cat /proc/"$job"/task/*/children 2> /dev/null; } # pids of the job's ranks on this host

# rank_pid RANK: the pid of that rank of the job.
rank_pid() {
  local p
  for p in $(ranks); do
    tr '\0' '\n' 2> /dev/null < /proc/"$p"/environ |
      grep -qx -e "OMPI_COMM_WORLD_RANK=$1" -e "PMIX_RANK=$1" && { echo "$p"; return; }
  done
}

alive() { kill -0 "$job"; }

# until_true SECONDS COMMAND...: wait until the command succeeds; 1 if it does not in time, or the
# job ends before.
until_true() {
  local end
  end=$(awk -v a="$1" -v b="$EPOCHREALTIME" 'BEGIN { printf "%.2f", a + b }')
  shift
  while ! "$@"; do
    alive && less "$EPOCHREALTIME" "$end" || return 1
    sleep 0.02
  done
}

# finish SECONDS: wait for the job's end; sets $status, and $seconds since $begun. A job that is
# still there is killed and gets status "late".
finish() {
  local begin=$EPOCHREALTIME
  while alive && less "$(since "$begin")" "$1"; do sleep 0.05; done
  if alive; then
    kill_all mpirun
    wait "$job"
    status=late
  else
    wait "$job"
    status=$?
  fi
  seconds=$(since "$begun")
  job=
}

# ---- files

prompts() { # prompts FILE ROWS [SEED]: of the tiny model's tasks
  "$python" "$srcdir/inputs/make_prompts.py" --output "$1" --rows "$2" --seed "${3:-1}"
}
py() { "$python" "$@" > "$work/why" 2>&1; } # a script on stdin (py - ARGUMENT...), its text kept
same() { "$python" "$here/same.py" "$@" > "$work/why" 2>&1; }
clean() { [ ! -e "$1.job" ] && [ ! -e "$1.tmp" ]; } # nothing is left beside an output
