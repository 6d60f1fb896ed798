"""A model becomes one graph whose input, outputs and metadata are as promised; the answers are in flow/test_export."""

import json
from typing import Any

import numpy as np
import pytest
from onnx import helper

from goodsight.errors import EngineError
from goodsight.exporting import composed, contract, network
from goodsight.model.record import LoadedModel


@pytest.fixture
def bare(loaded: LoadedModel) -> Any:
    return network.load(loaded.model.backbone.network)


def test_input_outputs_and_metadata_are_as_promised(loaded: LoadedModel, bare: Any) -> None:
    made = composed.compose(loaded.model, bare)
    (given,) = made.graph.input
    assert given.name == "pixels"
    assert [output.name for output in made.graph.output] == ["probabilities.label", "p_values.label", "on_topic"]
    assert {each.key: json.loads(each.value) for each in made.metadata_props} == {
        "goodsight": contract.record(loaded.model)
    }
    assert made.producer_name == "goodsight"


def test_any_batch_gives_the_same(loaded: LoadedModel, bare: Any) -> None:
    data = composed.compose(loaded.model, bare).SerializeToString()
    pixels = np.random.default_rng(0).integers(0, 256, (5, 224, 224, 3)).astype(np.uint8)
    one, all_at_once = (composed.answered(data, pixels, batch) for batch in (1, 5))
    assert one["on_topic"].shape == (5,)
    for name, found in one.items():
        assert np.allclose(found, all_at_once[name], atol=1e-5)


def test_the_input_is_called_pixels_whatever_the_network_calls_it(loaded: LoadedModel, bare: Any) -> None:
    for node in bare.graph.node:
        node.input[:] = ["mine" if name == "pixels" else name for name in node.input]
    bare.graph.input[0].name = "mine"
    made = composed.compose(loaded.model, bare)
    assert [given.name for given in made.graph.input] == ["pixels"]
    assert made.graph.node[0] == helper.make_node("Identity", ["pixels"], ["mine"])
    composed.answered(made.SerializeToString(), np.zeros((1, 224, 224, 3), np.uint8))


def test_what_one_file_cannot_hold_is_refused(loaded: LoadedModel, bare: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(composed, "LARGEST", 10**6)
    with pytest.raises(EngineError, match="GB, and an ONNX file holds less than 2"):
        composed.compose(loaded.model, bare)
