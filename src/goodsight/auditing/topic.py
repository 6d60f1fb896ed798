"""How much a photo looks like the other photos of its label: the mean cosine to the nearest of them.

Compared are square roots of the network's last features (the Hellinger kernel; Arandjelović and Zisserman 2012, Three
Things Everyone Should Know), which say what is there rather than how much of it.
"""

from __future__ import annotations

import numpy as np

from goodsight.arrays import Array, Bools, Doubles, Ints, Vectors

MOST = 4000
"""Photos of a label that others are compared with."""


def neighbours(count: int) -> int:
    """How many of a label's ``count`` photos to look at: a twentieth, 1 to 50."""
    return max(1, min(50, count // 20))


def hellinger(features: Vectors) -> Array:
    """What is compared of a network's last features (n, width), 0 or more: their square roots, of unit length."""
    x = np.sqrt(np.maximum(features, 0), dtype=np.float32)
    x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-6)
    return x


def likeness(
    x: Vectors,
    labels: Ints,
    groups: Ints,
    usual: Bools,
    asked: Ints,
    at: Ints,
    count: int = 0,
) -> Doubles:
    """The mean cosine of some photos (m,) to the nearest usual photos of a label; 1 where there are none.

    Args:
        x: what :func:`hellinger` makes of the photos' features (n, width).
        labels: class numbers (n,).
        groups: twin groups (n,); a photo is not compared with its twins.
        usual: which photos (n,) to compare with.
        asked: indices of the photos (m,).
        at: the class number that each of them is compared with (m,).
        count: how many neighbours to look at; 0 for what :func:`neighbours` says.

    """
    found = np.ones(len(asked))
    for c in np.unique(at):
        places, others = np.flatnonzero(at == c), np.flatnonzero((labels == c) & usual)
        others = np.random.default_rng(0).permutation(others)[:MOST]
        nearest = min(count or neighbours(len(others)), len(others))
        if not nearest:
            continue
        reference = x[others].astype(np.float32, copy=False).T
        for some in np.array_split(places, 1 + len(places) // 2048):
            similar = x[asked[some]].astype(np.float32, copy=False) @ reference
            similar[groups[asked[some], None] == groups[others]] = -1
            found[some] = _mean(np.partition(similar, -nearest, axis=1)[:, -nearest:])
    return found


def _mean(nearest: Array) -> Doubles:
    """Of each row, without the -1 of twins; 1 where nothing else is left."""
    other = nearest >= 0
    total, count = (nearest * other).sum(axis=1), other.sum(axis=1)
    return np.asarray(np.where(count, total / np.maximum(count, 1), 1.0), np.float64)
