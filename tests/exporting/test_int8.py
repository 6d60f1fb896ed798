"""A network of 8-bit integers, and what it costs; no bound on its answers, which differ from processor to processor."""

from typing import Any

import numpy as np
import onnxruntime.quantization
import pytest
from onnx import TensorProto

from goodsight.arrays import Pixels
from goodsight.errors import EngineError
from goodsight.exporting import composed, contract, int8, network
from goodsight.model.record import LoadedModel

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 224, 224, 3)).astype(np.uint8)


@pytest.fixture(scope="module")
def small(loaded: LoadedModel) -> Any:
    return int8.quantised(network.load(loaded.model.backbone.network), PIXELS)


def test_weights_of_convolutions_are_integers(small: Any) -> None:
    kinds = {tensor.name: tensor.data_type for tensor in small.graph.initializer}
    made = {name: node for node in small.graph.node for name in node.output}
    convolutions = [node for node in small.graph.node if node.op_type == "Conv"]
    assert len(convolutions) > 30
    for node in convolutions:
        weight = made[node.input[1]]
        assert (weight.op_type, kinds[weight.input[0]]) == ("DequantizeLinear", TensorProto.INT8)


def test_sums_that_join_no_branches_stay_in_floats(small: Any, loaded: LoadedModel) -> None:
    plain = network.load(loaded.model.backbone.network)
    beside = set(int8._beside(plain.graph))
    sums = [node for node in plain.graph.node if node.op_type == "Add"]
    assert 0 < len(beside) < len(sums)
    made = {name: node.op_type for node in small.graph.node for name in node.output}
    for node in small.graph.node:
        if node.op_type == "Add":
            taken = {made.get(name, "constant") for name in node.input}
            assert ("DequantizeLinear" in taken) == (node.name not in beside)


def test_a_composed_model_of_integers_is_compared(loaded: LoadedModel, small: Any) -> None:
    exact, less = (
        composed.compose(loaded.model, each).SerializeToString()
        for each in (network.load(loaded.model.backbone.network), type(small).FromString(small.SerializeToString()))
    )
    assert len(less) < len(exact)
    lost = int8.compare(loaded.model, exact, less, PIXELS)
    assert lost.photos == 6
    assert 0 < lost.off <= lost.largest <= 1
    assert lost.faster > 0
    nothing = int8.compare(loaded.model, exact, exact, PIXELS)
    assert (nothing.same, nothing.off, nothing.largest, nothing.on_topic) == (1, 0, 0, 0)


def test_labels_that_change_are_counted(loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    name = contract.output("probabilities", loaded.model.judges[0])
    one = np.eye(4, dtype=np.float32)[[0, 1, 2, 3]]
    other = one[[0, 1, 3, 2]]
    answers = {b"exact": one, b"less": other}

    def answered(data: bytes, _: Pixels) -> dict[str, Any]:
        return {name: answers[data], "on_topic": np.zeros(4)}

    monkeypatch.setattr(int8, "answered", answered)
    monkeypatch.setattr(int8, "_faster", lambda *_: 2.0)
    lost = int8.compare(loaded.model, b"exact", b"less", PIXELS[:4])
    assert lost == int8.Loss(photos=4, same=0.5, off=0.5, largest=1.0, on_topic=0.0, faster=2.0)


def test_what_cannot_be_quantised_is_refused(loaded: LoadedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise ValueError("strange operation")

    monkeypatch.setattr(onnxruntime.quantization, "quantize_static", fail)
    with pytest.raises(EngineError, match="`int8`: this network cannot be quantised: strange operation"):
        int8.quantised(network.load(loaded.model.backbone.network), PIXELS)
