"""Embedded photos, one by one and as arrays."""

from __future__ import annotations

from dataclasses import dataclass

from goodsight.arrays import Array, Half, Ints, Pixels
from goodsight.catalog.rows import Row
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
    """The good photos of a run as arrays in the order of the rows, and the bad ones with their reasons."""

    rows: tuple[Row, ...]
    sha256: tuple[str, ...]
    vectors: Array
    thumbnails: Pixels
    bad: tuple[tuple[Row, BadPhoto], ...]

    def take(self, chosen: Ints) -> Table:
        """Some of the good photos, and all of the bad ones."""
        rows, digests = (tuple(column[i] for i in chosen) for column in (self.rows, self.sha256))
        return Table(rows, digests, self.vectors[chosen], self.thumbnails[chosen], self.bad)
