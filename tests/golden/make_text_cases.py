"""Write text.json: what the `tokenizers` library does in the corners of src/text.

    python make_text_cases.py

needs the packages of requirements.txt; random cases are drawn from a fixed seed. The file holds

    "classes"     {expression: hash}    over all code points, which of them the expression matches
    "nfc_all"     {context: hash}       the form C of "context % code point" for all code points
    "nfc"         [[text, its form C]]
    "splits"      [{"pattern" | "string", "behavior", "invert", "cases": [[text, [piece, ...]]]}]
    "model"       the model of a small tokenizer.json
    "tokenizers"  [{"with": what to put into its tokenizer.json, "config": tokenizer_config.json
                    or null, "encode": [[text, ids, ids with special tokens]],
                    "decode": [[ids, text, text without special tokens]]}]

A hash is FNV-1a with 64 bits, in hexadecimal: for classes over one byte 0 or 1 a code point, for
nfc_all over the UTF-8 of each result and a zero byte behind it; surrogates are left out.
"""

import json
import pathlib
import random

import tokenizers
from tokenizers import (Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers,
                        processors, trainers)

HERE = pathlib.Path(__file__).resolve().parent
ALL = [c for c in range(0x110000) if not 0xD800 <= c <= 0xDFFF]
rng = random.Random(20)

QWEN = (r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
        r"|\s*[\r\n]+|\s+(?!\S)|\s+")
DEEPSEEK = (r"""[!"#$%&'()*+,\-./:;<=>?@\[\\\]^_`{|}~][A-Za-z]+"""
            r"|[^\r\n\p{L}\p{P}\p{S}]?[\p{L}\p{M}]+| ?[\p{P}\p{S}]+[\r\n]*|\s*[\r\n]+"
            r"|\s+(?!\S)|\s+")
CL100K = (r"(?i:'(?:[sdmt]|[lL]l|ve|re))|[^\r\n\p{L}\p{N}]?+\p{L}+|\p{N}{1,3}"
          r"| ?[^\s\p{L}\p{N}]++[\r\n]*|\s*[\r\n]|\s+(?!\S)|\s+")
O200K = (r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
         r"(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+"
         r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+"
         r"|\s+(?!\S)|\s+")


def fnv(data):
    h = 0xCBF29CE484222325
    for byte in data:
        h = (h ^ byte) * 0x100000001B3 & 0xFFFFFFFFFFFFFFFF
    return f"{h:016x}"


def matched_by(expression):
    split = pre_tokenizers.Split(Regex(expression), "removed")
    found = set()
    for at in range(0, len(ALL), 4096):
        block = ALL[at:at + 4096]
        kept = set()
        for _, (begin, end) in split.pre_tokenize_str("".join(map(chr, block))):
            kept.update(block[begin:end])
        found.update(c for c in block if c not in kept)
    return found


def classes():
    out = {}
    for expression in (r"\p{L}", r"\p{N}", r"\p{M}", r"\p{P}", r"\p{S}", r"\p{Lu}", r"\p{Ll}",
                       r"\p{C}", r"\P{Z}", r"\p{^L}", r"\s", r"\S", r"\d", r"\D", r".", r"(?i:s)",
                       r"(?i:[a-z])", r"(?i:[^ks])", r"[^\s\p{L}\p{N}]", r"[^\r\n\p{L}\p{P}\p{S}]",
                       "[\u4e00-\u9fa5\u3040-\u309f\u30a0-\u30ff]", r"[\x{80}-\x{7ff}\u3000\x41]"):
        found = matched_by(expression)
        out[expression] = fnv(bytes(c in found for c in ALL))
    return out


def nfc_all():
    nfc = normalizers.NFC().normalize_str
    return {context: fnv(b"".join((nfc(context.replace("%", chr(c))) + "\0").encode() for c in ALL))
            for context in ("%", "a\u0323%", "%\u0301", "\u0345%\u0334", "\u1100%", "\uac00%")}


MARKS = [chr(c) for c in range(0x300, 0x370)]
TRICKY = list("\u0344\u0f73\u0f75\u0f81\u09c7\u09be\u0b47\u0b3e\u1100\u1161\u11a8\uac00\uac01\u11a7"
              "\u212b\u2126\u0958\ufb1d\u0345\u0338\u3099\u304b\u1e9b\u1e0b\u01d5\u1e66\u01ed"
              "\u0f71")
