#!/bin/bash
# bench.sh - mixserve bench: every layout of two ranks is predicted and run, one document; every
# exchange takes steps at some sizes, and what it sends is what the formulae say.
# That predictions are good and exchanges fast is not tested here: it takes a machine of its own.
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
says 'bench fly: it is one of plan, exchange'
bench 2 plan --model "$model" --sizes 4Ki
is 2 "an option of the other one"
says 'error: --sizes is an option of bench exchange'
bench 2 exchange --num-layers 2
is 2 "likewise"
says 'error: --num-layers is an option of bench plan'
bench 2 plan --model "$model" --domain-size 3
is 2 "a domain that does not divide the ranks"
says 'error: --domain-size 3 does not divide 2 ranks'

# ---- bench exchange

exchange() { # exchange RANKS ARGUMENT...: on a machine from a file, so that nothing is measured
  local p=$1
  shift
  bench "$p" exchange --machine "$machine" --threads 1 "$@"
}
shown() { grep -Eq -- "$1" "$out"; ok $? "stdout shows: $1"; }

exchange 4 --domain-size 2 --sizes 4Ki,64Ki,1Mi --repeats 2 --json -q
is 0 "two domains of two ranks"
[ ! -s "$err" ]
ok $? "-q says nothing"
py - "$out" "$machine" << 'PY'
import json, sys
said = json.load(open(sys.argv[1]))
s, rows = said["settings"], said["rows"]
assert (s["ranks"], s["domain_size"], s["chunks"], s["repeats"]) == (4, 2, 4, 2), s
assert (s["compute"], s["inside_bytes_per_second"]) == ("virtual", 0), s
assert said["machine"]["name"] == json.load(open(sys.argv[2]))["name"]
names = ["tp", "ep", "hybrid", "mixserve sync", "mixserve", "fused sync",
         "fused, 1 chunk", "fused"]
assert [r["name"] for r in rows] == 3 * names
assert [r["chunks"] for r in rows] == 3 * [0, 0, 0, 0, 1, 0, 1, 4]
assert [r["exchange"] for r in rows[:8]] == names[:3] + 2 * ["mixserve"] + 3 * ["fused"]
# k copies of 4096 bytes, half of them for the other domain; a token at least
assert [(r["tokens"], r["bytes"]) for r in rows[::8]] == [(1, 16384), (4, 65536), (64, 1048576)]
for r in rows:
    assert r["experts"] == "virtual" and r["inside"] == "memory"
    for t in r["alone"], r["both"], r["compute"]:
        assert 0 < t["low"] <= t["median"] <= t["high"] < 60, r
    tx, to, tc = (r[t]["median"] for t in ("alone", "both", "compute"))
    assert to >= tc, "the clock is waited for"
    assert abs(r["exposed"] - (to - tc)) < 1e-9
    assert abs(r["hidden"] - (tc + tx - to) / min(tc, tx)) < 1e-6
    assert r["limit"] >= tc and r["predicted_alone"] > 0
    for where in r["between_domains"], r["inside_domain"]:
        assert where["messages"] == where["expected_messages"] or r["tokens"] < 64, r
        if r["tokens"] == 64:  # of 512 copies about 256 go to a domain, give or take 11
            assert 0.97 < where["bytes"] / where["expected_bytes"] < 1.2, r
sent = {r["name"]: r["between_domains"]["bytes"] for r in rows[16:]}
assert 3.5 < sent["hybrid"] / sent["fused"] < 4.5, sent
assert sent["fused"] == sent["fused, 1 chunk"] + 4 and sent["mixserve"] == sent["mixserve sync"]
# whole tokens with ids and weights to two others, rows of sums back
assert sent["tp"] == 2 * 64 * (4096 + 64 + 4096), sent
PY
ok $? "every exchange at every size, with times, what is sent, and what it follows from"
exchange 2 --domain-size 1 --sizes 4Ki --repeats 1 --compute real --inner 8 --chunks 2
is 0 "real experts"
for line in '^2 domains of 1 rank; ' '^experts: real products, inner 8$' '^fused, 2 chunks +[0-9.]+ '; do
  shown "$line"
done
awk 'length > 120' "$out" | grep -q .
[ $? = 1 ]
ok $? "at most 120 columns"

exchange 2 --domain-size 2 --sizes 64Ki --repeats 1 --intra-rate 80mbit
is 0 "one domain"
shown '^there is one domain: nothing travels between domains$'
shown '^inside a domain: modelled, by a clock, 80.0 Mbit/s into a rank$'
exchange 4 --domain-size 2 --sizes 64Ki --repeats 1 --intra-rate 80mbit --json
is 0 "a slow link in the domain"
py - "$out" << 'PY'
import json, sys
for r in json.load(open(sys.argv[1]))["rows"]:
    assert r["inside"] == "paced"
    least = r["inside_domain"]["bytes"] / 10e6 # ids and counts are not paced
    assert 0.9 * least < r["alone"]["median"], r
    assert 0.99 * least < r["limit"], r
PY
ok $? "no exchange is faster than what it reads there"

while IFS='|' read -r words line; do
  # shellcheck disable=SC2086
  exchange 2 $words < /dev/null
  is 2 "$words"
  says "error: $line"
  [ "$(grep -c 'error: ' "$err")" = 1 ] && [ ! -s "$out" ]
  ok $? "one rank says so, once"
done << 'CASES'
--sizes 64Ki,many|--sizes 64Ki,many: numbers of bytes from 1 to 1Gi are needed, at most 16
--sizes 4Ki,|--sizes 4Ki,: numbers of bytes
--intra-rate 250|--intra-rate 250: bits a second are needed, as in 250mbit
--domain-size 3|--domain-size 3 does not divide 2 ranks
CASES
done_testing
