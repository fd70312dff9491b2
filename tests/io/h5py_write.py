#!/usr/bin/python3
"""h5py_write.py DIR - input files in all forms that h5py writes, for tests/io/h5py.c.

good-NAME.h5 with good-NAME.jsonl: what each row should be read as, one line of JSON a row.
bad-NAME.h5 with bad-NAME.txt: words that the one line of the refusal must contain.
"""
import json
import os
import sys

import h5py
import numpy as np

folder = sys.argv[1]
NAMES = ["temperature", "max_tokens", "top_k", "ignore_eos"]  # as in h5py.c
STR = h5py.string_dtype()
rng = np.random.default_rng(7)


def path(name):
    return os.path.join(folder, name)


def plain(x):
    """A value as JSON has it."""
    if isinstance(x, bytes):
        return x.decode("utf-8", "replace")
    if isinstance(x, (np.bool_, bool)):
        return bool(x)
    if isinstance(x, np.floating):
        return None if not np.isfinite(x) else float(str(x))
    if isinstance(x, np.integer):
        return int(x)
    if isinstance(x, np.void) and x.dtype.names:
        return {n: plain(x[n]) for n in x.dtype.names}
    if isinstance(x, np.complexfloating):
        return {"r": plain(x.real), "i": plain(x.imag)}
    if isinstance(x, np.void):
        return x.tobytes().hex()
    if isinstance(x, np.ndarray):
        return [plain(y) for y in x]
    return x


def good(name, prompts, params=None, custom_id=None, columns=None, write=None, **how):
    """prompts: list of str, or of lists of ints. write(f, p): make what is not made here."""
    n = len(prompts)
    with h5py.File(path(f"good-{name}.h5"), "w", **how) as f:
        if write:
            write(f)
        p = f.require_group("prompts")
        if not {"text", "tokens", "messages"} & set(p):
            p.create_dataset("text", data=prompts, dtype=STR)
        for k, v in (params or {}).items():
            p[k] = v
        if custom_id and "custom_id" not in p:
            p["custom_id"] = custom_id
        for k, v in (columns or {}).items():
            if k not in p:
                p[k] = v
    with open(path(f"good-{name}.jsonl"), "w") as out:
        for i in range(n):
            row = {"prompt": prompts[i]}
            if custom_id:
                row["custom_id"] = custom_id[i]
            for k in NAMES:
                if k in (params or {}):
                    v = params[k][i]
                    job = v != v or (np.issubdtype(params[k].dtype, np.integer) and v == -1)
                    row[k] = None if job else float(v)
            for k in sorted(columns or {}, key=lambda s: s.encode()):
                row[k] = plain(columns[k][i])
            print(json.dumps(row, ensure_ascii=False), file=out)


def bad(name, words, write=None):
    if write:
        with h5py.File(path(f"bad-{name}.h5"), "w") as f:
            write(f)
    with open(path(f"bad-{name}.txt"), "w") as out:
        print("\t".join([f"bad-{name}.h5"] + words), file=out, end="")


# ---- texts ------------------------------------------------------------------------------------

words = ["", "hello", "caf\u00e9 \u20ac \U0001f600", "two\nlines\t\"quoted\" \\", "x" * 5000, " edges "]
good("list", words)
good("zero", [])
good("zero-chunked", [], write=lambda f: f.create_dataset(
    "prompts/text", (0,), maxshape=(None,), dtype=STR))


def gzipped(f):
    d = f.create_dataset("prompts/text", (0,), maxshape=(None,), dtype=STR, chunks=(2,),
                         compression="gzip")
    for w in words:
        d.resize(len(d) + 1, 0)
        d[-1] = w


good("gzip", words, write=gzipped)
good("latest", words, libver="latest")
good("track-order", words, track_order=True, columns={"b": np.arange(6), "a": np.arange(6)})
good("userblock", words, userblock_size=1024)
good("ascii", ["a", "bc", ""], write=lambda f: f.create_dataset(
    "prompts/text", data=[b"a", b"bc", b""], dtype=h5py.string_dtype("ascii")))
good("fixed-null", ["a", "", "exactly8"], write=lambda f: f.create_dataset(
    "prompts/text", data=np.array([b"a", b"", b"exactly8"], "S8")))
good("fixed-utf8", ["caf\u00e9", "\u20ac"], write=lambda f: f.create_dataset(
    "prompts/text", data=np.array(["caf\u00e9".encode(), "\u20ac".encode()],
                                  h5py.string_dtype("utf-8", 9))))


