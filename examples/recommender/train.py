"""Draws ratings, factorises them twice, and keeps both factorisations as ONNX.

    python train.py            writes models/first.onnx, models/second.onnx, expected.json and users.jsonl

The ratings are made up: 240 users and 400 items have six hidden tastes each, and a user rates an item by how far their tastes
meet, with some noise, from 1 to 5. Popular items are rated more often. `first` is learned from a few ratings with four
factors, `second` from four times as many with eight: it is what a team would put in its place some weeks later.

Both are learned by alternating least squares, with numpy alone. A model takes the number of a user and returns the best items
that this user has not rated, and their scores: it looks up the user's factors (Gather), multiplies (MatMul), takes what was
rated out (Add) and keeps the largest (TopK). Everything random is seeded.
"""

import json
import pathlib

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

HERE = pathlib.Path(__file__).parent
SEED = 20
USERS, ITEMS, TASTES, TOP = 240, 400, 6, 10
FIRST_RATINGS, ALL_RATINGS = 8_000, 32_000
# Items have numbers as in a catalogue, not places in a matrix.
CATALOGUE = np.arange(ITEMS, dtype=np.int64) * 7 + 1_000
NEVER = -1e6


def main() -> None:
    dice = np.random.default_rng(SEED)
    truth, ratings = world(dice)
    held_out = dice.random(len(ratings)) < 0.1
    unseen, seen = ratings[held_out], ratings[~held_out]
    first = seen[: FIRST_RATINGS * 9 // 10]
    expected = {}
    for name, known, factors in [("first", first, 4), ("second", seen, 8)]:
        users, items, mean = factorise(known, factors)
        error = np.sqrt(np.mean((mean + np.sum(users[unseen[:, 0].astype(int)] * items[unseen[:, 1].astype(int)], axis=1) - unseen[:, 2]) ** 2))
        path = HERE / "models" / f"{name}.onnx"
        path.write_bytes(as_onnx(name, users, items, mean, rated(known)).SerializeToString())
        expected[name] = lists = top_lists(path)
        worth = np.mean([truth[user][(np.array(answer["items"]) - 1_000) // 7].mean() for user, answer in enumerate(lists)])
        print(f"{name:7} error of unseen ratings {error:.3f}  what its lists are worth {worth:.2f}  {path.stat().st_size:6,} bytes")
    same = [one["items"][0] == other["items"][0] for one, other in zip(*expected.values())]
    shared = [len(set(one["items"]) & set(other["items"])) for one, other in zip(*expected.values())]
    print(f"both name the same best item to {np.mean(same):.0%} of the users, and {np.mean(shared):.1f} of {TOP} items are in both lists")
    few = {name: lists[:20] for name, lists in expected.items()}
    (HERE / "expected.json").write_text(json.dumps(few, indent=1) + "\n")
    (HERE / "users.jsonl").write_text("".join(json.dumps({"user": user}) + "\n" for user in range(USERS)))


def world(dice: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Returns what everybody thinks of everything, and the ratings, in the order in which they were given."""
    users, items = dice.normal(size=(USERS, TASTES)), dice.normal(size=(ITEMS, TASTES))
    truth = 3.2 + 0.45 * users @ items.T + 0.4 * dice.normal(size=ITEMS)
    popularity = 1 / np.arange(1, ITEMS + 1) ** 0.5
    pairs = set()
    while len(pairs) < ALL_RATINGS:
        user = dice.integers(USERS, size=1_000)
        item = dice.choice(ITEMS, size=1_000, p=popularity / popularity.sum())
        pairs.update(zip(user.tolist(), item.tolist()))
    order = np.array(sorted(pairs))[dice.permutation(len(pairs))][:ALL_RATINGS]
    noise = dice.normal(scale=0.4, size=len(order))
    rating = np.clip(np.round(truth[order[:, 0], order[:, 1]] + noise), 1, 5)
    return truth, np.column_stack([order, rating])


def factorise(ratings: np.ndarray, factors: int, rounds: int = 12, regular: float = 3.0) -> tuple[np.ndarray, np.ndarray, float]:
    """Alternating least squares: each side in turn is the best one for the other."""
    dice = np.random.default_rng(SEED)
    mean = float(ratings[:, 2].mean())
    known, values = np.zeros((USERS, ITEMS)), np.zeros((USERS, ITEMS))
    user, item = ratings[:, 0].astype(int), ratings[:, 1].astype(int)
    known[user, item], values[user, item] = 1.0, ratings[:, 2] - mean
    users, items = dice.normal(scale=0.1, size=(USERS, factors)), dice.normal(scale=0.1, size=(ITEMS, factors))
    for _ in range(rounds):
        users = solve(items, known, values, regular)
        items = solve(users, known.T, values.T, regular)
    return users, items, mean


def solve(other: np.ndarray, known: np.ndarray, values: np.ndarray, regular: float) -> np.ndarray:
    eye = regular * np.eye(other.shape[1])
    return np.array([np.linalg.solve((other.T * row) @ other + eye, other.T @ value) for row, value in zip(known, values)])


def rated(ratings: np.ndarray) -> np.ndarray:
    """Returns a place in the matrix of users and items for each that was rated."""
    seen = np.zeros((USERS, ITEMS), dtype=np.int8)
    seen[ratings[:, 0].astype(int), ratings[:, 1].astype(int)] = 1
    return seen


def as_onnx(name: str, users: np.ndarray, items: np.ndarray, mean: float, seen: np.ndarray) -> onnx.ModelProto:
    constants = {
        "users": users.astype(np.float32),
        "items_turned": items.T.astype(np.float32),
        "mean": np.array(mean, dtype=np.float32),
        # A byte a pair, so that the file is small; made a large negative number where it was rated.
        "seen": seen,
        "never": np.array(NEVER, dtype=np.float32),
        "top": np.array([TOP], dtype=np.int64),
        "one": np.array([1], dtype=np.int64),
        "zero": np.array([0], dtype=np.int64),
        "catalogue": CATALOGUE,
    }
    node = helper.make_node
    nodes = [
        node("Gather", ["users", "user"], ["of_user"]),
        node("MatMul", ["of_user", "items_turned"], ["liking"]),
        node("Add", ["liking", "mean"], ["rating"]),
        node("Gather", ["seen", "user"], ["seen_by_user"]),
        node("Cast", ["seen_by_user"], ["seen_number"], to=TensorProto.FLOAT),
        node("Mul", ["seen_number", "never"], ["taken_out"]),
        node("Add", ["rating", "taken_out"], ["left"]),
        node("TopK", ["left", "top"], ["scores", "places"]),
        node("Gather", ["catalogue", "places"], ["items"]),
        node("Slice", ["items", "zero", "one", "one"], ["best"]),
    ]
    user = helper.make_tensor_value_info("user", TensorProto.INT64, [None])
    outputs = [
        helper.make_tensor_value_info("best", TensorProto.INT64, [None, 1]),
        helper.make_tensor_value_info("items", TensorProto.INT64, [None, TOP]),
        helper.make_tensor_value_info("scores", TensorProto.FLOAT, [None, TOP]),
    ]
    weights = [numpy_helper.from_array(np.ascontiguousarray(value), known) for known, value in constants.items()]
    graph = helper.make_graph(nodes, name, [user], outputs, initializer=weights)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    onnx.checker.check_model(model)
    return model


def top_lists(path: pathlib.Path) -> list[dict]:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    best, items, scores = session.run(None, {"user": np.arange(USERS, dtype=np.int64)})
    rows = zip(best[:, 0], items, scores)
    return [{"best": int(one), "items": row.tolist(), "scores": [round(float(score), 4) for score in given]} for one, row, given in rows]


if __name__ == "__main__":
    main()
