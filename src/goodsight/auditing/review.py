"""One order in which to look: the chance that a photo is wrong, from how it looks and from its label.

The log-odds that a photo is wrong are a sum: how little it looks like its label, and like anything else there, and what
the label finder says, which counts more when it speaks against the label than when it speaks for it (a photo of
something else can still be answered with confidence). The weights were chosen on ads that were judged by eye and on
planted faults in four sets of photos; ``bench/audit.py`` measures what they come to.
"""

from __future__ import annotations

import numpy as np

from goodsight.arrays import Bools, Doubles, Ints
from goodsight.auditing.labels import Doubts

FOREIGN = 0.6
"""The likeness at which a photo may as well be foreign: everyday photos have 0.45 with any label, good photos 0.8."""
NOWHERE = 0.66
"""Of a hundred good photos one is less like its nearest photos of any label, of everyday photos nearly all are."""
_STEEP, _STEEPER = 30.0, 80.0
_FOR, _AGAINST = 0.1, 0.4
_LEAST, _MOST = -8.0, 12.0
_SUREST = 0.99
"""Nothing here is surer than that."""
_USUAL = 0.9


def foreign(likeness: Doubles, anywhere: Doubles) -> Doubles:
    """The log-odds (n,) that a photo shows none of what its label's photos show.

    Args:
        likeness: to the photos of its label (n,).
        anywhere: likeness to its nearest photos of any label (n,).

    """
    return np.asarray(_STEEP * (FOREIGN - likeness) + _STEEPER * np.maximum(0, NOWHERE - anywhere))


def chances(foreign: Doubles, doubts: Doubts, conflict: Doubles) -> Doubles:
    """The chance (n,) that a photo's label or topic is wrong.

    Args:
        foreign: the log-odds that it shows something else (n,).
        doubts: of the label finder.
        conflict: the chance that it has the wrong label because its twins have others (n,), see :func:`conflicts`.

    """
    odds = np.log(np.maximum(doubts.chance, 1e-12)) - np.log(np.maximum(1 - doubts.chance, 1e-12))
    label = _FOR * (np.clip(odds, _LEAST, 0) - _LEAST / 2) + _AGAINST * np.clip(odds, 0, _MOST)
    chance = _SUREST / (1 + np.exp(-foreign - label))
    return np.asarray(np.maximum(chance, conflict))


def conflicts(labels: Ints, groups: Ints) -> Doubles:
    """The chance (n,) that a photo's label is wrong as its twins are labelled otherwise: the share that says so.

    A photo that is of its twins' majority is not suspected for the others' sake.

    Args:
        labels: class numbers (n,).
        groups: twin groups (n,).

    """
    _, place, count = np.unique(np.stack([groups, labels], axis=1), axis=0, return_inverse=True, return_counts=True)
    share = count[place.ravel()] / np.bincount(groups)[groups]
    return np.asarray(np.where(share <= 0.5, 1 - share, 0.0))


def usual(likeness: Doubles, labels: Ints, doubts: Doubts) -> Bools:
    """Which photos (n,) are good examples of their label: nine in ten of it, and none that is contradicted."""
    found = ~doubts.contradicted
    for c in np.unique(labels):
        own = labels == c
        found[own] &= likeness[own] >= np.quantile(likeness[own], 1 - _USUAL)
    return found
