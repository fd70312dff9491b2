"""Write tokenizer_NAME.json: what the `tokenizers` library makes of strings and of ids.

    python make_tokenizer_cases.py tiny=../../inputs/models/tiny-qwen3-moe/tokenizer.json
    python make_tokenizer_cases.py qwen3=.../tokenizer.json deepseek_v3=.../tokenizer.json

The library at the version of requirements.txt is the truth. A file is an object

    "encode": [{"text", "ids", "plain", "all"}]     text to ids; no special token is added at an end
    "decode": [{"ids", "plain", "all"}]             random ids, among them ids of no token

where "plain" is the text of the ids without special tokens and "all" with them; bytes that are not
UTF-8 have become U+FFFD, by maximal subparts. Texts hold U+0000 too, which a JSON reader may have
to be told to accept (jansson: JSON_ALLOW_NUL).
"""

import json
import pathlib
import random
import sys

import tokenizers

HERE = pathlib.Path(__file__).resolve().parent
SEED = 11
RANDOM_TEXTS = 90
RANDOM_IDS = 60

PROSE = [
    "", " ", "a", "The quick brown fox jumps over the lazy dog.",
    "Ein Größenwahn: Fußgängerübergänge, Öl & Äpfel – „schön“, sagte er.",
    "L'été dernier, nous sommes allés à la forêt; c'était très agréable… n'est-ce pas ?",
    "El niño comió piñas. ¿Cuántas? ¡Muchísimas!", "Zażółć gęślą jaźń. Příliš žluťoučký kůň.",
    "Съешь же ещё этих мягких французских булок, да выпей чаю.",
    "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία.", "敏捷的棕色狐狸跳过了懒狗。今天天气很好,我们去公园吧!",
    "いろはにほへと ちりぬるを。カタカナとひらがな、漢字混じり。", "키스의 고유조건은 입술끼리 만나야 하고 특별한 기술은 필요치 않다.",
    "صِف خَلقَ خَودِ كَمِثلِ الشَمسِ إِذ بَزَغَت ١٢٣٤", "דג סקרן שט בים מאוכזב ולפתע מצא חברה",
    "ऋषियों को सताने वाले दुष्ट राक्षसों के राजा रावण का १२३",
    "เป็นมนุษย์สุดประเสริฐเลิศคุณค่า ๑๒๓", "আমি বাংলায় গান গাই ১২৩", "தமிழ் மொழி ௧௨௩",
    "ཨོཾ་མ་ཎི་པདྨེ་ཧཱུྃ", "Tiếng Việt có dấu thanh: ngày mai trời sẽ đẹp hơn.",
    "İstanbul'da ılık bir gün, IĞDIR.", "ქართული ენა", "Հայերեն լեզու", "አማርኛ ቋንቋ", "ភាសាខ្មែរ",
    "မြန်မာဘာသာ", "ⵜⴰⵎⴰⵣⵉⵖⵜ", "ᏣᎳᎩ ᎦᏬᏂᎯᏍᏗ", "add 746 511 =", "sort 341932 =123349",
    "count y pyyh =", "max 44 86 51 81 =",
]

CODE = [
    "int main(void)\n{\n\treturn 0;\n}\n",
    "def f(x):\n    if x == 0:\n        return [1, 2, 3]\n\n\n    return -1\n",
    "#include <stdio.h>\r\n#define N 10\r\n\r\n",
    "for (size_t i = 0; i < n; i++) a[i] += b[i] * 2.5e-3f;",
    '{"key": "value", "list": [1, 2.5, null, true], "nested": {"a": "\\u00e9"}}',
    "SELECT * FROM t WHERE a != 'b' -- comment",
    "https://example.org/path?query=1&other=%20x#fragment",
    "someone@example.org, +49 (0)30 123456-78", "| a | b |\n|---|:-:|\n| 1 | 2 |",
    "$\\frac{1}{2} \\sum_{i=0}^{n} x_i^2$", "// ======== //", "/* ** */", "a=b==c===d ====",
    "C:\\Users\\name\\file.txt", "<html><body class='x'>&nbsp;</body></html>",
    "x->y; x=>y; x::y; x?.y ?? z", "\\n\\t\\\\",
    "camelCaseWord snake_case_word kebab-case-word SCREAMING_CASE XMLHttpRequest2",
    "#!/bin/sh\nset -eu\n",
    "@decorator #hashtag $variable %percent ^caret &and *star ~tilde `tick`", "....", "...",
    ".....", "a..b...c", "!!!???", "- - -",
]

