#!/bin/bash
# bench.sh - mixserve bench plan: every layout of two ranks is predicted and run, one document.
# That predictions are good is not tested here: it takes a machine of its own.
. "$srcdir/tests/e2e/lib.sh"

bench() { # bench RANKS ARGUMENT...
  local p=$1
  shift
  timeout 300 env OMP_NUM_THREADS=1 "${mpirun[@]}" -n "$p" "$MIXSERVE" bench "$@" > "$out" 2> "$err"
  status=$?
}

bench 2 plan --model "$model" --num-layers 1 --domain-size 1 --json -q
is 0 "two ranks, a domain each"
[ ! -s "$err" ]
ok $? "-q says nothing"
py - "$out" << 'PY'
import json, sys
said = json.load(open(sys.argv[1]))
assert said["ranks"] == 2 and said["domain_size"] == 1, said
assert [j["job"] for j in said["jobs"]] == ["prefill", "decode", "even"]
for job in said["jobs"]:
    layouts = job["layouts"]
    assert 3 <= len(layouts) == job["fit"] <= 40
    assert [x["rank"] for x in layouts] == list(range(1, len(layouts) + 1))
    told = [x["steps"] * x["predicted_seconds"] for x in layouts]
    assert told == sorted(told), "best first"
    cost = [x["steps"] * x["measured_seconds"] for x in layouts]
    assert job["best"] == cost.index(min(cost)) + 1
    assert abs(job["regret"] - (cost[0] / min(cost) - 1)) < 1e-9
    for x in layouts:
        assert x["tp"] * x["dp"] == 2 and x["etp"] * x["ep"] * x["edp"] == 2 and x["tp"] == 1
        assert abs(sum(x["predicted"].values()) / x["predicted_seconds"] - 1) < 1e-6
        assert 0 < x["measured_seconds"] < 60 and x["measured"]["attention"] > 0
    # what runs alone moves nothing
    alone = next(x for x in layouts if x["edp"] == 2)
    idle = alone["measured"]["waiting"] + alone["measured"]["exchange between"]
    assert idle < 0.02 * alone["measured_seconds"], alone
PY
ok $? "every layout once, in the planner's order, with its parts"
bench 2 plan --model "$work"
is 3 "a folder without a model"
[ "$(grep -c 'error: .*config.json' "$err")" = 1 ]
ok $? "one rank says so, once"
bench 2 fly --model "$model"
is 2 "a bench that is none"
says 'bench fly: it is one of plan'
bench 2 plan --model "$model" --domain-size 3
is 2 "a domain that does not divide the ranks"
says 'error: --domain-size 3 does not divide 2 ranks'
done_testing
