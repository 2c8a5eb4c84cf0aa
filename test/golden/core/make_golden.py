"""Writes what Python makes of the formats and rules that src/core follows.

    python3 -m venv venv && venv/bin/pip install numpy safetensors==0.8.0 tokenizers==0.23.3 transformers==5.23.0
    venv/bin/python test/golden/core/make_golden.py test/golden/core

safetensors.json  files written by safetensors (base64) and the values in them.
truncation.json   how many pieces of two texts `longest_first` keeps: rows [max_length, first, second, kept first, kept second].
spans.json        entities that transformers' TokenClassificationPipeline makes of seeded logits; offsets are code points.
                  No model runs: gather_pre_entities and aggregate are called with the scores, as postprocess does.
"""
import base64
import datetime
import json
import os
import random
import sys
from types import SimpleNamespace

import numpy as np
import safetensors
import safetensors.numpy
import tokenizers
import transformers
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast
from transformers.pipelines.token_classification import AggregationStrategy, TokenClassificationPipeline

OUT = sys.argv[1]
SEED = 3


def write(name, versions, **content):
    provenance = {
        "made_by": "test/golden/core/make_golden.py",
        "versions": {module.__name__: module.__version__ for module in versions},
        "date": datetime.date.today().isoformat(),
        "seed": SEED,
    }
    with open(os.path.join(OUT, name), "w") as file:
        file.write("{\n")
        fields = {**provenance, **content}
        for i, (key, value) in enumerate(fields.items()):
            end = "\n" if i == len(fields) - 1 else ",\n"
            if key == "cases":
                lines = ",\n".join(json.dumps(case, ensure_ascii=False) for case in value)
                file.write(f'"cases": [\n{lines}\n]{end}')
            else:
                file.write(f"{json.dumps(key)}: {json.dumps(value, ensure_ascii=False)}{end}")
        file.write("}\n")


def safetensors_files():
    rng = np.random.default_rng(SEED)
    arrays = {
        "f64": rng.standard_normal((2, 3)),
        "f32 with spaces": rng.standard_normal((4, 1)).astype(np.float32),
        "f16": np.array([0.0, -0.0, 1.0, -65504.0, 6e-8, np.inf], np.float16),
        "i64": np.array([[-(2**63), 2**63 - 1]], np.int64),
        "i32": np.array([-(2**31), 2**31 - 1, 0], np.int32),
        "i8": np.array([-128, 127, 1], np.int8),
        "u8": np.array([0, 255, 128, 7, 9], np.uint8),
        "bool": np.array([True, False, True]),
        "ünï:\"quoted\"": np.array([7], np.uint8),
        "scalar": np.array(2.5, np.float32),
        "empty": np.zeros((0, 5), np.float32),
    }
    bfloat16 = np.array([1.0, -2.5, 3.140625], np.float32).view(np.uint32) >> 16
    bfloat16 = bfloat16.astype(np.uint16)
    spec = safetensors.TensorSpec(
        dtype="bfloat16", shape=[3], data_ptr=bfloat16.ctypes.data, data_len=bfloat16.nbytes
    )
    raw = bytes(safetensors.serialize({"bf16": spec}, metadata={"a": "b"}))
    cases = []
    for metadata in (None, {"format": "pt", "note": '{"dtype": "F32"}: \\"'}):
        cases.append(
            {
                "base64": base64.b64encode(safetensors.numpy.save(arrays, metadata)).decode(),
                "metadata": metadata or {},
                "tensors": {
                    name: {"shape": list(a.shape), "values": [str(v) for v in (a.astype(int) if a.dtype == bool else a).ravel().tolist()]}
                    for name, a in arrays.items()
                },
            }
        )
    cases.append(
        {
            "base64": base64.b64encode(raw).decode(),
            "metadata": {"a": "b"},
            "tensors": {"bf16": {"shape": [3], "values": ["1.0", "-2.5", "3.140625"]}},
        }
    )
    write("safetensors.json", [safetensors, np], cases=cases)


