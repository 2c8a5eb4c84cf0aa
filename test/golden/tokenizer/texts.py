"""Seeded texts that are hard to tokenize: many scripts, marks in odd orders, controls, near-words."""
MARKS = list(
    "\u0300\u0301\u0316\u0327\u0334\u0340\u0341\u0344\u0345\u034f\u0591\u05b0\u064b\u0670\u0e31\u0e38"
    "\u0f71\u0f72\u0f73\u0f75\u0f81\u1b44\u1bf2\u20d0\u302a\u302e\u302f\u3099\ua953\ufe20\U0001d165"
    "\U0001d16d\U0001e8d0\U00011133\U000111c0\u093c\u094d\u0903\u1dfa\u0898"
)
ODD = list(
    "İıẞßΣςσǅǆſKΩÅ;`´\u2000\u2001\u2002\u00a0\u0085\u2028\u3000\ufeff\u200b\u200d\u00ad\u0000\ufffd\u001c\u007f"
    "\u1d15\U0001d15e\U0001d160ﬁﷺ豈\uf900\U0002f800\ufb1d\u0958\u09cb\u1e69\u1fb7\u0390ἀᾳ"
    "·。、！？“”—‿·՚،؟।๏၊\u2e3a\u30fb\U00010100\U0001039f\U00011047\ue000\U000f0000\U0010ffff\u0378\U000e0041"
    "\u11936\U00011938\U000105c9\U00010400\U0001e900\u13a0\uab70\u1c80\ua7ae\u2c2f\u10a0\u1c90\u2160\u24b6"
)
RANGES = [
    (0x20, 0x7E), (0x20, 0x7E), (0xA0, 0x17F), (0x180, 0x24F), (0x370, 0x52F), (0x590, 0x6FF),
    (0x900, 0xDFF), (0xE00, 0xFFF), (0x1100, 0x11FF), (0x1E00, 0x1FFF), (0x2000, 0x2BFF),
    (0x3000, 0x30FF), (0x4E00, 0x9FFF), (0xAC00, 0xD7A3), (0xF900, 0xFFFF), (0x1F300, 0x1FAFF),
    (0x10000, 0x1FFFF), (0x20000, 0x2FFFF), (0x0, 0xD7FF), (0xE000, 0x10FFFF),
]
WORDS = (
    "the The THE café Café naïve Ångström straße STRASSE İstanbul ISTANBUL Ωmega σοφός ΣΟΦΟΣ привет Привет "
    "New york NEW YORK new yorker Été ÉTÉ été 한국어 한 漢字 漢 日本語 नमस्ते สวัสดี שָׁלוֹם السَّلامُ 😀 👩‍👩‍👧 don't e-mail "
    "a.b.c 3.14 $5 #tag @you (x) [MASK] [mask] [SEP] [UNK] [CLS]x foo foobar foofoo xfoo <L> <R> <LR> <n> <N> "
    "constructor __proto__ toString unaffable unaffableness reading readings ## ##s"
).split(" ")


def random_text(rng):
    parts = []
    for _ in range(rng.choice([1, 2, 4, 8, 14])):
        kind = rng.random()
        if kind < 0.4:
            parts.append(rng.choice(WORDS))
        elif kind < 0.7:
            low, high = rng.choice(RANGES)
            parts.append("".join(chr(rng.randint(low, high)) for _ in range(rng.randint(1, 6))))
        elif kind < 0.85:
            base = rng.choice(["a", "e", "", "q", "ὰ", "é", "क", "\u1100\u1161", "한", rng.choice(ODD)])
            parts.append(base + "".join(rng.choice(MARKS) for _ in range(rng.randint(1, 5))))
        elif kind < 0.97:
            parts.append("".join(rng.choice(ODD) for _ in range(rng.randint(1, 4))))
        else:
            parts.append(rng.choice("aé漢😀") * rng.choice([99, 100, 101, 120]))
        parts.append(rng.choice(["", " ", " ", " ", "  ", "\n", "\t ", "\u00a0", "\u3000"]))
    return "".join(c for c in "".join(parts) if not 0xD800 <= ord(c) <= 0xDFFF)


EDGES = ["", " ", "a", "\u0301", "e\u0301", "\u0301e", "[MASK]", "x" * 101, "é" * 100, "\u0000\u200b"]
