"""Embedded photos, one by one and as arrays."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from goodsight.catalog.rows import Row
from goodsight.photos.limits import BadPhoto

THUMBNAIL = 16


@dataclass(frozen=True)
class Embedded:
    """One photo: its content hash ('' when not read or not asked for), and its embedding or what is wrong with it."""

    row: Row
    sha256: str = ""
    vector: npt.NDArray[np.float16] | None = None
    thumbnail: npt.NDArray[np.uint8] | None = None
    bad: BadPhoto | None = None


@dataclass(frozen=True)
class Table:
    """The good photos of a run as arrays in the order of the rows, and the bad ones with their reasons."""

    rows: tuple[Row, ...]
    sha256: tuple[str, ...]
    vectors: npt.NDArray[np.float32]
    thumbnails: npt.NDArray[np.uint8]
    bad: tuple[tuple[Row, BadPhoto], ...]

    def view(self, attribute: int) -> Table:
        """The same photos, looked at for one of their labels; see :meth:`goodsight.catalog.rows.Catalog.view`."""
        return replace(self, rows=tuple(replace(row, label=row.labels[attribute]) for row in self.rows))

    def take(self, chosen: npt.NDArray[np.integer]) -> Table:
        """Some of the good photos, and all of the bad ones."""
        rows, digests = (tuple(column[i] for i in chosen) for column in (self.rows, self.sha256))
        return Table(rows, digests, self.vectors[chosen], self.thumbnails[chosen], self.bad)
