"""Makes the graphs that transformers.js would run for checkpoints, out of PyTorch.

    python3 bench/latency/make_peer.py CHECKPOINT..

Writes model_quantized.onnx into each folder.
As transformers.js' own scripts do it: exported by torch.onnx with its own attention, no prefix, then ONNX
Runtime's quantize_dynamic: int8 weights per channel, 8-bit activations per tensor. Needs torch, transformers,
onnx, onnxscript and onnxruntime (made with torch 2.15.0, transformers 5.23.0, onnx 1.23.2, onnxruntime 1.32.0).
"""
import os
import sys
import tempfile
import warnings

import torch
import transformers
from onnxruntime.quantization import QuantType, quantize_dynamic
from onnxruntime.quantization.shape_inference import quant_pre_process
from transformers import AutoModel

warnings.filterwarnings("ignore")
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()
IDS = torch.ones((2, 8), dtype=torch.long)
GIVEN = {"input_ids": IDS, "attention_mask": IDS, "token_type_ids": IDS * 0}
BATCH, LENGTH = torch.export.Dim("batch", min=1, max=256), torch.export.Dim("length", min=2, max=512)


class States(torch.nn.Module):
    """An encoder with one output."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, token_type_ids=None):
        more = {} if token_type_ids is None else {"token_type_ids": token_type_ids}
        return self.model(input_ids=input_ids, attention_mask=attention_mask, **more).last_hidden_state


def make_peer(checkpoint, folder):
    model = AutoModel.from_pretrained(checkpoint, attn_implementation="eager").eval()
    names = ["input_ids", "attention_mask"]
    if model.config.model_type in ("bert", "electra"):
        names.append("token_type_ids")
    exported, prepared = os.path.join(folder, "model.onnx"), os.path.join(folder, "prepared.onnx")
    torch.onnx.export(
        States(model),
        tuple(GIVEN[name] for name in names),
        exported,
        input_names=names,
        output_names=["last_hidden_state"],
        dynamic_shapes={name: {0: BATCH, 1: LENGTH} for name in names},
        opset_version=18,
        external_data=False,
        dynamo=True,
        verbose=False,
    )
    quant_pre_process(exported, prepared, skip_symbolic_shape=True)
    out = os.path.join(checkpoint, "model_quantized.onnx")
    quantize_dynamic(prepared, f"{out}.tmp", per_channel=True, weight_type=QuantType.QInt8)
    os.rename(f"{out}.tmp", out)


for path in sys.argv[1:]:
    print(path, flush=True)
    with tempfile.TemporaryDirectory() as temporary:
        make_peer(path, temporary)
