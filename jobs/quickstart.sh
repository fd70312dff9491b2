#!/bin/sh
# quickstart.sh - set up, build, and run the main job on the bundled model: 1,000 prompts on 4 ranks.
#
# Leaves results.h5 and results.jsonl in the folder quickstart/ of the build and prints how many answers
# are right.  A second run starts anew.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
build=$("$top/jobs/build.sh")
out=$build/quickstart
ranks=${1:-4}

# Open MPI refuses root, and more ranks than cores, unless it is told otherwise.
[ "$(id -u)" != 0 ] || export OMPI_ALLOW_RUN_AS_ROOT=1 OMPI_ALLOW_RUN_AS_ROOT_CONFIRM=1
rm -rf "$out"
mkdir -p "$out"
mpirun --oversubscribe --bind-to none -n "$ranks" "$build/mixserve" run \
  --model "$top/inputs/models/tiny-qwen3-moe" --input "$top/inputs/demo.h5" \
  --output "$out/results.h5" --temperature 0
"$build/mixserve" convert "$out/results.h5" "$out/results.jsonl"

# Every line has the answer that it should have given: a column of the input that was passed through.
awk '
  { task = $0; sub(/.*"task": ?"/, "", task); sub(/".*/, "", task)
    text = $0; sub(/.*"text": ?"/, "", text); sub(/".*/, "", text)
    answer = $0; sub(/.*"answer": ?"/, "", answer); sub(/".*/, "", answer)
    rows[task]++; all++
    if (text == answer) { right[task]++; good++ }
    if (!(task in seen)) { seen[task] = text } }
  END {
    printf "\n%-8s %6s %6s   %s\n", "task", "rows", "right", "first answer"
    for (t in rows) printf "%-8s %6d %6d   %s\n", t, rows[t], right[t], seen[t] | "sort"
    close("sort")
    printf "%-8s %6d %6d   %.1f %% right\n", "all", all, good, 100 * good / all
    exit good < 0.99 * all }' "$out/results.jsonl"
echo "results: $out/results.h5"
