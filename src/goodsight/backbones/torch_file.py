"""The tensors of a file that torch wrote, read without torch, and without doing anything that the file says.

Such a file (of the form before torch 1.6; source: ``torch.serialization._legacy_load``) is five pickles, and after them
the numbers. A pickle is a program that may call whatever it names. Here it is only taken apart into its steps: those
that build tensors are gone, of names, numbers, tuples and dictionaries, and the first other one ends the reading.
"""

from __future__ import annotations

import pickletools
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt

from goodsight.errors import EngineError

_MAGIC = 0x1950A86A20F9469CFC6C
_PROTOCOL = 1001
_TYPES = {"torch FloatStorage": "<f4", "torch LongStorage": "<i8"}
_DICTIONARY, _TENSOR = "collections OrderedDict", "torch._utils _rebuild_tensor_v2"
_VALUES = {"NONE": None, "NEWFALSE": False, "NEWTRUE": True}
_NUMBERS = {"BININT", "BININT1", "BININT2", "LONG1"}


class _Name(str):
    """What a pickle names, a module and something in it: never looked up, so no text of the file can pass for it."""


@dataclass(frozen=True)
class _Numbers:
    """A run of numbers at the end of the file."""

    key: str
    type: np.dtype[Any]
    count: int


@dataclass(frozen=True)
class _Tensor:
    numbers: _Numbers
    start: int
    shape: tuple[int, ...]
    steps: tuple[int, ...]


def read(path: Path) -> dict[str, npt.NDArray[Any]]:
    """The tensors by name: float32 or int64, each of its own shape.

    Raises:
        EngineError: the file is no such file, or asks for anything but tensors.
        OSError: it cannot be read.

    """
    try:
        with path.open("rb") as stream:
            if _built(stream) != _MAGIC or _built(stream) != _PROTOCOL or not _built(stream)["little_endian"]:
                raise ValueError("it does not begin as such a file does")
            tensors, keys = _built(stream), _built(stream)
            numbers = {key: _read(stream, key, tensors) for key in keys}
            return {name: _cut(tensor, numbers[tensor.numbers.key]) for name, tensor in tensors.items()}
    except (ValueError, KeyError, IndexError, TypeError, AttributeError) as error:
        raise EngineError(f"{path}: no file of tensors, as torch wrote them before 1.6: {error}") from error


def _built(stream: BinaryIO) -> Any:
    """What the next pickle builds."""
    builder = _Builder()
    for step, value, _ in pickletools.genops(stream):
        builder.take(step.name, value)
    return builder.stack.pop()


class _Builder:
    """Goes the steps of one pickle."""

    def __init__(self) -> None:
        self.stack: list[Any] = []
        self._marks: list[int] = []
        self._kept: dict[int, Any] = {}

    def take(self, step: str, value: Any) -> None:
        """Go one step.

        Raises:
            ValueError: it is none that tensors need.

        """
        if step in _NUMBERS or step == "BINUNICODE":
            self.stack.append(value)
        elif step in _VALUES:
            self.stack.append(_VALUES[step])
        elif step == "GLOBAL":
            self.stack.append(_Name(value))
        elif step in {"BINPUT", "LONG_BINPUT"}:
            self._kept[value] = self.stack[-1]
        elif step in {"BINGET", "LONG_BINGET"}:
            self.stack.append(self._kept[value])
        elif step == "MARK":
            self._marks.append(len(self.stack))
        elif step not in {"PROTO", "STOP"}:
            self._build(step)

    def _build(self, step: str) -> None:
        match step:
            case "EMPTY_DICT":
                self.stack.append({})
            case "EMPTY_LIST":
                self.stack.append([])
            case "EMPTY_TUPLE" | "TUPLE1" | "TUPLE2" | "TUPLE3":
                self.stack.append(tuple(self._last(int(step[-1]) if step[-1].isdigit() else 0)))
            case "TUPLE":
                self.stack.append(tuple(self._since_mark()))
            case "APPEND" | "APPENDS":
                some = self._last(1) if step == "APPEND" else self._since_mark()
                self.stack[-1].extend(some)
            case "SETITEM" | "SETITEMS":
                some = self._last(2) if step == "SETITEM" else self._since_mark()
                self.stack[-1].update(zip(some[::2], some[1::2], strict=True))
            case "BINPERSID":
                self.stack.append(_numbers(*self.stack.pop()))
            case "REDUCE":
                name, given = self._last(2)
                self.stack.append(_made(name, given))
            case "BUILD":
                self.stack.pop()  # attributes of the dictionary: its version
            case _:
                raise ValueError(f"it has the step {step}, which no tensor needs")

    def _last(self, count: int) -> list[Any]:
        begin = len(self.stack) - count
        if begin < 0:
            raise IndexError("it takes more than it has built")
        some = self.stack[begin:]
        del self.stack[begin:]
        return some

    def _since_mark(self) -> list[Any]:
        return self._last(len(self.stack) - self._marks.pop())


def _made(name: object, given: tuple[Any, ...]) -> Any:
    """What a call would give, of the two that are known."""
    if isinstance(name, _Name) and name == _DICTIONARY and not given:
        return {}
    if not (isinstance(name, _Name) and name == _TENSOR):
        raise ValueError(f"it calls {str(name)!r}, which makes no tensor")
    numbers, start, shape, steps, *_ = given
    return _Tensor(numbers, start, shape, steps)


def _numbers(kind: str, type: str, key: str, place: str, count: int, view: object) -> _Numbers:
    if kind != "storage" or type not in _TYPES or place != "cpu" or view is not None:
        raise ValueError(f"it has numbers of the kind {str(type)!r}")
    return _Numbers(key, np.dtype(_TYPES[type]), count)


def _read(stream: BinaryIO, key: str, tensors: dict[str, _Tensor]) -> npt.NDArray[Any]:
    """The next run of numbers, which must be as long as the tensors say."""
    one = next(tensor.numbers for tensor in tensors.values() if tensor.numbers.key == key)
    size = one.count * one.type.itemsize
    count, found = int.from_bytes(stream.read(8), "little"), bytearray(stream.read(size))
    if count != one.count or len(found) != size:
        raise ValueError(f"the numbers {key} are cut short")
    return np.frombuffer(found, one.type)


def _cut(tensor: _Tensor, numbers: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """A tensor by the numbers that it is made of, which may lie in any order."""
    places = np.full(tensor.shape, tensor.start)
    for axis, step in enumerate(np.meshgrid(*map(np.arange, tensor.shape), indexing="ij", sparse=True)):
        places += step * tensor.steps[axis]
    if places.size and not 0 <= places.min() <= places.max() < len(numbers):
        raise ValueError("a tensor reaches beyond its numbers")
    return np.asarray(numbers[places])
