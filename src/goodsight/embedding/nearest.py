"""The sketches nearest to one, among a million, in milliseconds: the signs of all are compared, then a few exactly.

The signs of random projections agree the more, the smaller the angle (Charikar 2002, Similarity Estimation Techniques
from Rounding Algorithms), and 256 of them are 32 bytes. They are taken after the mean of all sketches is taken away:
photos of products are all a little alike, and without that most signs would be the same.
"""

from __future__ import annotations

import importlib.util
import threading
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from goodsight.arrays import Array, Bools, Half, Ints, Pixels

CLOSE, SHARE = 512, 256
"""The least number of sketches whose cosine is worked out exactly, and of how many it is one: among a million, with
thousands at about the same distance, 99 in 100 of the six nearest are then found, and each near copy."""
_WIDTH = 256
_LEAST_ROOM = 1024
_CHUNK = 1 << 16


class Nearest:
    """Sketches (256,), each with a number of its own. Safe to use from several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._count = 0
        self._mean: Array = np.zeros(_WIDTH, np.float32)
        self._numbers = np.empty(_LEAST_ROOM, np.int64)
        self._sketches = np.empty((_LEAST_ROOM, _WIDTH), np.float16)
        self._signs = np.empty((_LEAST_ROOM, _WIDTH // 8), np.uint8)

    def __len__(self) -> int:
        return self._count

    def numbers(self) -> Ints:
        """The numbers of all sketches (n,), in no order."""
        with self._lock:
            return self._numbers[: self._count].copy()

    def add(self, numbers: Ints, sketches: Half) -> None:
        """Add sketches (n, 256); those whose number (n,) is there already are left out."""
        unit = _unit(sketches.astype(np.float32))
        with self._lock:
            there = self._numbers[: self._count]
            new = ~np.isin(numbers, there[np.isin(there, numbers)])
            numbers, unit = numbers[new], unit[new]
            begin, end = self._count, self._count + len(numbers)
            self._numbers = _with_room(self._numbers, end)
            self._sketches = _with_room(self._sketches, end)
            grown = len(self._numbers) > len(self._signs)
            self._numbers[begin:end], self._sketches[begin:end], self._count = numbers, unit, end
            if grown or not begin:
                self._centre()
            else:
                self._signs[begin:end] = self._signs_of(unit)

    def forget(self, numbers: Ints) -> None:
        """Take sketches out; numbers that are not there are no error."""
        with self._lock:
            for row in np.flatnonzero(np.isin(self._numbers[: self._count], numbers))[::-1]:
                self._count -= 1
                for column in (self._numbers, self._sketches, self._signs):
                    column[row] = column[self._count]
                self._sketches[self._count] = 0

    def find(self, sketch: Half, count: int, least: float) -> tuple[Ints, Array]:
        """The numbers of the nearest sketches and their cosines, both (up to ``count``,), nearest first.

        Args:
            sketch: (256,).
            count: how many to give.
            least: their least cosine.

        """
        asked = _unit(sketch.astype(np.float32)[None])
        with self._lock:
            rows: Ints = np.arange(self._count)
            close = max(CLOSE, self._count // SHARE)
            if self._count > close:
                rows = _closest(self._signs[: self._count], self._signs_of(asked), close)
            cosine = self._sketches[rows].astype(np.float32) @ asked[0]
            order = np.argsort(-cosine, kind="stable")[:count]
            order = order[cosine[order] >= least]
            return self._numbers[rows[order]], cosine[order]

    def _centre(self) -> None:
        """The mean of all that is there, and all signs anew."""
        chunks = [slice(i, min(i + _CHUNK, self._count)) for i in range(0, self._count, _CHUNK)]
        total = sum((self._sketches[c].sum(axis=0, dtype=np.float32) for c in chunks), np.zeros_like(self._mean))
        self._mean = np.asarray(total / max(self._count, 1), np.float32)
        self._signs = np.empty((len(self._numbers), self._signs.shape[1]), np.uint8)
        for chunk in chunks:
            self._signs[chunk] = self._signs_of(self._sketches[chunk].astype(np.float32))

    def _signs_of(self, unit: Array) -> Pixels:
        above: Bools = unit > self._mean
        return np.packbits(above, axis=1)


def _closest(signs: Pixels, asked: Pixels, count: int) -> Ints:
    """The rows (count,) of ``signs`` (n, bytes) that differ least from those that are asked for (1, bytes)."""
    if _has_faiss():
        import faiss  # type: ignore[import-untyped,unused-ignore]

        rows: Ints = faiss.knn_hamming(asked, signs, count)[1][0]
        return rows
    return np.argpartition(_differing(signs, asked), count)[:count]


@cache
def _has_faiss() -> bool:
    return importlib.util.find_spec("faiss") is not None


def _differing(signs: Pixels, asked: Pixels) -> npt.NDArray[np.uint32]:
    """How many signs (n,) differ."""
    differ = signs.view(np.uint64) ^ asked.view(np.uint64)
    # The sum of four bytes by one product: a sum over a short last axis takes four times as long. Where all 256 signs
    # differ it comes to 0, which is no harm, as cosines are compared afterwards.
    counts = np.bitwise_count(differ).view(np.uint32).ravel()
    return np.asarray((counts * np.uint32(0x01010101)) >> np.uint32(24), np.uint32)


def _unit(rows: Array) -> Array:
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9), np.float32)


def _with_room(column: npt.NDArray[Any], count: int) -> npt.NDArray[Any]:
    """A column with room for so many rows, twice as many when it must grow."""
    if count <= len(column):
        return column
    wider = np.empty((max(count, 2 * len(column)), *column.shape[1:]), column.dtype)
    wider[: len(column)] = column
    return wider
