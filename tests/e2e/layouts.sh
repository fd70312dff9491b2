#!/bin/bash
# layouts.sh - the same answers from every layout of 1, 2, 4 and 8 ranks.
#
# A layout is RANKS:TP:ETP; etp = tp splits the experts over tp, etp = 1 gives each rank all of them.
# float32, greedy: the answers of one rank, whatever the layout. Sampled: equal bytes for equal tp and
# etp, whatever the number of ranks and of replicas, in both types.
. "$srcdir/tests/e2e/lib.sh"

input=$work/in.h5
layouts='2:1:1 4:1:1 8:1:1  2:2:2 4:2:2 8:2:2  2:2:1 4:2:1 8:2:1  4:4:4 8:4:4  4:4:1 8:4:1  4:4:2 8:4:2'

# A prompt file whose rows also differ in what is asked for.
py - "$input" "$srcdir/inputs" << 'PY' || { ok 1 "a prompt file"; done_testing; }
import sys
sys.path.insert(0, sys.argv[2])
import h5py, make_prompts
rows = 50
prompts, answers, tasks = make_prompts.draw(rows, 7)
make_prompts.write_prompts(sys.argv[1], prompts, answers, tasks)
with h5py.File(sys.argv[1], "a") as file:
    file["prompts/seed"] = [i * 1000003 - 25 for i in range(rows)]
    file["prompts/max_tokens"] = [i % 3 * 7 if i % 3 else -1 for i in range(rows)]
PY

layout() { # layout R:TP:ETP OUTPUT ARGUMENT...
  local r tp etp
  IFS=: read -r r tp etp <<< "$1"
  local output=$2
  shift 2
  run "$r" --input "$input" --output "$output" -tp "$tp" -etp "$etp" -q "$@"
}

# ---- greedy

greedy='--dtype float32 --temperature 0 --max-tokens 24'
layout 1:1:1 "$work/one.h5" $greedy
is 0 "float32, greedy, one rank" || done_testing
py - "$work/one.h5" << 'PY'
import sys, h5py
with h5py.File(sys.argv[1]) as file:
    r = file["results"]
    right = r["text"][()] == r["answer"][()]
    assert list(r["row"]) == list(range(50)), "rows"
    assert set(r["finish_reason"].asstr()) <= {"stop", "length"}, "reasons"
    assert right.mean() > 0.5, "right answers"
PY
ok $? "50 rows in order, answers that are right"
for l in $layouts; do
  o=$work/greedy.h5
  rm -rf "$o" "$o.job"
  layout "$l" "$o" $greedy
  [ "$status" = 0 ] && same "$work/one.h5" "$o"
  ok $? "float32, greedy, $l (ranks:tp:etp): the answers of one rank"
done

layout 8:8:8 "$work/eight.h5" $greedy
is 5 "tp 8 of a model with 4 heads"
says 'code 5: .*(4 heads|heads 4|tensor-parallel-size 8)'
[ ! -e "$work/eight.h5" ] && clean "$work/eight.h5"
ok $? "and nothing is left behind"

# ---- sampled

sampled='--temperature 0.8 --top-p 0.9 --top-k 40 --max-tokens 24'
family() { # family DTYPE FIRST OTHER...: layouts with equal bytes
  local dtype=$1 first=$2 l o
  shift 2
  layout "$first" "$work/first.h5" --dtype "$dtype" $sampled
  is 0 "$dtype, sampled, $first"
  if grep -q 'not batch-invariant' "$err"; then
    skip "$dtype, sampled" "this CPU has no invariant path for $dtype"
    return
  fi
  for l in "$@"; do
    o=$work/other.h5
    layout "$l" "$o" --dtype "$dtype" $sampled
    [ "$status" = 0 ] && same "$work/first.h5" "$o"
    ok $? "$dtype, sampled, $l: the bytes of $first"
    rm -rf "$o" "$o.job"
  done
  rm -rf "$work/first.h5" "$work/first.h5.job"
}

family float32 1:1:1 4:1:1
family float32 2:2:2 8:2:2
family float32 4:4:4 8:4:4
family bfloat16 1:1:1 2:1:1 8:1:1
family bfloat16 2:2:2 4:2:2 8:2:2
family bfloat16 2:2:1 8:2:1
family bfloat16 4:4:1 8:4:1
if [ -n "$long" ]; then
  family float32 1:1:1 2:1:1 8:1:1
  family float32 2:2:1 4:2:1 8:2:1
  family float32 4:4:2 8:4:2
  family bfloat16 1:1:1 4:1:1
  family bfloat16 4:4:4 8:4:4
  family bfloat16 4:4:2 8:4:2
else
  skip "the other families" "make check-all walks them"
fi
done_testing