def padded(pad, raw):
    def write(f):
        t = h5py.h5t.C_S1.copy()
        t.set_size(6)
        t.set_strpad(pad)
        s = h5py.h5s.create_simple((len(raw),))
        d = h5py.h5d.create(f.create_group("prompts").id, b"text", t, s)
        d.write(h5py.h5s.ALL, h5py.h5s.ALL, np.array(raw, "S6"), t)
    return write


good("fixed-space", ["ab", " x", ""], write=padded(h5py.h5t.STR_SPACEPAD,
                                                   [b"ab    ", b" x    ", b"      "]))
good("fixed-term", ["ab", "x", ""], write=padded(h5py.h5t.STR_NULLTERM,
                                                 [b"ab\0zz\0", b"x", b""]))
good("null-pointers", ["", "", ""], write=lambda f: f.create_dataset("prompts/text", (3,), STR))


def compact(f):
    t = h5py.h5t.py_create(np.dtype("S5"))
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_layout(h5py.h5d.COMPACT)
    d = h5py.h5d.create(f.create_group("prompts").id, b"text", t, h5py.h5s.create_simple((2,)),
                        plist)
    d.write(h5py.h5s.ALL, h5py.h5s.ALL, np.array([b"one", b"three"], "S5"), t)


good("compact", ["one", "three"], write=compact)
good("many", [f"prompt {i} " + "\u00e9" * int(rng.integers(0, 300)) for i in range(2500)],
     custom_id=[f"id {i}" for i in range(2500)])
good("messages", ['[{"role": "user", "content": "hi"}]', "[]"], write=lambda f: f.create_dataset(
    "prompts/messages", data=['[{"role": "user", "content": "hi"}]', "[]"], dtype=STR))

# ---- tokens -----------------------------------------------------------------------------------

ids = [[], [1, 2, 3], [], [70000], list(range(100)), []]


def tokens(tdtype, odtype, rows, **how):
    def write(f):
        off = np.cumsum([0] + [len(r) for r in rows])
        f.create_dataset("prompts/tokens", data=np.array(sum(rows, []), tdtype), **how)
        f.create_dataset("prompts/offsets", data=off.astype(odtype))
    return write


good("tokens", ids, write=tokens("i4", "i8", ids))
good("tokens-big-endian", ids, write=tokens(">i8", ">u4", ids, compression="gzip", chunks=(7,)))
good("tokens-zero", [], write=tokens("i4", "i8", []))
good("tokens-empty-rows", [[], []], write=tokens("u2", "i4", [[], []]))

# ---- parameters -------------------------------------------------------------------------------

t = ["a", "b", "c"]
good("params", t, params={"temperature": np.array([0.5, np.nan, -1], "f4"),
                          "max_tokens": np.array([16, -1, -5], "i8"),
                          "top_k": np.array([0, 255, 7], "u1"),
                          "ignore_eos": np.array([True, False, True])})
good("params-big-endian", t, params={"temperature": np.array([0.5, np.nan, 2], ">f8"),
                                     "max_tokens": np.array([16, -1, 7], ">i2"),
                                     "top_k": np.array([1, 2, 3], "f2")})

# ---- columns ----------------------------------------------------------------------------------

nested = np.dtype([("x", "i2"), ("y", [("a", "f4"), ("b", ">i4", (2,))])], align=True)
records = np.zeros(3, nested)
records["x"] = [1, -2, 3]
records["y"]["a"] = [0.5, np.inf, -0.25]
records["y"]["b"] = [[1, 2], [3, 4], [5, 6]]
numbers = {f"n_{d.replace('>', 'be_')}": np.array([0, 100, 127], d)
           for d in "i1 i2 i4 i8 u1 u2 u4 u8 >i2 >u8 f2 f4 f8 >f4".split()}
numbers["big"] = np.array([0, 2**64 - 1, 2**63], "u8")
numbers["small"] = np.array([-2**63, 2**63 - 1, -1], "i8")
numbers["real"] = np.array([0.1, -1e300, np.nan])
numbers["single"] = np.array([0.1, 3.4e38, 1], "f4")
numbers["bool"] = np.array([True, False, True])
numbers["complex"] = np.array([1 + 2j, 0, -0.5j], "c8")
good("numbers", t, columns=numbers)
good("numbers-dense", t, columns=numbers, libver="latest")
good("shapes", t, columns={"pair": np.arange(6, dtype="f4").reshape(3, 2),
                           "cube": np.arange(24, dtype=">i2").reshape(3, 2, 4),
                           "none": np.zeros((3, 0)), "one": np.array([[1], [2], [3]]),
                           "nested": records})
good("texts", t, columns={"fixed": np.array([b"a", b"", b"c c"], "S3"),
                          "\u00fcber uns": np.array([1, 2, 3])},
     write=lambda f: f.create_group("prompts").create_dataset("text", data=t, dtype=STR))


