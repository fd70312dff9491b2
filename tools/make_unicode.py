#!/usr/bin/env python3
"""make_unicode.py - what Hugging Face tokenizers knows of every code point, as a C table.

The tokenizer has to cut text where the reference cuts it, and each library on the way (the
reference's regular expressions and its normal form, PCRE2, utf8proc, Python) follows a Unicode
version of its own.  So the reference itself is asked, once, for each code point:

  category     its regular expressions' \\p{..}, by a Split on each category
  word         its added tokens' idea of a letter, by an added token with single_word
  unstable     its NFC may change or move this code point: it has a combining class, has another
               normal form, or can be the second half of a composition
  first        its NFC may join this code point, or a part of it, with one behind it

usage: make_unicode.py > src/text/unicode_table.c       (pip install tokenizers==0.23.2; 1 minute)
"""
import sys
import unicodedata

import tokenizers
from tokenizers import AddedToken, Regex, Tokenizer, models, normalizers, pre_tokenizers

PINNED = "0.23.2"
CATEGORIES = ("Cc Cf Cn Co Cs Ll Lm Lo Lt Lu Mc Me Mn Nd Nl No "
              "Pc Pd Pe Pf Pi Po Ps Sc Sk Sm So Zl Zp Zs").split()
WORD, UNSTABLE, FIRST = 32, 64, 128
TOP = 0x110000
CHANGED = {0x1171E}  # from one Unicode version to the next: Mn in 14.0, Mc in 16.0
ALL = [c for c in range(TOP) if not 0xD800 <= c <= 0xDFFF]


def blocks(size):
    for at in range(0, len(ALL), size):
        yield ALL[at:at + size]


def matched_by(expression):
    """The code points that a regular expression for one character matches."""
    split = pre_tokenizers.Split(Regex(expression), "removed")
    found = set()
    for block in blocks(4096):
        kept = set()
        for _, (begin, end) in split.pre_tokenize_str("".join(map(chr, block))):
            kept.update(block[begin:end])
        found.update(c for c in block if c not in kept)
    return found


def word_characters():
    t = Tokenizer(models.BPE(vocab={"a": 0}, merges=[]))
    t.add_tokens([AddedToken("QQ", single_word=True)])
    found = set()
    for block in blocks(2048):
        # A token that touches a word character is not taken; each sits in a field of 4 characters.
        encoding = t.encode(" ".join("QQ" + chr(c) for c in block))
        free = {begin // 4 for begin, _ in encoding.offsets}
        found.update(c for i, c in enumerate(block) if i not in free)
    return found


def normal_forms():
    nfc, nfd = normalizers.NFC().normalize_str, normalizers.NFD().normalize_str
    unstable, first = set(), set()
    for c in ALL:
        s = chr(c)
        composed, parts = nfc(s), nfd(s)
        if composed != s:
            unstable.add(c)
        # Marks of the classes 240, 230 and 1 around it: one that has a class itself is moved.
        if (nfc("x\u0345" + s) != "x\u0345" + s or nfd("x" + s + "\u0301") != "x" + parts + "\u0301"
                or nfd("x" + s + "\u0334") != "x" + parts + "\u0334"):
            if len(parts) == 1 or composed != s:
                unstable.add(c)
        if composed == s and len(parts) > 1:  # a primary composite: its halves can be joined
            unstable.add(ord(parts[-1]))
            head = nfc(parts[:-1])
            assert len(head) == 1, hex(c)
            first.update((ord(head), c))  # and c itself: its parts may go other ways
    return unstable, first


def check_against_python(category):
    """Python's own data agrees wherever its version has the character at all."""
    other = [c for c in ALL if unicodedata.category(chr(c)) not in ("Cn", category[c])]
    if set(other) - CHANGED:
        sys.exit("other categories in Python: " + ", ".join(f"U+{c:04X}" for c in other))


def main():
    if tokenizers.__version__ != PINNED:
        sys.exit(f"this asks tokenizers {PINNED}, not {tokenizers.__version__}")
    category = {c: "Cs" for c in range(0xD800, 0xE000)}
    for name in CATEGORIES:
        if name != "Cs":
            for c in matched_by(r"\p{%s}" % name):
                assert c not in category, hex(c)
                category[c] = name
    assert len(category) == TOP
    check_against_python(category)
    word = word_characters()
    unstable, first = normal_forms()

    def value(c):
        return (CATEGORIES.index(category[c]) | WORD * (c in word) | UNSTABLE * (c in unstable)
                | FIRST * (c in first))

    runs, begin = [], 0
    for c in range(1, TOP + 1):
        if c == TOP or value(c) != value(begin):
            runs.append((c - begin) << 8 | value(begin))
            begin = c
    characters = sum(name not in ("Cn", "Co", "Cc", "Cs") for name in category.values())
    out = f"""/* unicode_table.c - made by tools/make_unicode.py from tokenizers {PINNED}; do not edit.
 *
 * {characters} characters ({'Unicode 16.0' if characters == 154998 else 'Unicode ?'}) with their \
category; {len(word)} word characters; in NFC {len(unstable)}
 * unstable code points and {len(first)} that may join with the next.  Cross-checked with Python's
 * Unicode {unicodedata.unidata_version} data. */
#include "text/unicode.h"

/* clang-format off */
const uint32_t mix_unicode_runs[] = {{
"""
    line = "   "
    for run in runs:
        if len(line) + len(f" {run},") > 100:
            out += line + "\n"
            line = "   "
        line += f" {run},"
    out += line + "\n};\nconst int mix_unicode_runs_count = " + str(len(runs)) + ";\n"
    sys.stdout.write(out)


main()
