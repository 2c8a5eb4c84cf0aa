"""Sends random tasks of every family to PEFT and back.

    python3 test/golden/peft/round_trip.py CHECKPOINTS OUT

CHECKPOINTS is a folder of tiny checkpoints, each with an expected.safetensors that has input_ids and
attention_mask. Their settings get weights of their own here, large enough that float32 has digits to spare. tasks.ts makes tasks and exports them to OUT with the logits that they have here. Each adapter is
loaded by `PeftModel.from_pretrained`, its logits are compared, and it is saved by `save_pretrained`; tasks.ts
imports what was saved and compares again. Differences above 1e-4 end with status 1. Needs torch, transformers
and peft (torch 2.15.0, peft 0.21.2 with transformers 4.57.6 and 5.23.0).
"""
import os
import shutil
import subprocess
import sys
import warnings

import peft
import torch
import transformers
from peft import PeftModel
from safetensors import safe_open
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModel, AutoModelForSequenceClassification, AutoModelForTokenClassification

SETTINGS, OUT = sys.argv[1:3]
CHECKPOINTS = os.path.join(OUT, "checkpoints")
TASKS = os.path.join(OUT, "tasks")
HERE = os.path.dirname(os.path.abspath(__file__))
CLASSES = {
    "SEQ_CLS": AutoModelForSequenceClassification,
    "TOKEN_CLS": AutoModelForTokenClassification,
    "FEATURE_EXTRACTION": AutoModel,
}
LIMIT = 1e-4
warnings.filterwarnings("ignore")
transformers.logging.set_verbosity_error()
transformers.logging.disable_progress_bar()


def logits_of(model, adapter, ids, mask):
    if model.active_peft_config.task_type != "FEATURE_EXTRACTION":
        return model(input_ids=ids, attention_mask=mask).logits
    states = model(input_ids=ids, attention_mask=mask).last_hidden_state
    with safe_open(os.path.join(adapter, "head.safetensors"), "pt") as file:
        pooling = file.metadata()["pooling"]
        weight, bias = file.get_tensor("classifier.weight"), file.get_tensor("classifier.bias")
    if pooling == "mean":
        states = (states * mask[..., None]).sum(1) / mask.sum(1, keepdim=True)
    elif pooling == "cls":
        states = states[:, 0]
    elif pooling == "pooler":
        states = model.get_base_model().pooler(states)
    return states @ weight.T + bias


def run(action):
    command = ["node", os.path.join(HERE, "tasks.ts"), action, CHECKPOINTS, TASKS]
    return subprocess.run(command, check=False).returncode


def make_checkpoint(family):
    config = AutoConfig.from_pretrained(os.path.join(SETTINGS, family))
    torch.manual_seed(11)
    model = AutoModel.from_config(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            is_gain = "norm" in name.lower() and name.endswith("weight")
            weight.normal_(1.0 if is_gain else 0.0, 0.2)
    model.save_pretrained(os.path.join(CHECKPOINTS, family))
    for beside in ["tokenizer.json", "expected.safetensors"]:
        shutil.copy(os.path.join(SETTINGS, family, beside), os.path.join(CHECKPOINTS, family))


print(f"torch {torch.__version__}, transformers {transformers.__version__}, peft {peft.__version__}")
shutil.rmtree(OUT, ignore_errors=True)
for family in sorted(os.listdir(SETTINGS)):
    try:
        make_checkpoint(family)
    except ValueError as error:
        print(f"{family}: skipped: {str(error)[:90]}")
if run("make") != 0:
    sys.exit("tasks.ts make failed")
failed = 0
for family in sorted(os.listdir(TASKS)):
    texts = load_file(os.path.join(TASKS, family, "hidden.safetensors"))
    ids, mask = texts["input_ids"].long(), texts["attention_mask"].long()
    for name in sorted(os.listdir(os.path.join(TASKS, family))):
        adapter = os.path.join(TASKS, family, name)
        if not os.path.isdir(adapter):
            continue
        again = f"{adapter}-again"
        ours = load_file(os.path.join(adapter, "expected.safetensors"))["logits"]
        kind = peft.PeftConfig.from_pretrained(adapter).task_type
        config = AutoConfig.from_pretrained(adapter)
        model = CLASSES[kind].from_pretrained(os.path.join(CHECKPOINTS, family), config=config)
        model = PeftModel.from_pretrained(model, adapter).eval()
        with torch.no_grad():
            theirs = logits_of(model, adapter, ids, mask)
        wide = mask[..., None] if theirs.dim() == 3 else 1
        worst = ((theirs - ours) * wide).abs().max().item()
        failed += not worst <= LIMIT
        print(f"{family} {name}, exported: {worst:.1e}{'' if worst <= LIMIT else ' FAILED'}")
        model.save_pretrained(again)
        save_file({"logits": theirs.contiguous()}, os.path.join(again, "expected.safetensors"))
        for beside in ["config.json", "head.safetensors"]:
            if os.path.exists(os.path.join(adapter, beside)):
                shutil.copy(os.path.join(adapter, beside), again)
failed += run("check") != 0
sys.exit(1 if failed else 0)
