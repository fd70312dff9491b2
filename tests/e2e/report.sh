#!/bin/bash
# report.sh - what a run predicts of itself: seconds by section, bytes of the exchange by phase.
# That seconds are predicted well is not tested here: it takes a machine of its own.
. "$srcdir/tests/e2e/lib.sh"

input=$work/in.h5 output=$work/out.h5
prompts "$input" 200 7
common="--input $input --output $output --dtype float32 --temperature 0 --max-tokens 8"
fresh() { rm -rf "$output" "$output.job"; }
spread='-tp 1 -etp 1 -ep 4 --domain-size 2' # one copy of the experts on 2 x 2 ranks

# ---- a table

run 4 $common $spread --exchange fused
is 0 "a run with a machine"
prints '^section +min +avg +max +share +predicted +\(seconds over 4 ranks\)$'
prints '^load( +[0-9.]+){3} +[0-9.]+% +-$'
for section in attention router experts 'exchange inside' 'exchange between' waiting head total; do
  prints "^$section( +[0-9.]+){3} +[0-9.]+% +[0-9.]+$"
done
prints '^by a mean rank +seconds +predicted +inside +expected +messages +between +expected +messages$'
prints '^counts +[0-9.]+ +[0-9.]+ +0 B +0 B +0 +([0-9.]+ K?i?B +){2}[0-9]+$'
for phase in dispatch combine; do
  prints "^$phase +[0-9.]+ +[0-9.]+ +(([0-9.]+ [KM]iB +){2}[0-9 ]+){2}$"
done
prints '^exchange inside, between and waiting: [0-9.]+ s, predicted [0-9.]+ s$'
[ "$(grep -c . "$out")" -le 20 ]
ok $? "and no more than a screen"

fresh
timeout 120 "$MIXSERVE" run --model "$model" $common > "$out" 2> "$err"
status=$?
is 0 "alone, without a machine"
prints '^section +min +avg +max +share +predicted +\(seconds over 1 rank\)$'
[ "$(grep -cE '%  +-$' "$out")" = 12 ]
ok $? "nothing is predicted"
! grep -Eq '^(by a mean|counts|exchange inside,)' "$out"
ok $? "nothing is sent"
fresh
timeout 120 "$MIXSERVE" run --model "$model" $common --json > "$out" 2> "$err"
status=$?
[ "$status" = 0 ] && "$python" -m json.tool "$out" > "$work/null" 2>&1 && ! grep -Eq 'predicted|expected' "$out"
ok $? "nor in the document"

# ---- bytes: rows of 128 numbers of 4 bytes, 4 layers, 4 of 16 experts, half of them elsewhere

for exchange in ep hybrid fused mixserve tp; do
  fresh
  run 4 $common $spread --exchange $exchange --json
  is 0 "$exchange on 2 x 2"
  py - "$out" $exchange << 'PY'
import json, math, sys
said, exchange = json.load(open(sys.argv[1])), sys.argv[2]
parts = {name: x["predicted"] for name, x in said["sections"].items() if "predicted" in x}
total = parts.pop("total")
assert len(parts) == 7 and total > 0 and abs(sum(parts.values()) - total) < 1e-3, (parts, total)
sent = said["exchange"]
moving = [said["sections"][x] for x in ("exchange inside", "exchange between", "waiting")]
assert abs(sum(x["avg"] for x in moving) - sent["seconds"]) < 1e-3, (moving, sent)
assert abs(sum(x["predicted"] for x in moving) - sent["predicted"]) < 1e-3, (moving, sent)
phases = [sent[x] for x in ("counts", "dispatch", "combine")]
assert abs(sum(x["predicted"] for x in phases) - sent["predicted"]) < 1e-3, sent
# Ranks that step together wait for each other before a step, too: that is of no phase.
assert 0 < sum(x["seconds"] for x in phases) < sent["seconds"] + 1e-3, sent
assert all(sent[x]["seconds"] > 0 for x in ("dispatch", "combine")), sent
# An answer's last token meets nobody; a rank owns a quarter of the rest, in each of 4 layers.
tokens = (said["tokens_in"] + said["tokens_out"] - said["rows"]) / said["ranks"] * 4
fused = 1 - math.comb(8, 4) / math.comb(16, 4)
rows = {"ep": 2, "hybrid": 2, "mixserve": 2, "fused": fused, "tp": 2}[exchange] * tokens
head = {"ep": 0, "hybrid": 0, "mixserve": 4, "fused": 32, "tp": 32}[exchange]
for phase, bytes in (("dispatch", 512 + head), ("combine", 512)):
    x = sent[phase]["between"]
    assert abs(x["expected"] / (rows * bytes) - 1) < 1e-3, (phase, x, rows * bytes)
    assert abs(x["bytes"] / x["expected"] - 1) < 0.1, (phase, x)
    assert x["messages"] >= 1, (phase, x)
    y = sent[phase]["inside"]
    assert abs(y["bytes"] / y["expected"] - 1) < 0.1, (phase, y)
x = sent["counts"]["between"]
if exchange in ("fused", "mixserve"):  # a message's length says it; one byte where there are none
    # A byte each; means of ranks, rounded to a whole byte and to a tenth of a message.
    assert x["expected"] == 0 and x["bytes"] - 0.5 <= x["messages"] + 0.05, x
else:
    assert x["bytes"] == x["expected"] and (x["bytes"] > 0) == (exchange != "tp"), x
PY
  ok $? "its seconds add up; its bytes are those of the formula, and those sent"
done

# ---- seconds: those of the plan, that knows lengths alone and no steps

prompts "$work/more.h5" 1200 8
limits='--max-tokens 16 --max-num-seqs 16 --max-num-batched-tokens 64 -tp 1 -etp 1 -ep 1 --exchange tp'
fresh
run 4 --input "$work/more.h5" --output "$output" --dtype float32 --ignore-eos --json $limits
is 0 "a run of answers as long as they may be"
timeout 60 "$MIXSERVE" plan --model "$model" --input "$work/more.h5" --nodes 1 --ranks-per-node 4 \
  --machine "$machine" --dtype float32 --json $limits > "$work/plan" 2> "$err"
py - "$out" "$work/plan" << 'PY'
import json, sys
said, plan = (json.load(open(name)) for name in sys.argv[1:])
told = said["sections"]["total"]["predicted"]
want = plan["seconds"]
print(told, want)
assert abs(told / want - 1) < 0.15, (told, want)
PY
ok $? "its steps take as long as the plan says: $(cat "$work/why")"
done_testing