def special(f):
    p = f.create_group("prompts")
    p.create_dataset("var", data=["", "\u00e9", "long " * 1000], dtype=STR)
    p.create_dataset("seq", (3,), h5py.vlen_dtype("i4"))
    p["seq"][0] = [1, 2, 3]
    p["seq"][2] = [-1]
    p.create_dataset("color", data=[0, 7, 1],
                     dtype=h5py.enum_dtype({"RED": 0, "GREEN": 1, "BLUE": 7}, "u1"))
    p.create_dataset("vecs", (3, 2), STR)
    p["vecs"][1] = ["p", "q"]
    mixed = np.dtype([("k", "i1"), ("s", STR), ("v", "f8")])
    p.create_dataset("mixed", data=np.array([(1, "eins", 0.5), (2, "", 1), (3, "drei", 2)], mixed))
    f["types/named"] = np.dtype("i2")
    p.create_dataset("named", data=[5, 6, 7], dtype=f["types/named"])
    p["soft"] = h5py.SoftLink("/elsewhere/data")
    f["elsewhere/data"] = np.array([1, 0, 1], "i1")
    p["hard"] = f["elsewhere/data"]
    p.create_dataset("raw", data=np.array([b"\x00\x01", b"ab", b"\xff\xfe"], "V2"))
    p["group/inside"] = 1


good("special", t, write=special, columns={
    "var": ["", "\u00e9", "long " * 1000], "seq": [[1, 2, 3], [], [-1]],
    "color": ["RED", "BLUE", "GREEN"], "vecs": [["", ""], ["p", "q"], ["", ""]],
    "mixed": [{"k": 1, "s": "eins", "v": 0.5}, {"k": 2, "s": "", "v": 1.0},
              {"k": 3, "s": "drei", "v": 2.0}],
    "named": [5, 6, 7], "soft": [1, 0, 1], "hard": [1, 0, 1],
    "raw": ["0001", "6162", "fffe"]})
with open(path("results-from"), "w") as out:
    print("special numbers shapes texts many tokens zero", file=out)

# ---- what is refused --------------------------------------------------------------------------


def text(f, n=3):
    f.create_dataset("prompts/text", data=["a"] * n, dtype=STR)


def beside(name, data, **how):
    def write(f):
        text(f)
        f["prompts"].create_dataset(name, data=data, **how)
    return write


def put(name, data, **how):
    return lambda f: f.create_dataset(name, data=data, **how)


bad("no-group", ["no group /prompts", "/prompts/text"], put("text", ["a"], dtype=STR))
bad("not-a-group", ["/prompts", "not a group"], put("prompts", ["a"], dtype=STR))
bad("no-prompts", ["no prompts", "/prompts/text"], put("prompts/answer", [1, 2]))
bad("scalar", ["/prompts/text", "single value"], put("prompts/text", "a", dtype=STR))
bad("empty-space", ["/prompts/text", "single value"],
    lambda f: f.create_dataset("prompts/text", data=h5py.Empty("S5")))
bad("two-dimensional", ["/prompts/text", "2 dimensions"],
    put("prompts/text", [["a", "b"]], dtype=STR))
bad("text-of-ints", ["/prompts/text", "int64", "strings"], put("prompts/text", [1, 2]))
bad("text-of-bytes", ["/prompts/text", "variable-length sequence", "strings"],
    lambda f: f.create_dataset("prompts/text", (2,), h5py.vlen_dtype("u1")))
bad("two-kinds", ["/prompts/text", "/prompts/tokens"],
    lambda f: (text(f), tokens("i4", "i8", ids)(f)))
bad("stray-offsets", ["/prompts/offsets"], beside("offsets", [0, 1, 2]))
bad("no-offsets", ["/prompts/tokens", "/prompts/offsets"], put("prompts/tokens", [1, 2]))


def offsets(off, n=5):
    def write(f):
        f["prompts/tokens"] = np.arange(n, dtype="i4")
        f["prompts/offsets"] = np.array(off, "i8")
    return write


bad("offsets-empty", ["/prompts/offsets", "one value more"], offsets([]))
bad("offsets-start", ["/prompts/offsets", "starts with 1", "expected 0"], offsets([1, 5]))
bad("offsets-end", ["/prompts/offsets", "ends with 6", "5 values"], offsets([0, 6]))
bad("offsets-fall", ["row 2", "/prompts/offsets", "from 4 to 3"], offsets([0, 1, 4, 3, 5]))
bad("offsets-beyond", ["row 1", "/prompts/offsets", "99"], offsets([0, 1, 99, 5]))
bad("offsets-negative", ["row 0", "/prompts/offsets", "-1"], offsets([0, -1, 5]))
bad("offsets-float", ["/prompts/offsets", "float64", "integers"],
    lambda f: (f.create_dataset("prompts/tokens", data=[1]),
               f.create_dataset("prompts/offsets", data=[0.0, 1.0])))
