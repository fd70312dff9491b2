#!/bin/bash
# plan.sh - mixserve plan: goldens of the published models, pins, files, and what it refuses.
#
# The goldens are what the model of docs/planner.md says of paper machines: a change of a
# formula or a preset changes them, and is then looked at.  REGENERATE=1 writes them anew.
. "$srcdir/tests/tap.sh"
configs=$srcdir/inputs/configs
golden=$srcdir/tests/golden/plan

# Only what layouts cost: no times of this run.
steady() { grep -v '^search ' "$out" | sed "s|$configs/||"; }

for model in Qwen3-30B-A3B Qwen3-235B-A22B DeepSeek-V3; do
  for gpu in h100 h200; do
    file=$golden/$model-$gpu.txt
    for nodes in 1 2 4 8 16 32 64 128; do
      run "$MIXSERVE" plan -q --model "$configs/$model" --nodes $nodes --ranks-per-node 8 --gpu $gpu
      echo "== $nodes nodes: exit status $status"
      if [ "$status" = 0 ]; then
        steady | sed -n '1,/^  5 /p'
        steady | sed -n '/^a step of 1/,/^  bound/p'
        steady | grep '^[0-9]* more fit'
      else
        sed -n 's/^mixserve: error: //p' "$err"
      fi
    done > "$scratch/now"
    [ -z "$REGENERATE" ] || cp "$scratch/now" "$file"
    diff -u "$file" "$scratch/now" > "$scratch/diff"
    ok $? "$model on 1 to 128 nodes of $gpu is as before"
    head -20 "$scratch/diff" | sed 's/^/# /'
  done
done

plan() { run "$MIXSERVE" plan -q --model "$configs/Qwen3-235B-A22B" --nodes 4 --ranks-per-node 8 --gpu h100 "$@"; }
best() { awk '$1 == 1 && NF > 8 { print $2, $3, $4, $5, $6, $7; exit }' "$out"; }

plan
is 0 "a plan"
prints '^search [0-9.]+ s, all [0-9.]+ s$' "how long it took (how long it may: tests/unit/rank.c)"
prints '^ *10 +' "ten layouts are shown"
prints 'pp > 1 is not built'
first=$(best)

# 1,024 ranks.
run "$MIXSERVE" plan -q --model "$configs/DeepSeek-V3" --nodes 128 --ranks-per-node 8 --gpu h100
is 0 "1024 ranks"
prints '^search [0-9.]+ s, all [0-9.]+ s$' "$(grep '^search' "$out")"

while IFS='|' read -r pins want; do
  plan $pins
  is 0 "pins: $pins"
  [[ "$(best)" == $want ]]; ok $? "$pins gives $(best)"
done << 'CASES'
-tp 2|2 16 *
-dp 4|8 4 *
-etp 4 -ep 8|* 4 8 1 *
-edp 2 --exchange hybrid|* 2 hybrid
--exchange ep|* ep
--exchange tp -ep 16|* 16 * tp
--domain-size 4 -tp 4|4 8 *
-etp 8 -ep 4 --exchange fused|* 8 4 1 fused
-etp 8 --exchange mixserve|* 8 * mixserve
CASES

# Chunks and the type of rows.
chunks() { awk '$1 == 1 && NF > 8 { print $8; exit }' "$out"; }
plan --exchange fused -edp 1 --chunks 3
is 0 "--chunks 3"
[ "$(chunks)" = 3 ]; ok $? "gives $(chunks) chunks"
prints '^  rows to another domain: in 3 chunks$'
plan --exchange fused -edp 1 --async off
is 0 "--async off"
[ "$(chunks)" = 0 ]; ok $? "gives $(chunks) chunks"
plan --exchange ep
[ "$(chunks)" = - ]; ok $? "ep has none"
plan --chunks 3 --async off
is 2 "--chunks 3 --async off"
says '--async off cuts no rows: --chunks 3 has no meaning'
plan --wire-dtype fp8 --json
is 0 "--wire-dtype fp8"
/usr/bin/python3 - "$out" << 'PYTHON'
import json, sys
d = json.load(open(sys.argv[1]))
assert d["plan"]["numeric"]["dispatch"] == "F8_E4M3" and d["plan"]["depth"] == 2
assert all(r["exchange"] in ("mixserve", "fused") for r in d["ranking"])
assert d["plan"]["chunks"] == d["ranking"][0]["chunks"]
assert d["plan"]["chunk_bytes"] == d["ranking"][0]["chunk_bytes"]
PYTHON
ok $? "rows go in eight bits, by what can send them so"
plan --wire-dtype fp8 --exchange tp
is 2 "--wire-dtype fp8 --exchange tp"
says 'tp does not send rows in eight bits: mixserve and fused do'
for objective in ttft itl; do
  plan --objective $objective
  is 0 "--objective $objective"
  prints "chosen for $objective"
