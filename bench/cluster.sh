#!/bin/bash
# cluster.sh - how fast is a whole run with every exchange, on nodes that are all on this machine?
#
#     bench/cluster.sh MIXSERVE [SHAPE [MBIT [MODEL [JOB]]]]
#
# For each SHAPE, NODESxRANKS (2x2 and 4x2), at MBIT a node (250, 500 and 1000), it measures the nodes
# with `mixserve probe`, runs a job of short runs with every exchange, and with what the planner picks
# by itself where memory holds no second copy of an expert, and adds the runs to
# bench/results/cluster.csv. MODEL: tiny, with its weights, or wide, that of Qwen3-30B-A3B with 64
# experts, 4 layers and made-up weights. JOB: prefill, long prompts and few answer tokens, or decode,
# the other way round. At the end a table of all that is there; exit status 1 if it misses a gate.
#
# From the environment: REPEATS [3], SECONDS_OF_A_RUN [2], RESULTS (a folder), LAB (cluster-lab.sh),
# PYTHON (with h5py). Root; needs what jobs/cluster-lab.sh needs, and for wide 12 GB of memory.
set -u
[ $# -ge 1 ] || { sed -n '2,15s/^# \{0,1\}//p' "$0" >&2; exit 2; }
. "$(dirname "$0")/lab.sh"
shapes=${2:-2x2 4x2} rates=${3:-250 500 1000} models=${4:-tiny wide} jobs=${5:-prefill decode}

for shape in $shapes; do
  [[ $shape =~ ^([2-9])x([2-9])$ ]] || { echo "$0: $shape is not NODESxRANKS, as 4x2" >&2; exit 2; }
  nodes=${BASH_REMATCH[1]} ranks=${BASH_REMATCH[2]}
  for mbit in $rates; do
    RAILS=$ranks "$lab" up "$nodes" "${mbit}mbit" &&
      "$lab" run -n $((nodes * ranks)) --map-by "ppr:$ranks:node" "$mixserve" probe -q --threads 1 \
        --save "$work/measured.json" > "$work/probe.txt" || exit
    for model in $models; do
      for job in $jobs; do
        "$python" "$top/bench/cluster.py" case "$lab" "$mixserve" "$work/measured.json" "$work" \
          "$shape" "$mbit" "$model" "$job" "$results/cluster.csv" || exit
      done
    done
    "$lab" down
  done
done
"$python" "$top/bench/cluster.py" table "$results/cluster.csv"
