#!/bin/bash
# rows.sh - every kind of row and of prompt file: what comes in, what goes out.
#
# One prompt, none, bad ones, ones that ask for nothing, for something of their own, for much while
# others ask for little; tokens and JSON lines; columns that pass through; a pool for a single row.
. "$srcdir/tests/e2e/lib.sh"

greedy='--dtype float32 --temperature 0 -q'
fresh() { rm -rf "$1" "$1.job"; } # an output that does not exist

# ---- one prompt, and none

prompts "$work/one.h5" 1
run 1 --input "$work/one.h5" --output "$work/a.h5" $greedy
run 8 --input "$work/one.h5" --output "$work/b.h5" $greedy
is 0 "one prompt on 8 ranks" && same "$work/a.h5" "$work/b.h5"
ok $? "and its answer is that of one rank"
fresh "$work/b.h5"
run 8 --input "$work/one.h5" --output "$work/b.h5" $greedy -tp 4
is 0 "one prompt on 2 replicas of 4" && same "$work/a.h5" "$work/b.h5"
ok $? "and its answer is that of one rank"

prompts "$work/none.h5" 0
for p in 1 4; do
  fresh "$work/none_out.h5"
  run $p --input "$work/none.h5" --output "$work/none_out.h5" $greedy
  is 0 "no prompts, $p ranks"
  py - "$work/none_out.h5" << 'PY'
import sys, h5py
with h5py.File(sys.argv[1]) as file:
    r = file["results"]
    assert list(r["offsets"][()]) == [0], r["offsets"][()]
    want = ["row", "sample", "text", "tokens", "finish_reason", "error", "prompt_tokens",
            "completion_tokens", "answer", "task"]
    assert all(len(r[name]) == 0 for name in want)
    assert set(want) | {"offsets"} == set(r), sorted(r)
PY
  ok $? "its results are whole and empty"
done

# ---- bad rows of text

py - "$work/bad.h5" << 'PY' || { ok 1 "a file with bad rows"; done_testing; }
import sys, h5py
good = b"rev abc ="
rows = [(good, -1), (b"x" * 400, -1), (b"", -1), (b"ab\xff\xfe", -1), (good, -5), (good, 0),
        (good, -1), (b"y" * 64, -1), (b"y" * 64, 0), (b"\xed\xa0\x80", -1), (good, 2)]
with h5py.File(sys.argv[1], "w") as file:
    file.create_dataset("prompts/text", data=[text for text, _ in rows], dtype=h5py.string_dtype())
    file["prompts/max_tokens"] = [tokens for _, tokens in rows]
PY
run 4 --input "$work/bad.h5" --output "$work/bad_out.h5" $greedy --max-model-len 64
is 0 "bad rows are results"
py - "$work/bad_out.h5" << 'PY'
import sys, h5py
with h5py.File(sys.argv[1]) as file:
    r = file["results"]
    text, error = r["text"].asstr()[()], r["error"].asstr()[()]
    reason, tokens = r["finish_reason"].asstr()[()], r["completion_tokens"][()]
    count = r["offsets"][1:] - r["offsets"][:-1]
want = {1: ("max_model_len 64", "shorten"), 2: ("empty",), 3: ("UTF-8", "offset 2"),
        4: ("max_tokens is -5",), 7: ("64 tokens", "no room"), 9: ("UTF-8", "offset 0")}
for row in range(11):
    if row in want:
        assert all(word in error[row] for word in want[row]), (row, error[row])
        assert (reason[row], text[row], tokens[row], count[row]) == ("error", "", 0, 0), row
    else:
        assert error[row] == "" and reason[row] in ("stop", "length"), (row, error[row])
for row in (0, 6):
    assert text[row] == "cba" and reason[row] == "stop", (row, text[row])
for row in (5, 8):
    assert (text[row], reason[row], count[row]) == ("", "length", 0), row
assert (text[10], reason[10], tokens[10]) == ("cb", "length", 2), text[10]
PY
ok $? "each with its reason, and the others as they should be"

# ---- more bad rows than wanted: six of them

