"""Trains the wine models of the demo and two canaries for them, and keeps them as ONNX.

    python train.py            reads wine.csv beside it; writes models/*.onnx, expected.json and unseen.csv
    python train.py --data     writes wine.csv anew from scikit-learn's copy first

Every model sees only a small part of the rows, on purpose: models that disagree now and then are what a rendezvous is
for. The canaries are forests like the reference: one with more trees that has seen three times as many rows, and one
whose labels were shuffled before it learned them. Some rows no model sees: by them canaries are compared. Everything
random is seeded, so that the same versions of the libraries write the same models.
"""

import csv
import json
import pathlib
import sys

import numpy as np
import onnxruntime
from skl2onnx import to_onnx
from sklearn.datasets import load_wine
from sklearn.ensemble import GradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

HERE = pathlib.Path(__file__).parent
SEED = 20
TRAINING_ROWS = 36
# So many more for the canary that is trained better; the rest nobody sees.
MORE_ROWS = 72
# Every ninth row: all three classes, twenty rows.
EXPECTED = slice(None, None, 9)

MODELS = {
    "forest": RandomForestClassifier(n_estimators=25, max_depth=4, random_state=SEED),
    "boost": GradientBoostingClassifier(n_estimators=20, max_depth=2, random_state=SEED),
    "linear": make_pipeline(StandardScaler(), LogisticRegression(C=0.1, random_state=SEED)),
    "mlp": make_pipeline(StandardScaler(), MLPClassifier((8,), solver="lbfgs", alpha=1.0, random_state=SEED)),
}

CANARIES = {
    "better": RandomForestClassifier(n_estimators=60, max_depth=6, random_state=SEED),
    "shuffled": RandomForestClassifier(n_estimators=25, max_depth=4, random_state=SEED),
}


def main() -> None:
    if "--data" in sys.argv[1:]:
        write_data()
    rows, classes = read_data()
    everything = np.arange(len(rows))
    seen, others = split(everything, classes, TRAINING_ROWS)
    more, unseen = split(others, classes[others], MORE_ROWS)
    shuffled = np.random.RandomState(SEED).permutation(classes[seen])

    learned = {name: (model, seen, classes[seen]) for name, model in MODELS.items()}
    both = np.concatenate([seen, more])
    learned["better"] = (CANARIES["better"], both, classes[both])
    learned["shuffled"] = (CANARIES["shuffled"], seen, shuffled)

    expected, labels = {}, {}
    for name, (model, chosen, truths) in learned.items():
        model.fit(rows[chosen], truths)
        path = HERE / "models" / f"{name}.onnx"
        path.write_bytes(as_onnx(model, rows[chosen]))
        answers = score(path, rows)
        expected[name] = answers[EXPECTED]
        labels[name] = np.array([answer["class"] for answer in answers])
        accuracy = (labels[name] == classes)[unseen].mean()
        print(f"{name:8} {accuracy:.3f} right of unseen rows  {path.stat().st_size:7,} bytes")

    (HERE / "expected.json").write_text(as_json(rows, expected))
    write_unseen(unseen)
    disagreed = sum(len(set(row)) > 1 for row in zip(*(labels[name] for name in MODELS)))
    print(f"the demo's models disagree on {disagreed} of {len(rows)} rows; no model has seen {len(unseen)} of them")


def split(indices: np.ndarray, classes: np.ndarray, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Draws `size` of them, each class by its share; returns those and the others."""
    return train_test_split(indices, train_size=size, stratify=classes, random_state=SEED)


def write_data() -> None:
    wine = load_wine()
    # The name that OpenML uses: a slash would need quoting in an expression.
    names = [name.replace("od280/od315_of_diluted_wines", "od280_od315") for name in wine.feature_names]
    with (HERE / "wine.csv").open("w", newline="") as file:
        out = csv.writer(file, lineterminator="\n")
        out.writerow([*names, "class"])
        out.writerows([*map(float, row), int(kind)] for row, kind in zip(wine.data, wine.target))


def write_unseen(unseen: np.ndarray) -> None:
    """Copies those lines of the data, so that not a digit differs."""
    header, *lines = (HERE / "wine.csv").read_text().splitlines()
    (HERE / "unseen.csv").write_text("\n".join([header, *(lines[index] for index in sorted(unseen))]) + "\n")


def read_data() -> tuple[np.ndarray, np.ndarray]:
    with (HERE / "wine.csv").open() as file:
        _header, *lines = csv.reader(file)
    rows = np.array([line[:-1] for line in lines], dtype=np.float32)
    return rows, np.array([line[-1] for line in lines], dtype=np.int64)


def as_onnx(model, training: np.ndarray) -> bytes:
    """Converts without ZipMap: label and probabilities come out as plain tensors."""
    return to_onnx(model, training[:1], options={id(model): {"zipmap": False}}).SerializeToString()


def score(path: pathlib.Path, rows: np.ndarray) -> list[dict]:
    """Scores row by row with onnxruntime, as an executor does."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    answers = []
    for row in rows:
        label, probabilities = session.run(None, {session.get_inputs()[0].name: row.reshape(1, -1)})
        answers.append({"class": int(label[0]), "probabilities": [float(p) for p in probabilities[0]]})
    return answers


def as_json(rows: np.ndarray, expected: dict) -> str:
    """One line a row, so that a retrained model shows a readable difference."""
    features = [[round(float(value), 4) for value in row] for row in rows[EXPECTED]]
    parts = []
    for name, lines in {"rows": features, **expected}.items():
        parts.append(f'  "{name}": [\n' + ",\n".join(f"    {json.dumps(line)}" for line in lines) + "\n  ]")
    return "{\n" + ",\n".join(parts) + "\n}\n"


if __name__ == "__main__":
    main()
