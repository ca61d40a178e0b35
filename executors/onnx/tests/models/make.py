"""Makes the small models that the tests of `onnx.rs` read: every shape of input and output we promise to understand.

    python make.py       with the versions of examples/wine/requirements.txt
"""

import pathlib

import numpy as np
import onnx
from onnx import TensorProto, helper
from skl2onnx import to_onnx
from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
from sklearn.linear_model import LinearRegression, LogisticRegression

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
