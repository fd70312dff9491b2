#!/bin/bash
# nodes.sh - ranks on several nodes: who sees whom, the same answers, and the bytes between them.
. "$srcdir/tests/cluster/lib.sh"

probe() { # probe RANKS ARGUMENT...
  timeout -k 5 120 "${mpirun[@]}" -n "$1" "$MIXSERVE" probe --json "${@:2}" > "$out" 2> "$err"
  status=$?
}
# ranks_of NODES: what `probe` has printed of two ranks on each of so many nodes
ranks_of() {
  py - "$out" "$1" << 'PY'
import json, sys
d, nodes = json.load(open(sys.argv[1])), int(sys.argv[2])
got = [(r["rank"], r["host"], r["domain"], r["rail"], r["local_rank"], r["local_ranks"])
       for r in d["ranks"]]
want = [(2 * n + l, f"n{n}", n, l, l, 2) for n in range(nodes) for l in range(2)]
assert got == want, got
assert (d["groups"]["domain"], d["groups"]["rail"]) == (2, nodes), d["groups"]
PY
  ok $? "$1 x 2: hosts, domains and rails of the ranks are those of the nodes"
}
# bytes_of EXCHANGE RANKS STEPS: counted against what the kernel sent. Messages have headers, and
# are acknowledged: up to 6 %. What ep sends across rails, the kernel sends by either.
bytes_of() {
  timeout -k 5 60 "${mpirun[@]}" -n "$2" tests/cluster/wire "$1" "$3" > "$out" 2> "$err"
  status=$?
  awk -v ranks="$2" -v each="$([ "$1" = ep ] || echo 1)" '
    function far(what, counted, sent) {
      if (counted < 1000000 || sent < counted || sent > 1.06 * counted) bad = 1
      printf "%s: counted %d, sent %d: %.4f\n", what, counted, sent, sent / (counted + 1)
    }
    { n++; counted[$2] += $3; sent[$2] += $4; if (each) far("rank " $1, $3, $4) }
    END { for (host in sent) far(host, counted[host], sent[host]); exit bad || n != ranks }' \
    "$out" > "$work/why"
  ok $? "$1, $2 ranks: bytes between nodes$([ "$1" = ep ] || echo ", rail by rail,") are as counted"
}

# ---- two nodes

lab_up 2 100mbit
probe 4
is 0 "probe"
ranks_of 2
py - "$out" << 'PY'
import json, sys
d = json.load(open(sys.argv[1]))
assert d["measured"]["inside"] and d["measured"]["between"], d["measured"]
inside, between = (d["machine"]["links"][k] for k in ("inside", "between"))
size = max(set(inside["bytes"]) & set(between["bytes"]))
fast, slow = (l["seconds"][l["bytes"].index(size)] for l in (inside, between))
wire = size * 8 / 50e6  # a rail has half of the node's rate
assert size >= 1 << 16 and 0.8 * wire < slow < 3 * wire, (size, slow, wire)
assert fast < slow / 2, (size, fast, slow)
PY
ok $? "a rail between nodes is as slow as it was made, and slower than the way inside"
"$lab" rate 500mbit

# Names, shared memory and the hosts file are those of a node.
: > "/dev/shm/mixserve-$$"
# shellcheck disable=SC2016
"${mpirun[@]}" -n 2 --map-by ppr:1:node sh -c \
  'echo "$(hostname) $(ls /dev/shm | grep -c mixserve-) $(getent hosts n1 | wc -l)"' \
  > "$out" 2> "$err"
rm -f "/dev/shm/mixserve-$$"
[ "$(sort "$out" | tr '\n' ';')" = 'n0 0 1;n1 0 1;' ]
ok $? "nodes have names and shared memory of their own, and know each other"

prompts "$work/in.h5" 40 5
common="--input $work/in.h5 --dtype float32 --temperature 0.7 --seed 9 --max-tokens 12 --threads 1
        --domain-size 2 -tp 1 -etp 1 -ep 4"
for exchange in $exchanges; do
  on_one
  run 4 $common --output "$work/one.h5" --exchange "$exchange"
  is 0 "$exchange on one node"
  on_all
  run 4 $common --output "$work/two.h5" --exchange "$exchange"
  is 0 "$exchange on two nodes" && grep -q '^mixserve: n1 ' "$err" &&
    same "$work/one.h5" "$work/two.h5"
  ok $? "$exchange: the same results from one node and from two"
  rm -f "$work"/{one,two}.h5
done
for exchange in $exchanges; do bytes_of "$exchange" 4 12; done
# fused in four chunks, each of which takes a rail 7 ms.
"$lab" rate 60mbit
bytes_of fused 4 8
awk '{ n++; overlapped += $5; chances += $6; wrong += $7 }
     END { printf "%d of %d overlapped, %d out of order\n", overlapped, chances, wrong
           exit wrong || n != 4 || chances < 4 * 8 * 3 || overlapped < chances / 2 }' "$out" > "$work/why"
ok $? "pieces are worked on in their order, each while the next one travels"

# ---- four

[ -z "$short" ] || done_testing
lab_up 4 500mbit
probe 8 --machine "$machine"
is 0 "probe"
ranks_of 4
for exchange in $exchanges; do
  bytes_of "$exchange" 8 8
  case $exchange in mixserve | fused) ;; *) continue ;; esac
  # Of three nodes, in four chunks each; the first piece of a step could not have overlapped.
  awk '{ n++; chances += $6; wrong += $7 }
       END { print chances " pieces, " wrong " out of order"
             exit wrong || n != 8 || chances != 8 * 9 * 11 }' "$out" > "$work/why"
  ok $? "$exchange: pieces come from the nearest node first"
done
done_testing
