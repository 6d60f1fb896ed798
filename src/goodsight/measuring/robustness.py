"""How accuracy falls when photos are spoilt: blurred, dark, squeezed by JPEG, turned, noisy or too small.

The kinds and the three strengths of each follow Hendrycks and Dietterich 2019, Benchmarking Neural Network Robustness
to Common Corruptions, cut down to what goes wrong with photos of products.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

import numpy as np
import numpy.typing as npt

from goodsight.arrays import Ints
from goodsight.backbones.backbone import Backbone
from goodsight.backbones.engine import Engine, start
from goodsight.catalog.rows import Row
from goodsight.embedding.cache import Cache
from goodsight.embedding.photoset import PhotoSet
from goodsight.embedding.spoilt import spoilt_vectors
from goodsight.heads import kinds
from goodsight.heads.head import Head
from goodsight.measuring.metrics import ROUNDS, Estimate
from goodsight.model.learn import Learned
from goodsight.model.record import Model
from goodsight.photos.limits import Limits
from goodsight.photos.spoil import CONDITIONS, Condition
from goodsight.progress import Progress, quiet
from goodsight.training.recipe import Trained

Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Line:
    """The accuracy under one condition, with its 95 % interval."""

    condition: Condition
    accuracy: Estimate


@dataclass(frozen=True)
class Card:
    """Accuracy on photos as they are and under each condition.

    Attributes:
        clean: accuracy on the photos as they are.
        lines: one per condition, in the order of :data:`CONDITIONS`.
        photos: how many there are.
        which: photos they are, such as ``test``, as :attr:`goodsight.measuring.result.Result.name` has it.

    """

    clean: Estimate
    lines: tuple[Line, ...]
    photos: int
    which: str

    @property
    def by_kind(self) -> list[tuple[str, list[Line]]]:
        """The lines of each kind, from weak to strong."""
        return [(kind, list(lines)) for kind, lines in groupby(self.lines, lambda line: line.condition.kind)]

    def to_json(self) -> dict[str, Any]:
        """For ``metrics.json``; what cannot be measured is null."""
        return {
            "photos": self.which,
            "n": self.photos,
            "clean": self.clean.to_json(),
            "conditions": [
                {
                    "kind": line.condition.kind,
                    "strength": line.condition.strength,
                    "value": line.condition.value,
                    "unit": line.condition.unit,
                    "accuracy": line.accuracy.to_json(),
                }
                for line in self.lines
            ],
        }


def measure(
    which: str,
    rows: Sequence[Row],
    labels: Ints,
    groups: Ints,
    guesses: Ints,
    backbone: Backbone,
    engine: Engine,
    answer: Callable[[npt.NDArray[np.float32]], npt.NDArray[np.floating]],
    limits: Limits,
    *,
    cache: Cache | None = None,
    progress: Progress = quiet,
) -> Card | None:
    """Spoil photos and see what a model makes of them; None when no photo can be read.

    Args:
        which: photos they are, for the report.
        rows: photos that the model has not seen (n).
        labels: class numbers (n,).
        groups: twin groups (n,).
        guesses: what the model makes of the photos as they are (n,).
        backbone: the model's.
        engine: runs its network.
        answer: turns embeddings (n, width) into scores (n, classes).
        limits: on bytes and pixels of a photo.
        cache: of the model's embeddings, read and filled when given.
        progress: told the photos.

    """
    vectors, good = spoilt_vectors(rows, backbone, engine, limits, cache=cache, progress=progress)
    if not good:
        return None
    right = np.stack([answer(spoilt).argmax(axis=1) == labels[good] for spoilt in vectors])
    return card(which, guesses[good] == labels[good], right, groups[good])


def card(which: str, clean: Bools, right: Bools, groups: Ints) -> Card:
    """Accuracies with 95 % intervals from answers that are right or wrong.

    The intervals are those of :func:`goodsight.measuring.metrics.score`: twin groups are drawn whole, and all
    conditions share the draws.

    Args:
        which: photos they are, for the report.
        clean: whether the answer is right on each photo as it is (n,).
        right: the same under each of :data:`CONDITIONS` (conditions, n).
        groups: twin group of each photo (n,).

    Raises:
        ValueError: there is no photo, or the shapes do not go together.

    """
    if right.shape != (len(CONDITIONS), len(clean)) or groups.shape != clean.shape:
        shapes = f"clean {clean.shape}, right {right.shape}, groups {groups.shape}"
        raise ValueError(f"right must be ({len(CONDITIONS)}, n) where clean and groups are (n,), not {shapes}")
    first, *others = _accuracies(np.concatenate([clean[None], right]), groups)
    lines = tuple(Line(condition, accuracy) for condition, accuracy in zip(CONDITIONS, others, strict=True))
    return Card(first, lines, len(clean), which)


def _accuracies(right: Bools, groups: Ints) -> list[Estimate]:
    """The accuracy of each row of ``right`` (rows, n), with the interval that :func:`metrics.score` would give it."""
    if right.shape[1] == 0:
        raise ValueError("there is no photo to score")
    numbers = np.unique(groups, return_inverse=True)[1]
    count = int(numbers.max()) + 1
    sums = np.stack([np.bincount(numbers, row, count) for row in (np.ones(len(numbers)), *right)], axis=1)
    weights = np.random.default_rng(0).multinomial(count, np.full(count, 1 / count), size=ROUNDS)
    drawn = weights.astype(float) @ sums
    lows, highs = np.percentile(drawn[:, 1:] / drawn[:, :1], [2.5, 97.5], axis=0)
    values = right.mean(axis=1)
    return [Estimate(float(v), float(low), float(high)) for v, low, high in zip(values, lows, highs, strict=True)]


def of_photos(
    count: int,
    which: str,
    model: Model,
    engine: Engine,
    cache: Cache | None,
    photo_set: PhotoSet,
    rows: Ints,
    groups: Ints,
    progress: Progress,
) -> Card | None:
    """The card of a model on photos that it was not trained on; None without any.

    Args:
        count: of photos to try, drawn from ``rows``.
        which: photos they are, for the report.
        model: the model.
        engine: runs its network.
        cache: of its embeddings, read and filled when given.
        photo_set: the photos (n).
        rows: indices of photos with a class of the model, without those that leaked (k,).
        groups: twin groups (n,).
        progress: told the photos.

    """
    rows = _drawn(rows, count)
    guesses = model.given(model.probabilities(photo_set.table.vectors[rows]))
    tried = _Tried(model.backbone, engine, model.head, cache)
    return _card(which, photo_set, rows, guesses, groups, tried, model.limits, progress)


def of_training(
    count: int,
    which: str,
    photo_set: PhotoSet,
    learned: Learned,
    engine: Engine,
    cache: Cache | None,
    own: Trained | None,
    progress: Progress,
) -> Card | None:
    """The card of a training: on the user's own split ``which``, or else on training photos of one fold.

    Args:
        count: of photos to try.
        which: the user's split to try, or the name of the result on training photos.
        photo_set: the photos.
        learned: the model and its evidence.
        engine: runs its network.
        cache: of its embeddings, read and filled when given.
        own: how the network was trained, if it was trained here.
        progress: told the photos.

    """
    if not count:
        return None
    model, grouped, trained = learned.model, learned.grouped, photo_set.training
    groups = grouped.found.groups
    unleaked = ~np.isin(groups, groups[trained])
    rows = np.flatnonzero((photo_set.splits == which) & (photo_set.labels >= 0) & unleaked)
    if len(rows):
        return of_photos(count, which, model, engine, cache, photo_set, rows, groups, progress)
    tried = _Tried(model.backbone, engine, model.head, cache)
    if own is None:
        watched: Ints = np.flatnonzero(grouped.folds == 0)
        rest = np.flatnonzero(grouped.folds != 0)
        head, _ = kinds.train(model.head.setting, model.head.scaler, learned.examples(photo_set).take(rest))
        tried = replace(tried, head=head)
    else:
        watched = own.watched
        tried = replace(tried, backbone=own.witness, engine=start(own.witness.network), cache=None)
    said = np.zeros(len(trained), np.int64)
    said[learned.scored] = learned.guesses
    watched = _drawn(watched, count)
    return _card(learned.scored_as, photo_set, trained[watched], said[watched], groups, tried, model.limits, progress)


def _drawn(rows: Ints, count: int) -> Ints:
    """At most ``count`` of some rows, the same every time."""
    return rows[np.sort(np.random.default_rng(0).permutation(len(rows))[:count])]


@dataclass(frozen=True)
class _Tried:
    """What answers for spoilt photos."""

    backbone: Backbone
    engine: Engine
    head: Head
    cache: Cache | None


def _card(
    which: str,
    photo_set: PhotoSet,
    rows: Ints,
    guesses: Ints,
    groups: Ints,
    tried: _Tried,
    limits: Limits,
    progress: Progress,
) -> Card | None:
    if not len(rows):
        return None
    return measure(
        which,
        [photo_set.table.rows[i] for i in rows],
        photo_set.labels[rows],
        groups[rows],
        guesses,
        tried.backbone,
        tried.engine,
        tried.head,
        limits,
        cache=tried.cache,
        progress=progress,
    )
