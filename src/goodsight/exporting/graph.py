"""Operations on their way into an ONNX graph: each is named here, and takes names or arrays.

Only operations are used that mean the same in every operator set from 13 on, whatever that of the network is.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from onnx import TensorProto, helper, numpy_helper

from goodsight.arrays import Array, Doubles

LEAST_OPSET = 13
FLOAT, DOUBLE, HALF = TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16

Value = str | npt.NDArray[Any]
"""The name of what the graph computes, or a constant."""


def single(number: float) -> Array:
    """A float32 constant (1,)."""
    return np.array([number], np.float32)


def double(number: float) -> Doubles:
    """A float64 constant (1,)."""
    return np.array([number], np.float64)


class Graph:
    """Nodes and constants, in the order in which they are computed.

    Attributes:
        nodes: the operations.
        constants: the arrays that they take.

    """

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.constants: list[Any] = []

    def add(self, operation: str, *inputs: Value, output: str = "", unused: int = 0, **attributes: Any) -> str:
        """Add an operation; the name of its output, or of the first where more are ``unused``."""
        output = output or f"goodsight/{len(self.nodes)}"
        names = [given if isinstance(given, str) else self._constant(given) for given in inputs]
        outputs = [output, *(f"{output}/{number + 1}" for number in range(unused))]
        self.nodes.append(helper.make_node(operation, names, outputs, name=output, **attributes))
        return output

    def _constant(self, value: npt.NDArray[Any]) -> str:
        name = f"goodsight/constant/{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(value), name))
        return name

    def cast(self, value: Value, kind: int, output: str = "") -> str:
        """The same numbers in another type."""
        return self.add("Cast", value, to=kind, output=output)

    def columns(self, value: str, chosen: slice) -> str:
        """Some columns of rows (n, width)."""
        ends = (np.array([end], np.int64) for end in (chosen.start, chosen.stop))
        return self.add("Slice", value, *ends, np.array([1], np.int64))

    def sum(self, value: str) -> str:
        """The sum of each row (n, k), as (n, 1)."""
        return self.add("ReduceSum", value, np.array([1], np.int64), keepdims=1)

    def unit(self, rows: str, least: float) -> str:
        """Rows (n, k) divided by their lengths, or by ``least`` where they are shorter."""
        length = self.add("Sqrt", self.sum(self.add("Mul", rows, rows)))
        return self.add("Div", rows, self.add("Max", length, single(least)))

    def kept(self, value: Array) -> Value:
        """A constant float32 array, kept in half the room where that loses nothing."""
        half = value.astype(np.float16)
        return self.cast(half, FLOAT) if np.array_equal(half.astype(np.float32), value) else value
