#!/bin/bash
# dead.sh - a rank of another node that stands still, or is killed, in the middle of an exchange.
#
# Whoever is left ends with code 7 and names rank, node and phase, within --stall-timeout; where the
# launcher sees a death first, it ends the job, and names them. Then the same command goes on.
. "$srcdir/tests/cluster/lib.sh"

lab_up 2 500mbit
prompts "$work/in.h5" 60 4
output=$work/out.h5 victim=3
common="--input $work/in.h5 --dtype float32 --temperature 0.7 --seed 9 --max-tokens 40 --ignore-eos
        --threads 1 -tp 1 -etp 1 -ep 4"
export MIXSERVE_TEST_PIECE=0.05

ended() { compgen -G "$output.job/[sp]*-*.h5" | wc -l; } # pieces and shards that are sealed
more() { [ "$(ended)" -gt "$1" ]; }
ready() { # a job that is in the middle of its rows; slow, to be hit there
  local before
  before=$(ended)
  start 4 $common --output "$output" --exchange "$exchange" --max-num-seqs 2 --stall-timeout 3
  until_true 60 more "$before"
}
hit() { # hit SIGNAL
  kill -"$1" "$(rank_pid $victim)"
  begun=$EPOCHREALTIME
  finish 60
}
# The launcher wakes the victim before it ends it, and then that one complains, too.
named() {
  local whom="waited 3[.0-9]* s in [a-z].* for rank $victim \\(node n1\\)$"
  whom+="|rank $victim \\(node n1\\) has not been heard of for 3[.0-9]* s in [a-z]"
  grep 'code 7: ' "$err" | grep -v "^mixserve: rank $victim " > "$work/why"
  grep -Eq "$whom" "$work/why" && ! grep -Evq "$whom" "$work/why"
  ok $? "rank $victim, its node and the phase are named, and nobody else is"
}

goes_on() {
  run 4 $common --output "$output" --exchange "$exchange"
  is 0 "the same command" && same "$work/want.h5" "$output" && clean "$output"
  ok $? "goes on where it was, and its results are those of an undisturbed run"
}

# All of them give the same bits: whole experts, a power of two of ranks.
on_one
run 4 $common --output "$work/want.h5" --domain-size 2 --exchange ep
is 0 "an undisturbed run"
on_all
for exchange in hybrid mixserve fused; do
  ready
  hit STOP
  is 7 "$exchange: rank $victim stands still" && less "$seconds" 12
  ok $? "the job ends in time: $seconds s"
  named

  # A launcher that only looks on; then its own exit status says nothing.
  mpirun+=(--enable-recovery)
  ready
  on_all
  hit KILL
  less "$seconds" 12
  ok $? "$exchange: rank $victim is killed, the launcher looks on: the job ends in $seconds s"
  named

  goes_on
  rm -f "$output"
done

# The launcher sees it.
ready
hit KILL
is 137 "$exchange: rank $victim is killed" && less "$seconds" 12
ok $? "the job ends in time: $seconds s"
tr '\n' ' ' < "$err" | grep -Eq "process rank $victim .* on\s+node n1 exited on\s+signal 9"
ok $? "and the launcher names rank $victim and its node"
goes_on
done_testing
