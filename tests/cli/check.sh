#!/bin/bash
# check.sh - mixserve check names every bad row and every tensor that is not what it must be.
. "$srcdir/tests/tap.sh"
python=${PYTHON:-/usr/bin/python3}
model=$srcdir/inputs/models/tiny-qwen3-moe
demo=$srcdir/inputs/demo.h5
check() { run "$MIXSERVE" check "$@"; }

[ -f "$model/config.json" ] && [ -f "$demo" ] || skip_all "no bundled model in this tree"
check --model "$model" --input "$demo"
is 0 "the bundled model and the demo's prompts"
prints '^231 tensors, 0 wrong; 1000 rows, 0 bad$'
[ ! -s "$err" ]; ok $? "and nothing else is said"
check --model "$model" --input "$demo" --json
is 0 "the same with --json"
prints '"findings": \[\]' "an empty list of findings"

# ---- the model
"$python" "$srcdir/tests/cli/break_model.py" "$model" "$scratch" || skip_all "no $python"
victim=model.layers.2.mlp.experts.7
check --model "$scratch/missing" --input "$demo"
is 3 "a tensor is missing"
prints "missing: .*$victim.down_proj.weight"
prints '^231 tensors, 1 wrong; 1000 rows, 0 bad$' "the rows are looked at all the same"
check --model "$scratch/mistyped" --input "$demo"
is 3 "two tensors are not what they must be"
prints "mistyped/model-0000.-of-00002.safetensors: .*$victim.down_proj.weight.*I16" \
  "the type is named, with its file"
prints "mistyped/model-0000.-of-00002.safetensors: .*$victim.up_proj.weight.*128, 64" \
  "the shape is named, with its file"
prints '^231 tensors, 2 wrong; '
check --model "$scratch/mistyped" --input "$demo" --json
is 3 "the same with --json"
prints '"wrong_tensors": 2,'
prints "\"[^\"]*$victim.up_proj.weight" "each a finding"
check --model "$scratch/truncated" --input "$demo"
is 3 "a file of the model is cut short"
says "truncated/model-0000.-of-00002.safetensors: .*bytes"
prints '1000 rows, 0 bad$' "the rows are looked at all the same"
check --model "$scratch/truncated" --input "$demo" --json
is 3 "the same with --json"
prints 'truncated/model-0000.-of-00002.safetensors: ' "it is a finding"
check --model "$scratch/gone" --input "$demo"
is 3 "a file of the model is not there"
says "gone/.* names the file model-0000.-of-00002.safetensors, which is missing"
check --model "$scratch/small_vocabulary" --input "$demo"
is 3 "the tokenizer has more tokens than the model"
says 'small_vocabulary/tokenizer.json has ids up to 268, the model only 260 rows'
prints 'model.embed_tokens.weight: expected .*\[260, 128\], found BF16 \[272, 128\]' "and the embedding's shape is named"
check --model "$scratch/no_json" --input "$demo"
is 3 "config.json is no JSON"
says 'no_json/config.json: '
check --model "$scratch/nowhere" --input "$demo"
is 3 "no such folder"
says "nowhere"
check --model "$model" --input "$scratch/nowhere.h5"
is 3 "no such prompts"
says "nowhere.h5: .*No such file"
prints '^231 tensors, 0 wrong; ' "the model is looked at all the same"
check --model "$model" --input "$model/config.json"
is 3 "prompts that are none"

# ---- the rows
if ! "$python" "$srcdir/tests/cli/bad_rows.py" "$scratch" 2> "$err"; then
  skip "bad rows" "no h5py for $python: apt-get install python3-h5py"
  done_testing
  exit
fi
for name in text tokens messages empty; do
  bad=$(wc -l < "$scratch/$name.bad")
  check --model "$model" --input "$scratch/$name.h5" --max-model-len 40
  is $([ "$bad" = 0 ] && echo 0 || echo 4) "$name.h5 with $bad bad rows"
  while IFS=$'\t' read -r row says; do
    grep -F "row $row: " "$out" | grep -qF -- "$says"; ok $? "$name: row $row: $says"
  done < "$scratch/$name.bad"
  [ "$(grep -c '^row ' "$out")" = "$bad" ]; ok $? "$name: and no other row"
  prints "^231 tensors, 0 wrong; [0-9]+ rows, $bad bad\$"
done
check --model "$model" --input "$scratch/text.h5" --max-model-len 40 --json
is 4 "bad rows with --json"
"$python" - "$out" "$scratch/text.bad" << 'PY'
import json, sys
found = json.load(open(sys.argv[1]))
want = [line.rstrip("\n").split("\t") for line in open(sys.argv[2])]
assert found["bad_rows"] == len(want) == len(found["findings"]), found
for (row, says), text in zip(want, found["findings"]):
    assert text.startswith(f"row {row}: ") and says in text, text
PY
ok $? "the findings are those rows"
check --model "$scratch/missing" --input "$scratch/text.h5" --max-model-len 40
is 3 "a bad model and bad rows"
prints ' 1 wrong; 16 rows, 13 bad$' "both are found"
check --model "$model" --input "$scratch/uneven.h5"
is 3 "columns of different lengths"
says 'uneven.h5: /prompts/temperature has 3 '
check --model "$model" --input "$scratch/text.h5" --temperature -1
is 2 "a parameter of the job itself"
done_testing
