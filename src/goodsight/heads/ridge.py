"""The ridge of linear and kernel heads: one factorisation gives the head and its out-of-fold scores.

These are least-squares classifiers (Rifkin et al. 2003, Regularized Least-Squares Classification), because their scores
for every fold follow from one factorisation: with ``H = (K + penalty)^-1`` and ``A = H Y``, the residual of a fold
``B`` under the head trained without it is ``H[B, B]^-1 A[B]`` (Pahikkala et al. 2006; the block form of leave-one-out).
So cross-validation costs hardly more than one fit, and the head and its out-of-fold scores come together.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy import linalg

from goodsight.arrays import Array, Floats, Ints
from goodsight.heads.examples import Examples
from goodsight.heads.folds import held

EXACT = 6000
"""So many photos are solved for by their kernel (n, n); of more, by features."""


DOUBT = 50.0
"""How much less a doubted label is fitted."""


def solve_dual(
    kernel: Array, targets: Array, folds: Ints, penalty: Array, hidden: Ints | None = None
) -> tuple[Array, Array]:
    """Dual weights and out-of-fold scores from a kernel.

    Args:
        kernel: between the photos (n, n); it is overwritten.
        targets: what is fitted (n, C).
        folds: fold numbers (n,).
        penalty: of each photo (n,), above 0.
        hidden: what else a photo's score is not learned from (n,); see :class:`goodsight.heads.examples.Examples`.

    Returns:
        Weights (n, C) and scores (n, C), which are NaN where no photo is left to learn from.

    Raises:
        numpy.linalg.LinAlgError: the kernel is not positive definite.

    """
    kernel[np.diag_indices_from(kernel)] += penalty
    factor, bad = linalg.lapack.spotrf(kernel.T, lower=0, overwrite_a=1)
    inverse, also_bad = linalg.lapack.spotri(factor, lower=0, overwrite_c=1)
    if bad or also_bad:
        raise np.linalg.LinAlgError("the kernel is not positive definite")
    dual = np.asarray(linalg.blas.ssymm(1.0, inverse, targets, lower=0), np.float32)
    residual = np.full_like(targets, np.nan)
    for asked, away in held(folds, hidden):
        if len(away) == len(targets):
            continue
        block = np.triu(inverse[np.ix_(away, away)])
        missed = linalg.solve(block + np.triu(block, 1).T, dual[away], assume_a="pos")
        residual[asked] = missed[np.searchsorted(away, asked)]
    return dual, targets - residual


def solve_primal(features: Callable[[Ints], Array], targets: Array, folds: Ints, penalty: Array) -> tuple[Array, Array]:
    """Weights and out-of-fold scores from features, which are never all held at once.

    Args:
        features: makes the rows (k, m) of photos from their indices (k,), all of one fold.
        targets: what is fitted (n, C).
        folds: fold numbers (n,).
        penalty: of each photo (n,), above 0.

    Returns:
        Weights (m, C) and scores (n, C).

    """
    numbers = [np.flatnonzero(folds == fold) for fold in np.unique(folds)]
    grams: list[Array] = []
    sides: list[Array] = []
    for rows in numbers:
        pieces = np.array_split(rows, len(rows) // 4096 + 1)
        gram, side = _sums(features(pieces[0]), 1 / penalty[pieces[0], None], targets[pieces[0]])
        for piece in pieces[1:]:
            more_gram, more_side = _sums(features(piece), 1 / penalty[piece, None], targets[piece])
            gram, side = gram + more_gram, side + more_side
        grams.append(gram)
        sides.append(side)
    total, right = np.sum(grams, axis=0), np.sum(sides, axis=0)
    ridge = np.eye(len(total), dtype=np.float32)
    scores = np.empty_like(targets)
    for rows, gram, side in zip(numbers, grams, sides, strict=True):
        weights = linalg.solve(total - gram + ridge, right - side, assume_a="pos")
        for piece in np.array_split(rows, len(rows) // 4096 + 1):
            scores[piece] = features(piece) @ weights
    return np.asarray(linalg.solve(total + ridge, right, assume_a="pos"), np.float32), scores


def _sums(phi: Array, weight: Floats, targets: Array) -> tuple[Array, Array]:
    """Weighted Gram matrix (m, m) and right-hand side (m, C) of some feature rows (n, m)."""
    weighted = np.asarray((phi * weight).T, np.float32)
    return np.asarray(weighted @ phi), np.asarray(weighted @ targets)


def one_hot(labels: Ints) -> Array:
    """One-hot labels around zero, so that no intercept is needed."""
    classes = int(labels.max()) + 1
    return np.asarray(np.eye(classes, dtype=np.float32)[labels] - 1 / classes, np.float32)


def ease(examples: Examples) -> Array:
    """A factor (n,) on each photo's penalty, so that photos of small classes are fitted harder and doubted ones hardly.

    It is the square root of the class's size, with a mean near 1 where nothing is doubted.
    """
    size = np.bincount(examples.labels)
    weight = 1 / np.sqrt(size[examples.labels])
    factor = np.asarray(weight.mean() / weight, np.float32)
    if examples.doubted is None:
        return factor
    return np.where(examples.doubted, factor * DOUBT, factor).astype(np.float32)