bad("tokens-float", ["/prompts/tokens", "float32", "integers"],
    lambda f: (f.create_dataset("prompts/tokens", data=np.zeros(2, "f4")),
               f.create_dataset("prompts/offsets", data=[0, 2])))
bad("short-column", ["/prompts/answer", "2 rows", "expected 3"], beside("answer", [1, 2]))
bad("long-param", ["/prompts/top_k", "4 rows", "expected 3"], beside("top_k", [1, 2, 3, 4]))
bad("long-id", ["/prompts/custom_id", "4 rows", "expected 3"],
    beside("custom_id", ["a"] * 4, dtype=STR))
bad("int-id", ["/prompts/custom_id", "int64", "rename"], beside("custom_id", [1, 2, 3]))
bad("text-param", ["/prompts/temperature", "variable-length string", "numbers"],
    beside("temperature", ["a"] * 3, dtype=STR))
bad("wide-param", ["/prompts/temperature", "2 dimensions"], beside("temperature", np.zeros((3, 2))))
bad("scalar-column", ["/prompts/version", "single value", "attribute"], beside("version", 3))
for taken in ["row", "sample", "finish_reason", "error", "prompt_tokens", "completion_tokens",
              "logprobs", "prompt_logprobs", "cumulative_logprob"]:
    bad(f"taken-{taken}", [f"/prompts/{taken}", "rename"], beside(taken, [1, 2, 3]))


def reference(f):
    text(f)
    d = f["prompts"].create_dataset("ref", (3,), h5py.ref_dtype)
    d[0] = f["prompts"].ref


bad("reference", ["/prompts/ref", "references"], reference)
bad("huge-rows", ["/prompts/huge", "64 MiB"], lambda f: (text(f), f["prompts"].create_dataset(
    "huge", (3, 1 << 24), "f8", chunks=(1, 1 << 16))))


def link(name, to):
    def write(f):
        text(f)
        f[f"prompts/{name}"] = to
    return write


bad("loop", ["/prompts/a", "link"], lambda f: (link("a", h5py.SoftLink("/prompts/b"))(f),
                                               f.__setitem__("prompts/b",
                                                             h5py.SoftLink("/prompts/a"))))
bad("nowhere", ["/prompts/a", "link"], link("a", h5py.SoftLink("/none")))
bad("external-link", ["/prompts/a", "another file"],
    link("a", h5py.ExternalLink(path("good-list.h5"), "/prompts/text")))
bad("external-group", ["/prompts", "another file"], lambda f: f.__setitem__(
    "prompts", h5py.ExternalLink(path("good-list.h5"), "/prompts")))


def external_data(f):
    with open(path("raw"), "wb") as raw:
        raw.write(b"abc")
    f.create_dataset("prompts/text", (3,), "S1", external=[(path("raw"), 0, 3)])


bad("external-data", ["/prompts/text", "other files"], external_data)


def virtual(f):
    layout = h5py.VirtualLayout((6,), STR)
    layout[:] = h5py.VirtualSource(path("good-list.h5"), "prompts/text", (6,))
    f.create_virtual_dataset("prompts/text", layout)


bad("virtual", ["/prompts/text", "other files"], virtual)
bad("lzf", ["/prompts/answer", "lzf", "gzip"],
    beside("answer", np.arange(3), chunks=(3,), compression="lzf"))

deep = np.dtype("i1")
for i in range(20):
    deep = np.dtype([("m", deep)])
bad("deep", ["/prompts/deep", "nested too deep"], beside("deep", np.zeros(3, deep)))

whole = open(path("good-many.h5"), "rb").read()
for name, data, why in [("cut", whole[: len(whole) // 2], "truncated file"),
                        ("cut-short", whole[:100], "HDF5"), ("nothing", b"", "signature"),
                        ("words", b"these are no prompts\n" * 100, "signature")]:
    with open(path(f"bad-{name}.h5"), "wb") as out:
        out.write(data)
    bad(name, [why])
# The sizes in the first heap of strings become 0: HDF5 1.10 alone would never return.
at = whole.index(b"GCOL") + 16
with open(path("bad-heap.h5"), "wb") as out:
    out.write(whole[:at] + bytes(1024) + whole[at + 1024:])
bad("heap", ["cannot read", "/prompts/", "damaged"])
os.mkdir(path("bad-folder.h5"))
bad("folder", ["folder"])
