"""What the scripts of golden values share: how they are asked, what a tokenizer answers, the file of it all."""
import argparse
import datetime
import json
import random

import tokenizers
from tokenizers import Tokenizer

from texts import EDGES, random_text


def arguments(seed):
    parser = argparse.ArgumentParser()
    parser.add_argument("out")
    parser.add_argument("--texts", type=int, default=25)
    parser.add_argument("--seed", type=int, default=seed)
    return parser.parse_args()


def added_tokens_of(ids):
    """A function that makes an entry of "added_tokens"; `ids` are those of the vocabulary."""

    def added(content, **flags):
        token = dict(single_word=False, lstrip=False, rstrip=False, normalized=False, special=False)
        return {"id": ids.get(content, 0), "content": content, **token, **flags}

    return added


def write_golden(script, args, rng, model, spaced, variants):
    """variants: name -> (fields of tokenizer.json besides the model, changes of the model)."""
    parts = []
    for name, (changes, more) in variants.items():
        fields = {"version": "1.0", "truncation": None, "padding": None, "decoder": None, **changes}
        tokenizer = Tokenizer.from_str(json.dumps({**fields, "model": {**model, **more}}))
        texts = [(text, None) for text in EDGES + spaced]
        texts += [(random_text(rng), random_text(rng) if i % 4 == 3 else None) for i in range(args.texts)]
        cases = []
        for text, pair in texts:
            e = tokenizer.encode(text, pair) if pair is not None else tokenizer.encode(text)
            case = {"text": text, **({} if pair is None else {"pair": pair})}
            case.update(ids=e.ids, offsets=e.offsets, type_ids=e.type_ids, word_ids=e.word_ids, sequence_ids=e.sequence_ids)
            cases.append(json.dumps(case, separators=(",", ":")))
        body = ",\n".join(cases)
        parts.append(f'{json.dumps(name)}: {{"tokenizer": {json.dumps({**fields, "model": more})}, "cases": [\n{body}\n]}}')
    made_by = {
        "made_by": f"test/golden/tokenizer/{script}", "tokenizers": tokenizers.__version__,
        "date": datetime.date.today().isoformat(), "seed": args.seed, "model": model,
    }
    head = ",\n".join(f"{json.dumps(key)}: {json.dumps(value)}" for key, value in made_by.items())
    with open(args.out, "w") as file:
        file.write("{\n" + head + ',\n"variants": {\n' + ",\n".join(parts) + "\n}}\n")