WHITESPACE = [
    "  ", "   ", "    ", "     ", " " * 17, " " * 100, "\t", "\t\t\t", " \t ", "\n", "\n\n",
    "\n\n\n", "\n" * 20, "\r", "\r\n", "\r\n\r\n", "\n\r", " \n", "\n ", "  \n  \n  ", " a", "  a",
    "   a", "a ", "a  ", "a   b", "a\n b", "a \n b", "a  \n  b", "a\n\n  b", "\n\na\n\n", " 1",
    "  1", "1  2", " !", "  !", "! !", "!\n", "!\n\n", " !\n\n a", "!\r\n\r\nb", "?  \n\n", "\ta",
    "\t1", "\t!", "a\tb", "a\t\tb", "a \tb", "\u00a0", "a\u00a0b", "\u00a0\u00a0a", " \u00a0 a",
    "\u3000", "a\u3000b", "\u3000\u3000中", "\u2003\u2003a", "\u2028", "a\u2028b", "\u2029\u2029",
    "\u0085", "a\u0085b", "\u1680a", "\u180ea", "\u200ba", "a\u200bb", "\u202fa", "\u205fa",
    "\ufeffa", "a\ufeff", "\x0b", "\x0c", "a\x0bb\x0cc", "\x1c\x1d\x1e\x1f", "a\x1cb", " \x1f a",
    "\n\x0b\n", "\x0b\n", "\x85\n", "\u2028\n\n", "\n\u3000\n",
    "\u2000\u2001\u2002\u2004\u2005\u2006\u2007\u2008\u2009\u200a",
]

CONTROL = [
    "\x00", "a\x00b", "\x00\x00\x00", "\x01\x02\x03", "\x07\x08", "\x1b[31mred\x1b[0m", "\x7f",
    "a\x7fb", "\x80\x81\x9f", "\u00ad", "soft\u00adhyphen", "\u200e\u200f", "\u202aembedded\u202c",
    "\u2066isolate\u2069", "\ufff9\ufffa\ufffb", "\ufffd", "a\ufffdb", "\ufffe", "\uffff",
    "\U0001ffff", "\U0010ffff",
]

CONTRACTIONS = [
    "it's", "IT'S", "It'S", "don't", "DON'T", "they're", "THEY'RE", "we've", "WE'VE", "I'm", "I'M",
    "she'll", "SHE'LL", "she'Ll", "he'd", "HE'D", "'s", "'S", " 's", "''s", "'ss", "'st", "'re",
    "'r", "'ll'll", "'l", "'m'd't", "1's", "!'s", "\n's", "'\u017f", "x'\u017fy", "'\u017f\u017f",
    "’s", "it’s", "'SOMETHING'", "rock'n'roll", "'tis", "'dog'", "o'clock", "'ve'Ve'vE", "'é",
    "'1", "' s", "'\ufb06", "'\ufb05", "L'LL", "'K", "'\u0130",
]

NUMBERS = [
    "0", "12", "123", "1234", "12345", "1234567890", "3.14159", "1,000,000", "-5", "1e10", "0x1F",
    "12ab34", "a1b2c3", " 1 2 3", "2024-01-31T12:00:00Z", "²³¹", "½¼¾", "x²+y²", "ⅠⅡⅢ ⅳ", "①②③",
    "٠١٢٣٤٥", "१२३४५", "๑๒๓๔", "〇一二三", "１２３４", "𝟘𝟙𝟚𝟛𝟜", "㊀㊁", "₁₂₃", "௰௱", "𐄇𐄈",
    "123456789012345678901234567890", "12 345 678", "1٢３", "፩፪፫", "²1³2", "9\u0301", "1\u20e3",
    "#️⃣*️⃣0️⃣",
]

EMOJI = [
    "😀", "😀😃😄", "🎉 party 🎉", "👍🏽", "👩‍💻", "👨‍👩‍👧‍👦", "🏳️‍🌈", "🏴󠁧󠁢󠁳󠁣󠁴󠁿", "🇩🇪🇫🇷", "❤️", "☺️", "♀️",
    "a😀b", " 😀", "😀 😀", "😀\n", "🧑🏿‍🤝‍🧑🏻", "🫠🫡🫨", "🪿🫎", "\U0001fae9\U0001fadf", "☃☀★♫",
    "→⇒∀∃∈∑∫√∞≈≠≤", "─│┌┐└┘█▓▒░", "©®™", "€£¥₹₿", "«»‹›„“”‘’‚", "–—―…·•", "§¶†‡", "\u200d",
    "\ufe0f", "a\u200db", "\U000e0041\U000e0042",
]

