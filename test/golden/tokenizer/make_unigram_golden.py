"""Writes what Python tokenizers does with Unigram, Metaspace, normal forms and a precompiled map.

    python3 -m venv venv && venv/bin/pip install tokenizers==0.23.3
    venv/bin/python test/golden/tokenizer/make_unigram_golden.py test/golden/tokenizer/unigram-golden.json

A small vocabulary is trained on seeded texts; tokenizers that differ in normalizers and pre-tokenizer encode
others. Offsets are code points. --texts N takes N texts per tokenizer, --seed S others.
"""
import base64
import json
import random
import struct

from tokenizers import Tokenizer
from tokenizers.models import Unigram
from tokenizers.pre_tokenizers import Metaspace
from tokenizers.trainers import UnigramTrainer

from golden_file import added_tokens_of, arguments, write_golden
from texts import random_text

args = arguments(seed=22)
rng = random.Random(args.seed)

# A map as SentencePiece compiles one, made here: ligatures, wide letters, accents, controls that go.
CHARACTERS = {
    "ﬁ": "fi", "ﷺ": "صلى الله عليه وسلم", "①": "1", "½": "1/2", "Ω": "Ω", "Å": "Å", "\u0000": "", "\u00ad": "", "\u200b": "",
    "\u0085": " ", "\u00a0": " ", "\u3000": " ", "\u2028": " ", "\n": " ", "\t": " ", "\r": " ", "\u0301": "\u0301", "\u0344": "\u0308\u0301",
    "e\u0301": "é", "a\u0300": "à", "é": "é", "क": "क", "ὰ": "ὰ", "İ": "İ", "ẞ": "SS", "\ufeff": "", "\u001c": "", "\u007f": "",
    "\u1100\u1161": "가", "\u0378": "x", "😀": ":)", "\U0010ffff": "?",
}
for i in range(26):
    CHARACTERS[chr(0xFF41 + i)] = chr(0x61 + i)


def double_array(keys):
    """darts: keys (bytes) with values -> units. A node's children lie at its base xor their byte."""
    tree = {}
    for key, value in keys:
        node = tree
        for byte in key:
            node = node.setdefault(byte, {})
        node[-1] = value
    units, used = {0: 0}, {0}

    def place(at, node):
        labels = [0 if byte < 0 else byte for byte in node]
        base = 0
        while base == at or any((base ^ label) in used for label in labels):
            base += 1
        used.update(base ^ label for label in labels)
        offset = at ^ base
        units[at] = units.get(at, 0) | (offset << 10 if offset < 1 << 21 else (offset >> 8 << 10) | 0x200)
        for byte, child in node.items():
            if byte < 0:
                units[at] |= 0x100
                units[base] = child | 1 << 31
            else:
                units[base ^ byte] = byte
        for byte, child in node.items():
            if byte >= 0:
                place(base ^ byte, child)

    place(0, tree)
    size = (max(units) | 0xFF) + 1
    return [units.get(i, 0) for i in range(size)]


def charsmap():
    blob, keys = b"", []
    for key, value in CHARACTERS.items():
        if "\u0000" in key:
            continue  # NUL cannot be a key
        keys.append((key.encode(), len(blob)))
        blob += value.encode() + b"\0"
    units = double_array(keys)
    trie = struct.pack(f"<{len(units)}I", *units)
    return base64.b64encode(struct.pack("<I", len(trie)) + trie + blob).decode()


SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
SPACED = [
    "a  b   c", "  two before", "two after  ", "▁letter ▁ itself", "x▁y", "<mask>", "a <mask>b", "  <mask>  x", "<x>foo<y> bar",
    "e\u0301 e\u0301\u0301 q\u0301", "\r\n\r\nx", "\u0600e\u0301", "\n\u0301", "ﬁne ﷺ ½", "ｈｅｌｌｏ", "한국어", "\u1100\u1161\u11a8", "가\u0301",
    "\u00ad\u200bstart", "mid\u00addle", "end\u200b", "\u0344\u0344", "ΩÅ ẞ İ",
]

trained = Tokenizer(Unigram())
trained.pre_tokenizer = Metaspace()
corpus = [random_text(rng) for _ in range(40)] + SPACED * 5
trainer = UnigramTrainer(vocab_size=900, special_tokens=SPECIAL, unk_token="<unk>", show_progress=False)
trained.train_from_iterator(corpus, trainer)
model = json.loads(trained.to_str())["model"]
ids = {token: i for i, (token, _) in enumerate(model["vocab"])}
added = added_tokens_of(ids)


def metaspace(scheme="always", split=True):
    return {"type": "Metaspace", "replacement": "▁", "prepend_scheme": scheme, "split": split}


def sequence(*normalizers):
    return {"type": "Sequence", "normalizers": list(normalizers)}


def replace(content, **pattern):
    return {"type": "Replace", "pattern": pattern, "content": content}


special = lambda name: {"SpecialToken": {"id": name, "type_id": 0}}
text = lambda name: {"Sequence": {"id": name, "type_id": 0}}
TEMPLATE = {
    "type": "TemplateProcessing",
    "single": [special("<s>"), text("A"), special("</s>")],
    "pair": [special("<s>"), text("A"), special("</s>"), special("</s>"), text("B"), special("</s>")],
    "special_tokens": {name: {"id": name, "ids": [ids[name]], "tokens": [name]} for name in ["<s>", "</s>"]},
}
PLAIN = [added(name, special=True, lstrip=name == "<mask>") for name in SPECIAL]
MORE = PLAIN + [added("<x>"), added("<y>", normalized=True, rstrip=True), added("ﬁne", normalized=True)]
PRECOMPILED = {"type": "Precompiled", "precompiled_charsmap": charsmap()}
SPLIT = {"type": "Sequence", "pretokenizers": [{"type": "WhitespaceSplit"}, metaspace()]}
# name -> (normalizer, pre-tokenizer, added tokens)
VARIANTS = {
    "NFKC": (sequence({"type": "NFKC"}, replace(" ", String="  ")), metaspace(), PLAIN),
    "NFC": ({"type": "NFC"}, metaspace("first"), MORE),
    "NFD": (sequence({"type": "NFD"}, {"type": "StripAccents"}, {"type": "Lowercase"}), metaspace("never"), PLAIN),
    "NFKD": (sequence({"type": "Strip", "strip_left": True, "strip_right": True}, {"type": "NFKD"}), metaspace(split=False), PLAIN),
    "precompiled": (sequence(PRECOMPILED, replace(" ", Regex=" {2,}")), SPLIT, PLAIN),
    "precompiled alone": (PRECOMPILED, metaspace(), MORE),
    "bare": (None, SPLIT, MORE),
}

names = ("normalizer", "pre_tokenizer", "added_tokens")
variants = {name: ({**dict(zip(names, fields)), "post_processor": TEMPLATE}, {}) for name, fields in VARIANTS.items()}
write_golden("make_unigram_golden.py", args, rng, model, SPACED, variants)
