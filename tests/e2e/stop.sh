#!/bin/bash
# stop.sh - a signal or --max-time: finished rows are sealed, exit 75, the same command goes on.
#
# Which ranks a signal reaches, and how often, is the launcher's business: all, some, one, some
# twice. Each job is stopped when it has sealed its first rows, and ends undisturbed.
. "$srcdir/tests/e2e/lib.sh"

input=$work/in.h5 output=$work/out.h5
prompts "$input" 200 4
common="--input $input --dtype float32 --temperature 0.7 --seed 9 --max-tokens 60 --ignore-eos --threads 1"
export MIXSERVE_TEST_PIECE=0.05
run 4 $common --output "$work/want.h5" -tp 1 -q
is 0 "an undisturbed run, tp 1"
run 4 $common --output "$work/want2.h5" -tp 2 -q
is 0 "an undisturbed run, tp 2"

sealed() { compgen -G "$output.job/[sp]*-*.h5" > "$work/null"; }
# ready LAYOUT-ARGUMENT...: a job of 4 ranks that is in the middle of its rows; slow, to be hit there.
ready() {
  rm -rf "$output" "$output.job"
  start 4 $common --output "$output" --max-num-seqs 2 "$@"
  until_true 60 sealed && sleep 0.2
  ok $? "a job of 4 ranks has sealed rows ($*)"
}
# stopped WHAT: it ends as it should; then the same command goes on to WANT.
stopped() {
  local what=$1 want=$2 begin=$EPOCHREALTIME
  shift 2
  finish 40
  seconds=$(since "$begin")
  is 75 "$what" && less "$seconds" 20
  ok $? "within 20 s: $seconds s"
  says 'stopping: .*; finished rows are sealed, the same command goes on'
  [ ! -e "$output" ] && ! compgen -G "$output.job/*.tmp" > "$work/null"
  ok $? "nothing is half written"
  run 4 $common --output "$output" "$@"
  is 0 "the same command"
  grep -Eq 'attempt 2: [1-9][0-9]* of 200 rows are sealed already' "$err" && same "$want" "$output" &&
    clean "$output"
  ok $? "goes on where it was, and its results are those of an undisturbed run"
}
to() { kill -"$1" "$(rank_pid "$2")"; } # to SIGNAL RANK

# ---- signals

[ -n "$short" ] && signals=TERM || signals="TERM INT USR1 USR2"
for signal in $signals; do
  ready -tp 1
  # shellcheck disable=SC2046
  kill -$signal $(ranks)
  stopped "SIG$signal to all ranks" "$work/want.h5" -tp 1
done
ready -tp 1
to TERM 1
to TERM 2
sleep 0.3
to TERM 2
stopped "SIGTERM to rank 1 once, to rank 2 twice, to the others never" "$work/want.h5" -tp 1
ready -tp 2
to USR1 3
stopped "SIGUSR1 to one rank that leads nothing" "$work/want2.h5" -tp 2
ready -tp 1
to INT 0
stopped "SIGINT to rank 0" "$work/want.h5" -tp 1
ready -tp 1
kill -USR1 "$job"
stopped "SIGUSR1 to mpirun, which hands it on" "$work/want.h5" -tp 1

# mpirun that gets a SIGTERM ends the job: SIGTERM to all, SIGKILL a second later. What status it
# gives is its own business.
ready -tp 1
kill -TERM "$job"
finish 20
[ "$status" != 0 ] && [ "$status" != late ]
ok $? "SIGTERM to mpirun ends the job (exit status $status, $seconds s)"
run 4 $common --output "$output" -tp 1
is 0 "the same command" && same "$work/want.h5" "$output" && clean "$output"
ok $? "and the results are those of an undisturbed run"

# ---- a signal while it starts: kept, and answered when there is somebody to ask

caught() { # all four ranks have their handlers
  local p n=0
  for p in $(ranks); do
    # bit 9 of the caught signals: SIGUSR1
    (($(sed -n 's/^SigCgt:[[:space:]]*/0x/p' /proc/"$p"/status) >> 9 & 1)) && n=$((n + 1))
  done
  [ $n = 4 ]
}
rm -rf "$output" "$output.job"
start 4 $common --output "$output" --max-num-seqs 2
until_true 60 caught
ok $? "4 ranks have their handlers"
# shellcheck disable=SC2046
kill -USR1 $(ranks)
finish 40
is 75 "SIGUSR1 while the job starts"
run 4 $common --output "$output"
is 0 "the same command" && same "$work/want.h5" "$output" && clean "$output"
ok $? "and the results are those of an undisturbed run"

# ---- time

rm -rf "$output" "$output.job"
for ((i = 1, time = 1; i <= 7; i++, time *= 2)); do
  run 4 $common --output "$output" --max-num-seqs 1 --max-time $time # longer each time: starting counts
  [ "$status" = 75 ] && less "$seconds" $((time + 20)) || break
done
is 0 "--max-time 1, 2, 4, ..." && [ $i -gt 1 ] && same "$work/want.h5" "$output" && clean "$output"
ok $? "ends at attempt $i with the results of an undisturbed run"
done_testing
