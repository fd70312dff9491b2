"""h5py's side of convert.sh.

    convert.py make FOLDER         prompt files to be converted
    convert.py same A.h5 B.h5      do two prompt files hold the same?
    convert.py types A.h5          NAME:TYPE of each dataset of the prompts
    convert.py results A.h5 B.jsonl   does each line say what the entry says?
"""

import json
import os
import sys

import h5py
import numpy as np

TEXT = h5py.string_dtype()
ROWS = 700  # more than two blocks of the converter


def make(out):
    numbers = np.arange(ROWS)
    texts = [f'row {i} "quoted" \\ \n\t\r\x01\x1f\x7f é 😀 \uffff {{}}' for i in range(ROWS)]
    texts[5] = ""
    with h5py.File(os.path.join(out, "text.h5"), "w") as file:
        g = file.create_group("prompts")
        g.create_dataset("text", data=texts, dtype=TEXT)
        g.create_dataset("custom_id", data=[f"id/{i} é" for i in range(ROWS)], dtype=TEXT)
        g["temperature"] = np.where(numbers % 2, numbers / 10, np.nan)
        g["max_tokens"] = np.where(numbers % 3, numbers, np.nan)
        g["seed"] = np.where(numbers, -float(2**53), 2.0**53)
        g["level"] = numbers - 3
        g["big"] = np.full(ROWS, 2**63 - 1, dtype="i8")
        g["whole"] = numbers.astype("f8")
        g["third"] = numbers / 3
        g["tiny"] = np.full(ROWS, 5e-324)
        g["hole"] = np.where(numbers % 2, np.nan, 1.5)
        g["good"] = numbers % 2 == 0
        g.create_dataset('na me" é', data=[f"x{i}" for i in range(ROWS)], dtype=TEXT)
        g.create_dataset("json", data=['{"a": [1, 2.50]}'] * ROWS, dtype=TEXT)
    # Other types of the same values, and what JSON has no type for.
    with h5py.File(os.path.join(out, "types.h5"), "w") as file:
        g = file.create_group("prompts")
        g.create_dataset("text", data=np.array([b"one", b"two"], dtype="S5"))
        g["max_tokens"] = np.array([7, -1], dtype="i4")
        g["i2"] = np.array([-5, 5], dtype=">i2")
        g["u1"] = np.array([0, 255], dtype="u1")
        g["f4"] = np.array([0.1, 2], dtype="f4")
        g["vector"] = np.array([[1, 2, 3], [4, 5, 6]])
        g["infinite"] = np.array([np.inf, 1.0])
    with h5py.File(os.path.join(out, "tokens.h5"), "w") as file:
        file["prompts/tokens"] = np.array([1, 2, 3, 2**31 - 1], dtype="i4")
        file["prompts/offsets"] = np.array([0, 3, 3, 4])
        file.create_dataset("prompts/custom_id", data=["a", "", "row-2"], dtype=TEXT)
    with h5py.File(os.path.join(out, "none.h5"), "w") as file:
        file.create_dataset("prompts/text", (0,), dtype=TEXT)
    with h5py.File(os.path.join(out, "latin.h5"), "w") as file:
        file.create_dataset("prompts/text", data=["good", b"caf\xe9"], dtype=TEXT)
    with h5py.File(os.path.join(out, "chat.h5"), "w") as file:
        file.create_dataset("prompts/messages", data=["[]"], dtype=TEXT)
    with h5py.File(os.path.join(out, "url.h5"), "w") as file:
        file.create_dataset("prompts/text", data=["x"], dtype=TEXT)
        file["prompts/url"] = [1]
    with h5py.File(os.path.join(out, "inf.h5"), "w") as file:
        file.create_dataset("prompts/text", data=["x", "y"], dtype=TEXT)
        file["prompts/temperature"] = [0.5, np.inf]
    with h5py.File(os.path.join(out, "other.h5"), "w") as file:
        file["data"] = [1]
    with h5py.File(os.path.join(out, "both.h5"), "w") as file:
        file.create_group("prompts")
        file.create_group("results")


def same(a, b):
    with h5py.File(a) as one, h5py.File(b) as two:
        assert set(one["prompts"]) == set(two["prompts"]), (set(one["prompts"]), set(two["prompts"]))
        for name, x in one["prompts"].items():
            y = two["prompts"][name]
            assert x.dtype == y.dtype, (name, x.dtype, y.dtype)
            u, v = x[()], y[()]
            assert np.array_equal(u, v, equal_nan=u.dtype.kind == "f"), name


def types(path):
    with h5py.File(path) as file:
        for name, x in sorted(file["prompts"].items()):
            text = h5py.check_string_dtype(x.dtype)
            print(f"{name}:{'text' if text else x.dtype}")


def results(path, lines):
    with h5py.File(path) as file, open(lines, encoding="utf-8") as text:
        r = {name: x[()] for name, x in file["results"].items()}
        n = 0
        for i, line in enumerate(text):
            o = json.loads(line)
            for name in set(r) - {"tokens", "offsets"}:
                want = r[name][i]
                if isinstance(want, bytes):
                    want = want.decode()
                if name == "error" and want == "":
                    assert "error" not in o, o
                    continue
                if want != want:  # NaN
                    want = None
                assert o.pop(name) == want, (i, name)
            assert not o, (i, o)
            n += 1
        assert n == len(r["row"]), n


{"make": make, "same": same, "types": types, "results": results}[sys.argv[1]](*sys.argv[2:])
