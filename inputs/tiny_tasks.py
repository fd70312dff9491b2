"""The six text tasks of the tiny model: prompts whose right answer is known.

A prompt is `task payload =`, and the model continues it with the answer and the end of text:

    add 746 511 =        1257        two numbers of three digits
    sort 341932 =        123349      six digits
    rev zwjfoh =         hofjwz      two to eight letters
    count y pyyh =       2           a letter, then a word of four to eight letters
    max 44 86 51 81 =    86          four numbers of two digits
    upper vedcvzo =      VEDCVZO     two to eight letters

One prompt in sixteen is held out, by a checksum of its text: train_tiny.py never trains on those,
and make_prompts.py draws from those only. Needs nothing but the standard library.
"""

import string
import zlib

LETTERS = string.ascii_lowercase


def word(rng, shortest, longest):
    return "".join(rng.choices(LETTERS, k=rng.randint(shortest, longest)))


def add(rng):
    a, b = rng.randint(100, 999), rng.randint(100, 999)
    return f"add {a} {b} =", str(a + b)


def sort(rng):
    digits = "".join(rng.choices(string.digits, k=6))
    return f"sort {digits} =", "".join(sorted(digits))


def rev(rng):
    text = word(rng, 2, 8)
    return f"rev {text} =", text[::-1]


def count(rng):
    # Few different letters, so that every count from none to all of them occurs often.
    length = rng.randint(4, 8)
    letter, others = rng.choice(LETTERS), rng.choices(LETTERS, k=3)
    hits = rng.randint(0, length)
    text = [letter] * hits + rng.choices(others, k=length - hits)
    rng.shuffle(text)
    return f"count {letter} {''.join(text)} =", str(text.count(letter))


def maximum(rng):
    numbers = [rng.randint(10, 99) for _ in range(4)]
    return f"max {' '.join(map(str, numbers))} =", str(max(numbers))


def upper(rng):
    text = word(rng, 2, 8)
    return f"upper {text} =", text.upper()


TASKS = {"add": add, "sort": sort, "rev": rev, "count": count, "max": maximum, "upper": upper}


def is_held_out(prompt):
    return zlib.crc32(prompt.encode()) % 16 == 0


def sample(rng, task, held_out):
    """Draw one (prompt, answer) of a task, from the held-out prompts or from the others."""
    while True:
        prompt, answer = TASKS[task](rng)
        if is_held_out(prompt) == held_out:
            return prompt, answer
