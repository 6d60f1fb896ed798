"""Combinations of labels that come together in photos: their numbers, and which of them can be hidden from training."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from goodsight.arrays import Ints
from goodsight.embedding.photoset import PhotoSet

MOST = 100
"""The largest combinations that are hidden; each costs a training of the heads."""


def numbers(sets: Sequence[PhotoSet]) -> Ints | None:
    """The number of the combination of every photo (n,), -1 where a label is missing; None if there is none at all."""
    columns = [each.labels for each in sets if not each.attribute.tag]
    if len(columns) < 2:
        return None
    labels = np.stack(columns, axis=1)
    whole = (labels >= 0).all(axis=1)
    if not whole.any():
        return None
    found = np.full(len(labels), -1)
    found[whole] = np.unique(labels[whole], axis=0, return_inverse=True)[1].ravel()
    return found


def beside(sets: Sequence[PhotoSet], attribute: int) -> Ints | None:
    """What the other attributes of every photo are (n,), as numbers, for the attribute of that number.

    None for a tag, for the only attribute, and when no combination can be hidden.
    """
    number = numbers(sets)
    if sets[attribute].attribute.tag or number is None or not len(hideable(sets, number)):
        return None
    others = [each.labels for i, each in enumerate(sets) if i != attribute and not each.attribute.tag]
    return np.asarray(np.unique(np.stack(others, axis=1), axis=0, return_inverse=True)[1].ravel(), np.int64)


def trained(sets: Sequence[PhotoSet], number: Ints) -> Ints:
    """Indices of the photos with all labels that are trained on."""
    rows = np.flatnonzero(number >= 0)
    every = [np.isin(rows, each.training) for each in sets if not each.attribute.tag]
    return rows[np.all(every, axis=0)]


def hideable(sets: Sequence[PhotoSet], number: Ints) -> Ints:
    """Numbers of the largest combinations whose labels all come in another one as well."""
    rows = trained(sets, number)
    if not len(rows):
        return rows
    found, counts = np.unique(number[rows], return_counts=True)
    first = [rows[np.argmax(number[rows] == one)] for one in found]
    labels = np.array([[each.labels[i] for each in sets if not each.attribute.tag] for i in first])
    often = np.all([np.bincount(column)[column] > 1 for column in labels.T], axis=0)
    order = np.argsort(-counts, kind="stable")
    return found[[i for i in order if often[i]][:MOST]]
