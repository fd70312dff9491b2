"""same.py - are all datasets under /results of these files the same, byte for byte?

    same.py FIRST OTHER...

Prints the first difference of each other file, and ends with 1 if there is one.
"""

import sys

import h5py


def datasets(file):
    """{path: dataset} of all that is under /results."""
    found = {}

    def visit(name, thing):
        if isinstance(thing, h5py.Dataset):
            found[name] = thing

    file["results"].visititems(visit)
    return found


def kind(dataset):
    """The stored type, with what numpy does not say of strings."""
    return dataset.dtype.str, h5py.check_string_dtype(dataset.dtype), dataset.shape


def difference(a, b):
    """What is the first difference of two datasets? None if there is none."""
    if kind(a) != kind(b):
        return f"{kind(a)} and {kind(b)}"
    if a.shape is None or 0 in a.shape:
        return None
    x, y = a[()], b[()]
    if a.dtype.kind != "O" and x.tobytes() == y.tobytes():
        return None
    for i, (p, q) in enumerate(zip(x.reshape(-1), y.reshape(-1))):
        if (p != q) if a.dtype.kind == "O" else (p.tobytes() != q.tobytes()):
            return f"element {i}: {p!r} and {q!r}"
    return None


def compare(first, other):
    a, b = datasets(first), datasets(other)
    if set(a) != set(b):
        return f"datasets {sorted(set(a) ^ set(b))} are in one only"
    for name in sorted(a):
        what = difference(a[name], b[name])
        if what:
            return f"/results/{name}: {what}"
    return None


if __name__ == "__main__":
    bad = False
    with h5py.File(sys.argv[1], "r") as first:
        for path in sys.argv[2:]:
            with h5py.File(path, "r") as other:
                what = compare(first, other)
            if what:
                print(f"{sys.argv[1]} and {path}: {what}")
                bad = True
    sys.exit(bad)
