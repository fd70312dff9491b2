"""The tokenizer of the tiny model, in the form of Qwen3's tokenizer.json.

Byte-level BPE: 256 tokens for the bytes, a dozen merges, and `<|endoftext|>`. The merges are there
so that a reader of the file has something to merge; none of them can fire inside a payload of a
task, where every letter and every digit has to stay a token of its own. The three ids from 269 up
to the model's vocab_size are unused, as Qwen3 has unused rows too. Needs nothing but the standard
library.
"""

import json
import pathlib

VOCAB_SIZE = 272
END_OF_TEXT = "<|endoftext|>"

# What Qwen2, Qwen2.5 and Qwen3 split text with before they merge.
SPLIT_REGEX = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*"
    r"|\s*[\r\n]+|\s+(?!\S)|\s+"
)

# Text to be merged, in order of rank. Each is the join of two tokens that exist before it.
MERGES = [
    (" ", "="), (" ", " "), ("  ", "  "), ("\n", "\n"), ("=", "="), (".", "."), ("'", "s"),
    (b"\xc3", b"\xa9"),                            # é
    (b"\xe4", b"\xb8"), (b"\xe4\xb8", b"\xad"),    # the start of many Chinese characters, 中
    (b"\xf0", b"\x9f"), (b"\xf0\x9f", b"\x98"),    # the start of every emoji, of many faces
]


def byte_alphabet():
    """The character that stands for each byte in a byte-level vocabulary, in order of token id.

    Printable bytes stand for themselves; the others get the characters from U+0100 up.
    """
    printable = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in printable]
    alphabet = {byte: chr(byte) for byte in printable}
    alphabet.update({byte: chr(0x100 + i) for i, byte in enumerate(others)})
    return alphabet


def tokenizer_json():
    alphabet = byte_alphabet()

    def spell(text):
        data = text if isinstance(text, bytes) else text.encode()
        return "".join(alphabet[byte] for byte in data)

    merges = [[spell(left), spell(right)] for left, right in MERGES]
    tokens = [*alphabet.values(), *(left + right for left, right in merges)]
    byte_level = {
        "type": "ByteLevel", "add_prefix_space": False, "trim_offsets": False, "use_regex": False,
    }
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [{
            "id": len(tokens), "content": END_OF_TEXT, "single_word": False, "lstrip": False,
            "rstrip": False, "normalized": False, "special": True,
        }],
        "normalizer": {"type": "NFC"},
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {
                    "type": "Split", "pattern": {"Regex": SPLIT_REGEX},
                    "behavior": "Isolated", "invert": False,
                },
                byte_level,
            ],
        },
        "post_processor": byte_level,
        "decoder": byte_level,
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": "",
            "end_of_word_suffix": "",
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": False,
            "vocab": {token: i for i, token in enumerate(tokens)},
            "merges": merges,
        },
    }


def tokenizer_config_json(end_of_text_id):
    return {
        "add_bos_token": False,
        "add_prefix_space": False,
        "added_tokens_decoder": {
            str(end_of_text_id): {
                "content": END_OF_TEXT, "lstrip": False, "normalized": False, "rstrip": False,
                "single_word": False, "special": True,
            },
        },
        "additional_special_tokens": [],
        "bos_token": None,
        "clean_up_tokenization_spaces": False,
        "eos_token": END_OF_TEXT,
        "errors": "replace",
        "model_max_length": 4096,
        "pad_token": END_OF_TEXT,
        "split_special_tokens": False,
        "tokenizer_class": "Qwen2Tokenizer",
        "unk_token": None,
    }


def write_json(path, value):
    path.write_text(json.dumps(value, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")


def write_tokenizer(folder):
    """Write tokenizer.json and tokenizer_config.json; return the id of the end of text."""
    folder = pathlib.Path(folder)
    tokenizer = tokenizer_json()
    end_of_text_id = tokenizer["added_tokens"][0]["id"]
    write_json(folder / "tokenizer.json", tokenizer)
    write_json(folder / "tokenizer_config.json", tokenizer_config_json(end_of_text_id))
    return end_of_text_id
