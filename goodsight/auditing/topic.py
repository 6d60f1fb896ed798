"""How much a photo looks like the other photos of its label: the mean cosine to the nearest of them.

Compared are square roots of the network's last features (the Hellinger kernel; Arandjelović and Zisserman 2012, Three
Things Everyone Should Know), which say what is there rather than how much of it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from goodsight.calibrate import Ints

MOST = 4000
"""Photos of a label that others are compared with."""
Array = npt.NDArray[np.float32]


def neighbours(count: int) -> int:
    """How many of a label's ``count`` photos to look at: a twentieth, 1 to 50."""
    return max(1, min(50, count // 20))


def likeness(
    features: Array,
    labels: Ints,
    groups: Ints,
    usual: npt.NDArray[np.bool_],
    asked: Ints,
    at: Ints,
    count: int = 0,
) -> npt.NDArray[np.float64]:
    """The mean cosine of some photos (m,) to the nearest usual photos of a label.

    Args:
        features: of the network's last stage (n, width), 0 or more.
        labels: class numbers (n,).
        groups: twin groups (n,); a photo is not compared with its twins.
        usual: which photos (n,) to compare with.
        asked: indices of the photos (m,).
        at: the class number that each of them is compared with (m,).
        count: how many neighbours to look at; 0 for what :func:`neighbours` says.

    """
    x = np.sqrt(np.maximum(features, 0)).astype(np.float32)
    x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1e-6)
    found = np.zeros(len(asked))
    for c in np.unique(at):
        others = np.flatnonzero((labels == c) & usual)
        others = np.random.default_rng(0).permutation(others)[:MOST]
        if not len(others):
            continue
        nearest = min(count or neighbours(len(others)), len(others))
        for places in np.array_split(np.flatnonzero(at == c), 1 + len(asked) // 2048):
            rows = asked[places]
            similar = x[rows] @ x[others].T
            similar[groups[rows, None] == groups[others]] = 0
            found[places] = np.partition(similar, -nearest, axis=1)[:, -nearest:].mean(axis=1)
    return found
