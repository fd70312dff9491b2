#!/bin/bash
# probe.sh - mixserve probe: alone and with ranks, as text and JSON, saved and read again.
. "$srcdir/tests/e2e/lib.sh"

# probe RANKS ARGUMENT...: 0 ranks are one without mpirun.
probe() {
  local p=$1
  shift
  if [ "$p" = 0 ]; then
    timeout 120 "$MIXSERVE" probe "$@" > "$out" 2> "$err"
  else
    timeout 120 env OMP_NUM_THREADS=1 "${mpirun[@]}" -n "$p" "$MIXSERVE" probe "$@" > "$out" 2> "$err"
  fi
  status=$?
}
shown() { grep -Eq -- "$1" "$out"; ok $? "stdout shows: $1"; }

# ---- text

probe 0
is 0 "alone"
shown ' ranks 0 .* threads '
shown '^groups: world 1 of 1, domain 1 of 1, rail 1 of 1, tp 1 of 1, etp 1 of 1, ep 1 of 1, edp 1 of 1$'
shown '^inside +none here: taken as two copies in memory$'
for type in float32 bfloat16; do
  for kind in dense experts attention memory; do shown "^$type +$kind +[0-9.]+ +[0-9.]+ "; done
done
shown 'taken as two copies in memory'
probe 4 --domain-size 2 --model "$model"
is 0 "4 ranks, domains of 2, sizes of a model"
shown ' ranks 0-3 '
shown '^groups: world 1 of 4, domain 2 of 2, rail 2 of 2, tp 4 of 1, etp 4 of 1, ep 1 of 4, edp 4 of 1$'
[ "$(grep -cE '^(inside|between) +latency +64 B' "$out")" = 2 ]
ok $? "both classes are measured"
[ ! -s "$err" ]
ok $? "and there is nothing to say about it"

# ---- JSON, saved, read again

probe 4 --json --save "$work/saved.json" -q
is 0 "4 ranks, --json --save"
[ ! -s "$err" ]
ok $? "-q says nothing"
cp "$out" "$work/first"
probe 0 --json --machine "$work/saved.json"
is 0 "what was saved is a machine"
py - "$work/first" "$out" "$work/saved.json" << 'PY'
import json, sys
first, again, saved = (json.load(open(name)) for name in sys.argv[1:])
assert first["machine"] == saved == again["machine"]
assert [r["rank"] for r in first["ranks"]] == [0, 1, 2, 3]
assert all(r["local_ranks"] == 4 and r["domain"] == 0 and r["rail"] == r["rank"]
           and r["threads"] >= 1 and r["memory"] > 1 << 28 and r["isa"] for r in first["ranks"])
assert first["groups"] == {"world": 4, "domain": 4, "rail": 1, "tp": 1, "etp": 1, "ep": 4, "edp": 1}
assert first["measured"]["inside"] and not first["measured"]["between"]
assert "measured" not in again
assert saved["shared"] is True and saved["ranks"] == 4 and saved["domain"] == 4
assert saved["links"]["inside"] == saved["links"]["between"]
for name, link in saved["links"].items():
    assert len(link["bytes"]) == len(link["seconds"]) >= 3, link
    assert link["seconds"] == sorted(link["seconds"]), link
for t in "float32", "bfloat16":
    for w in "dense", "experts", "attention", "memory":
        rate = saved["rates"][t][w]
        assert len(rate["rows"]) == len(rate["speed"]) and min(rate["speed"]) > 0, rate
PY
ok $? "they hold the same numbers, and what 4 ranks on one host see"
probe 0 --machine "$work/saved.json"
shown '^machine: .*, 4 ranks a node'
shown '^links, as saved'

timeout 120 "$MIXSERVE" plan --model "$model" --nodes 2 --ranks-per-node 4 --machine "$work/saved.json" \
  > "$out" 2> "$err"
status=$?
is 0 "a plan for two such nodes"
shown '^ *1 .* (tp|ep|hybrid) '

# ---- what is wrong

sed 's/"ports": 1/"ports": 0/' "$work/saved.json" > "$work/broken.json"
probe 4 --machine "$work/broken.json"
is 3 "a machine with a link of no ports"
[ "$(grep -c 'error: .*broken.json: "links.inside.ports": expected 1 to 1.*found 0' "$err")" = 1 ]
ok $? "one rank says so, once"
probe 0 --machine "$work/nowhere.json"
is 3 "no such machine"
says 'nowhere.json: '
probe 4 --domain-size 3
is 2 "a domain that does not divide the ranks"
[ "$(grep -c 'error: --domain-size 3 does not divide 4 ranks' "$err")" = 1 ]
ok $? "one rank says so, once"
probe 0 --model "$work"
is 3 "a folder without a model"
says 'config.json'
probe 4 --machine "$work/saved.json" --save "$work/no/where.json"
is 8 "a folder that is not there"
says 'no/where.json'
[ ! -s "$out" ]
ok $? "and nothing is on stdout"
probe 0 --machine "$work/saved.json" --save "$work/saved.json"
is 0 "saved over itself"
cp "$out" "$work/first"
probe 0 --machine "$work/saved.json"
cmp -s "$out" "$work/first"
ok $? "it is the same"
done_testing
