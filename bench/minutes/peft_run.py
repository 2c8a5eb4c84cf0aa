"""One run of PEFT's prefix tuning for `edge-prefix bench minutes`, its answers to held-out rows on the way.

    pip install torch peft "transformers<5"
    python peft_run.py        one JSON request on stdin, JSON lines on stdout

Request: {"checkpoint", "threads", "seed", "method", "dropout", "pooling", "num_labels",
"num_virtual_tokens", "learning_rate", "weight_decay", "warmup_ratio", "max_grad_norm", "batch_size",
"epochs", "marks": [step, ..], "train": {"ids", "labels"}, "evaluation": {"ids", "labels"}}.
Lines: {"ready": {"seconds", "cpu_seconds"}, "versions"}, then after each of the steps in `marks`
{"step", "seconds", "cpu_seconds", "answers"}: label ids of each held-out row, one for a text, one for
each labelled token. Times are of training alone: answering the held-out rows is left out.

The model, its dropout and a step are those of ../training/peft_step.py. Rows are shuffled anew for each
epoch and padded to the longest of their batch, as transformers' trainer does with its defaults; the rate
rises over the warm-up and falls linearly to 0.
"""

import json
import os
import sys
import time

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"
sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "training"))

import torch
from peft_step import IGNORED_LABEL, Trainer, versions

EVALUATION_BATCH = 32


class Watch:
    """Wall and CPU seconds since the start, without the time that was held."""

    def __init__(self):
        self.start = self.now()

    @staticmethod
    def now():
        return time.perf_counter(), time.process_time()

    def read(self):
        return [now - start for now, start in zip(self.now(), self.start)]

    def hold(self, run):
        before = self.now()
        result = run()
        held = [now - then for now, then in zip(self.now(), before)]
        self.start = tuple(start + gone for start, gone in zip(self.start, held))
        return result


def answers_of(trainer, ids, labels):
    """Label ids of every row, in the order of the rows; rows of like length share a batch."""
    order = sorted(range(len(ids)), key=lambda row: len(ids[row]))
    answers = [None] * len(ids)
    trainer.model.eval()
    with torch.no_grad():
        for first in range(0, len(order), EVALUATION_BATCH):
            rows = order[first : first + EVALUATION_BATCH]
            batch = trainer.collate([ids[row] for row in rows], [labels[row] for row in rows])
            best = trainer.model.logits(batch["input_ids"], batch["attention_mask"]).argmax(-1)
            for row, found, truth in zip(rows, best, batch["labels"]):
                kept = found if found.dim() == 0 else found[truth != IGNORED_LABEL]
                answers[row] = kept.reshape(-1).tolist()
    trainer.model.train()
    return answers


def main():
    watch = Watch()
    request = json.load(sys.stdin)
    torch.set_num_threads(request["threads"])
    torch.manual_seed(request["seed"])
    trainer = Trainer(request["checkpoint"], request)
    ids, labels = request["train"]["ids"], request["train"]["labels"]
    held = request["evaluation"]
    size = request["batch_size"]
    total = request["epochs"] * -(-len(ids) // size)
    warm = round(request["warmup_ratio"] * total)

    def rate(step):
        if step < warm:
            return (step + 1) / warm
        return max(0.0, (total - step) / max(1, total - warm))

    for group in trainer.optimizer.param_groups:
        group["lr"] = request["learning_rate"]
        group["weight_decay"] = request["weight_decay"]
    schedule = torch.optim.lr_scheduler.LambdaLR(trainer.optimizer, rate)
    seconds, cpu = watch.read()
    ready = {"seconds": seconds, "cpu_seconds": cpu}
    print(json.dumps({"ready": ready, "versions": versions()}), flush=True)

    marks = set(request["marks"])
    watch, step = Watch(), 0
    for _ in range(request["epochs"]):
        order = torch.randperm(len(ids)).tolist()
        for first in range(0, len(order), size):
            rows = order[first : first + size]
            trainer.step(trainer.collate([ids[i] for i in rows], [labels[i] for i in rows]))
            schedule.step()
            step += 1
            if step in marks:
                seconds, cpu = watch.read()
                answers = watch.hold(lambda: answers_of(trainer, held["ids"], held["labels"]))
                point = {"step": step, "seconds": seconds, "cpu_seconds": cpu}
                print(json.dumps({**point, "answers": answers}), flush=True)


if __name__ == "__main__":
    main()
