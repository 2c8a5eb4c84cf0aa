"""Cuts the values of a tiny checkpoint down to what the tests of an encoder family need.

    python3 test/golden/encoder/cut_golden.py FOLDER test/golden/encoder/NAME

FOLDER holds a random checkpoint as transformers' save_pretrained writes it (config.json, model.safetensors)
and what PyTorch computed with it, in float32 on a CPU (torch 2.15.0, transformers 5.23.0):

expected.safetensors  input_ids and attention_mask [B, T]; prompt_embeddings [P, 2*L*kv_heads*D], PEFT's layout, keys
                      taken as already rotated; last_hidden_state [B, T, H] without and, as
                      last_hidden_state.prefixed, with that prefix (position offset 0, visible from everywhere)
grad.safetensors      weights [B, T, H], zero where the mask is 0; loss = sum(last_hidden_state.prefixed * weights) /
                      sum(attention_mask); prompt_embeddings.grad

Written are NAME.json, the configuration with a smaller vocabulary, and NAME.safetensors: the weights with only the
rows of the word table that the texts use, renumbered, and the values above without padding: the tokens of all
texts one after the other [M], [M, H], and the texts' `lengths` [B].
"""
import array
import json
import os
import struct
import sys

FOLDER, OUT = sys.argv[1:3]


def read(name):
    with open(os.path.join(FOLDER, name), "rb") as file:
        data = file.read()
    size = struct.unpack("<Q", data[:8])[0]
    tensors = {}
    for key, entry in json.loads(data[8 : 8 + size]).items():
        if key == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        values = array.array({"F32": "f", "I32": "i"}[entry["dtype"]])
        values.frombytes(data[8 + size + begin : 8 + size + end])
        tensors[key] = (entry["shape"], values)
    return tensors


def write(path, tensors):
    header, body = {}, b""
    for name, (shape, values) in tensors.items():
        begin = len(body)
        body += values.tobytes()
        dtype = {"f": "F32", "i": "I32"}[values.typecode]
        header[name] = {"dtype": dtype, "shape": shape, "data_offsets": [begin, len(body)]}
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + body)


with open(os.path.join(FOLDER, "config.json")) as file:
    config = json.load(file)
weights, expected, grad = read("model.safetensors"), read("expected.safetensors"), read("grad.safetensors")
batch, length = expected["input_ids"][0]
mask = expected["attention_mask"][1]
attended = [i for i in range(batch * length) if mask[i] == 1]


def rows(tensor, places):
    shape, values = tensor
    width = shape[-1]
    cut = array.array(values.typecode)
    for place in places:
        cut.extend(values[place * width : (place + 1) * width])
    return [len(places), width], cut


ids = [expected["input_ids"][1][i] for i in attended]
kept = sorted({*ids, config["pad_token_id"]})
words = next(name for name, (shape, _) in weights.items() if shape[0] == config["vocab_size"])
weights[words] = rows(weights[words], kept)
config["vocab_size"] = len(kept)
for name in [key for key in config if key.endswith("_token_id")]:
    config[name] = kept.index(config[name]) if config[name] in kept else None

lengths = [sum(mask[b * length : (b + 1) * length]) for b in range(batch)]
values = {
    "lengths": ([batch], array.array("i", lengths)),
    "input_ids": ([len(ids)], array.array("i", [kept.index(token) for token in ids])),
    "prompt_embeddings": expected["prompt_embeddings"],
    "last_hidden_state": rows(expected["last_hidden_state"], attended),
    "last_hidden_state.prefixed": rows(expected["last_hidden_state.prefixed"], attended),
    "weights": rows(grad["weights"], attended),
    "loss": grad["loss"],
    "prompt_embeddings.grad": grad["prompt_embeddings.grad"],
}
write(f"{OUT}.safetensors", {**weights, **{f"golden.{name}": each for name, each in values.items()}})
with open(f"{OUT}.json", "w") as file:
    json.dump(config, file, indent=2)
    file.write("\n")
