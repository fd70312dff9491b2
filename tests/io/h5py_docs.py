#!/usr/bin/python3
"""h5py_docs.py FORMAT.md write|read - run the examples of docs/format.md in this folder: those
that write input files, or the one that reads results."""
import re
import sys

import h5py
import numpy as np

blocks = re.findall(r"```python\n(.*?)```", open(sys.argv[1], encoding="utf-8").read(), re.S)
assert len(blocks) == 3
names = {"h5py": h5py, "np": np}
for block in blocks[:2] if sys.argv[2] == "write" else blocks[2:]:
    exec(block, names)
