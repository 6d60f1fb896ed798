"""Network names that are akin to a label speak for a photo: a sandal among shoes, a bonnet among hats.

Which names are akin is not written down anywhere: they are what the network calls the label's other photos, so labels
may be in any language.
"""

from __future__ import annotations

import numpy as np

from goodsight.arrays import Array, Bools, Doubles, Ints

UNKNOWN = 5
"""A label's photos count as if so many more could be called anything."""
_AT_ONCE = 2048


def akin(names: Array, labels: Ints, groups: Ints, good: Bools) -> Doubles:
    """How many times likelier (natural logarithm, 0 or more) a photo's names are among its label's photos (n,).

    The ratio of the likelihoods of naive Bayes: what the label's other photos are called, with a Dirichlet prior that
    knows all names alike, against any of the names.

    Args:
        names: the chance of each of the network's names (n, names).
        labels: class numbers (n,).
        groups: twin groups (n,); a photo is not compared with its twins, and of twins one stands for all.
        good: which photos (n,) to compare with.

    """
    found, count = np.zeros(len(labels)), names.shape[1]
    for c in np.unique(labels):
        own = np.flatnonzero(labels == c)
        _, group = np.unique(groups[own], return_inverse=True)
        told = np.bincount(group, good[own])
        weight = (good[own] / np.maximum(told, 1)[group]).astype(np.float32)
        together = np.zeros((len(told), count), np.float32)
        np.add.at(together, group, names[own] * weight[:, None])
        total = together.sum(axis=0)
        others: Ints = np.sum(told > 0) - (told > 0).astype(np.int64)
        for some in np.array_split(np.arange(len(own)), 1 + len(own) // _AT_ONCE):
            usual = total - together[group[some]] + UNKNOWN / count
            likely = (names[own[some]] * usual).sum(axis=1) / (others[group[some]] + UNKNOWN)
            found[own[some]] = np.log(np.maximum(count * likely, 1))
    return found
