#!/bin/bash
# dead.sh - a rank that is killed, or that stands still, takes the job down, and is named.
#
# Within 10 s where the launcher reports deaths, within --stall-timeout where nobody does. Then the
# same command goes on. Leaders, rank 0 and a rank that leads nothing are lost in different places.
. "$srcdir/tests/e2e/lib.sh"

input=$work/in.h5 output=$work/out.h5 host=$(hostname)
prompts "$input" 200 4
common="--input $input --dtype float32 --temperature 0.7 --seed 9 --max-tokens 60 --ignore-eos --threads 1"
export MIXSERVE_TEST_PIECE=0.05
run 4 $common --output "$work/want1.h5" -tp 1 -q
is 0 "an undisturbed run, tp 1"
run 4 $common --output "$work/want2.h5" -tp 2 -q
is 0 "an undisturbed run, tp 2"

sealed() { compgen -G "$output.job/[sp]*-*.h5" > "$work/null"; }
# ready TP ARGUMENT...: a job of 4 ranks that is in the middle of its rows; slow, to be hit there.
ready() {
  tp=$1
  shift
  rm -rf "$output" "$output.job"
  start 4 $common --output "$output" --max-num-seqs 2 -tp "$tp" "$@"
  until_true 60 sealed
}
goes_on() {
  run 4 $common --output "$output" -tp "$tp"
  is 0 "the same command" && same "$work/want$tp.h5" "$output" && clean "$output"
  ok $? "goes on where it was, and its results are those of an undisturbed run"
}

# ---- killed

[ -n "$short" ] && victims=1:0 || victims="1:2 1:0 2:3" # TP:RANK
for victim in $victims; do
  rank=${victim#*:}
  ready "${victim%:*}"
  begin=$EPOCHREALTIME
  kill -9 "$(rank_pid "$rank")"
  finish 30
  seconds=$(since "$begin")
  is 137 "kill -9 of rank $rank of 4, tp $tp" && less "$seconds" 10
  ok $? "the job ends within 10 s: $seconds s"
  grep -Eq "(process rank|rank) $rank( |,|\\).*(killed|signal 9|Killed)" "$err" ||
    tr '\n' ' ' < "$err" | grep -Eq "process rank $rank .* exited on\\s+signal 9"
  ok $? "and rank $rank is named"
  goes_on
done

# ---- done early: four long rows for one rank, nothing for the others meanwhile

py - "$work/tail.h5" << 'PY'
import sys, h5py
with h5py.File(sys.argv[1], "w") as file:
    file.create_dataset("prompts/text", data=["add 123 456 ="] * 64, dtype=h5py.string_dtype())
    file["prompts/max_tokens"] = [3900] * 4 + [2] * 60
PY
run 4 --input "$work/tail.h5" --output "$work/tail_out.h5" --dtype float32 --ignore-eos -tp 1 \
  --max-num-seqs 1 --threads 1 --stall-timeout 2
is 0 "ranks that have left are not missed ($seconds s, --stall-timeout 2)"

# ---- standing still

# code7 RANK SECONDS: it ends with 7 in time and names the rank, and only that one.
code7() {
  local begin=$EPOCHREALTIME
  finish 60
  seconds=$(since "$begin")
  is 7 "rank $1 of 4 stands still, tp $tp" && less "$seconds" "$2"
  ok $? "the job ends within $2 s: $seconds s"
  grep -Eq "code 7: .*rank $1 \\(node $host\\)" "$err"
  ok $? "and rank $1 is named"
  # The launcher wakes the rank before it ends it, and then that one complains, too.
  ! grep 'code 7: ' "$err" | grep -v "^mixserve: rank $1 " | sed 's/^mixserve: rank [0-9]* (node [^)]*)//' |
    grep -Eq "rank [$(tr -d "$1" <<< 0123)] "
  ok $? "and nobody else is"
}
[ -n "$short" ] && victims=2:3 || victims="1:2 1:0 2:3 2:2 2:0"
for victim in $victims; do
  rank=${victim#*:}
  ready "${victim%:*}" --stall-timeout 3
  kill -STOP "$(rank_pid "$rank")"
  code7 "$rank" 10
  goes_on
done

# A signal to stop that one rank cannot hear: the others do not wait for the whole stall timeout.
ready 2
stopped=$(rank_pid 3)
kill -STOP "$stopped"
for p in $(ranks); do
  [ "$p" = "$stopped" ] || kill -TERM "$p"
done
code7 3 20
goes_on
done_testing
