#!/usr/bin/env python3
"""cluster.py - what bench/cluster.sh does with the nodes that it has made.

    cluster.py case LAB MIXSERVE MACHINE.json WORK SHAPE MBIT MODEL JOB CSV    measure one case
    cluster.py table CSV                               a table; exit status 1 if a gate is missed

net: the share of the best other's time that goes when all of its ranks are on one node and nothing
else changes: its time in exchange between nodes. exchange: what its clocks say, which with fewer
cores than ranks is also waiting for other ranks' work; wire: what its bytes take of its time at the
rate of a rail. copies: with all experts on every rank. least: of pick/best. stolen: the share of the
cores' time that the host gave to others meanwhile; a run that lost a twentieth is made again.

A case is SHAPE x MBIT x MODEL (tiny, wide) x JOB (prefill, decode). Its rows replace those that the
CSV has of it: one for each run. From the environment: REPEATS [3], SECONDS_OF_A_RUN [2] of steps.
"""

import csv
import json
import math
import os
import pathlib
import random
import shutil
import subprocess
import sys
import time

import h5py

TOP = pathlib.Path(__file__).resolve().parent.parent
TINY = TOP / "inputs/models/tiny-qwen3-moe"
WIDE = {"hidden_size": 2048, "num_experts": 64, "num_experts_per_tok": 8, "moe_intermediate_size": 768,
        "num_hidden_layers": 4, "num_attention_heads": 32, "num_key_value_heads": 4, "head_dim": 128,
        "intermediate_size": 6144, "rope_theta": 1000000.0}
# prompt and answer in tokens, rows that run at once, tokens of a step, rows of the first run
EXCHANGES = ("tp", "ep", "hybrid", "mixserve", "fused")
JOBS = {("tiny", "prefill"): (480, 4, 16, 512, 48), ("tiny", "decode"): (16, 64, 16, 64, 64),
        ("wide", "prefill"): (240, 4, 8, 256, 8), ("wide", "decode"): (16, 24, 8, 64, 16)}
KEEP_KV = {"tiny": "32Mi", "wide": "64Mi"}
ONE_NODE = ", one node"
KEYS = ["shape", "mbit", "model", "job"]
COLUMNS = KEYS + ["rows", "variant", "repeat", "exchange", "tp", "etp", "ep", "edp", "chunks", "limit",
                  "seconds", "tokens_in", "tokens_out", "tokens_per_s", "between", "inside", "waiting",
                  "wire", "exchange_s", "predicted_s", "stolen"]
FASTER, NOT_SLOWER, NEAR = 1.3, 0.97, 0.05  # the gates
STOLEN, TRIES = 0.05, 3


def stolen():
    """Seconds that the host took from this machine's cores so far."""
    with open("/proc/stat", encoding="ascii") as file:
        return int(file.readline().split()[8]) / os.sysconf("SC_CLK_TCK")


# ---- what a case needs

def write_model(folder):
    """A model of the true width: no weights, for --load-format dummy."""
    folder.mkdir(exist_ok=True)
    config = json.loads((TINY / "config.json").read_text())
    config.update(WIDE)
    (folder / "config.json").write_text(json.dumps(config, indent=2))
    for name in ("tokenizer.json", "tokenizer_config.json", "generation_config.json"):
        shutil.copy(TINY / name, folder / name)
    return folder


def write_prompts(path, rows, tokens):
    """About so many tokens each: the tiny vocabulary has little more than bytes."""
    rng = random.Random(1)
    text = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=tokens)) for _ in range(rows)]
    with h5py.File(path, "w") as file:
        file.create_dataset("prompts/text", data=text, dtype=h5py.string_dtype())


def write_machine(path, machine, memory):
    path.write_text(json.dumps({**machine, "memory": float(memory)}))
    return str(path)


