"""Which classes are taken for which: the table in an order that puts similar classes side by side, the worst pairs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.cluster.hierarchy import leaves_list, linkage
from scipy.spatial.distance import squareform

from goodsight.arrays import Ints

_LEVELS = (0.02, 0.05, 0.1, 0.25)
"""Shares of a class's photos from which a mistake is drawn stronger."""


_OPTIMAL = 200
"""Up to so many classes the order within the tree is the best one, which takes the square of their number."""


@dataclass(frozen=True)
class Pair:
    """A class that is taken for another: class numbers, how many photos, of how many."""

    label: int
    given: int
    photos: int
    of: int


@dataclass(frozen=True)
class Cell:
    """A place of the table: the class number that was given, how many photos, and how strong it is drawn.

    ``level`` is 0 where there is no photo, ``right`` on the diagonal, else 1 to 5.
    """

    given: int
    photos: int
    level: str


def order(confusion: Ints) -> list[int]:
    """Class numbers so that classes that are taken for each other stand side by side.

    A tree of average links (Sokal and Michener 1958), whose leaves are put in the order in which neighbours are most
    alike (Bar-Joseph et al. 2001, Fast optimal leaf ordering for hierarchical clustering).

    Args:
        confusion: photos of each class that were given each class (classes, classes).

    """
    classes = len(confusion)
    if classes < 3:
        return list(range(classes))
    shares = confusion / np.maximum(confusion.sum(axis=1, keepdims=True), 1)
    alike = (shares + shares.T) / 2
    np.fill_diagonal(alike, 1)
    away = squareform(1 - np.minimum(alike, 1), checks=False)
    tree = linkage(away, "average", optimal_ordering=classes <= _OPTIMAL)
    return [int(number) for number in leaves_list(tree)]


def pairs(confusion: Ints) -> list[Pair]:
    """Every class that is taken for another, the most photos first, then the larger share of the class."""
    counts = confusion.sum(axis=1)
    found = [
        Pair(int(label), int(given), int(confusion[label, given]), int(counts[label]))
        for label, given in np.argwhere(confusion)
        if label != given
    ]
    return sorted(found, key=lambda pair: (-pair.photos, -pair.photos / pair.of, pair.label, pair.given))


def table(confusion: Ints) -> list[tuple[int, list[Cell]]]:
    """Rows of (class number of the label, cells in the same order), but for classes without a photo or an answer."""
    there = np.flatnonzero(confusion.sum(axis=0) + confusion.sum(axis=1))
    wanted = [int(there[place]) for place in order(confusion[np.ix_(there, there)])]
    return [(label, [_cell(confusion[label], label, given) for given in wanted]) for label in wanted]


def _cell(row: Ints, label: int, given: int) -> Cell:
    photos = int(row[given])
    if not photos:
        return Cell(given, 0, "0")
    if label == given:
        return Cell(given, photos, "right")
    return Cell(given, photos, str(1 + int(np.searchsorted(_LEVELS, photos / row.sum(), side="right"))))


def taken_for(label: int, found: Sequence[Pair]) -> Pair | None:
    """What a class is most often taken for, among pairs in order; None where it never is."""
    return next((pair for pair in found if pair.label == label), None)
