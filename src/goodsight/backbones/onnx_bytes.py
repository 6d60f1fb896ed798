"""The messages of an ONNX file as bytes, so that writing one takes no library of 35 MB.

Source: onnx.proto of ONNX 1.12, and the wire format of protocol buffers: each field is its number and kind, then a
number in pieces of seven bits, or a length and so many bytes. A message is the fields one after the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

UINT8, FLOAT, INT64 = 2, 1, 7
"""Types of numbers, as ONNX counts them."""
_TYPES = {np.dtype(np.float32): FLOAT, np.dtype(np.int64): INT64}


def tensor(array: npt.NDArray[Any], name: str) -> bytes:
    """A tensor of float32 or int64."""
    numbers = np.ascontiguousarray(array, array.dtype.newbyteorder("<")).tobytes()
    dims = (_field(1, side) for side in array.shape)
    return b"".join([*dims, _field(2, _TYPES[array.dtype]), _field(8, name), _field(9, numbers)])


def value(name: str, kind: int, shape: Sequence[int | str]) -> bytes:
    """An input or output, with the name of each side that is not fixed."""
    sides = b"".join(_field(1, _field(1 if isinstance(side, int) else 2, side)) for side in shape)
    return _field(1, name) + _field(2, _field(1, _field(1, kind) + _field(2, sides)))


def node(operator: str, given: Iterable[str], name: str, attributes: dict[str, Any]) -> bytes:
    """A step, with one output of its own name."""
    inputs = (_field(1, one) for one in given)
    settings = (_field(5, _attribute(key, setting)) for key, setting in attributes.items())
    return b"".join([*inputs, _field(2, name), _field(3, name), _field(4, operator), *settings])


def _attribute(name: str, setting: Any) -> bytes:
    if isinstance(setting, str):
        said = _field(4, setting) + _field(20, 3)
    elif isinstance(setting, int):
        said = _field(3, setting) + _field(20, 2)
    else:
        said = b"".join(_field(8, number) for number in setting) + _field(20, 7)
    return _field(1, name) + said


def model(
    nodes: Sequence[bytes], weights: Sequence[bytes], inputs: Sequence[bytes], outputs: Sequence[bytes], opset: int
) -> bytes:
    """The whole file, of version 8 of the format, for a version of the operators."""
    parts = ((1, nodes), (2, ["goodsight"]), (5, weights), (11, inputs), (12, outputs))
    graph = b"".join(_field(number, one) for number, some in parts for one in some)
    return _field(1, 8) + _field(2, "goodsight") + _field(7, graph) + _field(8, _field(1, "") + _field(2, opset))


def _field(number: int, content: int | str | bytes) -> bytes:
    if isinstance(content, int):
        return _number(number << 3) + _number(content)
    data = content.encode() if isinstance(content, str) else content
    return _number(number << 3 | 2) + _number(len(data)) + data


def _number(value: int) -> bytes:
    value &= (1 << 64) - 1  # a negative one is its complement
    pieces = bytearray()
    while value > 127:
        pieces.append(value & 127 | 128)
        value >>= 7
    return bytes([*pieces, value])
