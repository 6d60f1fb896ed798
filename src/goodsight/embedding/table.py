"""Embedded photos, one by one and as arrays."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from goodsight.arrays import Array, Half, Ints, Pixels
from goodsight.catalog.rows import Row
from goodsight.embedding.filed import Embeddings, taken
from goodsight.photos.limits import BadPhoto

THUMBNAIL = 16


@dataclass(frozen=True)
class Embedded:
    """One photo: its content hash ('' when not read or not asked for), and its embedding or what is wrong with it."""

    row: Row
    sha256: str = ""
    vector: Half | None = None
    thumbnail: Pixels | None = None
    bad: BadPhoto | None = None


@dataclass(frozen=True)
class Table:
    """The good photos of a run as arrays in the order of the rows, and the bad ones with their reasons.

    Attributes:
        rows: the good photos (n).
        sha256: their content hashes (n).
        filed: their embeddings (n, width); of many photos they lie in a file.
        thumbnails: grey ones (n, 256).
        bad: the bad photos.

    """

    rows: tuple[Row, ...]
    sha256: tuple[str, ...]
    filed: Embeddings
    thumbnails: Pixels
    bad: tuple[tuple[Row, BadPhoto], ...]

    @property
    def vectors(self) -> Array:
        """All embeddings (n, width), in memory."""
        return self.filed[:].astype(np.float32, copy=False)

    def take(self, chosen: Ints) -> Table:
        """Some of the good photos, and all of the bad ones."""
        rows, digests = (tuple(column[i] for i in chosen) for column in (self.rows, self.sha256))
        filed = taken(self.filed, chosen)
        return Table(rows, digests, filed, self.thumbnails[chosen], self.bad)
