"""Cosine heads: angles to class means in a space where the spread within classes is even."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import linalg

from goodsight.arrays import Array, Ints
from goodsight.heads.head import Setting
from goodsight.heads.kernels import rbf, squared_distances, unit

PRINCIPAL = 800


CURVED = 800
"""How many landmarks the curved cosine head has."""


BENT = 200
"""How many main directions of the RBF features it looks at."""


_FEW = 5.0
"""The mean of a cell of so many photos is half as sure as that of a cell of very many."""


def fit_cosine(
    low: Array, labels: Ints, folds: Ints, setting: Setting, sure: npt.NDArray[np.bool_], others: Ints | None = None
) -> tuple[Array, Array, Array]:
    """Whitening (k, k), unit class means (k, C) from the sure ones of main components (n, k), out-of-fold scores."""
    classes = int(labels.max()) + 1
    cells = labels if others is None or not setting.aside else cells_of(labels, others)
    scores = np.empty((len(low), classes), np.float32)
    for fold in np.unique(folds):
        away = folds == fold
        rest = ~away & sure if (~away & sure).any() else ~away
        whiten, means = _discriminant(low[rest], labels[rest], classes, setting, cells[rest])
        scores[away] = unit(low[away] @ whiten) @ means
    whiten, means = _discriminant(low[sure], labels[sure], classes, setting, cells[sure])
    return whiten, means, scores


def principal(x: Array, most: int) -> Array:
    """An orthonormal basis (width, k) of the main directions (randomised range finder; Halko et al. 2011)."""
    k = min(most, *x.shape)
    start = np.random.default_rng(0).standard_normal((x.shape[1], k), np.float32)
    return np.asarray(linalg.qr(x.T @ (x @ start), mode="economic", overwrite_a=True)[0])


def bent(x: Array, gamma: float, most: int) -> tuple[Array, Array, Array]:
    """Landmarks, the mix of their nearness that makes the main RBF features, and these features (n, k), mean 0."""
    landmarks = x[np.random.default_rng(0).permutation(len(x))[:CURVED]]
    ridge = 1e-3 * np.eye(len(landmarks), dtype=np.float32)
    root = linalg.cholesky(rbf(squared_distances(landmarks, landmarks), gamma) + ridge, lower=True)
    near = rbf(squared_distances(x, landmarks), gamma)
    centre = near.mean(axis=0)
    near -= centre
    features = linalg.solve_triangular(root, near.T, lower=True).T
    mix = linalg.solve_triangular(root, principal(features, most), lower=True, trans=1)
    return landmarks, np.vstack([mix, -centre @ mix]).astype(np.float32), np.asarray(near @ mix, np.float32)


def _discriminant(low: Array, labels: Ints, classes: int, setting: Setting, cells: Ints) -> tuple[Array, Array]:
    """A matrix (k, k) that makes the spread within classes even, and unit class means (k, C) in its image.

    If something is set aside, each class is divided into cells: its mean is that of its cells.
    """
    shrink, aside = setting.penalty, setting.aside
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


def with_copies(labels: Ints, folds: Ints, others: Ints | None) -> tuple[Ints, Ints, Ints | None]:
    """Labels, folds and others of photos (n,) and their copies (2 n,): without colours, these show one more other."""
    beside = None if others is None else np.append(others, np.full(len(others), others.max() + 1))
    return np.tile(labels, 2), np.tile(folds, 2), beside


def cells_of(labels: Ints, others: Ints) -> Ints:
    """The number (n,) of each photo's combination of its label with the others'."""
    return np.asarray(np.unique(np.stack([labels, others]), axis=1, return_inverse=True)[1].reshape(-1), np.int64)
