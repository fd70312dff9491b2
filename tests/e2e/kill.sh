#!/bin/bash
# kill.sh - kill -9 at any moment, the same command again: the bytes of an undisturbed run.
#
# Jobs are killed one to four times each, until 30 kills have hit (MIXSERVE_KILLS): all ranks at once, at
# a random time of the job's life or when one rank passes the N-th of its kill points (before and
# after whatever sealing, merge and clean-up leave on the disk: src/engine/kill_point.h); with mpirun
# or without. Then they end undisturbed, on another number of ranks each time. A seed gives the same
# choices (MIXSERVE_SEED), not the same moments.
. "$srcdir/tests/e2e/lib.sh"

seed=${MIXSERVE_SEED:-$((${long:+$$} + 1))} kills=${MIXSERVE_KILLS:-${long:+300}} kills=${kills:-${short:+8}} kills=${kills:-30}
echo "# seed $seed, $kills kills"
RANDOM=$seed

rows=150 input=$work/in.h5 output=$work/out.h5
export MIXSERVE_TEST_PIECE
prompts "$input" $rows 5
common="--input $input --dtype float32 --temperature 0.7 --seed $seed --max-tokens 20 --max-num-seqs 6
        --threads 1 --json"

# ---- what an undisturbed run gives, for tp 1 and 2, and how long it lives

for tp in 1 2; do
  run 2 $common --output "$work/want$tp.h5" -tp $tp
  is 0 "an undisturbed run, tp $tp" || done_testing
done
life=$seconds
py - "$work/want1.h5" "$work/want2.h5" $rows << 'PY'
import sys, h5py
for path in sys.argv[1:3]:
    with h5py.File(path) as file:
        r = file["results"]
        assert list(r["row"]) == list(range(int(sys.argv[3]))), path
        assert set(r["finish_reason"].asstr()) == {"stop"}, path
PY
ok $? "which has every row once"

# ---- the kills

draw() { echo $((RANDOM * $1 / 32768)); } # 0 .. N-1
one_of() { shift "$(draw $#)"; echo "$1"; }

# What is on the disk, for the log: "2 shards, 3 pieces".
disk() {
  local f shards=0 pieces=0 other=
  for f in "$output".job/*; do
    case ${f##*/} in
      shard-*.h5) shards=$((shards + 1)) ;;
      piece-*.h5) pieces=$((pieces + 1)) ;;
      *.tmp*) other+=", one half written" ;;
    esac
  done
  [ ! -e "$output.tmp" ] || other+=", a merge"
  [ ! -e "$output" ] || other+=", the output"
  [ -e "$output.job" ] || other+=", no folder"
  echo "$shards shards, $pieces pieces$other"
}

# All ranks are up no more (the job has ended, or one was killed by its kill point).
fewer() { [ "$(ranks | wc -w)" -lt "$1" ]; }
up() { [ "$(ranks | wc -w)" -ge "$1" ]; }

done_before_kill() { [ -e "$output" ] && clean "$output"; }
hits=0
# hurt RANKS: start the job and kill it, or see it end.
hurt() {
  local p=$1 with rank point at how
  with=$(one_of '' mpirun)
  MIXSERVE_TEST_PIECE=$(one_of 0.002 0.03 0.1 30)
  if [ "$(draw 2)" = 0 ]; then
    rank=$(one_of 0 0 $((p - 1)))
    point=$((1 + $(draw "$(one_of 12 60)")))
    how="rank $rank at point $point"
    start_hook "$p" "$rank" MIXSERVE_TEST_KILL=$point $common --output "$output" -tp $tp
    until_true 60 up "$p"
    until_true 60 fewer "$p"
  else
    at=$(awk -v l="$life" -v r="$(draw 1000)" 'BEGIN { printf "%.2f", l * r / 900 }')
    how="after $at s"
    start "$p" $common --output "$output" -tp $tp
    while alive && less "$(since "$begun")" "$at"; do sleep 0.01; done
  fi
  if alive; then
    kill_all $with
    finish 20
    done_before_kill && return
    hits=$((hits + 1))
    echo "# kill $hits: $p ranks, tp $tp, pieces every $MIXSERVE_TEST_PIECE s, $how${with:+, with mpirun}:" \
      "$(disk)"
  else
    finish 20
  fi
}

number=0
while [ $hits -lt $kills ]; do
  number=$((number + 1)) before=$hits
  rm -rf "$output" "$output.job" "$output.tmp"
  tp=$(one_of 1 1 2)
  times=$((1 + $(draw 4)))
  for ((i = 0; i < times && hits < kills; i++)); do
    hurt "$(one_of $tp $((2 * tp)) 4)"
  done
  MIXSERVE_TEST_PIECE=30
  p=$(one_of $tp $((2 * tp)) 4)
  run "$p" $common --output "$output" -tp $tp
  [ "$status" = 0 ] && same "$work/want$tp.h5" "$output" && clean "$output"
  ok $? "job $number, tp $tp, killed $((hits - before)) times, ends on $p ranks with the same bytes" || break
done
ok $((hits < kills)) "$hits kills have hit"

# ---- nothing to do

sum=$(stat -c '%i %Y %s' "$output")
run 3 $common --output "$output" -tp $tp
is 0 "the same command after the end" && [ "$(stat -c '%i %Y %s' "$output")" = "$sum" ] && clean "$output"
ok $? "and it touches nothing"
says 'nothing to do'
done_testing
