#!/bin/bash
# look.sh - what a person sees of a run, and what a script does: progress, table, JSON, exit codes.
. "$srcdir/tests/e2e/lib.sh"

input=$work/in.h5 output=$work/out.h5
prompts "$input" 60 4
common="--input $input --output $output --dtype float32 --threads 1"
fresh() { rm -rf "$output" "$output.job"; }
shown() { grep -Eq -- "$1" "$out"; ok $? "stdout shows: $1"; }

# ---- a run to its end

run 4 $common --temperature 0
is 0 "a run"
shown '^section +min +avg +max +share'
for section in load attention router experts 'exchange inside' 'exchange between' waiting sampling write; do
  shown "^$section( \\(beside\\))? +[0-9.]+ +[0-9.]+ +[0-9.]+ +[0-9.]+%"
done
shown '^rows 60 \(0 bad\), prompt tokens [0-9 ]+, answer tokens [0-9 ]+ in .*: [0-9]+ tok/s in, [0-9]+ tok/s out'
shown 'largest rank [0-9.]+ MiB; done'
says '^mixserve: .* ranks 0-3 '
says 'attention tp 1 x dp 4'
[ "$(grep -c . "$out")" -le 16 ]
ok $? "and no more than the table"

# ---- JSON

fresh
run 4 $common --temperature 0 --json
is 0 "a run with --json"
py - "$out" "$output" << 'PY'
import json, sys, h5py
with open(sys.argv[1]) as file:
    said = json.load(file)
with h5py.File(sys.argv[2]) as file:
    r = file["results"]
    prompt, answer = r["prompt_tokens"][()].sum(), r["completion_tokens"][()].sum()
    stops = (r["finish_reason"].asstr()[()] == "stop").sum()
assert said["end"] == "done" and said["ranks"] == 4, said
assert said["rows"] == 60 and said["failed"] == 0, said
assert said["tokens_in"] == prompt, (said["tokens_in"], prompt)
assert said["tokens_out"] == answer + stops, (said["tokens_out"], answer, stops)
assert said["seconds"] > 0 and said["peak_rss"] > 1 << 20, said
for section in ("load", "attention", "router", "experts", "exchange inside", "exchange between",
                "waiting", "sampling"):
    times = said["sections"][section]
    assert 0 <= times["min"] <= times["avg"] <= times["max"], (section, times)
PY
ok $? "stdout is one JSON document, and it counts right"
run 2 $common --temperature 0 --json
is 0 "the same command again"
py - "$out" << 'PY'
import json, sys
said = json.load(open(sys.argv[1]))
assert said["end"] == "nothing to do" and said["rows"] == 0, said
PY
ok $? "stdout is one JSON document, too"
fresh
run 2 $common --temperature 0 --no-merge -q
run 2 $common --temperature 0 --json
[ "$status" = 0 ] && "$python" -m json.tool "$out" > "$work/null" 2>&1 && [ -e "$output" ]
ok $? "so it is where only the merge was left"

fresh
run 2 $common --temperature 0 -q
[ "$status" = 0 ] && [ ! -s "$err" ] && [ -s "$out" ]
ok $? "-q leaves stderr empty, not stdout"

# ---- progress on a plain stderr, and the heartbeat; 60 rows of 4,000 tokens do not end so soon

fresh
run 2 $common --ignore-eos --max-num-seqs 8 --json --max-time 14
is 75 "a run that is stopped after 14 s"
says '^mixserve: rows [0-9 ]+ / 60 \([0-9.]+ %\).* \| out [0-9 ]+ tok/s in [0-9 ]+ tok/s \| running [0-9]+ waiting [0-9]+ \| KV [0-9]+ % \| ETA '
says ', none ended since the last line'
lines=$(grep -c '^mixserve: rows ' "$err")
[ "$lines" -ge 2 ] && [ "$lines" -le 4 ]
ok $? "$lines lines of progress"
! grep -q $'[\r\033]' "$err"
ok $? "and no codes for terminals"
says 'stopping: --max-time is over'
py - "$out" << 'PY'
import json, sys
said = json.load(open(sys.argv[1]))
assert said["end"].startswith("stopped"), said
PY
ok $? "stdout is one JSON document"

# ---- a live line on a terminal; alone, because mpirun puts a pipe before the ranks

fresh
py - "$work/screen" "$MIXSERVE" run --model "$model" $common --ignore-eos --max-num-seqs 1 --max-time 10 << 'PY'
import os, pty, sys
with open(sys.argv[1], "wb") as screen:
    def read(fd):
        data = os.read(fd, 4096)
        screen.write(data)
        return data
    status = os.waitstatus_to_exitcode(pty.spawn(sys.argv[2:], read))
sys.exit(status)
PY
status=$?
if py -c 'import os; os.openpty()'; then
  is 75 "a run on a terminal"
  [ "$(grep -ac $'\rrows [0-9]* / 60 .*\033\[K' "$work/screen")" -ge 1 ]
  ok $? "keeps one line alive"
else
  skip "a run on a terminal" "this machine makes no terminals (/dev/pts)"
fi
fresh

# ---- exit codes of a command line that is wrong

# ---- made-up weights

fresh
made_up=$work/made_up
mkdir "$made_up"
cp "$model"/*.json "$made_up"
rm "$made_up"/*index.json
of_made_up() { # of_made_up ARGUMENT...: of a model without weights
  timeout 120 "${mpirun[@]}" -n 2 "$MIXSERVE" run --model "$made_up" --machine "$machine" $common \
    --temperature 0 --max-tokens 8 --ignore-eos --json "$@" > "$out" 2> "$err"
  status=$?
}
of_made_up
is 3 "a model without weights"
says 'safetensors'
of_made_up --load-format dummy --num-layers 2 --no-merge
is 0 "with made-up weights, half of its layers"
shown '"rows": 60, "failed": 0, .*"tokens_out": 480,'
of_made_up --load-format dummy
is 3 "another number of layers is another job"
says 'num_layers'
fresh

usage() { # usage WORDS TEXT: code 2 under mpirun, said once
  local words=$1 text=$2
  # shellcheck disable=SC2086
  timeout 60 "${mpirun[@]}" -n 4 "$MIXSERVE" $words > "$out" 2> "$err"
  status=$?
  is 2 "mixserve $words"
  [ "$(grep -Ec -- "$text" "$err")" = 1 ] && [ ! -s "$out" ]
  ok $? "one line says: $text"
}
usage "run --model $model --input $input" 'output'
usage "run --model $model $common --temprature 0" 'temprature'
usage "run --model $model $common --temperature hot" '--temperature hot'
usage "run --model $model $common --top-p 1.5" '--top-p 1.5'
usage "run --model $model $common -dp 3" 'code 2: --data-parallel-size 3 does not divide 4 ranks'
usage "fly" 'fly'
for words in --help 'run --help' 'run -h'; do
  # shellcheck disable=SC2086
  "$MIXSERVE" $words > "$out" 2> "$err"
  status=$?
  is 0 "mixserve $words"
  [ "$(grep -c . "$out")" -gt 5 ] && [ ! -s "$err" ]
  ok $? "on stdout"
done
done_testing
