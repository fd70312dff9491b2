#!/usr/bin/python3
"""h5py_read.py results IN OUT | prompts IN OUT - do the files of tests/io/h5py.c hold what they
should?  IN is the input file by h5py, OUT what was written from it.  Exit status 0: yes."""
import sys

import h5py
import numpy as np

what, name_in, name_out = sys.argv[1:]
wrong = 0
USED = {"text", "tokens", "offsets", "messages", "custom_id", "temperature", "max_tokens", "top_k",
        "ignore_eos"}


def check(good, *why):
    global wrong
    if not good:
        wrong += 1
        print("#", name_out, *why)


def equal(a, b):
    """Of any dtype, NaN equal to NaN, sequences and all; padding does not count."""
    if a.dtype.names:
        return all(equal(a[k], b[k]) for k in a.dtype.names)
    if a.dtype == object:
        return a.shape == b.shape and all(np.array_equal(x, y) for x, y in zip(a.flat, b.flat))
    return a.tobytes() == b.tobytes()


def columns_same(p, q, index):
    names = [k for k in p if k not in USED and isinstance(p[k], h5py.Dataset)]
    for k in names:
        a, b = p[k], q[k]
        same_type = a.dtype == b.dtype and a.id.get_type().copy().equal(b.id.get_type().copy())
        check(same_type, k, "is", b.dtype, "not", a.dtype)
        check(a.shape[1:] == b.shape[1:], k, "has shape", b.shape)
        if index is None or len(index):
            check(equal(a[...][index] if index is not None else a[...], b[...]), k, "has changed")
    return names


def results():
    with h5py.File(name_in) as i, h5py.File(name_out) as o:
        p, r = i["prompts"], o["results"]
        rows = len(p["text"]) if "text" in p else len(p["offsets"]) - 1
        n = 2 * rows
        index = np.arange(n) // 2
        e = np.arange(n)
        for k, dtype, want in [("row", "<i8", index), ("sample", "<i4", e % 2),
                               ("prompt_tokens", "<i4", index + 1),
                               ("completion_tokens", "<i4", e % 4),
                               ("offsets", "<i8", np.cumsum([0] + list(e % 4)))]:
            check(r[k].dtype == np.dtype(dtype), k, r[k].dtype)
            check(np.array_equal(r[k][...], want), k, r[k][...])
        check(r["tokens"].dtype == np.dtype("<i4") and r["tokens"].compression == "gzip", "tokens")
        tokens = sum([[row, -7, 151000][: c] for row, c in zip(index, e % 4)], [])
        check(np.array_equal(r["tokens"][...], np.array(tokens)), "tokens", r["tokens"][...])
        for k, want in [
                ("text", ["" if j % 7 == 3 else f"answer {j} \u20ac" for j in e]),
                ("finish_reason", ["stop" if j % 2 else "length" for j in e]),
                ("error", ["" if j % 5 else "caf\u00e9" for j in e])]:
            check(h5py.check_string_dtype(r[k].dtype) == ("utf-8", None), k, r[k].dtype)
            check(list(r[k].asstr()[...]) == want, k)
        check(("custom_id" in r) == ("custom_id" in p), "custom_id")
        if "custom_id" in p:
            want = [s for s in p["custom_id"].asstr()[...] for _ in range(2)]
            check(list(r["custom_id"].asstr()[...]) == want, "custom_id")
        names = columns_same(p, r, index)
        check(set(r) == set(names) | {"row", "sample", "prompt_tokens", "completion_tokens",
                                      "offsets", "tokens", "text", "finish_reason", "error"}
              | ({"custom_id"} & set(p)), "datasets", list(r))
        check(o["run/plan"].asstr()[()] == '{"tp": 2}' and o["run/note"].asstr()[()] == "\u00e9",
              "run")
        check(r.attrs["entries"] == n and r.attrs["format"] == 1, "attributes")


def prompts():
    with h5py.File(name_in) as i, h5py.File(name_out) as o:
        p, q = i["prompts"], o["prompts"]
        for k in ["text", "custom_id", "messages"]:
            check((k in p) == (k in q), k)
            if k in p:
                check(list(p[k].asstr()[...]) == list(q[k].asstr()[...]), k)
                check(h5py.check_string_dtype(q[k].dtype) == ("utf-8", None), k, q[k].dtype)
        for k, dtype in [("tokens", "<i4"), ("offsets", "<i8")]:
            if k in p:
                check(np.array_equal(p[k][...], q[k][...]) and q[k].dtype == dtype, k)
        columns_same(p, q, None)


{"results": results, "prompts": prompts}[what]()
sys.exit(wrong != 0)