NORMAL_FORM = [
    "e\u0301", "cafe\u0301", "A\u030a", "\u212b", "\u2126", "n\u0303", "o\u0302\u0301",
    "o\u0323\u0302", "o\u0302\u0323", "a\u0307\u0323", "a\u0323\u0307", "q\u0307\u0323",
    "q\u0323\u0307", "\u0301", "\u0301a", " \u0301", "a\u0301\u0301\u0301", "\u0344", "\u0958",
    "\u0915\u093c", "\u1100\u1161\u11a8", "\u1100\u1161", "\uac00\u11a8", "\u1100", "\u1161\u11a8",
    "\uac01\u11a8", "\uf900", "\ufa0e", "\U0002f800", "\ufb1d", "\ufb2a", "\u2adc", "\ufb01",
    "\uff21", "\u0390", "\u03b9\u0308\u0301", "\u1fed", "\u1f80", "\u03b1\u0313\u0345",
    "\u0b47\u0b3e", "\u0b4b", "\u0cc6\u0cc2\u0cd5", "\u1b05\u1b35", "\U00011131\U00011127",
    "\U000115b8\U000115af", "\U0001d15e", "\U0001d157\U0001d165", "\u304b\u3099", "\u30cf\u309a",
    "\u0f71\u0f72\u0f74", "\u0f73", "\u0f43", "\u2329\u232a", "\u0374", "\u037e", "\u0387",
    "\u1fef", "\u2000", "\u0340\u0341", "\u0343", "s\u0323\u0307", "\u1e9b\u0323",
    "\u0064\u0323\u0307", "\u1e0b\u0323", "a" + "\u0300" * 40, "a\u05ae\u0300\u05c4b",
    "\u0061\u0315\u0300\u05ae\u0062", "e\u0301<|endoftext|>\u0301e", "\u1100<|endoftext|>\u1161",
    "\u0928\u093c", "\u09c7\u09be", "\u0627\u0653", "\u06d5\u0654", "\U000105d2\u0307",
    "\U00011382\U000113c9",
]

SCRIPTS = [
    "हिन्दी", "क्षत्रिय", "ภาษาไทย", "ກຳລັງ", "العَرَبِيَّة", "עִבְרִית", "ελληνικά", "ŉ ǰ ΐ",
    "ǅǆ Ǉ", "ﬁﬂ", "ªº", "ʰʷ", "ˈfəˈnɛtɪk", "ꟊ", "𝕳𝖊𝖑𝖑𝖔", "𝓌𝓸𝓇𝓁𝒹", "ＦＵＬＬ ｗｉｄｔｈ", "ﾊﾝｶｸ", "㍿㌔",
    "龥龦龧", "一", "䶵", "𠀀𠀁", "𪚥", "々〆ヶ", "ゟ゠ヿㇰ", "ㄅㄆㄇ", "中a文b", "中1文2", "中 文", "中、文。",
    "日本語English混在テキスト", "한국어English", "русскийEnglish", "a\u0300b", "a\u20ddb", "\u0903\u0902",
    "x\u0338", "m\u0303m", "_a_", "__init__", "a_b", "_1", "-a", "-1", "+a", "(a)", "[a]", "{a}",
    "a'b", "a-b", "a/b", "a.b", "a,b", "\ua7cb\ua7da", "\u1c89\u1c8a", "\U00010d40\U00010d4a",
    "\u2ffc\u31ef", "\U00031350", "\U0002ebf0", "\U0001e4d0", "\U00011f04\U00011f50", "\U000105c0",
    "\U0001ccd6\U0001ccf0", "\U00010940", "\U00011de0", "\U00016ea0", "\U000323b0", "\ua7ce\ua7d2",
    "\u0378\u0379", "\u0530", "\u2065", "\ue000\uf8ff", "\U000f0000", "\U00010ffd", "\ufdd0",
    "\U0001fbf0\U0001fbf9", "\u1ac1", "\u0897", "\u20c1", "\u20c0", "\U00012f90", "\u08b5",
    "\u061d", "\u2e5d", "\u1b4e", "\u0c5c",
]

LONG = [
    "a" * 300, "ab" * 150, "1" * 200, "!" * 200, "=" * 64, "-" * 80, "é" * 50, "中" * 60, "😀" * 30,
    "Donaudampfschifffahrtselektrizitätenhauptbetriebswerkbauunterbeamtengesellschaft",
    "pneumonoultramicroscopicsilicovolcanoconiosis" * 4, "supercalifragilistic" * 6, "A" * 129,
    "xX" * 65, "\u0301" * 60, "ก" * 50, "word " * 60, "the of and " * 20,
]