fresh "$work/bad_out.h5"
run 2 --input "$work/bad.h5" --output "$work/bad_out.h5" $greedy --max-model-len 64 --max-errors 6
is 0 "six bad rows, --max-errors 6"
run 2 --input "$work/bad.h5" --output "$work/bad_5.h5" $greedy --max-model-len 64 --max-errors 5
is 4 "six bad rows, --max-errors 5" && clean "$work/bad_5.h5" && same "$work/bad_out.h5" "$work/bad_5.h5"
ok $? "and the results are there all the same"
bad="--input $work/bad.h5 --output $work/bad_later.h5 $greedy --max-model-len 64"
run 2 $bad --no-merge
is 0 "the same, to be merged later"
run 2 $bad --max-errors 5
is 4 "bad rows of an earlier attempt count" && same "$work/bad_out.h5" "$work/bad_later.h5"
ok $? "and the results are there"

# ---- tokens; what transformers made of the same prompts is in tests/golden

py - "$work" "$srcdir/tests/golden/tiny.json" << 'PY' || { ok 1 "prompts of the golden file"; done_testing; }
import json, sys, h5py, numpy
cases = json.load(open(sys.argv[2]))
with h5py.File(sys.argv[1] + "/text.h5", "w") as file:
    file.create_dataset("prompts/text", data=[c["text"] for c in cases], dtype=h5py.string_dtype())
with h5py.File(sys.argv[1] + "/tokens.h5", "w") as file:
    file["prompts/tokens"] = numpy.concatenate([c["tokens"] for c in cases]).astype("i4")
    file["prompts/offsets"] = numpy.cumsum([0] + [len(c["tokens"]) for c in cases])
bad = [[5, 6], [272], [-1, 5], [], [7] * 65, [271]]
with h5py.File(sys.argv[1] + "/bad_tokens.h5", "w") as file:
    file["prompts/tokens"] = numpy.concatenate(bad).astype("i4")
    file["prompts/offsets"] = numpy.cumsum([0] + [len(row) for row in bad])
PY
run 2 --input "$work/text.h5" --output "$work/text_out.h5" $greedy --max-tokens 64 --ignore-eos
is 0 "prompts as text"
run 4 --input "$work/tokens.h5" --output "$work/tokens_out.h5" $greedy --max-tokens 64 --ignore-eos
is 0 "prompts as tokens" && same "$work/text_out.h5" "$work/tokens_out.h5"
ok $? "and the answers are the same"
py - "$work/text_out.h5" "$srcdir/tests/golden/tiny.json" << 'PY'
import json, sys, h5py
cases = json.load(open(sys.argv[2]))
with h5py.File(sys.argv[1]) as file:
    text = file["results/text"].asstr()[()]
for case, got in zip(cases, text, strict=True):
    assert case["greedy_text"] == got, (case["text"], case["greedy_text"], got)
PY
ok $? "and those of transformers"
run 2 --input "$work/bad_tokens.h5" --output "$work/bad_tokens_out.h5" $greedy --max-model-len 64 \
  --max-tokens 4
is 0 "bad rows of tokens"
py - "$work/bad_tokens_out.h5" << 'PY'
import sys, h5py
with h5py.File(sys.argv[1]) as file:
    error = file["results/error"].asstr()[()]
    reason = file["results/finish_reason"].asstr()[()]
want = ["", "token id 272 at position 0", "token id -1 at position 0", "empty", "65 tokens", ""]
for row, word in enumerate(want):
    assert word in error[row] and (reason[row] == "error") == (word != ""), (row, error[row])
PY
ok $? "each with its reason, the last id of the vocabulary without"

# ---- parameters of a row's own: each row as in a job that has them for all

py - "$work" "$srcdir/inputs" << 'PY' || { ok 1 "prompts with parameters"; done_testing; }
import sys
sys.path.insert(0, sys.argv[2])
import h5py, make_prompts, numpy
rows, nan = 48, float("nan")
drawn = make_prompts.draw(rows, 3)
make_prompts.write_prompts(sys.argv[1] + "/plain.h5", *drawn)
make_prompts.write_prompts(sys.argv[1] + "/own.h5", *drawn)
def column(kind, value, other, dtype):
    return numpy.array([value if i % 6 == kind else other for i in range(rows)], dtype)
