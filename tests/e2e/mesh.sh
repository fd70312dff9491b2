#!/bin/bash
# mesh.sh - experts spread over ranks of several replicas: answers, kill, stop, standing still.
#
# A layout is RANKS:TP:ETP:EP:DOMAIN:EXCHANGE. Replicas that share a copy of the experts step together,
# also when one of them has nothing left to do.
. "$srcdir/tests/e2e/lib.sh"

input=$work/in.h5 output=$work/out.h5 host=$(hostname)
prompts "$input" 200 5
greedy="--input $input --dtype float32 --temperature 0 --max-tokens 24 -q"
flags() { # flags LAYOUT: as options
  local tp etp ep domain exchange
  IFS=: read -r _ tp etp ep domain exchange <<< "$1"
  echo "-tp $tp -etp $etp -ep $ep --domain-size $domain --exchange $exchange"
}

# ---- the same answers

run 1 $greedy --output "$work/one.h5"
is 0 "one rank" || done_testing
for l in 2:1:1:2:1:ep 4:2:2:2:2:hybrid 4:1:2:2:2:ep 8:1:2:4:2:tp 6:1:1:3:2:ep 4:1:2:2:2:fused 4:2:1:4:2:mixserve \
  ${long:+4:1:1:4:2:hybrid 4:2:1:4:2:ep 4:4:1:2:4:tp 8:2:1:8:4:hybrid 8:4:2:2:4:ep 6:1:1:6:2:hybrid 6:1:1:6:2:fused 8:2:2:4:4:mixserve 8:1:4:2:4:fused}; do
  rm -rf "$output" "$output.job"
  run "${l%%:*}" $greedy --output "$output" $(flags "$l")
  [ "$status" = 0 ] && same "$work/one.h5" "$output"
  ok $? "$l (ranks:tp:etp:ep:domain:exchange): the answers of one rank"
done
rm -rf "$output"

# Fewer rows than replicas: most ranks only lend their experts.
prompts "$work/few.h5" 3 6
run 1 --input "$work/few.h5" --dtype float32 --temperature 0 --output "$work/few_one.h5" -q
run 8 --input "$work/few.h5" --dtype float32 --temperature 0 --output "$output" -q \
  $(flags 8:1:1:8:4:hybrid)
[ "$status" = 0 ] && same "$work/few_one.h5" "$output"
ok $? "3 rows on 8 ranks that share one copy of the experts"
rm -rf "$output"

# Rows to experts in eight bits: other numbers, hardly another answer.
for l in 4:1:1:4:2:fused 4:1:2:2:2:fused 4:2:1:4:2:mixserve; do
  run 4 --input "$srcdir/inputs/demo.h5" --temperature 0 --output "$output" -q --wire-dtype fp8 $(flags "$l")
  is 0 "$l, --wire-dtype fp8"
  py - "$output" << 'PY'
import sys, h5py
results = h5py.File(sys.argv[1])["results"]
right = sum(a == b for a, b in zip(results["text"][()], results["answer"][()]))
assert right >= 0.99 * len(results["text"]) and len(results["text"]) == 1000, right
PY
  ok $? "at least 99 % of the answers are right"
  rm -rf "$output" "$output.job"
done

run 6 $greedy --output "$output" $(flags 6:1:1:3:2:hybrid)
is 2 "hybrid over copies that are no whole domains"
says 'code 2: .*hybrid'
rm -rf "$output" "$output.job"

# ---- killed, and gone on with in another shape of equal sums

common="--input $input --dtype float32 --temperature 0.7 --seed 9 --max-tokens 60 --ignore-eos --threads 1"
export MIXSERVE_TEST_PIECE=0.05
run 4 $common --output "$work/want.h5" $(flags 4:1:1:4:2:ep) -q
is 0 "an undisturbed run"
sealed() { compgen -G "$output.job/[sp]*-*.h5" > "$work/null"; }
ready() { # ready LAYOUT ARGUMENT...
  local l=$1
  shift
  rm -rf "$output" "$output.job"
  start "${l%%:*}" $common --output "$output" --max-num-seqs 2 $(flags "$l") "$@"
  until_true 60 sealed
}
goes_on() { # goes_on LAYOUT
  run "${1%%:*}" $common --output "$output" $(flags "$1")
  is 0 "the same job on $1" && same "$work/want.h5" "$output" && clean "$output"
  ok $? "goes on where it was, and its results are those of an undisturbed run"
}
pairs=('4:1:1:4:2:fused 2:1:1:2:1:ep' '2:1:1:1:2:tp 4:1:1:2:2:mixserve' '4:1:1:4:2:ep 4:1:1:4:4:tp')
[ -n "$long" ] || unset 'pairs[2]'
[ -z "$short" ] || unset 'pairs[1]'
for pair in "${pairs[@]}"; do
  ready "${pair% *}"
  kill_all
  finish 30
  ok 0 "${pair% *} is killed"
  goes_on "${pair#* }"
done

# ---- stopped

ready 4:1:1:4:2:hybrid
kill -TERM "$(rank_pid 2)"
finish 30
is 75 "SIGTERM to one of 4 coupled ranks" && less "$seconds" 40
ok $? "an agreed stop"
goes_on 4:1:1:4:2:hybrid

# ---- standing still inside an exchange

[ -n "$short" ] && victims=3 || victims='0 3'
phases=" in (dispatch|combine|experts|agreement|the step's numbers|all-gather|all-to-all)"
for l in 4:1:1:4:2:hybrid 4:1:1:4:2:fused ${long:+4:2:1:4:2:tp 4:1:2:2:2:mixserve 4:1:1:4:1:ep}; do
  for victim in $victims; do
    ready "$l" --stall-timeout 3
    kill -STOP "$(rank_pid $victim)"
    begin=$EPOCHREALTIME
    finish 60
    seconds=$(since "$begin")
    is 7 "rank $victim of $l stands still" && less "$seconds" 12
    ok $? "the job ends in time: $seconds s"
    grep "code 7: .*rank $victim (node $host)" "$err" | grep -Eq "$phases"
    ok $? "rank $victim, its node and the phase are named"
    ! grep 'code 7: ' "$err" | grep -v "^mixserve: rank $victim " |
      sed 's/^mixserve: rank [0-9]* (node [^)]*)//' | grep -Eq "rank [$(tr -d $victim <<< 0123)] "
    ok $? "and nobody else is"
  done
done
[ -z "$long" ] || goes_on 4:1:1:4:2:ep
done_testing
