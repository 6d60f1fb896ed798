"""Of a network nothing is kept that its first output does without, and old operations become newer ones."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper, version_converter

from goodsight.errors import EngineError
from goodsight.exporting import network

FLOAT = TensorProto.FLOAT


def _saved(path: Path, opset: int) -> Path:
    """The first output takes what is computed in an If, which takes constants from around it; the second is dear."""
    constants = {name: numpy_helper.from_array(np.full(3, value, np.float32), name) for value, name in enumerate("abc")}
    inner = {}
    for name, constant in (("then", "b"), ("else", "c")):
        made = helper.make_tensor_value_info(f"{name}-out", FLOAT, [3])
        nodes = [helper.make_node("Add", [constant, constant], [f"{name}-out"])]
        inner[f"{name}_branch"] = helper.make_graph(nodes, name, [], [made])
    true = numpy_helper.from_array(np.array(True), "true")
    nodes = [
        helper.make_node("If", ["true"], ["chosen"], **inner),
        helper.make_node("Mul", ["given", "a"], ["dear"]),
        helper.make_node("Add", ["given", "chosen"], ["cheap"]),
    ]
    given, *ends = (helper.make_tensor_value_info(name, FLOAT, ["n", 3]) for name in ("given", "cheap", "dear"))
    graph = helper.make_graph(nodes, "test", [given], ends, initializer=[*constants.values(), true])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8), path)
    return path


def _run(model: Any) -> npt.NDArray[Any]:
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return np.asarray(session.run(None, {"given": np.ones((2, 3), np.float32)}))


def test_only_what_the_first_output_takes_is_kept(tmp_path: Path) -> None:
    found = network.load(_saved(tmp_path / "network.onnx", 17))
    assert [node.op_type for node in found.graph.node] == ["If", "Add"]
    assert {tensor.name for tensor in found.graph.initializer} == {"b", "c", "true"}
    assert [output.name for output in found.graph.output] == ["cheap"]
    assert (_run(found) == 3).all()


def test_old_operations_become_newer_ones(tmp_path: Path) -> None:
    found = network.load(_saved(tmp_path / "network.onnx", 11))
    assert [each.version for each in found.opset_import] == [17]
    assert (_run(found) == 3).all()


def test_weights_are_no_inputs(tmp_path: Path) -> None:
    """In the oldest form of a file they are named among them."""
    path = _saved(tmp_path / "network.onnx", 17)
    old = onnx.load(path)
    old.ir_version = 3
    old.graph.input.insert(0, helper.make_tensor_value_info("a", FLOAT, [3]))
    onnx.save(old, path)
    found = network.load(path)
    assert [given.name for given in found.graph.input] == ["given"]
    assert found.ir_version == 8


def test_what_cannot_be_converted_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _saved(tmp_path / "network.onnx", 11)

    def fail(*_: object) -> None:
        raise RuntimeError("no adapter")

    monkeypatch.setattr(version_converter, "convert_version", fail)
    with pytest.raises(EngineError, match=r"network\.onnx: its operations are older .* no adapter; save the network"):
        network.load(path)
