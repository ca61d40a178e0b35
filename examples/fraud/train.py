"""Trains the models of the fraud example on payments that `payments.py` draws, and keeps them as ONNX.

    python train.py            writes models/*.onnx and expected.json

- fast: logistic regression. Adds up what it knows of each feature, so it does not see what only two of them tell together.
- accurate: gradient boosted trees.
- newer: the same with more trees, of more payments: the canary beside `accurate`.

Each model takes every feature as an input of its own, numbers as float32 and texts as strings, and returns a label and
probabilities as plain tensors. Everything random is seeded, so that the same versions of the libraries write the same
models.
"""

import json
import pathlib

import numpy as np
import onnxruntime
from skl2onnx import to_onnx
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import average_precision_score, roc_auc_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from payments import CATEGORIES, COUNTRIES, NUMBERS, TEXTS, draw

HERE = pathlib.Path(__file__).parent
SEED = 20
FIRST, MORE, UNSEEN = 20_000, 40_000, 20_000
EXPECTED = 20


def main() -> None:
    first, more, unseen = draw(FIRST, SEED), draw(MORE, SEED + 1), draw(UNSEEN, SEED + 2)
    learned = {
        "fast": (linear(), first),
        "accurate": (trees(100), first),
        "newer": (trees(150), more),
    }
    expected = {}
    payments, fraud = unseen
    print(f"{fraud.mean():.1%} of the payments are fraud")
    for name, (model, (seen, truths)) in learned.items():
        model.fit(table(seen), truths)
        path = HERE / "models" / f"{name}.onnx"
        path.write_bytes(as_onnx(model))
        labels, probabilities = score(path, payments)
        expected[name] = [
            {"class": int(label), "probabilities": [round(float(p), 6) for p in row]}
            for label, row in zip(labels[:EXPECTED], probabilities[:EXPECTED])
        ]
        auc = roc_auc_score(fraud, probabilities[:, 1])
        precision = average_precision_score(fraud, probabilities[:, 1])
        print(f"{name:8} AUC {auc:.3f}  average precision {precision:.3f}  {path.stat().st_size:7,} bytes")
    write_expected(payments, expected)


def linear():
    return make_pipeline(columns(StandardScaler()), LogisticRegression(max_iter=1_000, random_state=SEED))


def trees(rounds: int):
    model = GradientBoostingClassifier(n_estimators=rounds, max_depth=3, learning_rate=0.1, subsample=0.7, random_state=SEED)
    return make_pipeline(columns("passthrough"), model)


def columns(numbers) -> ColumnTransformer:
    known = [sorted(CATEGORIES), sorted(COUNTRIES)]
    words = OneHotEncoder(categories=known, handle_unknown="ignore", sparse_output=False)
    places = list(range(len(NUMBERS) + len(TEXTS)))
    return ColumnTransformer([("numbers", numbers, places[: len(NUMBERS)]), ("words", words, places[len(NUMBERS) :])])


def table(payments: dict[str, np.ndarray]) -> np.ndarray:
    """Numbers as the single-precision ones that the model is given later."""
    numbers = [payments[name].astype(np.float32).astype(object) for name in NUMBERS]
    return np.column_stack([*numbers, *(payments[name].astype(object) for name in TEXTS)])


def as_onnx(model) -> bytes:
    inputs = [(name, FloatTensorType([None, 1])) for name in NUMBERS]
    inputs += [(name, StringTensorType([None, 1])) for name in TEXTS]
    return to_onnx(model, initial_types=inputs, options={id(model): {"zipmap": False}}).SerializeToString()


def score(path: pathlib.Path, payments: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    given = {name: payments[name].astype(np.float32).reshape(-1, 1) for name in NUMBERS}
    given |= {name: payments[name].astype(object).reshape(-1, 1) for name in TEXTS}
    labels, probabilities = session.run(None, given)
    return labels, probabilities


def write_expected(payments: dict[str, np.ndarray], expected: dict) -> None:
    """One line a payment, so that a retrained model shows a readable difference."""
    rows = [
        {name: float(payments[name][row]) for name in NUMBERS} | {name: str(payments[name][row]) for name in TEXTS}
        for row in range(EXPECTED)
    ]
    parts = []
    for name, lines in {"rows": rows, **expected}.items():
        parts.append(f'  "{name}": [\n' + ",\n".join(f"    {json.dumps(line)}" for line in lines) + "\n  ]")
    (HERE / "expected.json").write_text("{\n" + ",\n".join(parts) + "\n}\n")


if __name__ == "__main__":
    main()