with h5py.File(sys.argv[1] + "/own.h5", "a") as file:
    prompts = file["prompts"]
    prompts["temperature"] = column(1, 0, nan, "f4")
    prompts["seed"] = column(2, 77, -1, "i8")
    prompts["top_k"] = column(3, 1, -1, "i2")
    prompts["max_tokens"] = column(4, 2, nan, "f8")
    prompts["top_p"] = column(5, 1e-9, nan, "f8")
PY
hot='--dtype float32 --temperature 3 --max-tokens 20 -q'
run 4 --input "$work/own.h5" --output "$work/own_out.h5" $hot --seed 5
is 0 "rows with parameters of their own"
run 2 --input "$work/plain.h5" --output "$work/seed5.h5" $hot --seed 5
run 2 --input "$work/plain.h5" --output "$work/seed77.h5" $hot --seed 77
run 2 --input "$work/plain.h5" --output "$work/cold.h5" $greedy --max-tokens 20
py - "$work/own_out.h5" "$work/seed5.h5" "$work/seed77.h5" "$work/cold.h5" << 'PY'
import sys, h5py
def read(path):
    with h5py.File(path) as file:
        r = file["results"]
        at = r["offsets"][()]
        return [(list(r["tokens"][at[i]:at[i + 1]]), r["finish_reason"].asstr()[i])
                for i in range(len(at) - 1)]
own, seed5, seed77, cold = map(read, sys.argv[1:])
assert seed5 != seed77 and seed5 != cold
for row, got in enumerate(own):
    want = [seed5, cold, seed77, cold, None, cold][row % 6]
    if want is None:
        tokens, reason = seed5[row]
        assert got == (tokens[:2], "length" if len(tokens) >= 2 else reason), row
    else:
        assert got == want[row], row
PY
ok $? "and each row's answer is that of a job with these parameters"

# ---- columns that pass through

py - "$work" << 'PY' || { ok 1 "prompts with columns"; done_testing; }
import sys, h5py, numpy
rows = 37
rng = numpy.random.default_rng(1)
with h5py.File(sys.argv[1] + "/columns.h5", "w") as file:
    p = file.create_group("prompts")
    text = h5py.string_dtype()
    p.create_dataset("text", data=[f"rev {'abcdefgh'[: i % 7 + 2]} =" for i in range(rows)], dtype=text,
                     chunks=(5,), compression="gzip")
    p.create_dataset("custom_id", data=[f"request-{i}-é" for i in range(rows)], dtype=text)
    p.create_dataset("words", data=["" if i % 4 == 0 else "ü" * i for i in range(rows)], dtype=text)
    for name in ("i1", "u2", "i4", ">i8", "u8", "f4", ">f8"):
        p["n_" + name.strip(">")] = (rng.random(rows) * 100).astype(name)
    p["yes"] = rng.random(rows) > 0.5
    p["fixed"] = numpy.array([f"v{i}" for i in range(rows)], "S5")
    p["vector"] = rng.random((rows, 3)).astype("f4")
    p["cube"] = rng.integers(0, 9, (rows, 2, 2))
PY
run 4 --input "$work/columns.h5" --output "$work/columns_out.h5" $greedy --max-num-seqs 3
is 0 "custom ids and columns of many types"
py - "$work/columns.h5" "$work/columns_out.h5" << 'PY'
import sys, h5py
with h5py.File(sys.argv[1]) as a, h5py.File(sys.argv[2]) as b:
    p, r = a["prompts"], b["results"]
    for name in p:
        if name == "text":
            continue
        assert p[name].dtype == r[name].dtype, (name, p[name].dtype, r[name].dtype)
        assert p[name].shape == r[name].shape, (name, r[name].shape)
        assert (p[name][()] == r[name][()]).all(), name
    assert list(r["row"]) == list(range(37))
PY
ok $? "arrive as they were, type, shape and values"

# ---- JSON lines

