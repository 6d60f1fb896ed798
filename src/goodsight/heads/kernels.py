"""Distances and kernels between rows of vectors."""

from __future__ import annotations

import numpy as np
from scipy import linalg

from goodsight.arrays import Array

_PIECE = 128
"""Rows that stay in a processor's cache while all others meet them. On an AMD EPYC 64 photos meet 3,000 landmarks of
3,904 numbers in 41 ms so, in 117 ms without pieces and in 27 ms by one matrix product; one photo in 1.9 ms each way."""


def each_alone(a: Array, b: Array) -> Array:
    """Inner products (len(a), len(b)), of each row of ``a`` the same to the last bit whatever other rows are there.

    ``a @ b.T`` rounds otherwise for other numbers of rows, and a photo would be answered otherwise in other company.
    Each row is multiplied for itself here, as a matrix with a vector.

    Args:
        a: rows (n, k).
        b: rows (m, k), best one after the other in memory.

    """
    found = np.empty((len(a), 1, len(b)), np.float32)
    for start in range(0, len(b), _PIECE):
        piece = slice(start, start + _PIECE)
        np.matmul(a[:, None], b[piece].T, out=found[:, :, piece])
    return found[:, 0]


def squared_distances(a: Array, b: Array, lengths: Array | None = None, products: Array | None = None) -> Array:
    """Squared distances (len(a), len(b)).

    Args:
        a: rows (n, k).
        b: rows (m, k).
        lengths: the squared lengths of ``b`` (m,), when they are known.
        products: the inner products (n, m), when they are known.

    """
    product = a @ b.T if products is None else products.copy()
    product *= -2
    product += squared_lengths(a)[:, None]
    product += squared_lengths(b) if lengths is None else lengths
    return np.asarray(np.maximum(product, 0, out=product))


def squared_lengths(rows: Array) -> Array:
    """Squared lengths (n,) of rows (n, k)."""
    return np.asarray(np.einsum("ij,ij->i", rows, rows))


def unit(rows: Array) -> Array:
    """Rows (n, k) brought to length 1."""
    return np.asarray(rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9))


def rbf(squared: Array, gamma: float) -> Array:
    """``exp(-gamma * squared)`` of squared distances."""
    kernel = squared * np.float32(-gamma)
    return np.asarray(np.exp(kernel, out=kernel))


def root(landmarks: Array, gamma: float) -> Array:
    """The lower Cholesky factor (k, k) of the RBF kernel of landmarks (k, width), with a little on its diagonal."""
    ridge = 1e-3 * np.eye(len(landmarks), dtype=np.float32)
    return np.asarray(linalg.cholesky(rbf(squared_distances(landmarks, landmarks), gamma) + ridge, lower=True))
