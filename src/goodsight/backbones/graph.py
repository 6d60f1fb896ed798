"""Networks written down as ONNX graphs: values with the usual signs, each of which adds a step to the graph."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from goodsight.backbones import onnx_bytes

OPSET = 17
"""The version of the operators."""
FLOATS = onnx_bytes.FLOAT
"""The type to cast to."""


class Graph:
    """An ONNX graph in the making, with one input: photos in RGB, uint8 (n, side, side, 3).

    Args:
        side: of the photos, in pixels.

    """

    def __init__(self, side: int) -> None:
        self._input = onnx_bytes.value("pixels", onnx_bytes.UINT8, ["n", side, side, 3])
        self._steps: list[bytes] = []
        self._weights: list[bytes] = []
        self._outputs: list[bytes] = []
        self.pixels = Value(self, "pixels")

    def weight(self, value: npt.ArrayLike, name: str = "") -> Value:
        """Numbers that the file holds: floats as float32, whole numbers as int64."""
        array = np.asarray(value)
        array = array.astype(np.int64 if array.dtype.kind in "iu" else np.float32)
        name = name or f"constant_{len(self._weights)}"
        self._weights.append(onnx_bytes.tensor(array, name))
        return Value(self, name)

    def add(self, operator: str, *given: Value | float | None, **attributes: Any) -> Value:
        """A step.

        Args:
            operator: its name in ONNX.
            given: its inputs; a number becomes a constant, None is an input that is left out.
            attributes: as ONNX has them: texts, whole numbers, or several of these.

        """
        name = f"{operator}_{len(self._steps)}"
        names = [self._name(one) for one in given]
        self._steps.append(onnx_bytes.node(operator, names, name, attributes))
        return Value(self, name)

    def _name(self, given: Value | float | None) -> str:
        if given is None:
            return ""
        return given.name if isinstance(given, Value) else self.weight(float(given)).name

    def output(self, value: Value, name: str, shape: Sequence[int]) -> None:
        """Make a value an output, float32 (n, ...), under a name of its own."""
        self._steps.append(onnx_bytes.node("Identity", [value.name], name, {}))
        self._outputs.append(onnx_bytes.value(name, onnx_bytes.FLOAT, ["n", *shape]))

    def write(self, path: Path) -> None:
        """Write the file."""
        path.write_bytes(onnx_bytes.model(self._steps, self._weights, [self._input], self._outputs, OPSET))


@dataclass(frozen=True)
class Value:
    """What a step gives. Its signs and methods are those of arrays."""

    graph: Graph
    name: str

    def __add__(self, other: Value | float) -> Value:
        return self.graph.add("Add", self, other)

    def __sub__(self, other: Value | float) -> Value:
        return self.graph.add("Sub", self, other)

    def __rsub__(self, other: float) -> Value:
        return self.graph.add("Sub", other, self)

    def __mul__(self, other: Value | float) -> Value:
        return self.graph.add("Mul", self, other)

    def __truediv__(self, other: Value | float) -> Value:
        return self.graph.add("Div", self, other)

    def __matmul__(self, other: Value) -> Value:
        return self.graph.add("MatMul", self, other)

    def __pow__(self, other: float) -> Value:
        return self.graph.add("Pow", self, other)

    def __neg__(self) -> Value:
        return self.graph.add("Neg", self)

    def exp(self) -> Value:
        """The exponential of each number."""
        return self.graph.add("Exp", self)

    def sqrt(self) -> Value:
        """The root of each number."""
        return self.graph.add("Sqrt", self)

    def clip(self, low: float, high: float | None = None) -> Value:
        """No number below ``low``, or above ``high``."""
        return self.graph.add("Clip", self, low, high)

    def mean(self, *axes: int, keep: bool = False) -> Value:
        """The mean over some axes."""
        return self.graph.add("ReduceMean", self, axes=axes, keepdims=int(keep))

    def most(self, *axes: int) -> Value:
        """The largest number over some axes, which stay as axes of one."""
        return self.graph.add("ReduceMax", self, axes=axes, keepdims=1)

    def sum(self, axis: int, *, keep: bool = False) -> Value:
        """The sum over an axis."""
        return self.graph.add("ReduceSum", self, self.graph.weight([axis]), keepdims=int(keep))

    def take(self, axis: int, places: int | Sequence[int]) -> Value:
        """Some places of an axis; a single one takes the axis away."""
        return self.graph.add("Gather", self, self.graph.weight(places), axis=axis)

    def cut(self, begin: int, end: int, *axes: int) -> Value:
        """What lies between two places of some axes."""
        bounds = (self.graph.weight([one] * len(axes)) for one in (begin, end))
        return self.graph.add("Slice", self, *bounds, self.graph.weight(axes))

    def reshaped(self, *shape: int) -> Value:
        """In another shape, of which one axis may be -1."""
        return self.graph.add("Reshape", self, self.graph.weight(shape))

    def turned(self, *axes: int) -> Value:
        """With the axes in another order."""
        return self.graph.add("Transpose", self, perm=axes)

    def opened(self, *axes: int) -> Value:
        """With new axes of one at these places."""
        return self.graph.add("Unsqueeze", self, self.graph.weight(axes))

    def scaled(self, side: int) -> Value:
        """Maps (n, c, h, w) as (n, c, side, side), each value from its nearest four."""
        first = self.graph.add("Shape", self, end=2)
        sides = self.graph.add("Concat", first, self.graph.weight([side, side]), axis=0)
        return self.graph.add("Resize", self, None, None, sides, mode="linear")


def joined(values: Sequence[Value], axis: int) -> Value:
    """Values one after the other along an axis."""
    return values[0].graph.add("Concat", *values, axis=axis)
