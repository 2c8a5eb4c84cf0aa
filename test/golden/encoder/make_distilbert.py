"""Makes the random DistilBERT that cut_golden.py cuts: transformers has no way to give it a prefix.

    python3 test/golden/encoder/make_distilbert.py CHECKPOINT OUT

CHECKPOINT is any tiny DistilBERT with its expected.safetensors: its settings, ids, prefix and loss weights are
taken. OUT gets weights of its own, normal with deviation .3 (norms around 1), and what they give in float64
(torch 2.15.0): states without and with the prefix, loss and gradient. The layers are written out below; without
the prefix they must agree with transformers' DistilBertModel (4.57.6) within 1e-10, or the script stops.
"""
import json
import math
import os
import shutil
import sys

import torch
from safetensors.torch import load_file, save_file
from transformers import DistilBertConfig, DistilBertModel

CHECKPOINT, OUT = sys.argv[1:3]
torch.manual_seed(20261128)
config = DistilBertConfig.from_pretrained(CHECKPOINT)
given = load_file(os.path.join(CHECKPOINT, "expected.safetensors"))
loss_weights = load_file(os.path.join(CHECKPOINT, "grad.safetensors"))["weights"].double()
ids, mask = given["input_ids"].long(), given["attention_mask"]
prefix = given["prompt_embeddings"].double().requires_grad_()

model = DistilBertModel(config).eval()
with torch.no_grad():
    for name, weight in model.named_parameters():
        weight.normal_(1.0 if "norm" in name.lower() and name.endswith("weight") else 0.0, 0.3)
    stored = {name: weight.clone().contiguous() for name, weight in model.state_dict().items()}
weights = {name: weight.double() for name, weight in stored.items()}
H, N, L = config.dim, config.n_heads, config.n_layers
D, P = H // N, prefix.shape[0]


def norm(x, name):
    return torch.nn.functional.layer_norm(x, (H,), weights[f"{name}.weight"], weights[f"{name}.bias"], 1e-12)


def linear(x, name):
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def states(past):
    """past: [P, 2*L*H], a key and a value a layer, or None."""
    B, T = ids.shape
    x = weights["embeddings.word_embeddings.weight"][ids] + weights["embeddings.position_embeddings.weight"][:T]
    x = norm(x, "embeddings.LayerNorm")
    for layer in range(L):
        at = f"transformer.layer.{layer}"
        heads = [linear(x, f"{at}.attention.{name}").view(B, T, N, D).transpose(1, 2) for name in ("q_lin", "k_lin", "v_lin")]
        query, key, value = heads
        seen = mask.bool()
        if past is not None:
            own = past.view(P, L, 2, N, D)[:, layer].permute(1, 2, 0, 3)  # [2, N, P, D]
            key = torch.cat([own[0].expand(B, N, P, D), key], 2)
            value = torch.cat([own[1].expand(B, N, P, D), value], 2)
            seen = torch.cat([torch.ones(B, P, dtype=torch.bool), seen], 1)
        scores = (query @ key.transpose(2, 3) / math.sqrt(D)).masked_fill(~seen[:, None, None], -torch.inf)
        attended = (scores.softmax(-1) @ value).transpose(1, 2).reshape(B, T, H)
        x = norm(linear(attended, f"{at}.attention.out_lin") + x, f"{at}.sa_layer_norm")
        wide = torch.nn.functional.gelu(linear(x, f"{at}.ffn.lin1"))
        x = norm(linear(wide, f"{at}.ffn.lin2") + x, f"{at}.output_layer_norm")
    return x


attended = mask.bool()
plain = states(None)
with torch.no_grad():
    reference = model.double()(input_ids=ids, attention_mask=mask).last_hidden_state
difference = (plain - reference)[attended].abs().max().item()
if difference > 1e-10:
    sys.exit(f"differs from transformers by {difference}")
prefixed = states(prefix)
loss = (prefixed * loss_weights).sum() / mask.sum()
loss.backward()

os.makedirs(OUT, exist_ok=True)
shutil.copy(os.path.join(CHECKPOINT, "config.json"), OUT)
save_file(stored, os.path.join(OUT, "model.safetensors"))
expected = {"last_hidden_state": plain, "last_hidden_state.prefixed": prefixed, "prompt_embeddings": prefix}
ints = {"input_ids": ids.int(), "attention_mask": mask.int()}
floats = {name: each.detach().float().contiguous() for name, each in expected.items()}
save_file({**floats, **ints}, os.path.join(OUT, "expected.safetensors"))
grad = {"loss": loss.view(1), "prompt_embeddings.grad": prefix.grad, "weights": loss_weights}
save_file({name: each.detach().float() for name, each in grad.items()}, os.path.join(OUT, "grad.safetensors"))
print(f"written; differs from transformers by {difference:.1e}")