done

# One document, whose plan a job could take.
plan --json
is 0 "--json"
/usr/bin/python3 - "$out" "$first" << 'PYTHON'
import json, sys
d = json.load(open(sys.argv[1]))
first = sys.argv[2].split()
r = d["ranking"][0]
assert [str(r[k]) for k in ("tp", "dp", "etp", "ep", "edp", "exchange")] == first
assert d["plan"]["dp"] == r["dp"] and d["plan"]["exchange"] == r["exchange"]
assert len(d["ranking"]) == d["fit"] > 10 and all(x["lost_by"] for x in d["ranking"][1:])
assert all(abs(sum(x["step"]["parts"].values()) / x["step"]["seconds"] - 1) < 1e-6 for x in d["ranking"])
assert all(abs(sum(x["step"]["bounds"].values()) / x["step"]["seconds"] - 1) < 1e-6 for x in d["ranking"])
assert abs(d["rank_hours"] / d["hours"] - 32) < 1e-6 and d["hours"] > 0
assert d["fit"] + len(d["others"]) == d["layouts"]
assert all("cannot_be" in o or o["bytes_missing"] > 0 for o in d["others"])
assert 0 < d["search_seconds"] < d["all_seconds"]
PYTHON
ok $? "its numbers hold together"

# A script that the shell takes, with the layout that was chosen.
plan --sbatch "$scratch/job.sh"
is 0 "--sbatch FILE"
prints '^  1 ' "the table is printed all the same"
bash -n "$scratch/job.sh"; ok $? "bash takes the script"
read -r tp dp etp ep edp exchange <<< "$first"
grep -q -- "-tp $tp -dp $dp -etp $etp -ep $ep -edp $edp --exchange $exchange" "$scratch/job.sh"
ok $? "it has the layout: $first"
grep -q '^#SBATCH --nodes=4$' "$scratch/job.sh" && grep -q '^#SBATCH --ntasks-per-node=8$' "$scratch/job.sh" &&
  grep -q '^#SBATCH --gpus-per-node=8$' "$scratch/job.sh" && grep -q '^#SBATCH --time=[0-9]*:[0-9][0-9]:00$' "$scratch/job.sh"
ok $? "and nodes, ranks, GPUs, time"
plan --sbatch - --max-tokens 9 --dtype bfloat16 --wire-dtype fp8 --async off
is 0 "--sbatch -"
head -1 "$out" | grep -q '^#!/bin/bash'; ok $? "prints the script alone"
prints '--max-tokens 9'
prints '--wire-dtype fp8'
prints '--async off'
plan -edp 1 --exchange fused --sbatch -
prints '--chunks 1' "a plan that does not cut rows says so"
plan --sbatch - --domain-size 4
prints '--domain-size 4'
plan --sbatch /nowhere/at/all
is 8 "a script that cannot be written"

# Lengths of an input, or none.
plan --max-model-len 256
prints '^job: 100 000 rows \(assumed: no --input\), prompts of 171 tokens on average, answers of 85$'
/usr/bin/python3 -c '
import json
for i in range(500):
    print(json.dumps({"custom_id": str(i), "body": {"prompt": "word " * (i % 7 + 1), "max_tokens": 10 + i % 5}}))' > "$scratch/in.jsonl"