POOLS = [
    lambda: chr(rng.randrange(32, 127)), lambda: rng.choice(" \t\n\r\v\f\u0085\u00a0\u2003\u3000"),
    lambda: chr(rng.randrange(0x80, 0x250)), lambda: rng.choice(MARKS), lambda: rng.choice(TRICKY),
    lambda: chr(rng.randrange(0x370, 0x3000)), lambda: chr(rng.randrange(0x3000, 0xA000)),
    lambda: chr(rng.choice(ALL)), lambda: chr(rng.randrange(0x1F300, 0x1FB00)),
    lambda: rng.choice("0123456789\u0660\u0967\u00b2"),
    lambda: rng.choice("'sStTrRvVeEmMlLdD\u017f"),
    lambda: rng.choice(["the ", "and", " in", "ing", "er", "  ", "\r\n", "\n\n"]),
]


def text(extra=()):
    pools = POOLS + [lambda: rng.choice(extra)] * 3 if extra else POOLS
    weights = [rng.random() ** 3 for _ in pools]
    return "".join(rng.choices(pools, weights)[0]() for _ in range(rng.choice([1, 3, 6, 12, 25])))


def nfc_cases():
    nfc = normalizers.NFC().normalize_str
    pools = [MARKS, MARKS, TRICKY, [chr(c) for c in range(0x1E00, 0x1F00)], list("aeosk ")]
    texts = ["".join(rng.choice(rng.choice(pools)) for _ in range(rng.choice([2, 3, 4, 8])))
             for _ in range(200)]
    return [[s, nfc(s)] for s in texts]


def cut(split, texts):
    return [[s, [piece for piece, _ in split.pre_tokenize_str(s)]] for s in texts]


def splits():
    out = []
    for pattern, behavior, invert in (
            (QWEN, "isolated", False), (DEEPSEEK, "isolated", False), (CL100K, "isolated", False),
            (O200K, "isolated", False), (r"\p{N}{1,3}", "isolated", False),
            (r"\s", "removed", False), (r"\p{L}+", "removed", True),
            (r"\s+", "merged_with_previous", False),
            (r"\s", "merged_with_previous", False), (r"\s", "merged_with_next", False),
            (r"\p{L}", "merged_with_next", True), (r"\p{L}|\p{N}", "contiguous", False),
            (r"\s", "contiguous", True), (r"\s*", "isolated", False), (r"x*", "contiguous", False),
            (r"(?<=e)r|(?<!t)h(?=e)|n??g", "isolated", False),
            (r"(?>\s+)\p{L}{,2}", "isolated", False)):
        split = pre_tokenizers.Split(Regex(pattern), behavior, invert)
        out.append({"pattern": pattern, "behavior": "".join(map(str.title, behavior.split("_"))),
                    "invert": invert, "cases": cut(split, [text() for _ in range(25)])})
    for string in ("e", "the ", ".", "\u3000"):
        split = pre_tokenizers.Split(string, "isolated")
        out.append({"string": string, "behavior": "Isolated", "invert": False,
                    "cases": cut(split, [text([string]) for _ in range(10)])})
    return out


def small_model():
    t = Tokenizer(models.BPE())
    t.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    t.decoder = decoders.ByteLevel()
    t.train_from_iterator(
        [pathlib.Path(__file__).read_text()] * 2,  # this file is as good a text as any
        trainers.BpeTrainer(vocab_size=480, initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
                            show_progress=False))
    return json.loads(t.to_str())


def added(*tokens):
    out = []
    for i, (content, flags) in enumerate(tokens):
        out.append({"id": 480 + i, "content": content, "single_word": "w" in flags,
                    "lstrip": "l" in flags, "rstrip": "r" in flags, "normalized": "n" in flags,
                    "special": "s" in flags})
    return out


