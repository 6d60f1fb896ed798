"""Class means where the spread within classes is even, for the heads that compare by angle; and main directions.

This is linear discriminant analysis (Fisher 1936, The Use of Multiple Measurements in Taxonomic Problems) with a shrunk
covariance. It wins when there are many classes of few photos.

When photos have several attributes, the other attributes' values divide each class into cells: the mean of a class is
then that of its cells, and the spread of cell means counts as spread within the class, many times over, so that
directions in which the other attribute differs are not looked at.
"""

from __future__ import annotations

import numpy as np
from scipy import linalg

from goodsight.arrays import Array, Ints
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


def learn(low: Array, examples: Examples, shrink: float, aside: float) -> tuple[Array, Array, Array]:
    """Learn from the sure examples, and from those outside each fold.

    Args:
        low: main components (n, k) of the examples.
        examples: what they are (n).
        shrink: the share of the covariance that is made round, 0 to 1.
        aside: how many times the spread between the cells of a class counts as spread within it.

    Returns:
        Whitening (k, k), unit class means (k, C) in its image, and out-of-fold scores (n, C), which are NaN where no
        photo is left to learn from.

    """
    labels, sure = examples.labels, examples.sure
    classes = int(labels.max()) + 1
    cells = examples.cells if aside else labels
    scores = np.full((len(low), classes), np.nan, np.float32)
    for asked, away in held(examples.folds, examples.hidden):
        rest = np.ones(len(low), bool)
        rest[away] = False
        if not rest.any():
            continue
        rest = rest & sure if (rest & sure).any() else rest
        whiten, means = whitened(low[rest], labels[rest], cells[rest], classes, shrink, aside)
        scores[asked] = unit(low[asked] @ whiten) @ means
    whiten, means = whitened(low[sure], labels[sure], cells[sure], classes, shrink, aside)
    return whiten, means, scores


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
    one = np.ones(len(low), np.float32)
    number = np.unique(cells, return_inverse=True)[1]
    size = np.bincount(number)
    means = _means(low, number, len(size), one)
    rest = low - means[number]
    spread = rest.T @ rest / len(low)
    ridge = shrink * np.trace(spread) / len(spread) + 1e-9
    if aside:
        owner = np.empty(len(size), np.int64)
        owner[number] = labels
        sure = (size / (size + _FEW)).astype(np.float32)
        centres = _means(means, owner, classes, sure)
        away = means - centres[owner]
        spread += aside / len(size) * ((away.T * sure) @ away)
    else:
        centres = np.zeros((classes, low.shape[1]), np.float32)
        centres[np.unique(labels)] = means
    spread = (1 - shrink) * spread + ridge * np.eye(len(spread), dtype=np.float32)
    root = linalg.cholesky(spread, lower=True)
    whiten = linalg.solve_triangular(root, np.eye(len(root), dtype=np.float32), lower=True, overwrite_b=True).T
    return np.asarray(whiten), np.ascontiguousarray(unit(centres @ whiten).T)


def _means(rows: Array, keys: Ints, count: int, weight: Array) -> Array:
    """The weighted mean (count, k) of the rows (n, k) of each key; 0 for a key without rows."""
    share = np.zeros((count, len(rows)), np.float32)
    share[keys, np.arange(len(rows))] = weight
    share /= np.maximum(share.sum(axis=1, keepdims=True), 1e-9)
    return np.asarray(share @ rows)