plan --input "$scratch/in.jsonl"
is 0 "an input"
prints '^job: 500 rows, prompts of 5 tokens on average, answers of 12$'
plan --input "$scratch/in.jsonl" --max-model-len 6
prints '^job: 287 rows \(213 more cannot be run: bad, or too long\), prompts of 3 tokens' "too long for a row"
plan --input "$srcdir/inputs/demo.h5" --max-tokens 16
is 0 "the demo's"
prints '^job: [0-9 ]+ rows, prompts of [0-9]+ tokens on average, answers of 16$'
: > "$scratch/none.jsonl"
plan --input "$scratch/none.jsonl"
is 3 "an input without rows"
says 'it has no rows: nothing to plan'
plan --input "$scratch/nowhere.h5"
is 3 "an input that is not there"

# What cannot be.
run "$MIXSERVE" plan -q --model "$configs/DeepSeek-V3" --nodes 1 --ranks-per-node 8 --gpu h100
is 5 "a model that does not fit"
says 'lacks|too few; numbers of ranks that would do: [0-9]+, ' "it says by how much, and what would do"
run "$MIXSERVE" plan -q --model "$configs/DeepSeek-V3" --nodes 1 --ranks-per-node 4 --gpu h100
says 'would do: 24, 28, 32 \(6, 7, 8 nodes\)'
run "$MIXSERVE" plan -q --model "$configs/Qwen3-235B-A22B" --nodes 4 --ranks-per-node 8 --gpu h200 -edp 32 \
  --exchange fused
is 5 "more copies than there is memory for"
says 'libraries take .* would do: 128, ' "what would do keeps what is pinned"
run "$MIXSERVE" plan -q --model "$configs/DeepSeek-V3" --nodes 1 --ranks-per-node 8 --gpu a100 --domain-size 2
nodes=$(sed -n 's/.*would do: .* (\([0-9]*\),.* nodes).*/\1/p' "$err")
run "$MIXSERVE" plan -q --model "$configs/DeepSeek-V3" --nodes "${nodes:-1}" --ranks-per-node 8 --gpu a100 --domain-size 2
is 0 "nor does it forget the domains: $nodes nodes"
plan --exchange tp --chunks 3
is 2 "chunks of an exchange that has none"
says '--exchange tp cuts no rows: --chunks 3 is for mixserve and fused'
plan -tp 3
is 5 "tp 3"
says 'tp 3 does not split the model.s 64 heads and 4 kv heads; tp 1, 2, 4, 8 would'
plan -ep 3
is 2 "ep 3 of 32 ranks"
plan --exchange hybrid -etp 2 -ep 8 --domain-size 32
is 0 "hybrid inside one domain"
run "$MIXSERVE" plan -q --model "$scratch" --nodes 1 --ranks-per-node 8 --gpu h100
is 3 "a folder without config.json"
run "$MIXSERVE" plan -q --model "$configs/DeepSeek-V3" --nodes 1 --ranks-per-node 8 --machine "$scratch/none.json"
is 3 "a machine that is not there"

# A machine from a file.
cp "$srcdir/tests/golden/plan/cpu.json" "$scratch/cpu.json" 2> /dev/null
if [ -s "$scratch/cpu.json" ]; then
  run "$MIXSERVE" plan -q --model "$configs/Qwen3-30B-A3B" --nodes 2 --ranks-per-node 4 --machine "$scratch/cpu.json"
  is 0 "a machine from a file"
  prints 'rank-hours'
  run "$MIXSERVE" plan -q --model "$configs/Qwen3-30B-A3B" --nodes 2 --ranks-per-node 4 --machine "$scratch/cpu.json" --sbatch -
  for line in '^#SBATCH --exclusive$' '^#SBATCH --mem=0$' 'cpus-per-task=...SLURM_CPUS_ON_NODE / 4..' "--machine '.*cpu.json'"; do
    prints "$line"
  done
  sed -i 's/"domain": [0-9]*/"domain": 2/' "$scratch/cpu.json"
  run "$MIXSERVE" plan -q --model "$configs/Qwen3-30B-A3B" --nodes 2 --ranks-per-node 4 --machine "$scratch/cpu.json"
  prints ', 4 domains of 2$' "its domains"
else
  skip "a machine from a file" "tests/golden/plan/cpu.json is not there"
fi
done_testing
