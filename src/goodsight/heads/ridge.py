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

from goodsight.arrays import Array, Doubles, Floats, Ints
from goodsight.embedding.filed import pieces
from goodsight.heads.examples import Examples
from goodsight.heads.folds import held

EXACT = 6000
"""So many photos are solved for by their kernel (n, n); of more, by features."""


DOUBT = 50.0
"""How much less a doubted label is fitted."""


SINGLE, DOUBLE = 1e-6, 2e-7
"""The least penalty, as a share of the trace of a matrix that is factorised in single precision, or summed up in
double: below, what is rounded away would count as much."""


SMALL = 1e5
"""Up to this trace beside a ridge of 1, single precision solves for the weights."""


_JITTER = 1e-5
"""A share of the mean of the diagonal."""


def solve_dual(
    kernel: Array, targets: Array, folds: Ints, penalty: Array, hidden: Ints | None = None
) -> tuple[Array, Array]:
    """Dual weights and out-of-fold scores from a kernel.

    Args:
        kernel: between the photos (n, n); it is overwritten.
        targets: what is fitted (n, C).
        folds: fold numbers (n,).
        penalty: of each photo (n,), above 0; at least :data:`SINGLE` of the kernel's trace counts.
        hidden: what else a photo's score is not learned from (n,); see :class:`goodsight.heads.examples.Examples`.

    Returns:
        Weights (n, C) and scores (n, C), which are NaN where no photo is left to learn from.

    Raises:
        numpy.linalg.LinAlgError: the kernel is not positive definite.

    """
    diagonal = np.diag_indices_from(kernel)
    kernel[diagonal] += np.maximum(penalty, np.float32(SINGLE * float(kernel[diagonal].sum(dtype=np.float64))))
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
        missed = solved(block + np.triu(block, 1).T, dual[away])
        residual[asked] = missed[np.searchsorted(away, asked)]
    return dual, targets - residual


def solve_primal(
    features: Callable[[Ints], Array], targets: Array, folds: Ints, penalty: Array, *, scored: bool = True
) -> tuple[Array, Array]:
    """Weights and out-of-fold scores from features, which are never all held at once.

    What a fold adds to the sums over all is kept, so that the head without it costs no second look at the others.

    Args:
        features: makes the rows (k, m) of photos from their indices (k,), all of one fold.
        targets: what is fitted (n, C).
        folds: fold numbers (n,).
        penalty: of each photo (n,), above 0.
        scored: whether scores are wanted; else they are 0, as where there is one fold.

    Returns:
        Weights (m, C) and scores (n, C).

    Raises:
        numpy.linalg.LinAlgError: the features are not finite.

    """
    numbers = [np.flatnonzero(folds == fold) for fold in np.unique(folds)]
    sums = [_summed(features, rows, targets, penalty) for rows in numbers]
    total, right = (each.astype(np.float64) for each in sums[0])
    for gram, side in sums[1:]:
        total += gram
        right += side
    scores = np.zeros_like(targets)
    for rows, (gram, side) in zip(numbers, sums, strict=True):
        if not scored or len(numbers) < 2:
            continue
        weights = _weights(total - gram, right - side)
        for piece in pieces(rows):
            scores[piece] = features(piece) @ weights
    return _weights(total, right), scores


def _summed(features: Callable[[Ints], Array], rows: Ints, targets: Array, penalty: Array) -> tuple[Array, Array]:
    """Weighted Gram matrix (m, m) and right-hand side (m, C) of the photos ``rows``.

    They are summed up in double precision, so that millions of photos lose nothing, and then kept in single.
    """
    gram: Doubles = np.zeros((0, 0))
    side: Doubles = np.zeros((0, 0))
    for piece in pieces(rows):
        phi = features(piece)
        if not len(gram):
            gram, side = np.zeros((phi.shape[1],) * 2), np.zeros((phi.shape[1], targets.shape[1]))
        weighted = np.asarray((phi / penalty[piece, None]).T, np.float32)
        gram += weighted @ phi
        side += weighted @ targets[piece]
    return gram.astype(np.float32), side.astype(np.float32)


def _weights(gram: Doubles, right: Doubles) -> Array:
    """Weights (m, C) from a Gram matrix (m, m), which is overwritten, and a right-hand side (m, C).

    The ridge is 1, since photos are weighed by their penalties, or :data:`DOUBLE` of the trace where that is more.
    """
    trace = float(np.trace(gram))
    if not np.isfinite(trace):
        raise np.linalg.LinAlgError("the embeddings are not finite")
    gram[np.diag_indices_from(gram)] += max(1.0, DOUBLE * trace)
    # Single precision is twice as quick, and is enough where no number is very small beside the others.
    precise = np.float64 if trace > SMALL else np.float32
    return solved(np.asarray(gram, precise), np.asarray(right, precise)).astype(np.float32)


def solved(matrix: Floats, right: Floats) -> Floats:
    """The solution (m, C) of a symmetric, positive system (m, m) by Cholesky factorisation.

    Where rounding has made the matrix indefinite, a little is added to its diagonal.

    Raises:
        numpy.linalg.LinAlgError: it is not positive definite by far.

    """
    try:
        factor = linalg.cho_factor(matrix, check_finite=False)
    except np.linalg.LinAlgError:
        more = matrix.copy()
        more[np.diag_indices_from(more)] += _JITTER * np.trace(matrix) / len(matrix)
        factor = linalg.cho_factor(more, check_finite=False)
    return np.asarray(linalg.cho_solve(factor, right, check_finite=False))


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
