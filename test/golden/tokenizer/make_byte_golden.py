"""Writes what Python tokenizers does with byte-level BPE.

    python3 -m venv venv && venv/bin/pip install tokenizers==0.23.3
    venv/bin/python test/golden/tokenizer/make_byte_golden.py test/golden/tokenizer/byte-golden.json

A small vocabulary is trained on seeded texts; tokenizers that differ in post-processor, prefix space and
added tokens encode others. Offsets are code points. --texts N takes N texts per tokenizer, --seed S others.
"""
import json
import random

from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel
from tokenizers.trainers import BpeTrainer

from golden_file import added_tokens_of, arguments, write_golden
from texts import random_text

args = arguments(seed=21)
rng = random.Random(args.seed)

LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)
SPECIAL = ["<s>", "<pad>", "</s>", "<unk>", "<mask>"]
SPACED = [
    "it's they're I'd we'll I've I'm don't IT'S 's 'd ''ll", "a  b   c", "  two before", "two after  ", "\n\n  x\t\ty \n",
    "x\u00a0y", "\u3000漢字", "12 345 6.7e8 ½ Ⅷ 一二", "<mask>", "a <mask>b", "  <mask>  x", "<mask> <mask>", "<x>foo<y> bar", "é e\u0301",
    "IT'\u017f 'LL x\n\ny \r\n z!\n\n ?? 12345 a\t\n\tb 1a2b  \n", "\u2028\u2028x", ".a _b \u00a0c \n\nd",
]

trained = Tokenizer(BPE())
trained.pre_tokenizer = ByteLevel(add_prefix_space=False)
alphabet = ByteLevel.alphabet()
corpus = [random_text(rng) for _ in range(300)] + SPACED * 5
trainer = BpeTrainer(vocab_size=700, special_tokens=SPECIAL, initial_alphabet=alphabet, show_progress=False)
trained.train_from_iterator(corpus, trainer)
model = json.loads(trained.to_str())["model"]
added = added_tokens_of(model["vocab"])


def byte_level(prefix, trim=True, **more):
    return {"type": "ByteLevel", "add_prefix_space": prefix, "trim_offsets": trim, "use_regex": True, **more}


def roberta(prefix, trim):
    ends = {"sep": ["</s>", 2], "cls": ["<s>", 0]}
    return {"type": "RobertaProcessing", **ends, "trim_offsets": trim, "add_prefix_space": prefix}


def template(*pair):
    special = lambda name: {"SpecialToken": {"id": name, "type_id": 0}}
    one = [special("<s>"), {"Sequence": {"id": "A", "type_id": 0}}, special("</s>")]
    two = one + [{"Sequence": {"id": "B", "type_id": 1}}, special("</s>")]
    tokens = {name: {"id": name, "ids": [model["vocab"][name]], "tokens": [name]} for name in ["<s>", "</s>"]}
    return {"type": "TemplateProcessing", "single": one, "pair": two, "special_tokens": tokens}


PLAIN = [added(name, special=True) for name in SPECIAL]
MASK = [added(name, special=True, lstrip=name == "<mask>") for name in SPECIAL]
# name -> (pre-tokenizer, post-processor, added tokens, other model fields)
VARIANTS = {
    "roberta": (byte_level(False), roberta(False, True), MASK, {}),
    "roberta, prefix space": (byte_level(True), roberta(True, True), PLAIN, {}),
    "untrimmed": (byte_level(False, False), roberta(False, False), PLAIN, {}),
    "template": (byte_level(False), template(), PLAIN + [added("<x>"), added(" <y>", rstrip=True)], {}),
    "sequence, whole words first": (
        byte_level(False), {"type": "Sequence", "processors": [byte_level(False), template()]}, MASK, {"ignore_merges": True},
    ),
    "pattern of Llama 3": (
        {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": LLAMA3}, "behavior": "Isolated", "invert": False},
            byte_level(False, use_regex=False),
        ]},
        {"type": "Sequence", "processors": [byte_level(True, False), template()]}, PLAIN, {"ignore_merges": True},
    ),
    "no pattern": (byte_level(False, use_regex=False), byte_level(True), PLAIN, {}),
}

names = ("pre_tokenizer", "post_processor", "added_tokens")
variants = {name: ({**dict(zip(names, fields)), "normalizer": None}, more) for name, (*fields, more) in VARIANTS.items()}
write_golden("make_byte_golden.py", args, rng, model, SPACED, variants)
