"""Writes what Python tokenizers does with seeded texts and with every code point.

    python3 -m venv venv && venv/bin/pip install tokenizers==0.23.3
    venv/bin/python test/golden/tokenizer/make_golden.py test/golden/tokenizer

golden.json  texts of a seeded generator, encoded by small tokenizers that differ in normalizer
             options, post-processor and added tokens; offsets are code points.
sweep.json   for each block of 4096 code points, the start of a SHA-256 over what the library makes of
             each of them alone, inside a word and between combining marks.

--texts N writes another golden.json with N texts per tokenizer; --seed S another choice.
"""
import argparse
import datetime
import hashlib
import json
import os
import random

import tokenizers
from tokenizers import Tokenizer

from texts import EDGES, random_text

parser = argparse.ArgumentParser()
parser.add_argument("out")
parser.add_argument("--texts", type=int, default=10)
parser.add_argument("--seed", type=int, default=20)
parser.add_argument("--no-sweep", action="store_true")
args = parser.parse_args()
rng = random.Random(args.seed)

MADE_BY = {
    "made_by": "test/golden/tokenizer/make_golden.py",
    "tokenizers": tokenizers.__version__,
    "date": datetime.date.today().isoformat(),
    "seed": args.seed,
}


def bert(clean, chinese, strip, lower):
    return {
        "type": "BertNormalizer",
        "clean_text": clean,
        "handle_chinese_chars": chinese,
        "strip_accents": strip,
        "lowercase": lower,
    }


def added(content, **flags):
    token = dict(single_word=False, lstrip=False, rstrip=False, normalized=False, special=False)
    return {"id": 0, "content": content, **token, **flags}


def step(kind, name, type_id=0):
    return {kind: {"id": name, "type_id": type_id}}


SPECIAL = [added(t, special=True) for t in ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]]
TEMPLATE = {
    "type": "TemplateProcessing",
    "single": [step("SpecialToken", "[CLS]"), step("Sequence", "A"), step("SpecialToken", "[SEP]")],
    "pair": [
        step("SpecialToken", "[CLS]"), step("Sequence", "A"), step("SpecialToken", "[SEP]"),
        step("Sequence", "B", 1), step("SpecialToken", "[SEP]", 1),
    ],
    "special_tokens": {
        "[CLS]": {"id": "[CLS]", "ids": [2], "tokens": ["[CLS]"]},
        "[SEP]": {"id": "[SEP]", "ids": [3], "tokens": ["[SEP]"]},
    },
}
ODD_TEMPLATE = {
    **TEMPLATE,
    "single": [step("Sequence", "A", 3), step("SpecialToken", "two", 2)],
    "pair": [step("SpecialToken", "two"), step("Sequence", "B", 1), step("Sequence", "A", 2)],
    "special_tokens": {"two": {"id": "two", "ids": [3, 4], "tokens": ["[SEP]", "[MASK]"]}},
}
BERT_PROCESSING = {"type": "BertProcessing", "sep": ["[SEP]", 3], "cls": ["[CLS]", 2]}
MANY_ADDED = SPECIAL + [
    added("foo"),
    added("foobar", single_word=True),
    added("<L>", lstrip=True),
    added("<R>", rstrip=True),
    added("<LR>", lstrip=True, rstrip=True, single_word=True),
    added(" x"),
    added("Été", normalized=True),
    added("new york", normalized=True, single_word=True),
    added("<n>", normalized=True, lstrip=True, rstrip=True),
    added("한", normalized=True),
    added("漢", normalized=True),
    added("😀"),
]

# name -> (normalizer, post-processor, added tokens, other model fields)
VARIANTS = {
    "uncased": (bert(True, True, None, True), TEMPLATE, SPECIAL, {}),
    "cased": (bert(True, True, None, False), TEMPLATE, SPECIAL, {}),
    "strip-only": (bert(True, False, True, False), BERT_PROCESSING, SPECIAL, {}),
    "strip-unclean": (bert(False, True, True, True), TEMPLATE, SPECIAL, {"max_input_chars_per_word": 4}),
    "lowercase-only": (bert(False, False, False, True), ODD_TEMPLATE, SPECIAL, {"continuing_subword_prefix": ""}),
    "bare": (None, None, [], {}),
    "added-uncased": (bert(True, True, None, True), TEMPLATE, MANY_ADDED, {}),
    "added-bare": (None, TEMPLATE, MANY_ADDED, {}),
}

def texts_for():
    texts = [(text, None) for text in EDGES]
    for i in range(args.texts):
        texts.append((random_text(rng), random_text(rng) if i % 4 == 3 else None))
    return texts