class Case:
    def __init__(self, words):
        self.lab, self.mixserve, machine, work, self.shape, self.mbit, self.model, self.job, self.csv = words
        self.nodes, self.each = map(int, self.shape.split("x"))
        self.work = pathlib.Path(work)
        self.machine = json.loads(pathlib.Path(machine).read_text())
        self.folder = TINY if self.model == "tiny" else write_model(self.work / "wide")
        self.prompt, self.answer, seqs, tokens, self.rows = JOBS[self.model, self.job]
        self.sizes = ["--max-tokens", self.answer, "--max-num-seqs", seqs, "--max-num-batched-tokens",
                      tokens, "--max-model-len", self.prompt + self.answer + 16, "--kv-memory",
                      KEEP_KV[self.model], "--dtype", "auto"]
        self.limit, self.pinned = None, False

    def fits(self, memory, *pins):
        """Does any layout with these pins fit on nodes of so many bytes?"""
        file = write_machine(self.work / "try.json", self.machine, memory)
        words = [self.mixserve, "plan", "-q", "--model", self.folder, "--input", self.work / "prompts.h5",
                 "--machine", file, "--nodes", self.nodes, "--ranks-per-node", self.each]
        return subprocess.run(list(map(str, [*words, *self.sizes, *pins])), stdout=subprocess.DEVNULL,
                              stderr=subprocess.DEVNULL, check=False).returncode == 0

    def least(self, *pins):
        """Bytes of a node with which it fits, within 1 %."""
        low, high = max(self.machine["reserved"] * 1.01, 1e6), self.machine["memory"]
        if not self.fits(high, *pins):
            return high
        while high > 1.01 * low:
            middle = (low * high) ** 0.5
            low, high = (low, middle) if self.fits(middle, *pins) else (middle, high)
        return high

    def find_limit(self):
        """The most memory that no second copy of an expert fits into. A tiny model's buffers take more
        than its weights, and those of few ranks less than those of many: then edp is pinned."""
        ranks = self.nodes * self.each
        copies = [e for e in range(2, ranks + 1) if ranks % e == 0]
        limit = 0.98 * min(self.least("-edp", e) for e in copies)
        self.pinned = not all(self.fits(limit, "-edp", 1, "-etp", self.each, "--exchange", name)
                              for name in EXCHANGES)
        self.limit = self.machine["memory"] if self.pinned else limit

    def variants(self):
        m, n = self.each, self.nodes
        across = ["-edp", 1, "-etp", m, "-ep", n]
        spread = ["-edp", 1, "-etp", 1, "-ep", n * m]
        list_of = {name: across + ["--exchange", name] for name in EXCHANGES}
        for name in EXCHANGES:
            list_of[name + ", etp 1"] = spread + ["--exchange", name]
        list_of["planner"] = ["-edp", 1] if self.pinned else []
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
        if self.fits(0.8 * free / n, "-edp", n * m): # the nodes are all in this machine's memory
            list_of["replicated"] = ["-edp", n * m]
        return list_of

    def run(self, variant, pins, repeat):
        """One run, made again while the host takes much of it; the least disturbed one counts."""
        rows = []
        while not rows or rows[-1]["stolen"] > STOLEN and len(rows) < TRIES:
            rows.append(self.run_once(variant, pins, repeat))
        return min(rows, key=lambda row: row["stolen"])

    def run_once(self, variant, pins, repeat):
        n = self.nodes * self.each
        place = ["--host", f"n0:{n}"] if variant.endswith(ONE_NODE) else ["--map-by", f"ppr:{self.each}:node"]
        out = self.work / "out.h5"
        job = self.work / "out.h5.job"
        shutil.rmtree(job, ignore_errors=True)
        memory = self.limit if variant == "planner" else self.machine["memory"]
        machine = write_machine(self.work / "machine.json", self.machine, memory)
        words = [self.lab, "run", "-n", n, *place, self.mixserve, "run", "-q", "--json", "--no-merge",
                 "--domain-size", self.each, "--threads", 1, "--temperature", 0, "--ignore-eos",
                 "--model", self.folder, "--input", self.work / "prompts.h5", "--output", out,
                 "--machine", machine, *self.sizes, *pins]
        if self.model == "wide":
            words += ["--load-format", "dummy"]
        start, taken = time.time(), stolen()
        done = subprocess.run(list(map(str, words)), capture_output=True, text=True, check=False)
        taken = (stolen() - taken) / (time.time() - start) / os.cpu_count()
        if done.returncode:
            sys.exit(f"{variant}: exit status {done.returncode}\n{done.stderr}")
        row = self.row_of(variant, repeat, json.loads(done.stdout),
                          json.loads((job / "plan.json").read_text()))
        row["stolen"] = round(taken, 3)
        print("{shape} {mbit} {model} {job}: {variant}: {tokens_per_s} tokens/s in {seconds} s, "
              "{stolen:.0%} stolen, {exchange} tp {tp} etp {etp} ep {ep} edp {edp} chunks {chunks}".format(**row),
              file=sys.stderr)
        return row

    def row_of(self, variant, repeat, report, plan):
        part = {name: x["avg"] for name, x in report["sections"].items()}
        plan = {**plan, **plan.get("numeric", {})}
        seconds = report["seconds"]
        sent = sum(report["exchange"][p]["between"]["bytes"] for p in ("counts", "dispatch", "combine"))
        return {
            "shape": self.shape, "mbit": self.mbit, "model": self.model, "job": self.job,
            "rows": self.rows, "variant": variant, "repeat": repeat, "exchange": plan["exchange"],
            **{name: plan[name] for name in ("tp", "etp", "ep", "edp", "chunks")},
            "limit": "pinned" if self.pinned else f"{self.limit:.0f}", "seconds": seconds,
            "tokens_in": report["tokens_in"], "tokens_out": report["tokens_out"],
            "tokens_per_s": round((report["tokens_in"] + report["tokens_out"]) / seconds, 1),
            "between": round(part["exchange between"] / seconds, 4),
            "inside": round(part["exchange inside"] / seconds, 4),
            "waiting": round(part["waiting"] / seconds, 4),
            # what a rail needs for it at its rate
            "wire": round(sent * 8 * self.each / (int(self.mbit) * 1e6) / seconds, 4),
            "exchange_s": report["exchange"]["seconds"],
            "predicted_s": report["exchange"].get("predicted", ""),
        }

    def measure(self):
        repeats = int(os.environ.get("REPEATS", "3"))
        wanted = float(os.environ.get("SECONDS_OF_A_RUN", "2"))
        write_prompts(self.work / "prompts.h5", self.rows, self.prompt)
        self.find_limit()
        variants = self.variants()
        first = self.run("fused", variants["fused"], 0)
        least = 2 * self.nodes * self.each
        self.rows = max(least, int(self.rows * wanted / max(first["seconds"], 0.01)))
        write_prompts(self.work / "prompts.h5", self.rows, self.prompt)
        rows = []
        for repeat in range(repeats):
            for name, pins in variants.items():
                if name != "replicated" or repeat == 0:  # no gate looks at it
                    rows.append(self.run(name, pins, repeat))
        other = look(rows)["other"]
        for repeat in range(repeats):
            rows.append(self.run(other + ONE_NODE, variants[other], repeat))
        return rows


