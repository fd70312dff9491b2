#!/bin/bash
# exchange.sh - is every exchange as fast as it has to be, on nodes that are all on this machine?
#
#     bench/exchange.sh MIXSERVE [SHAPE...]
#
# For each SHAPE, NODESxRANKS (2x2, 4x2 and 2x4), it makes nodes of 500 Mbit/s with a rail for each
# rank, runs `mixserve bench exchange` there, writes bench/results/exchange-SHAPE.csv and prints what
# has to be, what a prototype had before and what was measured; a shape that misses something is
# measured once more. Exit status 1 if it misses again.
#
# Twice for each shape: with a link inside the nodes, by the clock, on which all that is read takes as
# long as what the wire takes, and experts by the clock; and as the machine is, with real experts.
#
# From the environment: SIZES, RESULTS (a folder), LAB (cluster-lab.sh). Root; needs what
# jobs/cluster-lab.sh needs, and for 8 MiB on 4x2 10 GB of memory. Some four minutes for 2x2, fifteen
# for 2x4, half an hour for 4x2; twice that if measured again.
set -u
[ $# -ge 1 ] || { sed -n '2,16s/^# \{0,1\}//p' "$0" >&2; exit 2; }
. "$(dirname "$0")/lab.sh"
mbit=500
shift
[ $# -ge 1 ] || set -- 2x2 4x2 2x4

bench() { # bench NODES RANKS SIZES ARGUMENT...
  local n=$1 m=$2 sizes=$3
  shift 3
  "$lab" run -n $((n * m)) --map-by "ppr:$m:node" "$mixserve" bench exchange -q --json --threads 1 \
    --sizes "$sizes" "$@"
}

# On a rail a rank sends S to each of n - 1 domains, there and back, at mbit / m; inside it reads, from
# m - 1 others, S of each of n domains, and back twice as much (fp32): so the link inside has to be
# that much faster.
measure() { # measure NODES RANKS
  local n=$1 m=$2 sizes=${SIZES:-4Ki,64Ki,256Ki,1Mi,8Mi} inside
  inside=$((mbit * 3 * n * (m - 1) / (2 * (n - 1) * m)))
  RAILS=$m "$lab" up "$n" "${mbit}mbit" &&
    bench "$n" "$m" "$sizes" --intra-rate "${inside}mbit" > "$work/virtual.json" &&
    bench "$n" "$m" "$sizes" --compute real > "$work/real.json" &&
    "$lab" down
}

missed=0
for shape in "$@"; do
  [[ $shape =~ ^([2-9])x([2-9])$ ]] || { echo "$0: $shape is not NODESxRANKS, as 4x2" >&2; exit 2; }
  nodes=${BASH_REMATCH[1]} ranks=${BASH_REMATCH[2]}
  for try in first second; do
    measure "$nodes" "$ranks" || exit
    "$python" "$top/bench/exchange.py" csv "$work/virtual.json" "$work/real.json" \
      > "$results/exchange-$shape.csv" || exit
    "$python" "$top/bench/exchange.py" gates "$shape" "$work/virtual.json" "$work/real.json"
    status=$?
    case $status-$try in
      0-*) break ;;
      1-first) echo "$shape: once more" ;;
      1-second) missed=1 ;;
      *) exit $status ;;
    esac
  done
done
exit $missed
