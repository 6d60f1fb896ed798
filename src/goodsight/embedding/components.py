"""Which photos pairs connect, in memory that does not grow with the number of pairs."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from goodsight.arrays import Ints

_CHUNK = 1 << 20


def grouped(pairs: Ints, count: int) -> npt.NDArray[np.int64]:
    """The group number (n,) of each of ``count`` photos: those that pairs connect have the same.

    It is a union-find (Galler and Fischer 1964, An Improved Equivalence Algorithm) over arrays: all pairs of a chunk
    are joined at once, the higher root below the lower one. Groups are numbered in the order of their first photos.

    Args:
        pairs: of photos (k, 2), read in chunks; they may be mapped from a file.
        count: of all photos.

    """
    parent = np.arange(count, dtype=np.int64)
    for begin in range(0, len(pairs), _CHUNK):
        one, other = np.asarray(pairs[begin : begin + _CHUNK], np.int64).T
        _join(parent, one, other)
    return np.asarray(np.unique(_up(parent, parent), return_inverse=True)[1].reshape(-1), np.int64)


def _join(parent: npt.NDArray[np.int64], one: Ints, other: Ints) -> None:
    """Connect the photos of each pair: afterwards they have one root."""
    while True:
        a, b = _up(parent, one), _up(parent, other)
        parent[one], parent[other] = a, b
        apart = a != b
        if not apart.any():
            return
        one, other = a[apart], b[apart]
        high = np.maximum(one, other)
        np.minimum.at(parent, high, np.minimum(one, other))
        # A chain of such roots, however long, is as short as can be after as many steps as its length has bits.
        while (parent[parent[high]] != parent[high]).any():
            parent[high] = parent[parent[high]]


def _up(parent: npt.NDArray[np.int64], photos: Ints) -> npt.NDArray[np.int64]:
    """The root of each photo."""
    root = parent[photos]
    while ((above := parent[root]) != root).any():
        root = above
    return root
