"""Network names that are akin to a label speak for a photo: a sandal among shoes, a bonnet among hats.

Which names are akin is not written down anywhere: they are what the network calls the label's other photos, so labels
may be in any language.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from goodsight.arrays import Array, Bools, Doubles, Ints

UNKNOWN = 5
"""A label's photos count as if so many more could be called anything."""
_AT_ONCE = 2048


def akin(names: Callable[[Ints], Array], labels: Ints, groups: Ints, good: Bools) -> Doubles:
    """How many times likelier (natural logarithm, 0 or more) a photo's names are among its label's photos (n,).

    The ratio of the likelihoods of naive Bayes: what the label's other photos are called, with a Dirichlet prior that
    knows all names alike, against any of the names.

    Args:
        names: makes the chance of each of the network's names (k, names) of some photos from their indices (k,).
        labels: class numbers (n,).
        groups: twin groups (n,); a photo is not compared with its twins, and of twins one stands for all.
        good: which photos (n,) to compare with.

    """
    found = np.zeros(len(labels))
    for c in np.unique(labels):
        own = np.flatnonzero(labels == c)
        _, group = np.unique(groups[own], return_inverse=True)
        told = np.bincount(group, good[own])
        weight = (good[own] / np.maximum(told, 1)[group]).astype(np.float32)
        others: Ints = np.sum(told > 0) - (told > 0).astype(np.int64)
        pieces = np.array_split(np.arange(len(own)), 1 + len(own) // _AT_ONCE)
        total, together, row = _sums(names, own, group, weight, pieces)
        count = len(total)
        for some in pieces:
            said = names(own[some])
            mine = said * weight[some, None]
            several = row[group[some]] >= 0
            mine[several] = together[row[group[some][several]]]
            likely = (said * (total - mine + UNKNOWN / count)).sum(axis=1) / (others[group[some]] + UNKNOWN)
            found[own[some]] = np.log(np.maximum(count * likely, 1))
    return found


def _sums(
    names: Callable[[Ints], Array], own: Ints, group: Ints, weight: Array, pieces: Sequence[Ints]
) -> tuple[Doubles, Doubles, Ints]:
    """What a label's photos are called, together (names,) and by twin group (g, names), and the row of each group.

    Groups of one photo, which most are, have no row (-1): what it is called is worked out again when it is wanted.
    """
    several = np.flatnonzero(np.bincount(group) > 1)
    row = np.full(int(group.max()) + 1, -1)
    row[several] = np.arange(len(several))
    count = names(own[:1]).shape[1]
    total, together = np.zeros(count), np.zeros((len(several), count))
    for some in pieces:
        said = names(own[some]) * weight[some, None]
        total += said.sum(axis=0)
        many = row[group[some]] >= 0
        np.add.at(together, row[group[some][many]], said[many])
    return total, together, row
