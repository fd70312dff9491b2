#!/bin/bash
# refuse.sh - what a job does not do: run twice at once, go on as another, write over, guess.
#
# Each refusal has its exit status through mpirun, one line that names what is wrong, and leaves
# everything as it was.
. "$srcdir/tests/e2e/lib.sh"

input=$work/in.h5
rows=40
prompts "$input" $rows 5
common="--dtype float32 --temperature 0.7 --seed 3 --max-tokens 12 --threads 1"

# A fingerprint of a folder or file: names, sizes, contents.
print_of() { (cd "$(dirname "$1")" && find "$(basename "$1")" -type f ! -name lock -exec md5sum {} + | sort); }
present() { [ -e "$1" ]; }
# named CODE TEXT: the rank that knows says it with the code, nobody else says anything; a job of
# one rank says it as an error.
named() {
  grep -Eq -- "^mixserve: (rank [0-9]+ \\(node [^ ]+\\): code $1|error): .*$2" "$err" &&
    [ "$(grep -Ec -- '^mixserve: (rank [0-9]+ .*: code [0-9]+|error): ' "$err")" = 1 ]
  ok $? "and one line says: $2"
}
expect() { # expect STATUS TEXT WHAT: the run just done was refused in these words
  is "$1" "$3"
  named "$1" "$2"
}

# ---- a second job while the first runs

output=$work/twice.h5
JOB_ID=4711 start 2 --input "$input" --output "$output" $common --ignore-eos --max-tokens 4000 \
  --max-num-seqs 1
first_err=$err
until_true 60 grep -q 'model loaded' "$err"
lock_pid=$(rank_pid 0)
err=$work/err2
run 2 --input "$input" --output "$output" $common --ignore-eos --max-tokens 4000 --max-num-seqs 1
expect 2 "this job runs already: host $(hostname), pid $lock_pid, job 4711" "a second job on one output"
run 1 --input "$input" --output "$output" $common --temperature 0
expect 2 "this job runs already: host $(hostname), pid $lock_pid, job 4711" "nor one with other settings"
alive
ok $? "the first goes on meanwhile"
err=$first_err
kill -TERM "$job" 2> /dev/null
finish 60
rm -rf "$output" "$output.job"

# ---- a job that goes on as another; begun on 2 ranks, tp 1, killed with some rows sealed

output=$work/out.h5
begin() {
  MIXSERVE_TEST_PIECE=0.01 start 2 --input "$input" --output "$output" $common -tp 1 --max-num-seqs 2
  until_true 60 sealed
  kill_all
  finish 20
}
sealed() { compgen -G "$output.job/[sp]*-*.h5" > "$work/null"; }
begin
before=$(print_of "$output.job")

changed() { # changed STATUS TEXT ARGUMENT...: the same command but for the arguments
  local want=$1 text=$2
  shift 2
  run 2 --input "$input" --output "$output" $common -tp 1 "$@"
  is "$want" "changed: $*"
  named "$want" "$text"
  [ "$(print_of "$output.job")" = "$before" ] && ! present "$output"
  ok $? "and leaves the job as it was"
}
changed 3 'temperature was 0.7, is 0.8' --temperature 0.8
changed 3 'top.p was 1(.0)?, is 0.5' --top-p 0.5
changed 3 'top.k was 0, is 7' --top-k 7
changed 3 'seed was 3, is 4' --seed 4
changed 3 'max.tokens was 12, is 13' --max-tokens 13
changed 3 'max.model.len was 0, is 2000' --max-model-len 2000
changed 3 'ignore.eos was false, is true' --ignore-eos
changed 3 'dtype BF16, was F32' --dtype bfloat16
changed 3 'tp 2, was 1' -tp 2
prompts "$work/other.h5" $rows 6
changed 3 "the content of the input was that of $input .*, is that of $work/other.h5" \
  --input "$work/other.h5"
