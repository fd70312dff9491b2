#!/bin/bash
# convert.sh - mixserve convert: every way, what does not go, and that nothing is lost on the way.
. "$srcdir/tests/tap.sh"
python=${PYTHON:-/usr/bin/python3}
model=$srcdir/inputs/models/tiny-qwen3-moe
cd "$scratch" || exit 1
convert() { run "$MIXSERVE" convert "$@"; }
head1='"method":"POST","url":"/v1/completions","body":' # of lines as we write them

# ---- lines to HDF5 and back: lines in our own form come back byte by byte
while IFS='|' read -r name line; do
  [ "$name" ] && printf '%s\n' "$line" >> "$name.jsonl"
done << LINES
text|{"custom_id":"a \"1\"",${head1}{"prompt":"plain","temperature":0.7,"max_tokens":5},"answer":"x","level":1}
text|{"custom_id":"b",${head1}{"prompt":"é 😀 \"q\" \\\\ \\n\\t\\u0001\\u001f","seed":-3},"answer":"","level":-9223372036854775807}
text|{"custom_id":"",${head1}{"prompt":""},"answer":"😀","level":0}
tokens|{"custom_id":"a",${head1}{"prompt":[1,2,3],"top_k":40}}
tokens|{"custom_id":"b",${head1}{"prompt":[],"top_p":0.30000000000000004}}
tokens|{"custom_id":"c",${head1}{"prompt":[2147483647]}}
types|{"custom_id":"row-0",${head1}{"prompt":"x"},"b":true,"f":1.0,"g":1.5,"i":1,"s":"1"}
types|{"custom_id":"row-1",${head1}{"prompt":"x"},"b":false,"f":2.0,"g":null,"i":2,"s":"null"}
LINES
for name in text tokens types; do
  convert $name.jsonl $name.h5
  is 0 "$name.jsonl to $name.h5"
  says "$name.h5: $(wc -l < $name.jsonl) rows"
  [ ! -s "$out" ] && [ ! -e $name.h5.tmp ]; ok $? "nothing on stdout, nothing left over"
  convert $name.h5 back.jsonl
  is 0 "$name.h5 to back.jsonl"
  cmp $name.jsonl back.jsonl > "$out" 2>&1; ok $? "$name: the same bytes"
  convert back.jsonl back.hdf5 -q
  cmp $name.h5 back.hdf5 > "$out" 2>&1; ok $? "$name: and the same HDF5 bytes again"
  [ ! -s "$err" ]; ok $? "-q says nothing"
done
: > none.jsonl
convert none.jsonl none.h5
is 0 "a file without lines"
convert none.h5 back.jsonl
[ "$status" = 0 ] && [ ! -s back.jsonl ]; ok $? "and back"

# What other programs write: no method or url, other order and blanks, CR LF, no last line end.
printf '\xef\xbb\xbf{"body": {"model": "m", "stream": false, "prompt": "a", "max_tokens": null}}\r\n' > other.jsonl
printf '{ "body" : {"n": 1, "prompt":"\\u00e9\\ud83d\\ude00"}, "method": "POST" }' >> other.jsonl
convert other.jsonl other.h5
is 0 "lines of other programs"
convert other.h5 other2.jsonl
cat > want << LINES
{"custom_id":"row-0",${head1}{"prompt":"a"}}
{"custom_id":"row-1",${head1}{"prompt":"é😀"}}
LINES
cmp other2.jsonl want > "$out" 2>&1; ok $? "they become ours"
convert other.h5 /dev/stdout
is 0 "to /dev/stdout"
cmp "$out" want; ok $? "the lines are there"
"$MIXSERVE" convert -q other.h5 /dev/stdout >> want
[ "$(wc -l < want)" = 4 ]; ok $? "a shell's >> appends"
"$MIXSERVE" convert -q other.h5 /dev/stdout | cmp - other2.jsonl > "$out" 2>&1; ok $? "a pipe takes them"
cp text.jsonl renamed.h5
convert renamed.h5 renamed2.h5
is 0 "what a file is, is told from its content"

