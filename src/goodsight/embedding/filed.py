"""Embeddings of many photos lie in a file instead of in memory, and are read some thousand at a time.

The file has no name, lies in the cache folder, and vanishes with the last that reads it, however the program ends.
"""

from __future__ import annotations

import tempfile
import weakref
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from goodsight.arrays import Array, Bools, Half, Ints, Vectors
from goodsight.files import cache_folder

HELD = 20_000
"""The embeddings of so many photos are held in memory; those of more are filed."""
BLOCK = 4096
"""Photos that are looked at together where there are many."""


class File:
    """Numbers, float16, in a file without a name, which is closed with the last that knows it."""

    def __init__(self) -> None:
        self._stream = tempfile.TemporaryFile(dir=cache_folder(), prefix="goodsight-")  # noqa: SIM115
        self.close = weakref.finalize(self, self._stream.close)

    def append(self, vectors: Vectors) -> None:
        """Write embeddings (n, width) at the end."""
        for start in range(0, len(vectors), BLOCK):
            self._stream.write(np.ascontiguousarray(vectors[start : start + BLOCK], np.float16).tobytes())

    def read(self, place: int, into: Half) -> None:
        """Fill an array (k, width) with the embeddings from a place on."""
        self._stream.seek(place * into.shape[1] * into.itemsize)
        for start in range(0, len(into), BLOCK):
            piece = into[start : start + BLOCK]
            piece[:] = np.frombuffer(self._stream.read(piece.nbytes), np.float16).reshape(piece.shape)


@dataclass(frozen=True)
class Filed:
    """Embeddings (n, width) in files, as float16, which is all that the network gives.

    Attributes:
        files: one after the other.
        sizes: how many embeddings each has.
        width: columns of an embedding.
        rows: which of them these are (n,), numbered over all files.

    """

    files: tuple[File, ...]
    sizes: tuple[int, ...]
    width: int
    rows: Ints

    def __len__(self) -> int:
        return len(self.rows)

    def __getitem__(self, chosen: slice | Ints | Bools) -> Half:
        """Some of them (k, width), in memory.

        They are read, not mapped: a map keeps every page that was ever looked at in this process's memory.
        """
        rows = self.rows[chosen]
        found = np.empty((len(rows), self.width), np.float16)
        ends = np.cumsum(self.sizes)
        for file, size, end in zip(self.files, self.sizes, ends.tolist(), strict=True):
            mine = np.flatnonzero((rows >= end - size) & (rows < end))
            places = rows[mine] - (end - size)
            # What lies side by side, in the file and in the answer, is read at once.
            apart = np.flatnonzero((np.diff(places) != 1) | (np.diff(mine) != 1)) + 1
            for first, last in zip([0, *apart.tolist()], [*apart.tolist(), len(mine)], strict=True):
                if first < last:
                    file.read(int(places[first]), found[mine[first] : mine[last - 1] + 1])
        return found

    def take(self, rows: Ints | Bools) -> Filed:
        """Some of them, still filed."""
        return Filed(self.files, self.sizes, self.width, self.rows[rows])


Embeddings = Vectors | Filed
"""Embeddings (n, width), wherever they are."""


class Filing:
    """Embeddings that come one by one, for an array or, of many, for a file.

    Args:
        count: how many there may be.
        width: columns of an embedding.

    """

    def __init__(self, count: int, width: int) -> None:
        self._file = File() if count > HELD else None
        self._some: Array = np.empty((count if self._file is None else BLOCK, width), np.float32)
        self._filled, self._written = 0, 0

    def add(self, vector: Half) -> None:
        """One more (width,)."""
        self._some[self._filled] = vector
        self._filled += 1
        if self._file is not None and self._filled == len(self._some):
            self._write(self._file)

    def done(self) -> Array | Filed:
        """All of them: float32, since what follows would convert each again, or filed."""
        if self._file is None:
            return self._some[: self._filled]
        self._write(self._file)
        return Filed((self._file,), (self._written,), self._some.shape[1], np.arange(self._written))

    def _write(self, file: File) -> None:
        file.append(self._some[: self._filled])
        self._written += self._filled
        self._filled = 0


def taken(vectors: Embeddings, rows: Ints | Bools) -> Embeddings:
    """Some embeddings, filed where they were."""
    return vectors.take(rows) if isinstance(vectors, Filed) else vectors[rows]


def joined(parts: Sequence[Embeddings]) -> Embeddings:
    """Embeddings one after the other: filed as soon as one part is."""
    if not any(isinstance(part, Filed) for part in parts):
        return np.concatenate([part[:] for part in parts])
    filed = [part if isinstance(part, Filed) else put_away(part) for part in parts]
    first = np.cumsum([0, *(sum(part.sizes) for part in filed)])
    return Filed(
        tuple(file for part in filed for file in part.files),
        tuple(size for part in filed for size in part.sizes),
        filed[0].width,
        np.concatenate([part.rows + start for part, start in zip(filed, first, strict=False)]),
    )


def put_away(vectors: Vectors) -> Filed:
    """Embeddings (n, width) in a file, as float16."""
    file = File()
    file.append(vectors)
    return Filed((file,), (len(vectors),), vectors.shape[1], np.arange(len(vectors)))


def pieces(rows: Ints) -> Iterator[Ints]:
    """Rows in their order, some thousand at a time."""
    for start in range(0, len(rows), BLOCK):
        yield rows[start : start + BLOCK]


def blocks(vectors: Embeddings) -> Iterator[Vectors]:
    """All embeddings in their order, some thousand at a time."""
    for start in range(0, len(vectors), BLOCK):
        yield vectors[start : start + BLOCK]
