"""One SetFit run for `edge-prefix bench ladder`: learn a draw, answer its test rows.

    pip install setfit "transformers<5"
    python setfit_draw.py        one JSON request on stdin, one JSON answer as the last line on stdout

Request: {"checkpoint", "train", "test", "threads", "seed"}; checkpoint is a folder, train and test are
jsonl files of {"text", "label"}. Answer: {"answers", "seconds", "predict_seconds", "bytes", "pairs", "versions"};
answers are labels in the order of the test rows. `seconds` reach from the checkpoint on disk to a
trained model, imports left out.

The settings are SetFit's own for a sentence encoder: pairs with a cosine loss, 20 iterations, batches
of 16, one epoch, all weights, a logistic regression on the embeddings. The encoder reads the mean of
its last layer, normalised, and at most 256 tokens, as all-MiniLM-L6-v2 is published.
"""

import json
import os
import sys
import tempfile
import time

os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import datasets
import sentence_transformers
import setfit
import sklearn
import torch
import transformers
from sentence_transformers import SentenceTransformer, models
from sklearn.linear_model import LogisticRegression

MAX_TOKENS = 256
NUM_ITERATIONS = 20
BATCH_SIZE = 16
NUM_EPOCHS = 1
PACKAGES = (setfit, sentence_transformers, transformers, torch, sklearn)


def read_rows(path):
    with open(path, encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    return [row["text"] for row in rows], [row["label"] for row in rows]


def open_model(checkpoint):
    transformer = models.Transformer(checkpoint, max_seq_length=MAX_TOKENS)
    width = transformer.auto_model.config.hidden_size
    body = SentenceTransformer(
        modules=[transformer, models.Pooling(width, "mean"), models.Normalize()], device="cpu"
    )
    return setfit.SetFitModel(model_body=body, model_head=LogisticRegression())


def main():
    request = json.load(sys.stdin)
    torch.set_num_threads(request["threads"])
    transformers.set_seed(request["seed"])
    datasets.disable_progress_bars()
    texts, labels = read_rows(request["train"])
    names = sorted(set(labels))
    rows = {"text": texts, "label": [names.index(label) for label in labels]}

    start = time.perf_counter()
    with tempfile.TemporaryDirectory() as folder:
        model = open_model(request["checkpoint"])
        trainer = setfit.Trainer(
            model=model,
            args=setfit.TrainingArguments(
                output_dir=folder,
                batch_size=BATCH_SIZE,
                num_epochs=NUM_EPOCHS,
                num_iterations=NUM_ITERATIONS,
                seed=request["seed"],
                report_to="none",
                save_strategy="no",
                show_progress_bar=False,
            ),
            train_dataset=datasets.Dataset.from_dict(rows),
        )
        trainer.train()
    seconds = time.perf_counter() - start

    start = time.perf_counter()
    answers = model.predict(read_rows(request["test"])[0], show_progress_bar=False)
    answer = {
        "answers": [names[int(place)] for place in answers],
        "seconds": seconds,
        "predict_seconds": time.perf_counter() - start,
        "bytes": sum(p.numel() * p.element_size() for p in model.model_body.parameters()),
        "pairs": 2 * NUM_ITERATIONS * len(texts),
        "versions": {package.__name__: package.__version__ for package in PACKAGES},
    }
    print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
