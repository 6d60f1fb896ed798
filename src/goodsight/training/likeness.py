"""How alike photos are: clusters within a class, photos that would join one, and how far folds are from each other."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.cluster.hierarchy import average, fcluster

from goodsight.arrays import Array, Bools, Doubles, Floats, Ints
from goodsight.embedding.filed import BLOCK, HELD, Embeddings, Filed
from goodsight.heads.folds import deal, kept_together
from goodsight.heads.scaler import Scaler

CUTS = tuple(np.arange(0.9, 0.29, -0.05).round(2).tolist())
"""Where series may be cut to be like photos that are given, the finest first."""
COARSEST = 0.5
"""The last of these for a network whose own is not known."""
LARGEST = 8000
"""Photos of a class whose pairs are compared: the series of larger classes are not sought."""
_LOOKED_AT = 1000
_TOGETHER = 2048
"""Photos of a class whose cosines are there at once, beside what is kept of them."""


@dataclass(frozen=True)
class FiledUnits:
    """Embeddings of length 1 (n, width), made of standardised ones that lie in a file whenever some are looked at."""

    vectors: Filed
    scaler: Scaler

    def __len__(self) -> int:
        return len(self.vectors)

    def __getitem__(self, chosen: slice | Ints) -> Array:
        """Some of them (k, width)."""
        return unit_length(self.scaler(self.vectors[chosen]))


Units = Array | FiledUnits
"""Embeddings of length 1 (n, width), wherever they are."""


def clusters(unit: Units, cells: Ints, twins: Ints, cut: float) -> Ints:
    """Number the series (n,) of photos; twins of a cell count as one photo, and are always together.

    Args:
        unit: embeddings of length 1 (n, width).
        cells: what photos are of (n,): only photos of one cell are a series.
        twins: twin groups (n,).
        cut: the mean cosine from which two clusters are one.

    """
    numbers, first = np.empty(len(unit), np.int64), 0
    for cell in np.unique(cells):
        places = np.flatnonzero(cells == cell)
        _, one, back = np.unique(twins[places], return_index=True, return_inverse=True)
        own = np.arange(1, len(one) + 1)
        if 1 < len(one) <= LARGEST:
            own = fcluster(average(_apart(unit[places[one]])), 1 - cut, "distance")
        numbers[places] = first + own[back]
        first += int(own.max()) + 1
    return numbers


def joining(photos: Units, cells: Ints, unit: Units, numbers: Ints, members: Bools, theirs: Ints, cut: float) -> Ints:
    """The series (k,) that other photos are as much alike as its own; -1 for none.

    Args:
        photos: embeddings of length 1 (k, width).
        cells: what these are of (k,).
        unit: embeddings of length 1 of the photos in which series were found (n, width).
        numbers: their series (n,).
        members: which of them are in a series (n,).
        theirs: what they are of (n,).
        cut: the mean cosine from which photos are a series.

    """
    found = np.full(len(photos), -1)
    for cell in np.unique(cells):
        mine, own = np.flatnonzero(cells == cell), np.flatnonzero((theirs == cell) & members)
        if len(own):
            names, at = np.unique(numbers[own], return_inverse=True)
            alike = photos[mine] @ unit[own].T @ (np.eye(len(names), dtype=np.float32)[at] / np.bincount(at))
            best = alike.argmax(axis=1)
            found[mine] = np.where(alike[np.arange(len(mine)), best] >= cut, names[best], -1)
    return found


def cut_like(
    unit: Units, cells: Ints, twins: Ints, like: Units, coarsest: float
) -> tuple[float | None, tuple[float, float]]:
    """The finest cut whose folds are as far from their training photos as photos ``like`` (k, width), and how far.

    No cut where folds that keep twins together already are; none coarser than ``coarsest``, from where on photos of
    several sellers would be kept together, and a class would lose too much with one fold.
    """
    theirs = float(nearest(like, unit).mean())
    ours = _nearness(unit, deal(cells, twins))
    if ours <= theirs:
        return None, (theirs, ours)
    for cut in [*(cut for cut in CUTS if cut > coarsest), coarsest]:
        kept = kept_together(cells, clusters(unit, cells, twins, cut), twins)
        ours = _nearness(unit, deal(cells, kept))
        if ours <= theirs:
            break
    return cut, (theirs, ours)


def units(vectors: Embeddings, scaler: Scaler) -> Units:
    """Embeddings (n, width), standardised and of length 1, filed where they were."""
    return FiledUnits(vectors, scaler) if isinstance(vectors, Filed) else unit_length(scaler(vectors))


def unit_length(vectors: Floats) -> Array:
    """Vectors (n, width) of length 1."""
    wide = vectors.astype(np.float32, copy=False)
    return np.asarray(wide / np.maximum(np.linalg.norm(wide, axis=1, keepdims=True), 1e-9))


def _nearness(unit: Units, folds: Ints) -> float:
    """The mean cosine of photos (n, width) to the nearest photo of another fold, of a part of them."""
    some = np.random.default_rng(0).permutation(len(unit))[:_LOOKED_AT]
    return float(nearest(unit[some], unit, folds[some], folds).mean())


def nearest(photos: Units, others: Units, mine: Ints | None = None, theirs: Ints | None = None) -> Array:
    """The cosine of each photo (n,) to the nearest of others.

    Args:
        photos: vectors of length 1 (n, width).
        others: the same of the others (t, width).
        mine: the folds of photos that are among the others themselves (n,).
        theirs: the folds of the others (t,): those of a photo's own fold do not count.

    """
    found = np.full(len(photos), -1, np.float32)
    many = BLOCK if isinstance(others, FiledUnits) else HELD
    for first in range(0, len(others), many):
        some = others[first : first + many]
        for start in range(0, len(photos), _LOOKED_AT):
            asked = slice(start, start + _LOOKED_AT)
            cosines = photos[asked] @ some.T
            if mine is not None and theirs is not None:
                cosines[mine[asked, None] == theirs[None, first : first + many]] = -1
            found[asked] = np.maximum(found[asked], cosines.max(axis=1))
    return found


def _apart(unit: Array) -> Doubles:
    """How far photos (n, width) are from each other, one minus the cosine: the upper half, row by row."""
    count, end = len(unit), 0
    found = np.empty(count * (count - 1) // 2)
    for start in range(0, count, _TOGETHER):
        cosines = unit[start : start + _TOGETHER] @ unit[start:].T
        for number, row in enumerate(cosines):
            beyond = row[number + 1 :]
            found[end : end + len(beyond)] = np.maximum(1 - beyond.astype(np.float64), 0)
            end += len(beyond)
    return found
