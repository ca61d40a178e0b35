"""Makes the small models that the tests of `onnx.rs` read: every shape of input and output we promise to understand.

    python make.py       with the versions of examples/wine/requirements.txt
"""

import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

HERE = pathlib.Path(__file__).parent
ROWS = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], dtype=np.float32)
# Whole numbers and words as classes, for both kinds of ZipMap.
NUMBERS = np.array([3, 3, 7, 7])
WORDS = np.array(["red", "red", "white", "white"])


def save(name: str, model: onnx.ModelProto) -> None:
    (HERE / f"{name}.onnx").write_bytes(model.SerializeToString())


def two_inputs() -> onnx.ModelProto:
    """ash − hue, each an input of its own, one of them of whole numbers, in another order than the schema's."""
    ash = helper.make_tensor_value_info("ash", TensorProto.INT64, [None, 1])
    hue = helper.make_tensor_value_info("hue", TensorProto.FLOAT, [None, 1])
    difference = helper.make_tensor_value_info("difference", TensorProto.FLOAT, [None, 1])
    whole = helper.make_tensor_value_info("whole", TensorProto.INT64, [None, 1])
    nodes = [
        helper.make_node("Cast", ["ash"], ["ash_float"], to=TensorProto.FLOAT),
        helper.make_node("Sub", ["ash_float", "hue"], ["difference"]),
        helper.make_node("Identity", ["ash"], ["whole"]),
    ]
    graph = helper.make_graph(nodes, "two_inputs", [ash, hue], [difference, whole])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def one_row() -> onnx.ModelProto:
    """hue + ash of exactly one row: no batches."""
    row = helper.make_tensor_value_info("row", TensorProto.FLOAT, [1, 2])
    total = helper.make_tensor_value_info("total", TensorProto.FLOAT, [1, 1])
    axes = helper.make_tensor("axes", TensorProto.INT64, [1], [1])
    nodes = [helper.make_node("ReduceSum", ["row", "axes"], ["total"], keepdims=1)]
    graph = helper.make_graph(nodes, "one_row", [row], [total], initializer=[axes])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def groups() -> onnx.ModelProto:
    """An input of every type: two numbers side by side, two texts, and one of each other kind by its name."""
    given = [
        helper.make_tensor_value_info("pair", TensorProto.FLOAT, [None, 2]),
        helper.make_tensor_value_info("words", TensorProto.STRING, [None, 2]),
        helper.make_tensor_value_info("level", TensorProto.INT32, [None, 1]),
        helper.make_tensor_value_info("flag", TensorProto.BOOL, [None, 1]),
        helper.make_tensor_value_info("exact", TensorProto.DOUBLE, [None, 1]),
    ]
    kinds = {"pair": TensorProto.FLOAT, "words": TensorProto.STRING, "level": TensorProto.INT32, "flag": TensorProto.BOOL, "exact": TensorProto.DOUBLE}
    widths = {"pair": 2, "words": 2}
    returned = [helper.make_tensor_value_info(f"{name}_again", kind, [None, widths.get(name, 1)]) for name, kind in kinds.items()]
    returned.append(helper.make_tensor_value_info("small", TensorProto.UINT8, [None, 1]))
    nodes = [helper.make_node("Identity", [name], [f"{name}_again"]) for name in kinds]
    nodes.append(helper.make_node("Cast", ["level"], ["small"], to=TensorProto.UINT8))
    graph = helper.make_graph(nodes, "groups", given, returned)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def flat() -> onnx.ModelProto:
    """Looks up a row of a table by a number: its input has the shape [rows]."""
    user = helper.make_tensor_value_info("user", TensorProto.INT64, [None])
    items = helper.make_tensor_value_info("items", TensorProto.INT64, [None, 2])
    scores = helper.make_tensor_value_info("scores", TensorProto.FLOAT, [None, 2])
    table = helper.make_tensor("table", TensorProto.FLOAT, [3, 3], [0.5, 0.25, 0.125, 1, 2, 3, 9, 7, 8])
    two = helper.make_tensor("two", TensorProto.INT64, [1], [2])
    nodes = [helper.make_node("Gather", ["table", "user"], ["row"]), helper.make_node("TopK", ["row", "two"], ["scores", "items"])]
    graph = helper.make_graph(nodes, "flat", [user], [items, scores], initializer=[table, two])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def sequence() -> onnx.ModelProto:
    """The row, and its sum, as a sequence of tensors."""
    row = helper.make_tensor_value_info("row", TensorProto.FLOAT, [None, 2])
    both = helper.make_tensor_sequence_value_info("both", TensorProto.FLOAT, None)
    axes = helper.make_tensor("axes", TensorProto.INT64, [1], [1])
    nodes = [
        helper.make_node("ReduceSum", ["row", "axes"], ["total"], keepdims=1),
        helper.make_node("SequenceConstruct", ["row", "total"], ["both"]),
    ]
    graph = helper.make_graph(nodes, "sequence", [row], [both], initializer=[axes])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def words_and_numbers() -> onnx.ModelProto:
    """A pipeline as scikit-learn's users write it: a number and a text, each an input of its own."""
    ash = np.array([[0.0], [1.0], [0.0], [1.0]], dtype=np.float32)
    grape = np.array([["merlot"], ["merlot"], ["pinot"], ["pinot"]], dtype=object)
    table = np.hstack([ash.astype(object), grape])
    columns = ColumnTransformer([("ash", "passthrough", [0]), ("grape", OneHotEncoder(handle_unknown="ignore"), [1])])
    pipeline = make_pipeline(columns, LogisticRegression()).fit(table, WORDS)
    inputs = [("ash", FloatTensorType([None, 1])), ("grape", StringTensorType([None, 1]))]
    return to_onnx(pipeline, initial_types=inputs, options={id(pipeline): {"zipmap": False}})


def not_a_number() -> onnx.ModelProto:
    """hue ÷ ash, which is no number for a row of zeros."""
    row = helper.make_tensor_value_info("row", TensorProto.FLOAT, [None, 2])
    quotient = helper.make_tensor_value_info("quotient", TensorProto.FLOAT, [None, 1])
    halves = [helper.make_node("Split", ["row"], ["hue", "ash"], axis=1, num_outputs=2)]
    nodes = [*halves, helper.make_node("Div", ["hue", "ash"], ["quotient"])]
    graph = helper.make_graph(nodes, "not_a_number", [row], [quotient])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


row = [("row", FloatTensorType([None, 2]))]
save("zipmap_numbers", to_onnx(LogisticRegression().fit(ROWS, NUMBERS), initial_types=row))
save("zipmap_words", to_onnx(LogisticRegression().fit(ROWS, WORDS), initial_types=row))
save("regressor", to_onnx(LinearRegression().fit(ROWS, ROWS.sum(axis=1)), initial_types=[("row", DoubleTensorType([None, 2]))]))
save("two_inputs", two_inputs())
save("not_a_number", not_a_number())
save("one_row", one_row())
save("groups", groups())
save("flat", flat())
save("sequence", sequence())
save("words_and_numbers", words_and_numbers())