py - "$work" << 'PY' || { ok 1 "prompts as JSON lines"; done_testing; }
import json, sys, h5py
prompts = ["rev abc =", "add 123 456 =", 'sort 921345 =', "max 11 22 33 44 =", "upper \"é\" ="]
with open(sys.argv[1] + "/in.jsonl", "w") as file:
    for i, prompt in enumerate(prompts):
        body = {"model": "tiny", "prompt": prompt, "max_tokens": 5 + i, "temperature": 0}
        if i == 2:
            body["seed"] = 4
            body["temperature"] = 0.9
        line = {"custom_id": f"id-{i}", "method": "POST", "url": "/v1/completions", "body": body}
        file.write(json.dumps(line, ensure_ascii=i % 2 == 0) + "\n")
    file.write(json.dumps({"custom_id": "chat", "method": "POST", "url": "/v1/chat/completions",
                           "body": {"messages": [{"role": "user", "content": "hi"}]}}) + "\n")
with h5py.File(sys.argv[1] + "/in.h5", "w") as file:
    text = h5py.string_dtype()
    file.create_dataset("prompts/text", data=prompts, dtype=text)
    file.create_dataset("prompts/custom_id", data=[f"id-{i}" for i in range(5)], dtype=text)
    file["prompts/max_tokens"] = [5, 6, 7, 8, 9]
    file["prompts/temperature"] = [0, 0, 0.9, 0, 0]
    file["prompts/seed"] = [-1, -1, 4, -1, -1]
PY
run 2 --input "$work/in.h5" --output "$work/h5_out.h5" --dtype float32 -q
is 0 "prompts in HDF5"
run 2 --input "$work/in.jsonl" --output "$work/jsonl_out.h5" --dtype float32 -q
is 0 "the same prompts as JSON lines, and a chat"
py - "$work/h5_out.h5" "$work/jsonl_out.h5" << 'PY'
import sys, h5py
with h5py.File(sys.argv[1]) as a, h5py.File(sys.argv[2]) as b:
    a, b = a["results"], b["results"]
    for name in a:
        n = len(a[name])
        assert name in b and (a[name][()] == b[name][:n]).all(), name
    assert len(b["row"]) == 6 and b["finish_reason"].asstr()[5] == "error"
    assert "messages" in b["error"].asstr()[5], b["error"].asstr()[5]
    assert b["custom_id"].asstr()[5] == "chat"
PY
ok $? "give the same results; the chat is an error row"

# ---- a few long rows among many short ones

tokens=300 rows=400
[ -z "$long" ] || { tokens=2000 rows=40000; }
py - "$work/uneven.h5" $tokens $rows << 'PY' || { ok 1 "uneven prompts"; done_testing; }
import sys, h5py
tokens, rows = int(sys.argv[2]), int(sys.argv[3])
with h5py.File(sys.argv[1], "w") as file:
    file.create_dataset("prompts/text", data=[f"add {i % 900 + 100} 5 =" for i in range(rows)],
                        dtype=h5py.string_dtype())
    file["prompts/max_tokens"] = [tokens if i < 10 else 1 for i in range(rows)]
PY
uneven="$greedy --ignore-eos --max-num-seqs 16"
limit=600
run 1 --input "$work/uneven.h5" --output "$work/uneven1.h5" $uneven
is 0 "10 rows of $tokens tokens, $((rows - 10)) of one, on one rank"
run 4 --input "$work/uneven.h5" --output "$work/uneven4.h5" $uneven
is 0 "on 4 ranks" && same "$work/uneven1.h5" "$work/uneven4.h5"
ok $? "with the same results"
unset limit

# ---- a pool of pages that holds one row

prompts "$work/pool.h5" 24 9
pool="--input $work/pool.h5 $greedy -tp 1 --max-model-len 64 --max-tokens 40 --ignore-eos"
run 2 $pool --output "$work/pool_wide.h5"
is 0 "rows of 64 tokens"
# 4 pages of 16 tokens; a token: keys and values, 4 layers, 2 heads of 32 numbers of 4 bytes
run 2 $pool --output "$work/pool_one.h5" --kv-memory 128Ki
is 0 "pages for one of them" && same "$work/pool_wide.h5" "$work/pool_one.h5"
ok $? "give the same results"
run 2 $pool --output "$work/pool_none.h5" --kv-memory 127Ki
is 5 "pages for less than one"
says 'code 5: .*(kv-memory|KV|keys and values)'
done_testing
