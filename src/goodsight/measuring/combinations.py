"""Combinations of labels: which were trained, and what happens on one that was not, by hiding each in turn.

A model that has seen black jeans and blue dresses should know a black dress. Whether it does is measured by training
each attribute's head without one combination and asking it about the photos of just that one. Where groups are known,
the head knows nothing of the photo's fold either; combinations that share no label are then hidden together, since each
hiding costs a training for each fold.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from goodsight.arrays import Bools, Ints
from goodsight.heads import ridge, search
from goodsight.heads.folds import strangers
from goodsight.model.learn import Learned
from goodsight.training import cells
from goodsight.training.groups import FOLDS


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


def measure(learned: Sequence[Learned]) -> Combinations | None:
    """Hide each combination in turn; None when no training photo has two labels or more that are no tags.

    Twins of a hidden photo that have other labels are not trained on either: the photo does not count.

    Args:
        learned: what was learned of each attribute, over the same photos.

    """
    sets = [each.fitted.photo_set for each in learned]
    number = cells.numbers(sets)
    if number is None:
        return None
    chosen = [each for each in learned if not each.judge.attribute.tag]
    trained = cells.trained(sets, number)
    if not len(trained):
        return None
    counts = Counter(_labels(chosen, i) for i in trained.tolist())
    names = tuple(each.judge.attribute.name for each in chosen)
    seen = np.all([_seen(each, trained) for each in chosen], axis=0)
    hideable = cells.hideable(sets, number)
    part = _part(trained)
    # What is not hidden makes one fold, which nobody looks at.
    apart = np.where(np.isin(number[part], hideable), number[part], -1)
    if any(each.fitted.apart for each in chosen):
        apart = _strangers(chosen, part, apart)
    columns = [_right(each, part, apart) for each in chosen] if len(hideable) else [None]
    if any(column is None for column in columns):
        return Combinations(names, counts, (), float(seen.mean()))
    right = np.stack([column for column in columns if column is not None], axis=1)
    known = seen[np.searchsorted(trained, part)]
    alone = _alone(chosen[0].fitted.found.groups[part], number[part])
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


def _labels(chosen: Sequence[Learned], photo: int) -> tuple[str, ...]:
    return tuple(each.judge.classes[each.fitted.photo_set.labels[photo]] for each in chosen)


def _seen(learned: Learned, rows: Ints) -> Bools:
    """Whether some training photos (k,) got their label out-of-fold (k,)."""
    photo_set = learned.fitted.photo_set
    place = np.searchsorted(photo_set.training, rows)
    return np.asarray(learned.guesses[place] == photo_set.labels[rows])


def _part(trained: Ints) -> Ints:
    """Of very many photos a part, as each combination costs a training."""
    order = np.random.default_rng(0).permutation(len(trained))[: ridge.EXACT]
    return np.sort(trained[order])


def _strangers(chosen: Sequence[Learned], rows: Ints, number: Ints) -> Ints:
    """Numbers (k,) of what is hidden together: combinations without a common label; -1 where nothing is."""
    labels = np.stack([each.fitted.photo_set.labels[rows] for each in chosen], axis=1)
    hidden = number >= 0
    together = np.full(len(rows), -1)
    together[hidden] = strangers(labels[hidden], search.HIDDEN // FOLDS)
    return together


def _right(learned: Learned, rows: Ints, number: Ints) -> Bools | None:
    """Whether each of some photos (k,) gets its label from a head that never saw its combination (k,)."""
    photo_set = learned.fitted.photo_set
    scores = learned.fitted.without(number, np.searchsorted(photo_set.training, rows))
    return None if scores is None else np.asarray(scores.argmax(axis=1) == photo_set.labels[rows])


def _alone(groups: Ints, number: Ints) -> Bools:
    """Whether all twins of a photo have its combination (k,)."""
    pairs = np.unique(np.stack([groups, number], axis=1), axis=0)
    mixed = np.flatnonzero(np.bincount(pairs[:, 0]) > 1)
    return ~np.isin(groups, mixed)