# ---- lines that do not go: code 3, the line, nothing written, what was there is left
good='{"body":{"prompt":"x"}}'
echo old > old.h5
while IFS='|' read -r line says; do
  printf '%s\n%b\n%s\n' "$good" "$line" "$good" > bad.jsonl
  convert bad.jsonl old.h5
  is 3 "$line"
  says "bad.jsonl: line 2: .*$says"
  [ "$(cat old.h5)" = old ] && [ ! -e old.h5.tmp ]; ok $? "nothing was written"
done << 'LINES'
{"body":{"prompt":"x"}|not JSON
nonsense|not JSON
[1]|must be an object
|blank
{"prompt":"x"}|body is missing
{"body":{}}|prompt is missing
{"body":{"prompt":5}}|prompt must be
{"body":{"prompt":["a","b"]}}|list of prompts
{"body":{"prompt":[1,-2]}}|prompt\[1\] is no token id
{"body":{"prompt":[1,2]}}|token ids, those before it are text
{"body":{"messages":[]}}|chat
{"url":"/v1/embeddings","body":{"prompt":"x"}}|url
{"body":{"prompt":"x","temperature":"hot"}}|temperature must be a number
{"body":{"prompt":"x","stop":["."]}}|stop
{"body":{"prompt":"a\\u0000b"}}|zero byte
{"body":{"prompt":"x"},"a":"a\\u0000b"}|zero byte
{"body":{"prompt":"x"},"a/b":1}|cannot be that of a column
{"body":{"prompt":"x"},"":1}|cannot be that of a column
{"body":{"prompt":"x"},"a":1,"a":2}|not JSON: duplicate
{"body":{"prompt":"x"},"a":9223372036854775808}|not JSON
{"body":{"prompt":"caf\xe9"}}|not UTF-8
{"custom_id":5,"body":{"prompt":"x"}}|custom_id must be
LINES
awk 'BEGIN { for (i = 0; i < 1001; i++) printf "{\"body\":{\"prompt\":\"x\"},\"m%d\":1}\n", i }' > wide.jsonl
convert wide.jsonl old.h5
is 3 "members that are data"
says 'wide.jsonl: line 1001: .*more than 1000 different members'
echo '{"body":{"prompt":"x"},"finish_reason":1}' > taken.jsonl
convert taken.jsonl old.h5
is 3 "a member with the name of a dataset of the results"
says 'finish_reason'
[ "$(cat old.h5)" = old ] && [ ! -e old.h5.tmp ]; ok $? "nothing was written"

# ---- ways that do not go
ln text.h5 link.jsonl
mkdir folder.h5
while IFS='|' read -r in out_ code says; do
  convert "$in" "$out_"
  is $code "$in to $out_"
  says "$says"
done << 'LINES'
text.jsonl|x.txt|2|x.txt: the name says what to make
text.jsonl|.h5|2|the name says what to make
text.jsonl|x.jsonl|2|is JSON lines already
text.h5|x.h5|2|is HDF5 already
text.h5|link.jsonl|2|are the same file
text.jsonl|folder.h5|2|no regular file
text.jsonl|nowhere/x.h5|8|nowhere/x.h5.tmp.*No such file
text.h5|nowhere/x.jsonl|8|nowhere/x.jsonl.tmp.*No such file
nowhere.jsonl|x.h5|3|nowhere.jsonl.*No such file
folder.h5|x.jsonl|3|folder.h5
want|folder.h5|2|no regular file
LINES
printf 'a,b\n1,2\n' > table.csv
convert table.csv x.h5
is 3 "neither HDF5 nor lines"
says 'table.csv is neither HDF5 nor JSON lines'
head -c 1500 text.h5 > cut.h5
convert cut.h5 x.jsonl
is 3 "HDF5 that is cut off"
says 'cut.h5'
convert text.jsonl text2.h5 && head -c 3000 text.h5 > text2.h5 && convert text2.h5 old.jsonl
[ "$status" = 3 ] && [ ! -e old.jsonl ] && [ ! -e old.jsonl.tmp ]; ok $? "nothing was written"
if [ -c /dev/full ]; then
  convert text.h5 /dev/full
  is 8 "a full disk"
  says 'write /dev/full: disk full'
fi

# ---- with h5py's files
if "$python" -c 'import h5py' 2> /dev/null; then
  py() { run "$python" "$srcdir/tests/cli/convert.py" "$@"; }
  mkdir py
  py make py
  is 0 "h5py makes prompts"
  for name in text tokens none; do
    convert py/$name.h5 py/$name.jsonl
    is 0 "py/$name.h5 to lines"
    convert py/$name.jsonl py/$name-back.h5
    is 0 "and back"
    py same py/$name.h5 py/$name-back.h5
    is 0 "py/$name: equal datasets of equal types"
  done
  convert py/types.h5 py/types.jsonl
  is 0 "types that JSON does not have"
  grep -qF '{"prompt":"one","max_tokens":7},"f4":0.1,"i2":-5,"infinite":null,"u1":0,"vector":[1, 2, 3]}' py/types.jsonl
  ok $? "they become the nearest"
  convert py/types.jsonl py/types-back.h5
  py types py/types-back.h5
  [ "$(echo $(cat "$out"))" = "f4:float64 i2:int64 infinite:float64 max_tokens:float64 text:text u1:int64 vector:text" ]
  ok $? "and come back as those"
  convert py/latin.h5 py/latin.jsonl
  is 0 "a text that is not UTF-8"
  says 'latin.jsonl: 1 texts of the input are not UTF-8.* row 1$'
  grep -q $'"prompt":"caf\xef\xbf\xbd"' py/latin.jsonl; ok $? "it has U+FFFD"
  while IFS='|' read -r name says; do
    convert py/$name.h5 py/$name.jsonl
    is 3 "py/$name.h5"
    says "py/$name.h5.*$says"
    [ ! -e py/$name.jsonl ] && [ ! -e py/$name.jsonl.tmp ]; ok $? "nothing was written"
  done << 'LINES'
chat|/prompts/messages cannot be converted
url|/prompts/url has the name of a member of a batch line
inf|row 1: temperature is inf
other|neither /prompts nor /results
both|both /prompts and /results
LINES
else
  skip "files of h5py" "no h5py for $python: apt-get install python3-h5py"
fi

# ---- results
if [ ! -f "$model/config.json" ]; then
  skip "results" "no bundled model in this tree"
  done_testing
  exit
fi
cat > prompts.jsonl << 'LINES'
{"custom_id":"a","body":{"prompt":"rev abc = ","max_tokens":4},"answer":"cba","level":3,"good":true,"x":0.5}
{"custom_id":"b","body":{"prompt":""},"answer":"é","level":4,"good":false,"x":1}
{"custom_id":"c","body":{"prompt":"add 1 2 = ","max_tokens":0},"answer":"3","level":5,"good":true,"x":null}
LINES
convert prompts.jsonl prompts.h5
run env ASAN_OPTIONS=detect_leaks=0 "$MIXSERVE" run --model "$model" --input prompts.h5 \
  --output results.h5 --temperature 0 -q # Open MPI leaks at exit
is 0 "a run of three rows"
convert results.h5 results.jsonl
is 0 "its results to lines"
says 'results.jsonl: 3 rows'
sed -n 1p results.jsonl | grep -Eq '^\{"row":0,"sample":0,"text":"[^"]*","finish_reason":"(stop|length)","prompt_tokens":[0-9]+,"completion_tokens":[0-4],"custom_id":"a","answer":"cba","good":true,"level":3,"x":0.5\}$'
ok $? "an answer"
sed -n 2p results.jsonl | grep -Eq '"text":"","finish_reason":"error","error":"the prompt is empty[^"]*","prompt_tokens":0,.*"answer":"é"'
ok $? "a row that could not be run"
sed -n 3p results.jsonl | grep -Eq '"text":"","finish_reason":"length","prompt_tokens":[0-9]+,"completion_tokens":0,.*"x":null\}$'
ok $? "a row that asked for nothing"
if "$python" -c 'import h5py' 2> /dev/null; then
  py results results.h5 results.jsonl
  is 0 "h5py reads the same from the file"
fi
convert results.jsonl results2.h5
is 2 "results from lines to HDF5"
says 'results.jsonl holds results, which only go from HDF5 to JSON lines'
[ ! -e results2.h5 ]; ok $? "nothing was written"
done_testing
