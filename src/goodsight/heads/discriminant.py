"""Class means where the spread within classes is even, for the heads that compare by angle; and main directions.

This is linear discriminant analysis (Fisher 1936, The Use of Multiple Measurements in Taxonomic Problems) with a shrunk
covariance. It wins when there are many classes of few photos.

When photos have several attributes, the other attributes' values divide each class into cells: the mean of a class is
then that of its cells, and the spread of cell means counts as spread within the class, many times over, so that
directions in which the other attribute differs are not looked at.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import linalg

from goodsight.arrays import Array, Doubles, Ints
from goodsight.heads.examples import Examples
from goodsight.heads.folds import held
from goodsight.heads.kernels import unit

_FEW = 5.0
"""The mean of a cell of so many photos is half as sure as that of a cell of very many."""


def principal(x: Array, most: int) -> Array:
    """An orthonormal basis (width, k) of the main directions of rows (n, width), ``k`` at most ``most``.

    It is the randomised range finder of Halko et al. 2011, Finding Structure with Randomness.
    """
    k = min(most, *x.shape)
    start = np.random.default_rng(0).standard_normal((x.shape[1], k), np.float32)
    return np.asarray(linalg.qr(x.T @ (x @ start), mode="economic", overwrite_a=True)[0])


def learn(low: Array, examples: Examples, shrink: float, aside: float) -> tuple[Array, Array]:
    """Learn from the sure examples.

    Args:
        low: main components (n, k) of the examples.
        examples: what they are (n).
        shrink: the share of the covariance that is made round, 0 to 1.
        aside: how many times the spread between the cells of a class counts as spread within it.

    Returns:
        Whitening (k, k) and unit class means (k, C) in its image.

    """
    sure, cells = examples.sure, examples.cells if aside else examples.labels
    classes = int(examples.labels.max()) + 1
    return whitened(low[sure], examples.labels[sure], cells[sure], classes, shrink, aside)


def out_of_fold(low: Array, examples: Examples, shrink: float, aside: float) -> Array:
    """Scores (n, C) as by :func:`learn` from the sure examples of other folds, without what is hidden with a photo.

    They are NaN where no photo is left. What a fold has is taken away from the sums over all, so that many folds cost
    hardly more than few.
    """
    labels, sure = examples.labels, examples.sure
    cells = Cells.of(low, labels, examples.cells if aside else labels, int(labels.max()) + 1)
    every = cells.sums(low[sure], np.flatnonzero(sure))
    scores = np.full((len(low), cells.classes), np.nan, np.float32)
    for asked, away in held(examples.folds, examples.hidden):
        rest = np.ones(len(low), bool)
        rest[away] = False
        if not rest.any():
            continue
        if (rest & sure).any():
            sums = every - cells.sums(low[away[sure[away]]], away[sure[away]])
        else:
            sums = cells.sums(low[rest], np.flatnonzero(rest))
        whiten, means = cells.whitened(sums, shrink, aside)
        scores[asked] = unit(low[asked] @ whiten) @ means
    return scores


def whitened(low: Array, labels: Ints, cells: Ints, classes: int, shrink: float, aside: float) -> tuple[Array, Array]:
    """A matrix (k, k) that makes the spread within classes even, and unit class means (k, classes) in its image.

    Args:
        low: main components (n, k).
        labels: class numbers (n,).
        cells: what divides the classes (n,), if something is set aside: the mean of a class is that of its cells. Else
            the labels.
        classes: how many there are; one without photos has the mean 0.
        shrink: as for :func:`learn`.
        aside: as for :func:`learn`.

    """
    known = Cells.of(low, labels, cells, classes)
    return known.whitened(known.sums(low, np.arange(len(low))), shrink, aside)


@dataclass(frozen=True)
class Sums:
    """Sums over photos, in double precision because they are taken from each other.

    Attributes:
        count: how many photos each cell has (m,).
        away: the sum of how far they are from the middle of their cell (m, k).
        products: the sum of the products of that (k, k).

    """

    count: Ints
    away: Doubles
    products: Doubles

    def __sub__(self, other: Sums) -> Sums:
        return Sums(self.count - other.count, self.away - other.away, self.products - other.products)

    def __add__(self, other: Sums) -> Sums:
        return Sums(self.count + other.count, self.away + other.away, self.products + other.products)


@dataclass(frozen=True)
class Cells:
    """What divides the classes.

    Attributes:
        number: the cell of each photo (n,).
        owner: the class of each cell (m,).
        classes: how many there are.
        middle: the mean of all photos of each cell (m, k); photos are measured from there, so that sums stay small. Of
            photos that are read one block after the other it is not known yet, and 0.

    """

    number: Ints
    owner: Ints
    classes: int
    middle: Array

    @classmethod
    def of(cls, low: Array, labels: Ints, cells: Ints, classes: int) -> Cells:
        """Those of photos with main components (n, k), class numbers (n,) and cells (n,)."""
        number, owner = _owned(labels, cells)
        middle = _means(low, number, len(owner), np.ones(len(low), np.float32))
        return cls(number, owner, classes, middle)

    @classmethod
    def unmeasured(cls, labels: Ints, cells: Ints) -> Cells:
        """Those of photos with class numbers (n,) and cells (n,), whose main components are not there yet."""
        number, owner = _owned(labels, cells)
        return cls(number, owner, int(labels.max()) + 1, np.zeros((len(owner), 1), np.float32))

    def sums(self, low: Array, rows: Ints) -> Sums:
        """Of the photos ``rows`` (r,), whose main components are ``low`` (r, k)."""
        count = np.bincount(self.number[rows], minlength=len(self.owner))
        order = np.argsort(self.number[rows], kind="stable")
        apart = low[order].astype(np.float64) - self.middle[self.number[rows[order]]]
        away = np.zeros((len(count), low.shape[1]))
        there = np.flatnonzero(count)
        if len(there):
            away[there] = np.add.reduceat(apart, (np.cumsum(count) - count)[there], axis=0)
        return Sums(count, away, apart.T @ apart)

    def whitened(self, sums: Sums, shrink: float, aside: float) -> tuple[Array, Array]:
        """As by :func:`whitened`, of the photos that were summed up."""
        there = np.flatnonzero(sums.count)
        size, owner = sums.count[there], self.owner[there]
        shift = sums.away[there] / size[:, None]
        spread = ((sums.products - (shift.T * size) @ shift) / size.sum()).astype(np.float32)
        means = (self.middle[there] + shift).astype(np.float32)
        ridge = shrink * np.trace(spread) / len(spread) + 1e-9
        centres = np.zeros((self.classes, len(spread)), np.float32)
        if aside:
            sure = (size / (size + _FEW)).astype(np.float32)
            centres = _means(means, owner, self.classes, sure)
            away = means - centres[owner]
            spread += aside / len(size) * ((away.T * sure) @ away)
        else:
            centres[owner] = means
        spread = (1 - shrink) * spread + ridge * np.eye(len(spread), dtype=np.float32)
        root = linalg.cholesky(spread, lower=True)
        whiten = linalg.solve_triangular(root, np.eye(len(root), dtype=np.float32), lower=True, overwrite_b=True).T
        return np.asarray(whiten), np.ascontiguousarray(unit(centres @ whiten).T)


def _owned(labels: Ints, cells: Ints) -> tuple[Ints, Ints]:
    """The number of each photo's cell (n,), and the class of each cell (m,)."""
    number = np.unique(cells, return_inverse=True)[1]
    owner = np.empty(int(number.max()) + 1, np.int64)
    owner[number] = labels
    return number, owner


def _means(rows: Array, keys: Ints, count: int, weight: Array) -> Array:
    """The weighted mean (count, k) of the rows (n, k) of each key; 0 for a key without rows."""
    share = np.zeros((count, len(rows)), np.float32)
    share[keys, np.arange(len(rows))] = weight
    share /= np.maximum(share.sum(axis=1, keepdims=True), 1e-9)
    return np.asarray(share @ rows)