def truncation():
    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "a": 3}, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer.post_processor = processors.BertProcessing(("[SEP]", 2), ("[CLS]", 1))
    cases = []
    for max_length in range(4, 15):
        tokenizer.enable_truncation(max_length, strategy="longest_first")
        for first in range(0, 13):
            for second in range(0, 13):
                if first + second <= max_length - 3:
                    continue
                encoding = tokenizer.encode(" ".join("a" * first), " ".join("a" * second))
                kept = [encoding.sequence_ids.count(i) for i in (0, 1)]
                cases.append([max_length, first, second, *kept])
    write("truncation.json", [tokenizers], cases=cases)


TAGS = {
    "BIO": ["O", "B-PER", "I-PER", "B-LOC", "I-LOC"],
    "IO": ["O", "PER", "LOC"],
    "hyphens": ["O", "B-HOME-TOWN", "I-HOME-TOWN", "I-TOWN"],
}
WORDS = "Angela Merkel flew to New-York with 😀 Zoë (IBM), 3.5 𝒳-rays in Berlin? unaffable übermut 👩🏽‍🚀 日本".split()


def spans():
    rng = random.Random(SEED)
    letters = sorted(set("".join(WORDS)) - set("👩🏽‍🚀"))
    vocab = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *letters, *("##" + c for c in letters), "An", "##ge", "un", "##aff", "##able", "Ber", "##lin", "with", "to"]
    inner = Tokenizer(models.WordPiece({t: i for i, t in enumerate(vocab)}, unk_token="[UNK]"))
    inner.normalizer = normalizers.BertNormalizer(lowercase=False, strip_accents=False)
    inner.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    inner.post_processor = processors.BertProcessing(("[SEP]", 3), ("[CLS]", 2))
    tokenizer = PreTrainedTokenizerFast(tokenizer_object=inner, unk_token="[UNK]", pad_token="[PAD]", cls_token="[CLS]", sep_token="[SEP]")
    cases = []
    for i in range(27):
        labels = list(TAGS.values())[i % 3]
        text = " ".join(rng.choice(WORDS) for _ in range(rng.randint(1, 6)))
        encoding = inner.encode(text)
        rows = len(encoding.ids)
        # Neighbours share a leaning, so that entities of several pieces and words are common.
        logits, leaning = [], 0
        for _ in range(rows):
            if rng.random() < 0.4:
                leaning = rng.randrange(len(labels))
            logits.append([round(rng.gauss(2 if c == leaning else 0, 0.7), 2) for c in range(len(labels))])
        array = np.array(logits, np.float32)
        exps = np.exp(array - array.max(axis=-1, keepdims=True))
        scores = exps / exps.sum(axis=-1, keepdims=True)
        pipeline = object.__new__(TokenClassificationPipeline)
        pipeline.tokenizer = tokenizer
        pipeline.model = SimpleNamespace(config=SimpleNamespace(id2label=dict(enumerate(labels))))
        ignore = [["O"], [], ["O", labels[1], "LOC"]][i // 3 % 3]
        expected = {}
        for strategy in AggregationStrategy:
            pre = pipeline.gather_pre_entities(
                text, np.array(encoding.ids), scores, encoding.offsets, np.array(encoding.special_tokens_mask), strategy
            )
            found = pipeline.aggregate(pre, strategy)
            expected[strategy.value] = [
                {k: round(float(v), 7) if k == "score" else v for k, v in e.items() if k != "word"}
                for e in found
                if e.get("entity") not in ignore and e.get("entity_group") not in ignore
            ]
        body = slice(1, rows - 1)
        cases.append(
            {
                "text": text,
                "labels": labels,
                "ignore_labels": ignore,
                "offsets": encoding.offsets[body],
                "word_ids": encoding.word_ids[body],
                "logits": logits[body],
                "expected": expected,
            }
        )
    write("spans.json", [transformers, tokenizers, np], cases=cases)


safetensors_files()
truncation()
spans()
