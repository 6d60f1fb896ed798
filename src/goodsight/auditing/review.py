"""One order in which to look: the chance that a photo is wrong, from how it looks and from its label.

The log-odds that a photo is wrong are a sum: how little it looks like its label, and like anything else there, and what
the label finder says, which counts more when it speaks against the label than when it speaks for it (a photo of
something else can still be answered with confidence). The weights were chosen on ads that were judged by eye and on
planted faults in four sets of photos; ``bench/audit.py`` measures what they come to.

Where a label's good photos are less alike, as those of a small set or of all kinds of hats, a photo must be less like
them to be foreign (:func:`bounds`); and in a small set of which few photos are suspected, each of them is so less
(:func:`settled`). How much was chosen on clothing and Pokedex, clean and with planted faults, and on the judged ads.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from goodsight.arrays import Bools, Doubles, Ints
from goodsight.auditing.findings import SURE
from goodsight.auditing.labels import Doubts

FOREIGN = 0.6
"""The likeness at which a photo may as well be foreign: everyday photos have 0.45 with any label, good photos 0.8."""
NOWHERE = 0.66
"""Of a hundred good photos one is less like its nearest photos of any label, of everyday photos nearly all are."""
_STEEP, _STEEPER = 30.0, 80.0
_FOR, _AGAINST = 0.1, 0.4
_LEAST, _MOST = -8.0, 12.0
_SUREST, _SPREAD_OUT = 0.99, 0.9
"""Nothing here is surer than that, and of likeness alone nothing where the label's good photos are not alike."""
_NAMED = 0.4
"""What names that are akin to the label count, as likeness has said most of it."""
_USUAL = 0.9
_SPREADS = 2.5
"""So many spreads below the median a good photo may be."""
_COMPARED = 4
"""Of fewer photos nothing is said about their spread."""
_THOUGHT, _FEWEST = 0.2, 0.02
"""The share of wrong photos for which the weights hold in a small set, and the least that is thought of any."""
_SMALL = 100
"""Of so many photos the share counts half: in larger sets likeness is measured better, and there the weights hold."""
_ROUNDS = 200


@dataclass(frozen=True)
class Bounds:
    """The likeness at which a photo may as well be foreign: to its label (n,), and to anything there."""

    label: Doubles
    anything: float


def bounds(likeness: Doubles, anywhere: Doubles, labels: Ints) -> Bounds:
    """The bounds of a set: lower than usual where the good photos of a label, or all, are less alike.

    Median and spread of the good photos are those of the better half, which a few wrong photos do not move much (as the
    empirical null of Efron 2004, Large-Scale Simultaneous Hypothesis Testing).

    Args:
        likeness: of each photo to the others of its label (n,); 1 for those that cannot be compared.
        anywhere: likeness to its nearest photos of any label (n,), likewise.
        labels: class numbers (n,).

    """
    of_label = np.full(len(labels), FOREIGN)
    for c in np.unique(labels):
        own = labels == c
        of_label[own] = min(FOREIGN, _lowest(likeness[own]))
    return Bounds(of_label, min(NOWHERE, _lowest(anywhere)))


def _lowest(likeness: Doubles) -> float:
    """What good photos have at least; 1 where nothing can be compared."""
    compared = likeness[likeness < 1]
    if len(compared) < _COMPARED:
        return 1.0
    median, upper = np.quantile(compared, [0.5, 0.75])
    # Of a normal distribution the upper quartile is 0.6745 spreads above the median.
    return float(median - _SPREADS * (upper - median) / 0.6745)


def foreign(likeness: Doubles, anywhere: Doubles, bounds: Bounds, akin: Doubles) -> Doubles:
    """The log-odds (n,) that a photo shows none of what its label's photos show.

    Args:
        likeness: to the photos of its label (n,).
        anywhere: likeness to its nearest photos of any label (n,).
        bounds: of the set.
        akin: how much its names are those of its label (n,), see :mod:`goodsight.auditing.akin`.

    """
    odds = _STEEP * (bounds.label - likeness) + _STEEPER * np.maximum(0, bounds.anything - anywhere)
    return np.asarray(odds - _NAMED * akin)


def surest(labels: Ints, groups: Ints, bounds: Bounds, doubts: Doubts) -> Doubles:
    """How sure (n,) one can be at most that a photo is wrong, by how many photos of its label there are: 0 to 1.

    Where n others of its label are not like it, up to 3/n of all good ones may be (the rule of three; Hanley and
    Lippman-Hand 1983, If Nothing Goes Wrong, Is Everything All Right?). Less so where good photos are little alike, and
    more where the label finder doubts as well: then one in n + 2 (the rule of succession; Laplace 1814).

    Args:
        labels: class numbers (n,).
        groups: twin groups (n,), each of which counts once.
        bounds: of the set.
        doubts: of the label finder.

    """
    others = np.zeros(len(labels))
    for c in np.unique(labels):
        others[labels == c] = max(1, len(np.unique(groups[labels == c])) - 1)
    alone = np.minimum(others / (others + 3), np.where(bounds.label < FOREIGN, _SPREAD_OUT, _SUREST))
    return np.where(doubts.chance > SURE, np.minimum((others + 1) / (others + 2), _SUREST), alone)


def at_most(chance: Doubles, most: Doubles) -> Doubles:
    """Chances (n,) that come near ``most`` (n,) and stay in their order: one through the odds is the sum of both."""
    return np.asarray(1 / (1 / np.maximum(chance, 1e-12) + (1 - most) / most))


def settled(odds: Doubles) -> Doubles:
    """Log-odds (n,) become chances (n,), lower ones in a small set of which few photos are wrong.

    The share of wrong photos is estimated together with the chances (expectation maximisation; Saerens et al. 2002,
    Adjusting the Outputs of a Classifier to New a Priori Probabilities). No chance is raised, and the order stays.
    """
    counts, usual = _SMALL / (_SMALL + len(odds)), np.log(_THOUGHT / (1 - _THOUGHT))
    share, chance = _THOUGHT, odds
    for _ in range(_ROUNDS):
        chance = 1 / (1 + np.exp(-odds - counts * (np.log(share / (1 - share)) - usual)))
        before, share = share, float(np.clip(chance.mean(), _FEWEST, _THOUGHT))
        if abs(share - before) < 1e-6:
            break
    return np.asarray(chance)


def chances(foreign: Doubles, doubts: Doubts, conflict: Doubles, surest: Doubles) -> Doubles:
    """The chance (n,) that a photo's label or topic is wrong.

    Args:
        foreign: the log-odds that it shows something else (n,).
        doubts: of the label finder.
        surest: the most that can be said of each (n,), see :func:`surest`.
        conflict: the chance that it has the wrong label because its twins have others (n,), see :func:`conflicts`.

    """
    odds = np.log(np.maximum(doubts.chance, 1e-12)) - np.log(np.maximum(1 - doubts.chance, 1e-12))
    label = _FOR * (np.clip(odds, _LEAST, 0) - _LEAST / 2) + _AGAINST * np.clip(odds, 0, _MOST)
    return np.asarray(np.maximum(at_most(settled(foreign + label), surest), conflict))


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
