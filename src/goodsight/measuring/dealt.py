"""Which photos are spoilt in which ways: all of some photos or, to save time, ways that are dealt over many photos.

A look is one photo spoilt in one way and embedded once. What a training costs grows with the photos that it looks at,
so a share of as many looks takes about that share of its time.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from goodsight.arrays import Bools, Ints
from goodsight.photos.spoil import CONDITIONS

LEAST = 200
"""Photos to try, where there are so many looks, before any is tried in more ways: a second look at one says less."""
WAYS = len(CONDITIONS)
SHARE = 1 / 12
"""Looks for each photo of a training: with what is spoilt and a head of its own they stay within a tenth of its time,
as ``bench/speed.py`` measures."""
TRAINED_HERE = 1 / 2
"""The same of a network that is trained here, and so looks at each photo far more often than once."""


@dataclass(frozen=True)
class Extent:
    """How much is tried.

    Attributes:
        photos: so many, each in every way; 0 for none; None for what ``looks`` allow.
        looks: how many there are to deal.

    """

    photos: int | None
    looks: int


@dataclass(frozen=True)
class Dealt:
    """Which photos are tried (n,), and in which of the conditions, by number, each of them is (n, k)."""

    photos: Ints
    ways: Ints


def affordable(photos: int, cards: int = 1, *, trained_here: bool = False) -> int:
    """The looks that take about a tenth of the time, but one for each way at least.

    Args:
        photos: that are embedded anyhow.
        cards: how many share the time.
        trained_here: the network is trained on these photos.

    """
    return WAYS + int(photos * (TRAINED_HERE if trained_here else SHARE) / cards)


def deal(labels: Ints, right: Bools, extent: Extent) -> Dealt:
    """Choose photos, and deal the ways over them, the same every time.

    Photos are put in order of their class and of whether the answer is right when they are as they are, and each
    so-many-th is taken from a random start (systematic sampling, Cochran 1977, Sampling Techniques). So both are
    spread as among all photos, over the photos and over each way.

    Args:
        labels: class numbers (n,).
        right: whether the answer is right on each photo as it is (n,).
        extent: how much is tried.

    """
    photos, ways = _sizes(len(labels), extent)
    rng = np.random.default_rng(0)
    order = np.lexsort((rng.permutation(len(labels)), right, labels))
    chosen = order[np.floor((np.arange(photos) + rng.random()) * len(labels) / max(1, photos)).astype(int)]
    return Dealt(chosen, np.arange(photos * ways).reshape(photos, ways) % WAYS)


def _sizes(count: int, extent: Extent) -> tuple[int, int]:
    """How many of so many photos are tried, and in how many ways each."""
    if extent.photos is not None or not count:
        return min(extent.photos or 0, count), WAYS
    ways = min(WAYS, max(extent.looks // LEAST, -(-extent.looks // count), 1))
    return min(count, -(-extent.looks // ways)), ways
