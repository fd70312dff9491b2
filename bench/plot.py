#!/usr/bin/env python3
"""plot.py - plots of bench/results/exchange-SHAPE.csv.

    bench/plot.py [RESULTS [DOCS]]

Writes DOCS/exchange-SHAPE-time.svg, the time of a step without experts by size, both logarithmic,
and DOCS/exchange-SHAPE-hidden.svg, how much of the shorter of experts and exchange costs nothing;
of rows whose experts and link inside a domain are by the clock.
"""

import csv
import glob
import math
import os
import sys

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 720, 420, 64, 150, 36, 48
COLOURS = ["#4477aa", "#ee6677", "#228833", "#ccbb44", "#66ccee", "#aa3377", "#222222", "#999933"]


def read(path):
    """{name: [(bytes, seconds, hidden)]} of the rows by the clock, in the file's order."""
    lines = {}
    with open(path, encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            if row["experts"] != "virtual":
                continue
            cut = row["name"] == "fused"
            name = f"fused, {row['chunks']} chunks" if cut else row["name"]
            lines.setdefault(name, []).append(
                (float(row["bytes"]), float(row["alone_median"]), float(row["hidden"]))
            )
    return lines


def size(x):
    for unit in ("B", "KiB", "MiB", "GiB"):
        if x < 1024:
            return f"{x:g} {unit}"
        x /= 1024
    return f"{x:g} TiB"


def seconds(x):
    return f"{x:g} s" if x >= 1 else f"{x * 1e3:g} ms" if x >= 1e-3 else f"{x * 1e6:g} us"


class Plot:
    """Lines over a logarithmic size; y is logarithmic too, or linear from low to high."""

    def __init__(self, title, low, high, logarithmic):
        self.low, self.high, self.y_log = low, high, logarithmic
        self.parts = [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
            f'width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" font-size="12">',
            f'<rect width="{WIDTH}" height="{HEIGHT}" fill="white"/>',
            f'<text x="{LEFT}" y="20" font-size="14">{title}</text>',
        ]

    def x(self, value):
        first, last = (math.log(v) for v in self.low[0:1] + self.high[0:1])
        part = (math.log(value) - first) / (last - first) if last > first else 0.5
        return LEFT + part * (WIDTH - LEFT - RIGHT)

    def y(self, value):
        first, last = self.low[1], self.high[1]
        if self.y_log:
            value, first, last = math.log(value), math.log(first), math.log(last)
        part = (min(max(value, first), last) - first) / (last - first) if last > first else 0.5
        return HEIGHT - BOTTOM - part * (HEIGHT - TOP - BOTTOM)

    def text(self, x, y, text, anchor="middle"):
        self.parts.append(f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{text}</text>')

    def rule(self, x1, y1, x2, y2):
        self.parts.append(
            f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#dddddd"/>'
        )

    def axes(self, sizes, values, say):
        for v in sizes:
            self.rule(self.x(v), TOP, self.x(v), HEIGHT - BOTTOM)
            self.text(self.x(v), HEIGHT - BOTTOM + 16, size(v))
        for v in values:
            self.rule(LEFT, self.y(v), WIDTH - RIGHT, self.y(v))
            self.text(LEFT - 6, self.y(v) + 4, say(v), "end")
        middle = (LEFT + WIDTH - RIGHT) / 2
        self.text(middle, HEIGHT - 10, "from a rank to another domain, k copies of a token")

    def line(self, number, name, points):
        colour = COLOURS[number % len(COLOURS)]
        path = " ".join(f"{self.x(a):.1f},{self.y(b):.1f}" for a, b in points)
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        for a, b in points:
            self.parts.append(f'<circle cx="{self.x(a):.1f}" cy="{self.y(b):.1f}" r="3" fill="{colour}"/>')
        at = TOP + 12 + 18 * number
        self.parts.append(
            f'<line x1="{WIDTH - RIGHT + 12}" y1="{at}" x2="{WIDTH - RIGHT + 32}" y2="{at}" '
            f'stroke="{colour}" stroke-width="2"/>'
        )
        self.text(WIDTH - RIGHT + 38, at + 4, name, "start")

    def write(self, path):
        with open(path, "w", encoding="utf-8") as file:
            file.write("\n".join(self.parts + ["</svg>"]) + "\n")


def decades(low, high):
    return [10.0**e for e in range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)]


def plot(path, docs):
    lines = read(path)
    if not lines:
        return
    shape = os.path.basename(path)[len("exchange-") : -len(".csv")]
    sizes = sorted({p[0] for points in lines.values() for p in points})
    times = [p[1] for points in lines.values() for p in points]
    ticks = decades(min(times), max(times))
    time = Plot(
        f"a step without experts, {shape}", (sizes[0], ticks[0]), (sizes[-1], ticks[-1]), True
    )
    time.axes(sizes, ticks, seconds)
    hidden = Plot(f"hidden, {shape} (experts as long as fused)", (sizes[0], -0.5), (sizes[-1], 1), False)
    hidden.axes(sizes, [-0.5, 0, 0.25, 0.5, 0.75, 1], lambda v: f"{v:g}")
    for number, (name, points) in enumerate(lines.items()):
        time.line(number, name, [(a, b) for a, b, _ in points])
        hidden.line(number, name, [(a, c) for a, _, c in points])
    time.write(os.path.join(docs, f"exchange-{shape}-time.svg"))
    hidden.write(os.path.join(docs, f"exchange-{shape}-hidden.svg"))


def main(words):
    top = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    results = words[0] if words else os.path.join(top, "bench", "results")
    docs = words[1] if len(words) > 1 else os.path.join(top, "docs")
    paths = sorted(glob.glob(os.path.join(results, "exchange-*.csv")))
    if not paths:
        print(f"{results} has no exchange-*.csv; bench/exchange.sh makes them", file=sys.stderr)
        return 1
    for path in paths:
        plot(path, docs)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
