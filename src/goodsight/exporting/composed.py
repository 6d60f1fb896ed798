"""A model as one ONNX graph: from pixels to calibrated probabilities, p-values and what is on topic."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper

from goodsight.about import __version__
from goodsight.arrays import Floats, Pixels
from goodsight.errors import EngineError
from goodsight.exporting import answers, contract
from goodsight.exporting.graph import FLOAT, HALF, Graph
from goodsight.exporting.heads import scores
from goodsight.model.record import Model

LARGEST = 1_900_000_000
"""Bytes: a protobuf cannot hold 2 GiB."""


def compose(model: Model, network: Any) -> Any:
    """Go on with a network to what a model answers.

    Args:
        model: with heads of any kind.
        network: the network of its folder, as :func:`goodsight.exporting.network.load` gives it; it is changed.

    Returns:
        The protobuf. Its input is ``pixels``, uint8 RGB (n, size, size, 3); its outputs are, for each attribute,
        ``probabilities.NAME`` and ``p_values.NAME`` (n, classes), ``on_topic`` (n,), a p-value, and ``place`` (n, 4)
        where the network says where it sees the answer; all float32. See :mod:`goodsight.exporting.contract` for what
        its metadata says.

    Raises:
        EngineError: it would be larger than an ONNX file can be.

    """
    graph, outputs = Graph(), {}
    # Embeddings are kept in half precision everywhere, and heads were learned from such.
    vectors = graph.cast(graph.cast(network.graph.output[0].name, HALF), FLOAT)
    for judge in model.judges:
        classes = ["n", len(judge.classes)]
        probabilities = answers.probabilities(judge, graph, scores(judge.head, graph, vectors))
        p_values = answers.p_values(judge, graph, probabilities)
        outputs[graph.cast(probabilities, FLOAT, contract.output("probabilities", judge))] = classes
        outputs[graph.add("Identity", p_values, output=contract.output("p_values", judge))] = classes
    usual = answers.on_topic(model.off_topic, model.on_topic, graph, vectors)
    outputs[graph.add("Squeeze", usual, np.array([1], np.int64), output=contract.ON_TOPIC)] = ["n"]
    place = model.backbone.columns("place")
    if place is not None:
        outputs[graph.add("Identity", graph.columns(vectors, place), output=contract.PLACE)] = ["n", 4]
    _join(network.graph, graph, outputs, model.backbone.resize.size)
    network.producer_name, network.producer_version = "goodsight", __version__
    say(network, contract.record(model))
    if network.ByteSize() > LARGEST:
        raise EngineError(f"the model has {network.ByteSize() / 1e9:.1f} GB, and an ONNX file holds less than 2")
    onnx.checker.check_model(network)
    return network


def _join(network: Any, added: Graph, outputs: dict[str, list[Any]], side: int) -> None:
    """Put what was added behind a network, and give both the input and the outputs that we promise."""
    own = network.input[0].name
    if own != contract.PIXELS:
        network.node.insert(0, helper.make_node("Identity", [contract.PIXELS], [own]))
    network.node.extend(added.nodes)
    network.initializer.extend(added.constants)
    del network.input[:], network.output[:]
    shape = ["n", side, side, 3]
    network.input.append(helper.make_tensor_value_info(contract.PIXELS, TensorProto.UINT8, shape))
    network.output.extend(helper.make_tensor_value_info(name, FLOAT, shape) for name, shape in outputs.items())


def say(composed: Any, said: Mapping[str, Any]) -> None:
    """Put what a model says of itself into its metadata, in the place of what was there."""
    helper.set_model_props(composed, {contract.KEY: json.dumps(said)})


def session(composed: bytes | str) -> Any:
    """A composed model, the file or its bytes, in ONNX Runtime."""
    import onnxruntime as ort

    options = ort.SessionOptions()
    options.log_severity_level = 3
    return ort.InferenceSession(composed, options, providers=["CPUExecutionProvider"])


def answered(composed: bytes | str, pixels: Pixels, batch: int = 16) -> dict[str, Floats]:
    """What a composed model answers for photos (n, size, size, 3), by the name of the output, in ONNX Runtime.

    Args:
        composed: the file, or its bytes.
        pixels: any number of photos.
        batch: how many at once.

    """
    running = session(composed)
    names = [output.name for output in running.get_outputs()]
    parts = [running.run(None, {contract.PIXELS: pixels[i : i + batch]}) for i in range(0, len(pixels), batch)]
    return {name: np.concatenate(each) for name, each in zip(names, zip(*parts, strict=True), strict=True)}