prompts "$work/more.h5" $((rows + 1)) 5
cp "$input" "$work/middle.h5"
py - "$work/middle.h5" "$rows" << 'PY'
import sys, h5py
with h5py.File(sys.argv[1], "a") as file:
    file["prompts/text"][int(sys.argv[2]) // 2] = "add 1 2 ="
PY
changed 3 "the content of the input was that of $input .*, is that of $work/middle.h5" \
  --input "$work/middle.h5" # one row of many, wherever it is
changed 3 "the input $input had $rows rows, $work/more.h5 has $((rows + 1))" --input "$work/more.h5"
cp -r "$model" "$work/model"
sed -i 's/"rms_norm_eps": 1e-06/"rms_norm_eps": 1e-05/' "$work/model/config.json"
changed 3 "the model was $model .*, is $work/model" --model "$work/model"
cp "$model/config.json" "$work/model/config.json"
printf '\n' >> "$work/model/tokenizer.json"
changed 3 "the model was $model .*, is $work/model" --model "$work/model"
rm -rf "$work/model"

# What does not change a row may change.
run 2 --input "$input" --output "$work/want.h5" $common -tp 1 -q
for free in '-tp 1 --max-num-seqs 3' '--max-num-batched-tokens 300' '--max-time 1:00:00' '--max-errors 5' \
  '--stall-timeout 60' '--threads 2' '--kv-memory 64Mi' '-q' '-v' '-dp 2' '--no-merge'; do
  # shellcheck disable=SC2086
  run 2 --input "$input" --output "$output" $common $free
  [ "$status" = 0 ]
  ok $? "free to change: $free (exit status $status)"
  if present "$output"; then
    same "$work/want.h5" "$output"
    ok $? "and the results are the same"
    rm -rf "$output" "$output.job"
  fi
  begin
done
cp -r "$input" "$work/moved.h5"
run 4 --input "$work/moved.h5" --output "$output" $common
[ "$status" = 0 ] && same "$work/want.h5" "$output"
ok $? "a copy of the input in another place, twice the ranks"

# ---- a finished output: the same command only

before=$(print_of "$output")
run 2 --input "$input" --output "$output" $common --temperature 0
expect 3 'temperature was 0.7, is 0' "another command on a finished output"
[ "$(print_of "$output")" = "$before" ] && clean "$output"
ok $? "leaves it as it was"

# ---- an output that is not ours

refused_output() { # refused_output WHAT: $output is left alone
  before=$(print_of "$output")
  run 2 --input "$input" --output "$output" $common
  expect 3 "$output" "$1"
  [ "$(print_of "$output")" = "$before" ] && clean "$output"
  ok $? "and it is left as it was, with nothing beside it"
}
output=$work/theirs.h5
echo "a thesis" > "$output"
refused_output "the output is some text"
: > "$output"
refused_output "the output is an empty file"
cp "$input" "$output"
refused_output "the output is some HDF5 file"
rm "$output"
mkdir "$output"
echo "a thesis" > "$output/file"
refused_output "the output is a folder"
rm -rf "$output"
mkdir "$output.job"
echo "a thesis" > "$output.job/notes.txt"
run 2 --input "$input" --output "$output" $common -q
[ "$status" = 0 ] && [ "$(cat "$output.job/notes.txt")" = "a thesis" ]
ok $? "a file of theirs in the job folder stays (exit status $status)"
rm -rf "$output" "$output.job"

# ---- files that are missing or damaged; 4 ranks, mpirun's exit status

output=$work/new.h5
broken() { # broken STATUS TEXT WHAT ARGUMENT...
  local want=$1 text=$2 what=$3
  shift 3
  run 4 --input "$input" --output "$output" $common "$@"
  expect "$want" "$text" "$what"
  clean "$output" && ! present "$output"
  ok $? "and leaves nothing behind"
}
broken 3 "$work/nomodel" "no model" --model "$work/nomodel"
broken 3 "$work/noinput.h5" "no input" --input "$work/noinput.h5"
echo "not HDF5" > "$work/text.h5"
broken 3 "$work/text.h5" "an input that is some text" --input "$work/text.h5"
head -c 3000 "$input" > "$work/short.h5"
broken 3 "$work/short.h5" "an input that was cut off" --input "$work/short.h5"
py - "$work/empty.h5" << 'PY'
import sys, h5py
h5py.File(sys.argv[1], "w").create_group("prompts")
PY
broken 3 "$work/empty.h5.*prompts" "an input without prompts" --input "$work/empty.h5"
broken 8 "$work/nofolder" "an output in a folder that does not exist" --output "$work/nofolder/o.h5"

broken_model() { # broken_model TEXT WHAT: $work/model was damaged
  broken 3 "$1" "$2" --model "$work/model"
  rm -rf "$work/model"
  cp -r "$model" "$work/model"
  rm -rf "$output.job"
}
shard=model-00002-of-00002.safetensors
cp -r "$model" "$work/model"
truncate -s -1000 "$work/model/$shard"
broken_model "$shard" "a shard that was cut off"
truncate -s 5 "$work/model/$shard"
broken_model "$shard" "a shard of 5 bytes"
rm "$work/model/$shard"
broken_model "$shard" "a shard that is missing"
sed -i 's/"model.norm.weight"/"model.morn.weight"/' "$work/model/model.safetensors.index.json" "$work/model/$shard"
broken_model "tensor model.norm.weight" "a tensor that is missing"
rm "$work/model/tokenizer.json"
broken_model "tokenizer.json" "no tokenizer"
echo '{' > "$work/model/tokenizer.json"
broken_model "tokenizer.json" "a tokenizer that is no JSON"
"$python" - "$work/model/tokenizer.json" << 'PY'
import json, sys
tokenizer = json.load(open(sys.argv[1]))
last = tokenizer["added_tokens"][-1]
for new in range(last["id"] + 1, 273):
    tokenizer["added_tokens"].append(dict(last, id=new, content=f"<new {new}>"))
json.dump(tokenizer, open(sys.argv[1], "w"))
PY
broken_model "tokenizer.json has ids up to 272, the model only 272 rows" "a tokenizer of another model"
echo '{' > "$work/model/config.json"
broken_model "config.json" "a config.json that is no JSON"
sed -i 's/"num_experts": 16/"num_experts": 17/' "$work/model/config.json"
broken_model 'mlp.gate.weight: expected .*17, 128.*found .*16, 128' "a config.json with one expert more than there are"
sed -i 's/"Qwen3MoeForCausalLM"/"LlamaForCausalLM"/' "$work/model/config.json"
sed -i 's/"qwen3_moe"/"llama"/' "$work/model/config.json"
broken_model 'llama' "a model of another family"

# ---- folders that cannot be written to, and a full disk

if [ "$(id -u)" != 0 ]; then
  mkdir -m 555 "$work/closed"
  broken 8 "$work/closed/o.h5" "an output in a folder that is closed to us" --output "$work/closed/o.h5"
  skip "a full disk" "mounting a small one takes root"
elif mkdir "$work/disk" && mount -t tmpfs -o size=64k tmpfs "$work/disk"; then
  output=$work/disk/out.h5
  head -c 40000 /dev/zero > "$work/disk/fill"
  MIXSERVE_TEST_PIECE=0.01 run 4 --input "$input" --output "$output" $common
  is 8 "a full disk" # which several ranks may find
  says "code 8: $work/disk/out.h5.*No space left"
  rm "$work/disk/fill"
  mount -o remount,size=8m "$work/disk"
  run 4 --input "$input" --output "$output" $common
  [ "$status" = 0 ] && same "$work/want.h5" "$output" && clean "$output"
  ok $? "with room on it the same command ends, with the same results"
  mount -o remount,ro "$work/disk"
  output=$work/disk/other.h5
  broken 8 "$output" "a disk that is read-only"
  umount "$work/disk"
else
  skip "a full disk" "cannot mount one here"
fi
done_testing
