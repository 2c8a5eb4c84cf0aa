"""Training steps of PyTorch, for `edge-prefix bench` to measure in turn with its own.

    pip install torch peft transformers==5.23.0    (PEFT 0.21 finds no past keys in the BERT of 5.24)
    python peft_step.py        one JSON request a line on stdin, one JSON answer a line on stdout

Requests (ids of rows are token ids with special tokens, padding is done here):

    {"op": "setup", "checkpoint", "threads"}                    -> {"versions"}
    {"op": "open", "name", "method": "prefix" | "full", "pooling": "pooler" | "mean" | "none",
     "num_labels", "num_virtual_tokens", "dropout": bool}       -> {"parameters"}
    {"op": "rows", "ids": [[..]..], "labels": [..]}             -> {}
    {"op": "steps", "name", "batches": [[row, ..], ..]}         -> {"ms", "cpu_ms"}
    {"op": "random", "name", "batch", "tokens", "steps"}        -> {"ms", "cpu_ms"}
    {"op": "close", "name"}                                     -> {}

Times are of all steps together. A step is what a training loop does with a batch: pad to the longest row, forward, loss, backward,
clip to a global norm of 1, AdamW. Any failure is answered with {"error"}.
"""

import json
import sys
import time

import peft
import torch
import transformers
from torch import nn

IGNORED_LABEL = -100
MAX_GRAD_NORM = 1.0
RATES = {"prefix": 1e-2, "full": 5e-5}
TASKS = {"pooler": "SEQ_CLS", "none": "TOKEN_CLS", "mean": "FEATURE_EXTRACTION"}
CLASSES = {
    "pooler": transformers.AutoModelForSequenceClassification,
    "none": transformers.AutoModelForTokenClassification,
    "mean": transformers.AutoModel,
}


class MeanPooled(nn.Module):
    """Hidden states, averaged over real tokens, and a linear head: transformers has no such class."""

    def __init__(self, encoder, hidden, num_labels):
        super().__init__()
        self.encoder = encoder
        self.classifier = nn.Linear(hidden, num_labels)

    def logits(self, input_ids, attention_mask):
        states = self.encoder(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        weights = attention_mask.unsqueeze(-1).to(states.dtype)
        return self.classifier((states * weights).sum(1) / weights.sum(1))

    def forward(self, input_ids, attention_mask, labels):
        return nn.functional.cross_entropy(self.logits(input_ids, attention_mask), labels)


class WithOwnLoss(nn.Module):
    """A model of transformers or PEFT that computes its loss itself."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def logits(self, input_ids, attention_mask):
        return self.model(input_ids=input_ids, attention_mask=attention_mask).logits

    def forward(self, **batch):
        return self.model(**batch).loss


def versions():
    return {module.__name__: module.__version__ for module in (torch, transformers, peft)}


def open_model(checkpoint, request):
    pooling, method = request["pooling"], request["method"]
    settings = {} if pooling == "mean" else {"num_labels": request["num_labels"]}
    if not request["dropout"]:
        settings |= {"hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0}
    model = CLASSES[pooling].from_pretrained(checkpoint, **settings)
    hidden = model.config.hidden_size
    if method == "prefix":
        config = peft.PrefixTuningConfig(
            task_type=TASKS[pooling], num_virtual_tokens=request["num_virtual_tokens"]
        )
        model = peft.get_peft_model(model, config)
    if pooling == "mean":
        model = MeanPooled(model, hidden, request["num_labels"])
    else:
        model = WithOwnLoss(model)
    return model.train()


class Trainer:
    def __init__(self, checkpoint, request):
        self.model = open_model(checkpoint, request)
        self.pooling = request["pooling"]
        self.num_labels = request["num_labels"]
        self.trained = [p for p in self.model.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(self.trained, lr=RATES[request["method"]])

    def step(self, batch):
        loss = self.model(**batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.trained, MAX_GRAD_NORM)
        self.optimizer.step()
        self.optimizer.zero_grad()
        return loss.item()

    def collate(self, ids, labels):
        """Right-padded to the longest row; a token task's labels [B, T] are padded likewise."""
        length = max(len(row) for row in ids)
        input_ids = torch.zeros(len(ids), length, dtype=torch.long)
        attention_mask = torch.zeros(len(ids), length, dtype=torch.long)
        for i, row in enumerate(ids):
            input_ids[i, : len(row)] = torch.tensor(row)
            attention_mask[i, : len(row)] = 1
        if self.pooling == "none":
            labels = [row + [IGNORED_LABEL] * (length - len(row)) for row in labels]
        return {
            "input_ids": input_ids,
            "attention_mask": attention_mask,
            "labels": torch.tensor(labels),
        }

    def random_batch(self, batch, tokens, vocab):
        labels = (batch, tokens) if self.pooling == "none" else (batch,)
        return {
            "input_ids": torch.randint(vocab, (batch, tokens)),
            "attention_mask": torch.ones(batch, tokens, dtype=torch.long),
            "labels": torch.randint(self.num_labels, labels),
        }


class Server:
    def __init__(self):
        self.checkpoint = None
        self.vocab = 0
        self.trainers = {}
        self.rows = ([], [])

    def setup(self, request):
        torch.set_num_threads(request["threads"])
        torch.manual_seed(0)
        self.checkpoint = request["checkpoint"]
        self.vocab = transformers.AutoConfig.from_pretrained(self.checkpoint).vocab_size
        return {"versions": versions()}

    def open(self, request):
        trainer = self.trainers[request["name"]] = Trainer(self.checkpoint, request)
        return {"parameters": sum(p.numel() for p in trainer.trained)}

    def close(self, request):
        del self.trainers[request["name"]]
        return {}

    def read_rows(self, request):
        self.rows = (request["ids"], request["labels"])
        return {}

    def steps(self, request):
        trainer = self.trainers[request["name"]]
        ids, labels = self.rows
        return self.timed(
            trainer,
            lambda rows: trainer.collate([ids[i] for i in rows], [labels[i] for i in rows]),
            request["batches"],
        )

    def random(self, request):
        trainer = self.trainers[request["name"]]
        batch, tokens = request["batch"], request["tokens"]
        batches = [
            trainer.random_batch(batch, tokens, self.vocab) for _ in range(request["steps"])
        ]
        return self.timed(trainer, lambda ready: ready, batches)

    @staticmethod
    def timed(trainer, make_batch, items):
        start, cpu_start = time.perf_counter(), time.process_time()
        for item in items:
            trainer.step(make_batch(item))
        return {
            "ms": 1000 * (time.perf_counter() - start),
            "cpu_ms": 1000 * (time.process_time() - cpu_start),
        }

    def answer(self, request):
        operations = {
            "setup": self.setup,
            "open": self.open,
            "close": self.close,
            "rows": self.read_rows,
            "steps": self.steps,
            "random": self.random,
        }
        return operations[request["op"]](request)


def main():
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()
    server = Server()
    for line in sys.stdin:
        try:
            answer = server.answer(json.loads(line))
        except Exception as error:  # the other side shows it and stops
            answer = {"error": f"{type(error).__name__}: {error}"}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
