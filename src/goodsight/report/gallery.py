"""The photos behind the figures of a page: which are shown, and small pictures of them that the page holds once each.

A page stays below 10 MB: a place of the confusion table shows :data:`PER_CELL` photos at most, the surest mistakes
first, and :data:`PER_RIGHT` right ones; all pictures together take :data:`BYTES` at most.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from goodsight.catalog.rows import Row
from goodsight.measuring.result import Answers
from goodsight.photos.limits import Limits
from goodsight.report.thumbnails import Thumbnails

PER_CELL, PER_RIGHT = 12, 6
MOST = 1000
"""Photos in a page, if that leaves one of each place."""
BYTES = 8_000_000
"""Of pictures in a page, as text."""
_EDGES = ((400, 256), (700, 208))
"""For up to so many photos a picture's longer side has so many pixels, for more :data:`_SMALLEST`."""
_SMALLEST = 168


def edge_for(photos: int) -> int:
    """The longer side of pictures, in pixels, so that so many stay well below :data:`BYTES`."""
    return next((edge for most, edge in _EDGES if photos <= most), _SMALLEST)


def cells(answers: Answers, most: int = PER_CELL) -> dict[tuple[int, int], list[int]]:
    """Which photos are shown of each pair (label, given): the surest mistakes; of right ones the most and least sure.

    Args:
        answers: about photos.
        most: of a pair.

    Returns:
        Numbers of photos, for every pair that has any.

    """
    found: dict[tuple[int, int], list[int]] = {}
    for number in np.argsort(-answers.confidence, kind="stable").tolist():
        found.setdefault((int(answers.labels[number]), int(answers.given[number])), []).append(number)
    return {pair: _shown(numbers, most, right=pair[0] == pair[1]) for pair, numbers in found.items()}


def _shown(numbers: Sequence[int], most: int, *, right: bool) -> list[int]:
    if not right:
        return list(numbers[:most])
    half = _half(most)
    return list(dict.fromkeys([*numbers[:half], *numbers[-half:]]))


def _half(most: int) -> int:
    """How many of the most sure right answers are shown, and of the least sure."""
    return (min(most, PER_RIGHT) + 1) // 2


def rows(answers: Answers, most: int) -> list[Row]:
    """The photos that are shown of all pairs."""
    return [answers.rows[number] for numbers in cells(answers, most).values() for number in numbers]


def most_per_cell(every: Sequence[Answers]) -> int:
    """How many photos of a pair can be shown so that the page has :data:`MOST` at most, or else 1."""
    right: list[int] = []
    wrong: list[int] = []
    for answers in every:
        counts = np.unique(np.stack([answers.labels, answers.given]), axis=1, return_counts=True)
        for (label, given), photos in zip(counts[0].T, counts[1].tolist(), strict=True):
            (right if label == given else wrong).append(photos)
    for most in range(PER_CELL, 1, -1):
        if sum(min(n, 2 * _half(most)) for n in right) + sum(min(n, most) for n in wrong) <= MOST:
            return most
    return 1


class Pictures:
    """Small pictures that a page holds, by number; each photo is there once.

    Args:
        limits: on bytes and pixels of a photo.
        edge: the longer side of a picture, in pixels.

    """

    def __init__(self, limits: Limits, edge: int) -> None:
        self.thumbnails = Thumbnails(limits, edge)
        self._numbers: dict[object, int | None] = {}
        self._uris: list[tuple[str, str]] = []
        self._bytes = 0

    def of(self, row: Row) -> int | None:
        """The number of a photo's picture; None when the page is full."""
        if row.path not in self._numbers:
            self._numbers[row.path] = self.add(self.thumbnails(row))
        return self._numbers[row.path]

    def add(self, picture: tuple[str, str]) -> int | None:
        """The number of another picture (data URI, or what is wrong); None when the page is full."""
        if self._bytes + len(picture[0]) > BYTES:
            return None
        self._bytes += len(picture[0])
        self._uris.append(picture)
        return len(self._uris) - 1

    def prepare(self, rows: Iterable[Row]) -> None:
        """Make the pictures of many photos at once."""
        self.thumbnails.prepare(rows)

    def to_json(self) -> list[str | list[str]]:
        """Each picture: a data URI, or in a list what is wrong with the photo."""
        return [uri or [reason] for uri, reason in self._uris]


@dataclass
class Gallery:
    """What a page knows of the photos that it can show.

    Attributes:
        pictures: of the photos.
        photos: one for each photo and attribute: its name, picture, label, and answers.
        sets: photos that are shown together, by the key that opens them.

    """

    pictures: Pictures
    photos: list[dict[str, Any]] = field(default_factory=list)
    sets: dict[str, dict[str, Any]] = field(default_factory=dict)

    def photo(self, row: Row, label: str, answers: Sequence[tuple[str, str, float]]) -> int | None:
        """Add a photo; its number, or None when the page is full.

        Args:
            row: the photo.
            label: its true label.
            answers: who said what ('' where there is only one), and how sure.

        """
        picture = self.pictures.of(row)
        if picture is None:
            return None
        said = [[who, answer, round(float(p), 4)] for who, answer, p in answers]
        self.photos.append({"n": row.file_name, "p": picture, "l": label, "a": said})
        return len(self.photos) - 1

    def together(self, key: str, title: str, photos: Iterable[int | None], of: int) -> None:
        """Add photos that are shown together, of so many that there are; None for one that found no room."""
        self.sets[key] = {"t": title, "p": [photo for photo in photos if photo is not None], "of": of}

    def to_json(self) -> dict[str, Any]:
        """What the script of the page reads."""
        return {"pictures": self.pictures.to_json(), "photos": self.photos, "sets": self.sets}
