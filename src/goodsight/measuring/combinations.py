"""Combinations of labels: which were trained, and what happens on one that was not, by hiding each in turn.

A model that has seen black jeans and blue dresses should know a black dress. Whether it does is measured by training
each attribute's head without one combination and asking it about the photos of just that one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from goodsight.arrays import Ints
from goodsight.embedding.photoset import PhotoSet
from goodsight.heads import kinds, ridge
from goodsight.model.learn import Learned

MOST = 100
"""The largest combinations that are hidden; each costs a training of the heads."""


@dataclass(frozen=True)
class Hidden:
    """One combination that was hidden: its labels, photos, and the share right of each attribute and of all at once."""

    labels: tuple[str, ...]
    photos: int
    right: tuple[float, ...]
    all_right: float


@dataclass(frozen=True)
class Combinations:
    """How labels go together.

    Attributes:
        attributes: names of those that are no tags.
        trained: every combination with a training photo, and how many it has.
        hidden: what came of hiding each in turn; those whose labels come in no other combination cannot be hidden.
        seen: the mean over the same combinations of the share with all labels right out-of-fold, when they are trained;
            over all photos when none can be hidden.

    """

    attributes: tuple[str, ...]
    trained: Counter[tuple[str, ...]]
    hidden: tuple[Hidden, ...]
    seen: float

    @property
    def all_right(self) -> float:
        """Mean over the hidden combinations; NaN when none could be hidden."""
        return float(np.mean([each.all_right for each in self.hidden])) if self.hidden else float("nan")

    @property
    def right(self) -> tuple[float, ...]:
        """The same for each attribute alone."""
        columns = zip(*(each.right for each in self.hidden), strict=True)
        return tuple(float(np.mean(column)) for column in columns) or (float("nan"),) * len(self.attributes)

    def to_json(self) -> dict[str, Any]:
        """For ``metrics.json``."""
        means = [*self.right, self.all_right, self.seen]
        rounded = [None if np.isnan(value) else round(value, 5) for value in means]
        return {
            "attributes": list(self.attributes),
            "trained": [[*labels, count] for labels, count in sorted(self.trained.items())],
            "seen_all_right": rounded[-1],
            "hidden_all_right": rounded[-2],
            "hidden_right": dict(zip(self.attributes, rounded, strict=False)),
            "hidden": [
                {
                    "labels": list(each.labels),
                    "photos": each.photos,
                    "right": dict(zip(self.attributes, (round(r, 5) for r in each.right), strict=True)),
                    "all_right": round(each.all_right, 5),
                }
                for each in self.hidden
            ],
        }


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
    if sets[attribute].attribute.tag or number is None or not len(_hideable(sets, number)):
        return None
    others = [each.labels for i, each in enumerate(sets) if i != attribute and not each.attribute.tag]
    return np.asarray(np.unique(np.stack(others, axis=1), axis=0, return_inverse=True)[1].ravel(), np.int64)


def measure(sets: Sequence[PhotoSet], learned: Sequence[Learned]) -> Combinations | None:
    """Hide each combination in turn; None when no training photo has two labels or more that are no tags.

    Twins of a hidden photo that have other labels are not trained on either: the photo does not count.

    Args:
        sets: the photos, one set for each attribute.
        learned: what was learned of each.

    """
    number = numbers(sets)
    if number is None:
        return None
    places = [i for i, each in enumerate(sets) if not each.attribute.tag]
    chosen = [(sets[i], learned[i]) for i in places]
    trained = _trained(sets, number)
    if not len(trained):
        return None
    counts = Counter(_labels(chosen, i) for i in trained.tolist())
    names = tuple(each.attribute.name for each, _ in chosen)
    seen = np.all([_seen(each, found, trained) for each, found in chosen], axis=0)
    hideable = _hideable(sets, number)
    if not len(hideable):
        return Combinations(names, counts, (), float(seen.mean()))
    part = _part(trained, number)
    # What is not hidden makes one fold, which nobody looks at.
    apart = np.where(np.isin(number[part], hideable), number[part], -1)
    right = np.stack([_right(sets[i], learned[i], part, apart) for i in places], axis=1)
    known = seen[np.searchsorted(trained, part)]
    alone = _alone(chosen[0][1].grouped.found.groups[part], number[part])
    hidden, usual = [], []
    for one in hideable:
        rows = np.flatnonzero((number[part] == one) & alone)
        if len(rows):
            each = tuple(right[rows].mean(axis=0).tolist())
            labels = _labels(chosen, int(part[rows[0]]))
            usual.append(float(known[rows].mean()))
            hidden.append(Hidden(labels, len(rows), each, float(right[rows].all(axis=1).mean())))
    mean = float(np.mean(usual)) if usual else float(seen.mean())
    return Combinations(names, counts, tuple(sorted(hidden, key=lambda h: h.all_right)), mean)


def _labels(chosen: Sequence[tuple[PhotoSet, Learned]], photo: int) -> tuple[str, ...]:
    return tuple(each.classes[each.labels[photo]] for each, _ in chosen)


def _seen(photo_set: PhotoSet, learned: Learned, rows: Ints) -> npt.NDArray[np.bool_]:
    """Whether some training photos (k,) got their label out-of-fold (k,)."""
    place = np.searchsorted(photo_set.training, rows)
    return np.asarray(learned.guesses[place] == photo_set.labels[rows])


def _trained(sets: Sequence[PhotoSet], number: Ints) -> Ints:
    """Indices of the photos with all labels that are trained on."""
    rows = np.flatnonzero(number >= 0)
    every = [np.isin(rows, each.training) for each in sets if not each.attribute.tag]
    return rows[np.all(every, axis=0)]


def _hideable(sets: Sequence[PhotoSet], number: Ints) -> Ints:
    """Numbers of the largest combinations whose labels all come in another one as well."""
    trained = _trained(sets, number)
    if not len(trained):
        return trained
    found, counts = np.unique(number[trained], return_counts=True)
    first = [trained[np.argmax(number[trained] == one)] for one in found]
    labels = np.array([[each.labels[i] for each in sets if not each.attribute.tag] for i in first])
    often = np.all([np.bincount(column)[column] > 1 for column in labels.T], axis=0)
    order = np.argsort(-counts, kind="stable")
    return found[[i for i in order if often[i]][:MOST]]


def _part(trained: Ints, number: Ints) -> Ints:
    """Of very many photos a part, as each combination costs a training."""
    order = np.random.default_rng(0).permutation(len(trained))[: ridge.EXACT]
    return np.sort(trained[order])


def _right(photo_set: PhotoSet, learned: Learned, rows: Ints, number: Ints) -> npt.NDArray[np.bool_]:
    """Whether each of some photos (k,) gets its label from a head that never saw its combination (k,)."""
    head = learned.model.head
    place = np.searchsorted(photo_set.training, rows)
    examples = replace(learned.examples(photo_set).take(place), folds=number)
    scores = kinds.train(head.setting, head.scaler, examples)[1]
    return np.asarray(scores.argmax(axis=1) == examples.labels)


def _alone(groups: Ints, number: Ints) -> npt.NDArray[np.bool_]:
    """Whether all twins of a photo have its combination (k,)."""
    pairs = np.unique(np.stack([groups, number], axis=1), axis=0)
    mixed = np.flatnonzero(np.bincount(pairs[:, 0]) > 1)
    return ~np.isin(groups, mixed)