def tokenizers_cases(base):
    level = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True,
             "use_regex": False}
    regex = dict(level, use_regex=True)
    nfc = {"type": "NFC"}

    def sequence(*patterns, last=level):
        return {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": p}, "behavior": "Isolated", "invert": False}
            for p in patterns] + [last]}

    plain = added(("<s>", "s"), ("</s>", "s"), ("<think>", ""), ("<s><s>", "s"), ("Ang\u0301", "n"))
    flags = added(("<a>", "sl"), ("<b>", "sr"), ("<c>", "slr"), ("the", "w"), ("in", "wn"),
                  ("\u00e9t", "n"), ("<d>", "wlr"), ("\u00e9t\u00e9", ""), ("e\u0301e", "ns"),
                  (" x ", "r"))
    around = {"type": "TemplateProcessing",
              "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}},
                         {"Sequence": {"id": "A", "type_id": 0}},
                         {"SpecialToken": {"id": "e", "type_id": 0}}],
              "pair": [{"Sequence": {"id": "A", "type_id": 0}},
                       {"Sequence": {"id": "B", "type_id": 1}}],
              "special_tokens": {
                  "<s>": {"id": "<s>", "ids": [480], "tokens": ["<s>"]},
                  "e": {"id": "e", "ids": [481, 482], "tokens": ["</s>", "<think>"]}}}
    ids_only = {"type": "ByteLevel", "add_prefix_space": True, "trim_offsets": False}
    strings = [" ".join(m) for m in base["model"]["merges"]]
    variants = [
        {"normalizer": nfc, "pre_tokenizer": sequence(QWEN), "added_tokens": plain},
        {"normalizer": {"type": "Sequence", "normalizers": []}, "post_processor": around,
         "pre_tokenizer": sequence(r"\p{N}{1,3}", "[\u4e00-\u9fa5\u3040-\u30ff]+", DEEPSEEK),
         "added_tokens": plain, "decoder": {"type": "Sequence", "decoders": [base["decoder"]]}},
        {"normalizer": {"type": "Sequence", "normalizers": [nfc, nfc]}, "pre_tokenizer": regex,
         "added_tokens": flags, "post_processor": ids_only},
        {"pre_tokenizer": dict(regex, add_prefix_space=True), "added_tokens": flags},
        {"pre_tokenizer": dict(level, add_prefix_space=True), "normalizer": nfc,
         "added_tokens": flags + added(("er", "s"))},
        {"pre_tokenizer": sequence(r"\s", last=dict(regex, add_prefix_space=True)),
         "added_tokens": [], "post_processor": {"type": "Sequence", "processors": [ids_only]}},
        {"model": {"ignore_merges": True}, "pre_tokenizer": regex,
         "added_tokens": plain + added(("zq", "w")),
         "post_processor": {"type": "Sequence", "processors": [ids_only, around]}},
        {"model": {"merges": strings[::2] + strings[:3], "unk_token": "a", "byte_fallback": True,
                   "fuse_unk": True}, "pre_tokenizer": regex, "added_tokens": plain},
        {"model": {"vocab": {k: v for k, v in base["model"]["vocab"].items() if len(k) > 1}
                   | {k: base["model"]["vocab"][k] for k in "abcdefghijklmnopqrstuvwxyz"},
                   "merges": [["i", "n"]]},
         "pre_tokenizer": regex, "added_tokens": []},
    ]
    out = []
    for change in variants:
        change = {k: change.get(k) for k in ("normalizer", "pre_tokenizer", "added_tokens",
                                             "post_processor", "decoder", "model") if k in change}
        whole = base | change | {"model": base["model"] | change.get("model", {})}
        t = Tokenizer.from_str(json.dumps(whole))
        for token in change["added_tokens"]:  # the library numbers them itself
            token["id"] = t.token_to_id(token["content"])
        contents = [a["content"] for a in change["added_tokens"]] + [" the ", "\u00e9", "   "]
        texts = ["", " ", "\0", "in the inn", "1zq zq"] + [text(contents) for _ in range(40)]
        ids = [[rng.randrange(500) for _ in range(rng.randrange(12))] for _ in range(15)]
        out.append({
            "with": change, "config": None,
            "encode": [[s, t.encode(s, add_special_tokens=False).ids, t.encode(s).ids]
                       for s in texts],
            "decode": [[i, t.decode(i, skip_special_tokens=False), t.decode(i)] for i in ids]})
    # What tokenizer_config.json adds: LlamaTokenizerFast of transformers 4 put this template there.
    t = Tokenizer.from_str(json.dumps(base | variants[0]))
    t.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 480)])
    config = {"tokenizer_class": "LlamaTokenizerFast", "add_bos_token": True,
              "add_eos_token": False, "eos_token": "</s>",
              "bos_token": {"__type": "AddedToken", "content": "<s>"}}
    out.append({"with": variants[0] | {"post_processor": around}, "config": config,
                "encode": [[s, t.encode(s, add_special_tokens=False).ids, t.encode(s).ids]
                           for s in ("", "the <s> end")], "decode": []})
    out.append({"with": variants[0], "config": config | {"tokenizer_class": "Qwen2Tokenizer"},
                "encode": [[s] + [t.encode(s, add_special_tokens=False).ids] * 2
                           for s in ("", "the <s> end")], "decode": []})
    return out


def main():
    base = small_model()
    base["post_processor"] = None
    data = {"library": f"tokenizers {tokenizers.__version__}", "classes": classes(),
            "nfc_all": nfc_all(), "nfc": nfc_cases(), "splits": splits(), "model": base["model"],
            "tokenizers": tokenizers_cases(base)}
    lines = []
    for key, value in data.items():
        if isinstance(value, list):
            value = "[\n" + ",\n".join(json.dumps(v, ensure_ascii=False, separators=(",", ":"))
                                       for v in value) + "]"
        else:
            value = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
        lines.append(f"{json.dumps(key)}: {value}")
    (HERE / "text.json").write_text("{" + ",\n".join(lines) + "}\n")


main()
