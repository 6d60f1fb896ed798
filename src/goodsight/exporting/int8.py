"""A network in 8-bit integers, and what that costs.

Static quantisation (Jacob et al. 2018, Quantization and Training of Neural Networks for Efficient Integer-Arithmetic-
Only Inference) as ONNX Runtime does it: weights per channel, activations by the range that they have on photos. Only
convolutions, products and what lies between them are quantised; what is pooled, and the heads behind, stay in floats.
"""

from __future__ import annotations

import logging
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from goodsight.arrays import Bools, Doubles, Floats, Pixels
from goodsight.errors import EngineError
from goodsight.exporting import contract
from goodsight.exporting.composed import answered, session
from goodsight.model.record import Model

LEAST = 32
"""Photos to quantise and measure with, at least."""
MOST = 128
"""So many are enough to know the range of every activation; as many others are measured on."""
_BATCH, _ROUNDS = 8, 8
_OPERATIONS = ("Add", "Clip", "Conv", "Gemm", "MatMul", "MaxPool", "Pad", "Relu")


@dataclass(frozen=True)
class Loss:
    """What 8-bit integers cost, on photos that did not set the ranges.

    Attributes:
        photos: how many.
        same: the share whose labels, of all attributes, are the same as in float32.
        off: the mean difference of a label's probability.
        largest: the largest one.
        on_topic: the mean difference of the p-value of being on topic.
        faster: seconds of the float32 model over those of this one, in ONNX Runtime on the machine that exported.

    """

    photos: int
    same: float
    off: float
    largest: float
    on_topic: float
    faster: float


def quantised(network: Any, pixels: Pixels) -> Any:
    """A network of 8-bit integers.

    Args:
        network: as :func:`goodsight.exporting.network.load` gives it; it is changed.
        pixels: photos (n, size, size, 3) like those that it will be asked about.

    Raises:
        EngineError: ONNX Runtime cannot quantise it.

    """
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
    from onnxruntime.quantization.shape_inference import quant_pre_process

    own = network.graph.input[0].name

    class Photos(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._batches = iter([{own: pixels[i : i + _BATCH]} for i in range(0, len(pixels), _BATCH)])

        def get_next(self) -> dict[str, Pixels] | None:
            return next(self._batches, None)

    for number, node in enumerate(network.graph.node):
        node.name = node.name or f"node {number}"
    with tempfile.TemporaryDirectory() as folder, _quiet():
        plain, ready, made = (Path(folder) / f"{name}.onnx" for name in ("plain", "ready", "made"))
        onnx.save(network, plain)
        try:
            quant_pre_process(plain, ready, skip_symbolic_shape=True)
            quantize_static(
                ready,
                made,
                Photos(),
                quant_format=QuantFormat.QDQ,
                op_types_to_quantize=list(_OPERATIONS),
                nodes_to_exclude=_beside(onnx.load(ready).graph),
                per_channel=True,
                activation_type=QuantType.QUInt8,
                weight_type=QuantType.QInt8,
            )
        except Exception as error:  # the quantiser has errors of many types
            raise EngineError(f"`int8`: this network cannot be quantised: {error}") from error
        return onnx.load(made)


def _beside(graph: Any) -> list[str]:
    """The names of sums that join no two branches of convolutions: a bias, or a little against a division by 0."""
    constants = {tensor.name for tensor in graph.initializer}
    constants |= {name for node in graph.node if node.op_type == "Constant" for name in node.output}
    return [node.name for node in graph.node if node.op_type == "Add" and not constants.isdisjoint(node.input)]


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the quantiser's advice on how to prepare a network, which is followed already."""
    level = logging.root.level
    logging.root.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logging.root.setLevel(level)


def compare(model: Model, exact: bytes, small: bytes, pixels: Pixels) -> Loss:
    """What is lost and won.

    Args:
        model: what was composed.
        exact: the composed model in float32.
        small: that with the quantised network.
        pixels: photos (n, size, size, 3) that did not set the ranges.

    """
    before, after = answered(exact, pixels), answered(small, pixels)
    same, offs = np.ones(len(pixels), bool), []
    for judge in model.judges:
        name = contract.output("probabilities", judge)
        labels = judge.given(before[name].astype(np.float64))
        same &= labels == judge.given(after[name].astype(np.float64))
        offs.append(np.abs(_of(before[name], labels) - _of(after[name], labels)))
    return _loss(same, np.concatenate(offs), before, after, _faster(exact, small, pixels))


def _of(probabilities: Floats, labels: Any) -> Floats:
    return np.asarray(probabilities[np.arange(len(labels)), labels])


def _loss(same: Bools, offs: Floats, before: dict[str, Floats], after: dict[str, Floats], faster: float) -> Loss:
    topic = float(np.abs(before[contract.ON_TOPIC] - after[contract.ON_TOPIC]).mean())
    return Loss(len(same), float(same.mean()), float(offs.mean()), float(offs.max()), topic, faster)


def _faster(exact: bytes, small: bytes, pixels: Pixels) -> float:
    """Seconds of one over those of the other, in turns: the best of some rounds, as other work only ever slows."""
    some = pixels[:_BATCH]
    seconds: Doubles = np.full((2, _ROUNDS), np.inf)
    sessions = [session(data) for data in (exact, small)]
    for turn in range(_ROUNDS):
        for which, running in enumerate(sessions):
            start = time.perf_counter()
            running.run(None, {contract.PIXELS: some})
            seconds[which, turn] = time.perf_counter() - start
    return float(seconds[0].min() / seconds[1].min())
