"""The network of a model folder, ready to be gone on with: its first output alone, in operations of our time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import onnx
from onnx import version_converter

from goodsight.errors import EngineError
from goodsight.exporting.graph import LEAST_OPSET

_NEWER, _FORMAT = 17, 8
"""The operator set that older ones are converted to, and the version of the file's form that goes with it."""


def load(path: Path) -> Any:
    """The network of a file, as a protobuf that holds nothing that its first output does without.

    Raises:
        EngineError: its operations are too old to be gone on with, and cannot be converted.

    """
    network = onnx.load(str(path))
    if any(each.domain in ("", "ai.onnx") and each.version < LEAST_OPSET for each in network.opset_import):
        try:
            network = version_converter.convert_version(network, _NEWER)
        except Exception as error:  # the converter has errors of many types
            raise EngineError(
                f"{path}: its operations are older than set {LEAST_OPSET} and cannot be converted: {error}; "
                "save the network with a newer one and train again"
            ) from error
    # Older forms name every weight among the inputs.
    network.ir_version = max(network.ir_version, _FORMAT)
    weights = {tensor.name for tensor in network.graph.initializer}
    _keep(network.graph, "input", [given for given in network.graph.input if given.name not in weights])
    _first_output_alone(network.graph)
    return network


def _first_output_alone(graph: Any) -> None:
    del graph.output[1:]
    wanted, nodes = {graph.output[0].name}, []
    for node in reversed(graph.node):
        if not wanted.isdisjoint(node.output):
            nodes.append(node)
            wanted.update(_asked(node))
    _keep(graph, "node", nodes[::-1])
    _keep(graph, "initializer", [tensor for tensor in graph.initializer if tensor.name in wanted])


def _keep(graph: Any, field: str, parts: Sequence[Any]) -> None:
    # Copied, as the field's own parts are gone when it is emptied.
    copies = [type(part).FromString(part.SerializeToString()) for part in parts]
    del getattr(graph, field)[:]
    getattr(graph, field).extend(copies)


def _asked(node: Any) -> Iterator[str]:
    """What an operation takes, and what the graphs inside it do."""
    yield from node.input
    for attribute in node.attribute:
        for inner in [*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])]:
            yield from (output.name for output in inner.output)
            for each in inner.node:
                yield from _asked(each)