texts = {name: texts_for() for name in VARIANTS}


# --- one vocabulary: most characters that occur, some pieces of words ----------------------------
def build_vocabulary():
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    pieces = set("the new york cafe foo in un aff able ##able ##ness ##s read ##ing constructor __proto__".split())
    for name, (normalizer, _, _, _) in VARIANTS.items():
        probe = Tokenizer.from_str(tokenizer_json(name, {w: i for i, w in enumerate(words)}))
        for text, pair in texts[name]:
            for side in (text, pair or ""):
                normal = probe.normalizer.normalize_str(side) if normalizer else side
                for i, c in enumerate(normal):
                    if c.isspace() or (ord(c) * 2654435761 >> 7) % 8 == 0:
                        continue  # the ones left out make unknown words
                    pieces.update([c, "##" + c])
                    if rng.random() < 0.1:
                        pieces.add(rng.choice(["", "##"]) + normal[i : i + rng.randint(2, 4)].split(" ")[0])
    pieces.discard("")
    return {word: i for i, word in enumerate(words + sorted(pieces - set(words)))}


def tokenizer_json(name, vocabulary):
    normalizer, post_processor, added_tokens, model = VARIANTS[name]
    return json.dumps({
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": added_tokens,
        "normalizer": normalizer,
        "pre_tokenizer": {"type": "BertPreTokenizer"},
        "post_processor": post_processor,
        "decoder": None,
        "model": {
            "type": "WordPiece",
            "unk_token": "[UNK]",
            "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100,
            **model,
            "vocab": vocabulary,
        },
    })


vocabulary = build_vocabulary()
golden = {**MADE_BY, "vocab": vocabulary, "variants": {}}
for name in VARIANTS:
    file = tokenizer_json(name, vocabulary)
    tokenizer = Tokenizer.from_str(file)
    cases = []
    for text, pair in texts[name]:
        e = tokenizer.encode(text, pair) if pair is not None else tokenizer.encode(text)
        case = {"text": text}
        if pair is not None:
            case["pair"] = pair
        case.update(
            ids=e.ids, offsets=e.offsets, type_ids=e.type_ids, word_ids=e.word_ids,
            sequence_ids=e.sequence_ids,
        )
        cases.append(case)
    fields = json.loads(file)
    del fields["model"]["vocab"]  # the same for all: "vocab" above
    golden["variants"][name] = {"tokenizer": fields, "cases": cases}

# One line per case, in ASCII: a diff shows which text changed.
parts = []
for name, variant in golden["variants"].items():
    cases = ",\n".join(json.dumps(case, separators=(",", ":")) for case in variant["cases"])
    parts.append(f'{json.dumps(name)}: {{"tokenizer": {json.dumps(variant["tokenizer"])}, "cases": [\n{cases}\n]}}')
head = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in golden.items() if key != "variants")
with open(os.path.join(args.out, "golden.json"), "w") as file:
    file.write("{\n" + head + ',\n"variants": {\n' + ",\n".join(parts) + "\n}}\n")

# --- every code point ----------------------------------------------------------------------------
if not args.no_sweep:
    sweeps = {}
    for name in ["uncased", "cased", "strip-only", "strip-unclean", "lowercase-only", "bare", "single-word"]:
        if name == "single-word":
            VARIANTS[name] = (None, None, [added("X", single_word=True, rstrip=True)], {})
        tokenizer = Tokenizer.from_str(tokenizer_json(name, {"[UNK]": 0, "X": 1}))
        normalizer = tokenizer.normalizer
        digests = []
        for block in range(0, 0x110000, 4096):
            lines = []
            for code in range(block, block + 4096):
                if 0xD800 <= code <= 0xDFFF:
                    continue
                c = chr(code)
                text = f"{c} a{c}b q\u302e{c}\u1b44\u0334d X{c}X"
                normal = normalizer.normalize_str(text) if normalizer else text
                spans = tokenizer.encode(text, add_special_tokens=False).offsets
                lines.append(normal + "|" + ",".join(f"{s}-{e}" for s, e in spans) + "\n")
            digests.append(hashlib.sha256("".join(lines).encode()).hexdigest()[:8])
        fields = json.loads(tokenizer_json(name, {"[UNK]": 0, "X": 1}))
        sweeps[name] = {"tokenizer": fields, "digests": " ".join(digests)}
    with open(os.path.join(args.out, "sweep.json"), "w") as file:
        parts = [f"{json.dumps(name)}: {json.dumps(sweep)}" for name, sweep in sweeps.items()]
        head = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in MADE_BY.items())
        file.write("{\n" + head + ',\n"sweeps": {\n' + ",\n".join(parts) + "\n}}\n")
