"""Train a small text classifier on the labels of a Labelbox model run: `python train/train.py INPUT RESULT`.

INPUT has one data row per line, as the source labelbox.model_run_rows gives it: text, split, answers. RESULT gets one
line per row with what the sink labelbox.model_run_predictions uploads: the predicted answer, and for rows of the TEST
split metrics, as the SDK writes them. Learned is from TRAINING alone, watched on VALIDATION, judged on TEST.

Standard output has lines {"progress": 0.4, "metadata": {...}}; the metadata is shown in the model run. The variable
CONFIG is the config of the model run as JSON: epochs, maxFeatures, regularization. Needs scikit-learn.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
from collections.abc import Mapping, Sequence
from math import log
from pathlib import Path
from typing import Any

from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import SGDClassifier
from sklearn.pipeline import Pipeline

ANSWER = "topic"
SEED = 7

Row = Mapping[str, Any]


def read(path: Path) -> list[Row]:
    """Return the rows that have a text and a label."""
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [row for row in rows if row.get("text") and row["answers"].get(ANSWER)]


def of(rows: Sequence[Row], split: str) -> tuple[list[str], list[str]]:
    """Return texts and labels of one split."""
    chosen = [row for row in rows if row["split"] == split]
    return [row["text"] for row in chosen], [row["answers"][ANSWER] for row in chosen]


def train(rows: Sequence[Row], config: Mapping[str, Any]) -> Pipeline:
    """Return the classifier as it was at its best on the VALIDATION split."""
    texts, labels = of(rows, "TRAINING")
    if len(set(labels)) < 2:
        raise SystemExit(f"the TRAINING split has {len(texts)} labelled texts of {len(set(labels))} topics: too few")
    held_texts, held_labels = of(rows, "VALIDATION")
    vectors = TfidfVectorizer(ngram_range=(1, 2), max_features=int(config.get("maxFeatures", 2000)))
    features = vectors.fit_transform(texts)
    alpha = 1e-4 * float(config.get("regularization", 1.0))
    classifier = SGDClassifier(loss="log_loss", alpha=alpha, random_state=SEED)
    epochs, best, kept = int(config.get("epochs", 20)), -1.0, b""
    for epoch in range(1, epochs + 1):
        classifier.partial_fit(features, labels, classes=sorted(set(labels)))
        accuracy = classifier.score(vectors.transform(held_texts), held_labels) if held_texts else 0.0
        if accuracy > best:
            best, kept = accuracy, pickle.dumps(classifier)
        tell(0.9 * epoch / epochs, epoch=epoch, validation_accuracy=round(accuracy, 4))
    return Pipeline([("vectors", vectors), ("classifier", pickle.loads(kept))])


def tell(progress: float, **metadata: Any) -> None:
    """Print one line of progress."""
    print(json.dumps({"progress": round(progress, 3), "metadata": metadata}), flush=True)


def results(rows: Sequence[Row], model: Pipeline) -> list[dict[str, Any]]:
    """Return one result per row."""
    chances = model.predict_proba([row["text"] for row in rows])
    return [
        result(row, dict(zip(model.classes_, map(float, each), strict=True)))
        for row, each in zip(rows, chances, strict=True)
    ]


def result(row: Row, chances: Mapping[str, float]) -> dict[str, Any]:
    """Return what is uploaded for one row."""
    topic = max(chances, key=lambda name: chances[name])
    confidence = round(chances[topic], 4)
    prediction = {"name": ANSWER, "answer": {"name": topic, "confidence": confidence}}
    made = {"_key": row["_key"], "split": row["split"], "topic": topic, "confidence": confidence}
    return {
        **made,
        "predictions": [prediction],
        "metrics": metrics(row, topic, chances) if row["split"] == "TEST" else [],
    }


def metrics(row: Row, topic: str, chances: Mapping[str, float]) -> list[dict[str, Any]]:
    """Return a scalar and a confusion-matrix metric [TP, FP, TN, FN] of one row."""
    truth = row["answers"][ANSWER]
    is_right = topic == truth
    mean = {"featureName": ANSWER, "aggregation": "ARITHMETIC_MEAN"}
    matrix = {"featureName": ANSWER, "aggregation": "CONFUSION_MATRIX"}
    loss = -log(max(chances.get(truth, 0.0), 1e-6))
    return [
        {"metricName": "log_loss", "metricValue": round(loss, 4), **mean},
        {"metricName": "classification", "metricValue": [1, 0, 0, 0] if is_right else [0, 1, 0, 1], **matrix},
    ]


def main(source: Path, target: Path) -> None:
    """Train, judge, and write the results."""
    config = json.loads(os.environ.get("CONFIG") or "{}")
    rows = read(source)
    print(f"{len(rows)} labelled texts, config {json.dumps(config)}", file=sys.stderr)
    model = train(rows, config)
    path = Path("out/train-topics") / f"{os.environ.get('MODEL_RUN') or 'model'}.pickle"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(pickle.dumps(model))
    made = results(rows, model)
    texts, labels = of(rows, "TEST")
    accuracy = round(float(model.score(texts, labels)), 4) if texts else None
    target.write_text("".join(json.dumps(each) + "\n" for each in made))
    print(f"TEST: {accuracy} of {len(texts)} right", file=sys.stderr)
    tell(1.0, test_accuracy=accuracy, test_rows=len(texts), model=str(path))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
