"""Names of classes in the words of a photo: what they add to a network's scores, and where they stand.

A name is compared with runs of words, as spaces come and go on signs ("Coca Cola", "RedBull"), by the edit distance
(Levenshtein 1966) over the longer of the two: a letter that is misread costs little, another word all.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Self

import numpy as np

from goodsight.arrays import Array
from goodsight.photos.words import Line

_RUN = 3
"""Words in a row that may be one name."""
_LEAST = 0.75
"""As alike as that counts nothing yet: "word" is to "ford" 0.75, "Oxford" 0.67."""


@dataclass(frozen=True)
class Named:
    """Which classes the words of a photo name: how surely (classes,), from 0 to 1, and where (classes, 4)."""

    sure: Array
    places: Array


@dataclass(frozen=True)
class Naming:
    """How the words in photos add to a network's scores.

    Attributes:
        names: of the classes, '' for one that no word names.
        weight: what a name that is read without a doubt adds to the score of its class.

    """

    names: tuple[str, ...]
    weight: float

    def named(self, lines: Sequence[Line]) -> Named:
        """Which classes some lines name."""
        sure, places = np.zeros(len(self.names), np.float32), np.zeros((len(self.names), 4), np.float32)
        runs = _runs(lines)
        for number, name in enumerate(map(_joined, self.names)):
            for run, how_sure, place in runs if name else ():
                like = (alike(name, run) - _LEAST) / (1 - _LEAST) * how_sure
                if like > sure[number]:
                    sure[number], places[number] = like, place
        return Named(sure, places)

    def add(self, scores: Array, place: Array, named: Named) -> tuple[Array, Array]:
        """A photo's scores (classes,) and place (4,), with what its words add.

        The place is that of the likeliest of the named classes: where words made it another one, theirs.
        """
        brands = np.array([bool(name) for name in self.names])
        more = scores + np.float32(self.weight) * named.sure
        before, after = (int(np.where(brands, one, -np.inf).argmax()) for one in (scores, more))
        return more, place if before == after else named.places[after]

    def to_json(self) -> dict[str, Any]:
        """As ``model.json`` keeps it."""
        return asdict(self)

    @classmethod
    def from_json(cls, record: dict[str, Any]) -> Self:
        """The reverse of :meth:`to_json`."""
        return cls(tuple(record["names"]), float(record["weight"]))


def alike(one: str, two: str) -> float:
    """How alike two texts are: 1 less their edit distance over the length of the longer one."""
    longer = max(len(one), len(two), 1)
    if abs(len(one) - len(two)) > (1 - _LEAST) * longer:
        return 1 - abs(len(one) - len(two)) / longer  # at best: too little to count
    row = list(range(len(two) + 1))
    for i, letter in enumerate(one, 1):
        before, row[0] = row[0], i
        for j, other in enumerate(two, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (letter != other))
    return 1 - row[-1] / longer


def _runs(lines: Sequence[Line]) -> list[tuple[str, float, Array]]:
    """Every run of words, joined, of one line or the next ones: with its least sureness and its place."""
    words = [(word, line) for line in lines for word in _words(line.text)]
    found = []
    for first in range(len(words)):
        for count in range(1, min(_RUN, len(words) - first) + 1):
            some = words[first : first + count]
            places = np.array([line.place for _, line in some], np.float32)
            place = np.concatenate([places[:, :2].min(axis=0), places[:, 2:].max(axis=0)])
            found.append(("".join(word for word, _ in some), min(line.sure for _, line in some), place))
    return found


def _joined(name: str) -> str:
    return "".join(_words(name))


def _words(text: str) -> list[str]:
    """The words of a text, without accents and in one case."""
    plain = unicodedata.normalize("NFKD", text)
    return re.findall(r"[^\W_]+", "".join(c for c in plain if not unicodedata.combining(c)).casefold())
