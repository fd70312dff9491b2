#!/bin/bash
# memory.sh - does the memory of a rank grow with the number of rows?
#
#     bench/memory.sh MIXSERVE [RANKS [ROWS...]]
#
# Runs jobs of 1,000 and 100,000 prompts (or of ROWS) with answers of two tokens, and prints the peak
# of the largest rank, the merge included, and its ratio to the first job's. The figure to keep is at
# most 1.05. Needs python3-h5py; takes about two minutes on two cores.
set -eu
[ $# -ge 1 ] || { sed -n '2,8s/^# \{0,1\}//p' "$0" >&2; exit 2; }
mixserve=$1 ranks=${2:-4} top=$(cd "$(dirname "$0")/.." && pwd)
shift $(($# < 2 ? $# : 2))
[ $# -ge 1 ] || set -- 1000 100000
export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

printf '%9s %6s %14s %8s %9s\n' rows ranks 'peak RSS (MiB)' ratio seconds
first=
for rows in "$@"; do
  /usr/bin/python3 "$top/inputs/make_prompts.py" --output "$work/in.h5" --rows "$rows"
  "${MPIRUN:-mpirun}" --oversubscribe --bind-to none -n "$ranks" "$mixserve" run -q --json \
    --model "$top/inputs/models/tiny-qwen3-moe" --input "$work/in.h5" --output "$work/out.h5" \
    --temperature 0 --max-tokens 2 > "$work/said.json"
  read -r rss seconds < <(/usr/bin/python3 -c 'import json, sys; said = json.load(sys.stdin)
print(said["peak_rss"], said["seconds"])' < "$work/said.json")
  first=${first:-$rss}
  awk -v n="$rows" -v p="$ranks" -v rss="$rss" -v first="$first" -v s="$seconds" \
    'BEGIN { printf "%9d %6d %14.1f %8.3f %9.1f\n", n, p, rss / 1048576, rss / first, s }'
  rm -rf "$work/out.h5"
done