# Special and added tokens of all three tokenizers: in another one they are ordinary text.
SPECIAL = [
    "<|endoftext|>", "a<|endoftext|>b", "a <|endoftext|> b", "<|endoftext|><|endoftext|>",
    "<|endoftext|>\n", " <|endoftext|>", "\n\n<|endoftext|>  a", "<|endoftext|", "|endoftext|>",
    "<|ENDOFTEXT|>", "<|endoftext |>", "<<|endoftext|>>",
    "<|im_start|>user\nHello!<|im_end|>\n<|im_start|>assistant\n", "<|im_start|><|im_end|>",
    "<|im_start|", "<think>\n\n</think>\n\n", "<think>a</think>", "<tool_call>\n{}\n</tool_call>",
    "<|vision_start|><|image_pad|><|vision_end|>", "<|fim_prefix|>a<|fim_suffix|>b<|fim_middle|>",
    "<|box_start|>(1,2)<|box_end|>", "it<|endoftext|>'s", "1<|endoftext|>2",
    "<｜begin▁of▁sentence｜>", "<｜begin▁of▁sentence｜>Hello<｜end▁of▁sentence｜>",
    "<｜User｜>Hi<｜Assistant｜>", "a<｜end▁of▁sentence｜>b", "<｜▁pad▁｜>", "<｜place▁holder▁no▁0｜>",
    "<|EOT|>", "<｜User", "<｜fim▁hole｜>x",
    "<｜tool▁calls▁begin｜><｜tool▁call▁begin｜>function<｜tool▁sep｜>f", "  <｜User｜>  ",
    "é<｜User｜>\u0301",
]

# What random texts are made of: characters of every class that a pattern or a merge can see.
POOL = [
    *"abcdefghijklmnopqrstuvwxyzETAOIN" * 3, *"0123456789", *" " * 30, *"\n\n\r\t",
    *".,;:!?'\"()[]{}<>|-_=+*/\\@#$%^&~`", *"äöüßéèñçøåł", *"АБВабвгдж", *"αβγδεζ", *"中文字漢語的是",
    *"あいうアイウー", *"한국어글", *"ابتثج", *"אבגד", *"अआकखग", *"กขคง", *"😀🎉👍❤", "\u0301",
    "\u0308", "\u093f", "\u064e", "\u0e31", "\u200d", "\ufe0f", "\u00a0", "\u3000", "\u2028", "\u0085", "²", "½",
    "٣", "९", "Ⅷ", "_", "’", "—", "…", "。", "、", "€", "©", "∑", "'s", "'t", "'ll", "'RE", "  ",
    "\n\n", "\x00", "\x1f", "\x7f", "\ufffd",
]
FIXED = [
    *PROSE, *CODE, *WHITESPACE, *CONTROL, *CONTRACTIONS, *NUMBERS, *EMOJI, *NORMAL_FORM, *SCRIPTS,
    *LONG, *SPECIAL,
]


def texts(rng):
    drawn = ["".join(rng.choices(POOL, k=rng.randint(2, 40))) for _ in range(RANDOM_TEXTS)]
    return list(dict.fromkeys([*FIXED, *drawn]))


def random_ids(rng, tokenizer):
    """Sequences of ids: of any token, of single bytes only, and with special and unknown ones."""
    vocab = tokenizer.get_vocab(with_added_tokens=True)
    single_bytes = sorted(i for token, i in vocab.items() if len(token) == 1)
    added = sorted(tokenizer.get_added_tokens_decoder())
    beyond = max(vocab.values()) + 1
    anything = sorted(vocab.values())
    mixed = [*single_bytes, *added[:24], *range(beyond, beyond + 3)]
    for pool in (anything, single_bytes, mixed):
        for _ in range(RANDOM_IDS):
            yield rng.choices(pool, k=rng.randint(1, 24))
    yield []
    yield [beyond]


def decoded(tokenizer, ids):
    return {
        "plain": tokenizer.decode(ids, skip_special_tokens=True),
        "all": tokenizer.decode(ids, skip_special_tokens=False),
    }


def make(name, path):
    tokenizer = tokenizers.Tokenizer.from_file(path)
    rng = random.Random(SEED)
    encode = []
    for text in texts(rng):
        ids = tokenizer.encode(text, add_special_tokens=False).ids
        encode.append({"text": text, "ids": ids} | decoded(tokenizer, ids))
    decode = [{"ids": ids} | decoded(tokenizer, ids) for ids in random_ids(rng, tokenizer)]

    def lines(cases):
        return ",\n".join(
            json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in cases)

    output = HERE / f"tokenizer_{name}.json"
    output.write_text(
        f'{{"library": "tokenizers {tokenizers.__version__}",\n"encode": [\n{lines(encode)}\n],\n'
        f'"decode": [\n{lines(decode)}\n]}}\n', encoding="utf-8")
    print(f"{output.name}: {len(encode)} texts, {len(decode)} sequences of ids, "
          f"{output.stat().st_size} bytes")


if __name__ == "__main__":
    if len(sys.argv) < 2 or not all("=" in argument for argument in sys.argv[1:]):
        sys.exit("usage: make_tokenizer_cases.py NAME=TOKENIZER_JSON ...")
    for argument in sys.argv[1:]:
        make(*argument.split("=", 1))
