"""Write demo.h5: prompts for the tiny model, and an example of how a prompt file is written.

    python3 make_prompts.py --output demo.h5

All that mixserve needs is /prompts/text, a list of str. The other columns are passed through to the
results: `answer`, so that right answers can be counted, and `task`. Needs h5py (on Debian
python3-h5py) and nothing else.
"""

import argparse
import random

import h5py

import tiny_tasks


def draw(rows, seed):
    """(prompts, answers, tasks): held-out prompts, each task equally often, in mixed order."""
    rng = random.Random(seed)
    tasks = [list(tiny_tasks.TASKS)[row % len(tiny_tasks.TASKS)] for row in range(rows)]
    rng.shuffle(tasks)
    pairs = [tiny_tasks.sample(rng, task, held_out=True) for task in tasks]
    return [prompt for prompt, _ in pairs], [answer for _, answer in pairs], tasks


def write_prompts(path, prompts, answers, tasks):
    """h5py stores a list of str as variable-length UTF-8, one element per prompt."""
    text = h5py.string_dtype()
    with h5py.File(path, "w") as file:
        file.create_dataset("prompts/text", data=prompts, dtype=text)
        file.create_dataset("prompts/answer", data=answers, dtype=text)
        file.create_dataset("prompts/task", data=tasks, dtype=text)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--output", required=True, help="the HDF5 file to write")
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    write_prompts(arguments.output, *draw(arguments.rows, arguments.seed))