# ---- the file of all cases

def read_rows(path):
    if not os.path.exists(path):
        return []
    with open(path, encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def keep(path, new):
    key = [str(new[0][name]) for name in KEYS]
    rows = [row for row in read_rows(path) if [row[name] for name in KEYS] != key] + new
    rows.sort(key=lambda r: (r["model"], r["job"], r["shape"], int(r["mbit"])))
    with open(path, "w", encoding="utf-8", newline="") as file:
        out = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        out.writeheader()
        out.writerows(rows)


# ---- what it says

def median(values):
    values = sorted(values)
    return (values[(len(values) - 1) // 2] + values[len(values) // 2]) / 2


def look(rows):
    """The medians of a case, and what its gates need. fused is the fastest of its layouts, the
    planner's among them."""
    runs = {}
    for row in rows:
        runs.setdefault(row["variant"], []).append(row)
    speed = {name: median(float(r["tokens_per_s"]) for r in some) for name, some in runs.items()}
    one_copy = [name for name in speed if name != "replicated" and not name.endswith(ONE_NODE)]
    fused = max((name for name in one_copy if runs[name][0]["exchange"] == "fused"), key=speed.get)
    other = max((name for name in one_copy if runs[name][0]["exchange"] != "fused"), key=speed.get)
    best = max(one_copy, key=speed.get)
    of_best = [float(r["tokens_per_s"]) for r in runs[best]]
    return {
        "other": other, "other_speed": speed[other], "fused_speed": speed[fused],
        "replicated": speed.get("replicated", 0), "ratio": speed[fused] / speed[other],
        "net": 1 - speed[other] / speed.get(other + ONE_NODE, math.nan),
        # tp, ep and hybrid wait for the wire in MPI: waiting is most of what they need between nodes
        "exchange": median(float(r["between"]) + float(r["waiting"]) for r in runs[other]),
        "wire": median(float(r["wire"] or "nan") for r in runs[other]),
        "stolen": median(float(r["stolen"] or "nan") for r in rows),
        "near": speed["planner"] / speed[best],
        "allowed": 1 - max(NEAR, 2 * (max(of_best) - min(of_best)) / speed[best]),
        "pick": "{exchange} tp {tp} etp {etp} ep {ep} edp {edp}".format(**runs["planner"][0]),
    }


def mark(good):
    return " " if good else "*"


def print_predicted(cases):
    """Of runs between nodes whose experts have one copy; measured also has waiting for other ranks."""
    ratios = [float(r["predicted_s"]) / float(r["exchange_s"]) for rows in cases.values() for r in rows
              if r["predicted_s"] and float(r["exchange_s"]) > 0 and r["edp"] == "1"
              and not r["variant"].endswith(ONE_NODE)]
    if ratios:
        print(f"seconds of the exchange, predicted over measured: {median(ratios):.2f}, off by "
              f"{median(abs(r - 1) for r in ratios):.0%}; {len(ratios)} runs")


def table(path):
    cases = {}
    for row in read_rows(path):
        cases.setdefault(tuple(row[name] for name in KEYS), []).append(row)
    print(f"{'case':24} {'best other':>10} {'tok/s':>7} {'fused':>7} {'copies':>7} {'fused/other':>11} "
          f"{'net':>4} {'exchange':>8} {'wire':>5} {'stolen':>6} {'pick/best':>9} {'least':>5}  pick")
    fast = near = 0
    for key, rows in cases.items():
        c = look(rows)
        share = c["exchange"] if math.isnan(c["net"]) else c["net"]  # if not known, the most it can be
        good = c["ratio"] >= (FASTER if share > 0.5 else NOT_SLOWER)
        close = c["near"] >= c["allowed"]
        fast += good
        near += close
        print(f"{' '.join(key):24} {c['other']:>10} {c['other_speed']:7.0f} {c['fused_speed']:7.0f} "
              f"{c['replicated']:7.0f} {c['ratio']:10.2f}{mark(good)} {c['net']:4.2f} {c['exchange']:8.2f} "
              f"{c['wire']:5.2f} {c['stolen']:6.2f} "
              f"{c['near']:8.2f}{mark(close)} {c['allowed']:5.2f}  {c['pick']}")
    need = math.ceil(20 / 24 * len(cases))
    print(f"fused at least {FASTER} x the best other where that one's exchange between nodes takes over half its time, "
          f"else {NOT_SLOWER} x: {fast} of {len(cases)}")
    print(f"the planner's pick near the best: {near} of {len(cases)}, {need} needed")
    print_predicted(cases)
    return 0 if fast == len(cases) and near >= need else 1


def main(words):
    if len(words) == 10 and words[0] == "case":
        case = Case(words[1:])
        start = time.time()
        keep(case.csv, case.measure())
        print(f"{' '.join(words[5:9])}: {time.time() - start:.0f} s", file=sys.stderr)
        return 0
    if len(words) == 2 and words[0] == "table":
        return table(words[1])
    print(__doc__, file=sys.stderr)
    return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
