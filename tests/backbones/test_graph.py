"""What is written is ONNX as the ONNX library reads it, and computes what its signs say."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from goodsight.backbones import onnx_bytes
from goodsight.backbones.engine import start
from goodsight.backbones.graph import FLOATS, OPSET, Graph, Value, joined


def _result(graph: Graph, value: Value, shape: list[int], path: Path) -> tuple[np.ndarray, np.ndarray]:
    """The pixels (2, 16, 16, 3), and what a value of the graph is for them."""
    graph.output(value, "found", shape)
    graph.write(path)
    onnx.checker.check_model(onnx.load(str(path)), full_check=True)
    pixels = np.random.default_rng(0).integers(0, 256, (2, 16, 16, 3), dtype=np.uint8)
    running = start(path, engine="onnxruntime")
    found = running.submit(pixels).result()
    running.close()
    return pixels.astype(np.float32), found


def test_signs_and_methods_are_those_of_arrays(tmp_path: Path) -> None:
    graph = Graph(16)
    x = graph.add("Cast", graph.pixels, to=FLOATS) / 255
    parts = [
        ((x + 1) ** 2 - x * 3).mean(1, 2),
        (2 - x).exp().sum(1).mean(1),
        (-x).clip(-0.5, -0.25).most(1, 2).reshaped(-1, 3),
        x.take(1, 3).take(1, [4, 5]).sqrt().reshaped(-1, 6),
        x.turned(0, 3, 1, 2).cut(2, 5, 2, 3).reshaped(-1, 27),
        (x.take(1, 0).turned(0, 2, 1) @ x.take(1, 1)).opened(1).reshaped(-1, 9),
        x.turned(0, 3, 1, 2).scaled(4).reshaped(-1, 48),
    ]
    pixels, found = _result(graph, joined(parts, 1), [99], tmp_path / "g.onnx")
    y = pixels / 255
    expected = [
        ((y + 1) ** 2 - y * 3).mean((1, 2)),
        np.exp(2 - y).sum(1).mean(1),
        np.clip(-y, -0.5, -0.25).max((1, 2)),
        np.sqrt(y[:, 3, 4:6]).reshape(2, 6),
        y.transpose(0, 3, 1, 2)[:, :, 2:5, 2:5].reshape(2, 27),
        np.einsum("nic,nid->ncd", y[:, 0], y[:, 1]).reshape(2, 9),
        # Four times smaller: each value is between the two in the middle of four, along both axes.
        y.reshape(2, 4, 4, 4, 4, 3)[:, :, 1:3, :, 1:3].mean((2, 4)).transpose(0, 3, 1, 2).reshape(2, 48),
    ]
    assert np.allclose(found, np.concatenate(expected, axis=1), atol=1e-5)


def test_the_file_says_what_it_was_given(tmp_path: Path) -> None:
    graph = Graph(16)
    x = graph.add("Cast", graph.pixels, to=FLOATS)
    kernel = np.arange(24, dtype=np.float64).reshape(2, 3, 2, 2)
    x = graph.add("Conv", x.turned(0, 3, 1, 2), graph.weight(kernel, "kernel"), pads=[0, 0, 1, 1], strides=[2, 2])
    graph.output(x.mean(2, 3), "found", [2])
    graph.write(tmp_path / "g.onnx")
    model = onnx.load(str(tmp_path / "g.onnx"))
    weights = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    assert np.array_equal(weights["kernel"], kernel.astype(np.float32))
    assert (model.ir_version, model.producer_name, model.opset_import[0].version) == (8, "goodsight", OPSET)
    (conv,) = (node for node in model.graph.node if node.op_type == "Conv")
    assert {one.name: list(one.ints) for one in conv.attribute} == {"pads": [0, 0, 1, 1], "strides": [2, 2]}
    assert [dim.dim_param or dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim] == [
        "n",
        16,
        16,
        3,
    ]
    assert [dim.dim_param or dim.dim_value for dim in model.graph.output[0].type.tensor_type.shape.dim] == ["n", 2]


@pytest.mark.parametrize("value", [0, 1, 127, 128, 300, 2**40, -1, -(2**62)])
def test_whole_numbers_of_any_size(value: int) -> None:
    tensor = onnx.TensorProto.FromString(onnx_bytes.tensor(np.array([value]), "n"))
    assert numpy_helper.to_array(tensor).tolist() == [value]
    node = onnx.NodeProto.FromString(onnx_bytes.node("Some", ["a", ""], "b", {"one": value, "two": [value], "t": "x"}))
    assert (node.attribute[0].i, list(node.attribute[1].ints), node.attribute[2].s) == (value, [value], b"x")
    assert (list(node.input), list(node.output), node.op_type) == (["a", ""], ["b"], "Some")
