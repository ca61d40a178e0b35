"""Trains the model that MLServer serves for wine.yaml, and writes down what scikit-learn itself says of a few wines.

    python train.py DIR        writes DIR/wine/{model.joblib,model-settings.json} and DIR/expected.json

Two numbers of a wine tell its grower: a logistic regression on ../wine/wine.csv.
"""

import csv
import json
import pathlib
import sys

import joblib
from sklearn.linear_model import LogisticRegression

HERE = pathlib.Path(__file__).parent
FEATURES = ["proline", "flavanoids"]
# Every ninth row: all three classes, twenty rows.
EXPECTED = slice(None, None, 9)


def main(folder):
    with open(HERE.parent / "wine" / "wine.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    inputs = [[float(row[name]) for name in FEATURES] for row in rows]
    model = LogisticRegression(max_iter=10_000).fit(inputs, [int(row["class"]) for row in rows])
    (folder / "wine").mkdir(parents=True, exist_ok=True)
    joblib.dump(model, folder / "wine" / "model.joblib")
    write(folder / "wine" / "model-settings.json", settings())
    probabilities = model.predict_proba(inputs[EXPECTED]).tolist()
    labels = model.predict(inputs[EXPECTED]).tolist()
    answers = [{"class": label, "probabilities": row} for label, row in zip(labels, probabilities)]
    write(folder / "expected.json", [{"input": dict(zip(FEATURES, row)), **answer} for row, answer in zip(inputs[EXPECTED], answers)])


def settings():
    def tensor(name, datatype, *shape):
        return {"name": name, "datatype": datatype, "shape": shape}

    return {
        "name": "wine",
        "implementation": "mlserver_sklearn.SKLearnModel",
        "parameters": {"uri": "./model.joblib", "version": "1"},
        "inputs": [tensor("x", "FP64", -1, len(FEATURES))],
        "outputs": [tensor("predict", "INT64", -1), tensor("predict_proba", "FP64", -1, 3)],
    }


def write(path, value):
    path.write_text(json.dumps(value, indent=1) + "\n")


main(pathlib.Path(sys.argv[1]))
