"""Writes expected values of metrics, intervals and calibration from Python's libraries.

    python3 -m venv venv && venv/bin/pip install numpy scikit-learn==1.9.1 scipy==1.17.1 torch torchmetrics==1.9.0
    venv/bin/python test/golden/make_metrics.py test/golden/scores.json

multi_label   sklearn.metrics: micro precision, recall, F1, macro F1 (zero_division 0), accuracy of whole sets.
regression    scipy.stats.spearmanr, pearsonr; sklearn mean_absolute_error. Ties on both sides.
bootstrap     scipy.stats.bootstrap, method "percentile", 20,000 resamples: ours draws other numbers, so
              the test compares with a tolerance.
quantile      numpy.quantile, its default (linear) method.
calibration   temperature: scipy.optimize.minimize_scalar on the mean negative log likelihood;
              ece: torchmetrics' multiclass and binary calibration error (15 bins, norm l1).
thresholds    the best F1 of sklearn's precision_recall_curve over all its thresholds.
"""
import json
import random
import sys

import numpy as np
import scipy
import sklearn
import sklearn.metrics as sk
import torch
import torchmetrics
from scipy.optimize import minimize_scalar
from scipy.special import expit, log_softmax, softmax
from scipy.stats import bootstrap, pearsonr, spearmanr
from torchmetrics.functional.classification import (
    binary_calibration_error,
    multiclass_calibration_error,
)

SEED = 11
rng = np.random.default_rng(SEED)
rounded = lambda values, digits: [[round(float(x), digits) for x in row] for row in values]


def multi_label():
    labels = ["billing", "bug", "never", "praise", "question"]
    truth = rng.random((60, 5)) < [0.3, 0.2, 0, 0.4, 0.1]
    predicted = truth ^ (rng.random((60, 5)) < [0.1, 0.2, 0.02, 0.1, 0.3])
    names = lambda rows: [[labels[c] for c in np.flatnonzero(row)] for row in rows]
    micro = sk.precision_recall_fscore_support(truth, predicted, average="micro", zero_division=0)
    table = sk.precision_recall_fscore_support(truth, predicted, average=None, zero_division=0)
    return {
        "labels": labels,
        "truth": names(truth),
        "predicted": names(predicted),
        "micro_precision": micro[0],
        "micro_recall": micro[1],
        "micro_f1": micro[2],
        "macro_f1": sk.f1_score(truth, predicted, average="macro", zero_division=0),
        "subset_accuracy": sk.accuracy_score(truth, predicted),
        "table": {
            label: [float(table[0][c]), float(table[1][c]), float(table[2][c]), int(table[3][c])]
            for c, label in enumerate(labels)
        },
    }


def regression():
    truth = np.round(rng.normal(2.5, 1, 80), 1)
    predicted = np.round(truth + rng.normal(0, 0.7, 80), 1)
    return {
        "truth": truth.tolist(),
        "predicted": predicted.tolist(),
        "spearman": spearmanr(truth, predicted).statistic,
        "pearson": pearsonr(truth, predicted).statistic,
        "mean_absolute_error": sk.mean_absolute_error(truth, predicted),
    }


def intervals():
    right = (rng.random(400) < 0.83).astype(float)
    x = np.round(rng.normal(0, 1, 150), 2)
    y = np.round(x + rng.normal(0, 0.8, 150), 2)
    options = dict(method="percentile", n_resamples=20_000, confidence_level=0.95, rng=1)
    accuracy = bootstrap((right,), np.mean, **options).confidence_interval
    rank = bootstrap(
        (x, y), lambda a, b: spearmanr(a, b).statistic, paired=True, vectorized=False,
        **{**options, "n_resamples": 4_000},
    ).confidence_interval
    return {
        "right": right.astype(int).tolist(),
        "accuracy": [accuracy.low, accuracy.high],
        "x": x.tolist(),
        "y": y.tolist(),
        "spearman": [rank.low, rank.high],
    }


def quantiles():
    values = np.sort(rng.normal(0, 1, 37))
    shares = [0, 0.025, 0.5, 0.81, 0.975, 1]
    return {"values": values.tolist(), "shares": shares, "quantiles": np.quantile(values, shares).tolist()}


def calibration():
    logits = np.round(rng.normal(0, 1, (200, 4)), 3)
    truth = np.array([random.Random(i).choices(range(4), softmax(row))[0] for i, row in enumerate(logits)])
    cases = []
    for name, scale in [("too sure", 3.0), ("not sure enough", 0.4)]:
        z = np.round(logits * scale, 3)
        nll = lambda t: -np.mean(log_softmax(z / t, axis=1)[np.arange(200), truth])
        best = minimize_scalar(lambda u: nll(np.exp(u)), bounds=(np.log(0.1), np.log(10)), method="bounded",
                               options={"xatol": 1e-10}).x
        ece = lambda t: float(multiclass_calibration_error(
            torch.tensor(softmax(z / t, axis=1)), torch.tensor(truth), num_classes=4, n_bins=15, norm="l1"))
        cases.append({"name": name, "logits": rounded(z, 3), "truth": truth.tolist(),
                      "temperature": float(np.exp(best)), "ece": ece(1), "ece_at_2": ece(2)})
    return cases


def multi_label_calibration():
    logits = np.round(rng.normal(-0.5, 1.5, (150, 3)), 3)
    truth = rng.random((150, 3)) < expit(logits)
    z = np.round(logits * 2.5, 3)
    nll = lambda t: np.mean(np.logaddexp(0, z / t) - truth * z / t)
    best = float(np.exp(minimize_scalar(lambda u: nll(np.exp(u)), bounds=(np.log(0.1), np.log(10)), method="bounded",
                                        options={"xatol": 1e-10}).x))
    scores = expit(z / best)
    f1 = []
    for c in range(3):
        precision, recall, _ = sk.precision_recall_curve(truth[:, c], scores[:, c])
        f1.append(float(np.max(2 * precision * recall / np.maximum(precision + recall, 1e-12))))
    ece = float(binary_calibration_error(torch.tensor(expit(z).ravel()), torch.tensor(truth.ravel().astype(int)),
                                         n_bins=15, norm="l1"))
    return {"logits": rounded(z, 3), "truth": truth.astype(int).tolist(), "temperature": best, "ece": ece, "best_f1": f1}


with open(sys.argv[1], "w") as file:
    json.dump(
        {
            "made_by": "test/golden/make_metrics.py",
            "versions": {m.__name__: m.__version__ for m in (np, scipy, sklearn, torch, torchmetrics)},
            "seed": SEED,
            "multi_label": multi_label(),
            "regression": regression(),
            "bootstrap": intervals(),
            "quantile": quantiles(),
            "calibration": calibration(),
            "multi_label_calibration": multi_label_calibration(),
        },
        file,
    )
    file.write("\n")
