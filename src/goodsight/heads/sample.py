"""A part of many photos that is like all of them: whole groups, and of every class its share."""

from __future__ import annotations

import numpy as np

from goodsight.arrays import Ints


def part(labels: Ints, groups: Ints | None, most: int, least: int = 5) -> Ints:
    """Indices of about ``most`` photos, sorted, the same every time; all where there are no more.

    Groups come in random order, those of each class until it has its share (a stratified cluster sample; Cochran 1977,
    Sampling Techniques). The last group of a class is taken whole as well, so there may be a few photos more.

    Args:
        labels: class numbers (n,).
        groups: what is taken whole (n,); None for photos alone.
        most: so many photos are wanted.
        least: so many of a rare class are taken, if it has them.

    """
    if len(labels) <= most:
        return np.arange(len(labels))
    number = np.arange(len(labels)) if groups is None else np.unique(groups, return_inverse=True)[1]
    rank = np.random.default_rng(0).permutation(int(number.max()) + 1)[number]
    order, size = np.lexsort((rank, labels)), np.bincount(labels)
    wanted = np.maximum(np.minimum(size, least), np.floor(size * (most / len(labels)))).astype(np.int64)
    place = np.arange(len(labels)) - np.repeat(np.cumsum(size) - size, size)
    chosen = number[order[place < np.repeat(wanted, size)]]
    return np.flatnonzero(np.isin(number, chosen))
