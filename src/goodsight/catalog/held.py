"""A photo that Python holds, as a row."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from goodsight.catalog.rows import Row
from goodsight.photos import given
from goodsight.photos.given import Photo


@dataclass(frozen=True)
class Held(Row):
    """A row whose bytes come from ``photo``, which may be anything that :data:`goodsight.photos.given.Photo` names."""

    photo: Photo = field(default=b"", repr=False, compare=False)

    def plain(self) -> Row:
        """The row without the photo, so that an answer does not keep pixels alive."""
        return Row(self.file_name, self.path)


def rows(photos: Iterable[object]) -> Iterator[Held]:
    """Photos as rows, read lazily; ``path`` is where a file is, and nothing else has one.

    Raises:
        GoodsightError: one is of a type or shape that no photo has.

    """
    for number, one in enumerate(photos, 1):
        photo = given.require(one)
        # An array may be filled anew by whoever gave it, as cameras do, before it is decoded.
        own = photo.copy() if isinstance(photo, np.ndarray) else photo
        yield Held(given.name(photo, number), given.path(photo) or Path(), photo=own)
