"""Write prompts with one bad row of each kind between good ones: bad_rows.py FOLDER

Beside each file NAME.h5 its NAME.bad: a line a bad row, "ROW<tab>what the finding must say".
"""

import os
import sys

import h5py
import numpy as np

out = sys.argv[1]
NAN = float("nan")

# (text, temperature, top_p, top_k, seed, max_tokens, what must be said or None)
ROWS = [
    ("fine", NAN, NAN, NAN, NAN, NAN, None),
    ("", NAN, NAN, NAN, NAN, NAN, "the prompt is empty"),
    (b"caf\xe9 au lait", NAN, NAN, NAN, NAN, NAN, "not UTF-8: byte 0xE9 at offset 3"),
    ("a" * 50, NAN, NAN, NAN, NAN, NAN, "more than max_model_len 40"),
    ("a b c", -0.5, NAN, NAN, NAN, NAN, "temperature is -0.5: "),
    ("a b c", NAN, 0, NAN, NAN, NAN, "top_p is 0: "),
    ("a b c", NAN, 1.5, NAN, NAN, NAN, "top_p is 1.5: "),
    ("a b c", NAN, NAN, -3, NAN, NAN, "top_k is -3: "),
    ("a b c", NAN, NAN, 1.5, NAN, NAN, "top_k is 1.5: "),
    ("a b c", NAN, NAN, NAN, 0.25, NAN, "seed is 0.25: "),
    ("a b c", NAN, NAN, NAN, 1e17, NAN, "seed is 1e+17: "),
    ("a b c", NAN, NAN, NAN, NAN, -5, "max_tokens is -5: "),
    ("a" * 40, NAN, NAN, NAN, NAN, 3, "leaves no room for an answer"),
    ("a b c", float("inf"), NAN, NAN, NAN, NAN, "temperature is inf: "),
    ("a b c", -1, -1, -1, -1, -1, None),
    ("a b c", 0, 1, 0, -7, 0, None),
]
TOKENS = [
    ([1, 2, 3], None),
    ([], "the prompt is empty"),
    ([1, 272, 3], "token id 272 at position 1 is not in the vocabulary (0 to 271)"),
    ([-1], "token id -1 at position 0"),
    ([5] * 41, "41 tokens, more than max_model_len 40"),
    ([271], None),
]


def expect(name, says):
    with open(os.path.join(out, name + ".bad"), "w") as file:
        for row, text in enumerate(says):
            if text:
                file.write(f"{row}\t{text}\n")


with h5py.File(os.path.join(out, "text.h5"), "w") as file:
    file.create_dataset("prompts/text", data=[r[0] for r in ROWS], dtype=h5py.string_dtype())
    for i, name in enumerate(["temperature", "top_p", "top_k", "seed", "max_tokens"], 1):
        file[f"prompts/{name}"] = np.array([r[i] for r in ROWS])
expect("text", [r[6] for r in ROWS])

with h5py.File(os.path.join(out, "tokens.h5"), "w") as file:
    file["prompts/tokens"] = np.array([t for r in TOKENS for t in r[0]], dtype="i4")
    file["prompts/offsets"] = np.cumsum([0] + [len(r[0]) for r in TOKENS]).astype("i8")
expect("tokens", [r[1] for r in TOKENS])

with h5py.File(os.path.join(out, "messages.h5"), "w") as file:
    file.create_dataset("prompts/messages", data=['[{"role": "user", "content": "hi"}]'],
                        dtype=h5py.string_dtype())
expect("messages", ["chat messages cannot be run yet"])

with h5py.File(os.path.join(out, "empty.h5"), "w") as file:
    file.create_dataset("prompts/text", (0,), dtype=h5py.string_dtype())
expect("empty", [])

# Whole files that are no prompts.
with h5py.File(os.path.join(out, "uneven.h5"), "w") as file:
    file.create_dataset("prompts/text", data=["a", "b"], dtype=h5py.string_dtype())
    file["prompts/temperature"] = np.zeros(3)
