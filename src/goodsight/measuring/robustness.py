"""How accuracy falls when photos are spoilt: blurred, dark, squeezed by JPEG, turned, noisy or too small.

The kinds and the three strengths of each follow Hendrycks and Dietterich 2019, Benchmarking Neural Network Robustness
to Common Corruptions, cut down to what goes wrong with photos of products.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np

from goodsight.arrays import Array, Bools, Floats, Ints
from goodsight.catalog.rows import Row
from goodsight.embedding.embedder import Embedder
from goodsight.embedding.photoset import PhotoSet
from goodsight.embedding.spoilt import spoilt_vectors
from goodsight.measuring.metrics import ROUNDS, Estimate, exact
from goodsight.model.learn import Learned
from goodsight.model.record import Judge
from goodsight.photos.spoil import CONDITIONS, Condition
from goodsight.training.fitted import Witness


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


@dataclass(frozen=True)
class Tried:
    """Photos to spoil, and what answers for them.

    Attributes:
        which: photos they are, for the report.
        rows: the photos, which the head has not seen (n).
        labels: class numbers (n,).
        groups: twin groups (n,).
        guesses: what is answered for the photos as they are (n,).
        embedder: of the head's network.
        head: scores embeddings.

    """

    which: str
    rows: Sequence[Row]
    labels: Ints
    groups: Ints
    guesses: Ints
    embedder: Embedder
    head: Callable[[Array], Floats]


def measure(tried: Tried) -> Card | None:
    """Spoil photos and see what a head makes of them; None when no photo can be read."""
    vectors, good = spoilt_vectors(tried.rows, tried.embedder)
    if not good:
        return None
    labels = tried.labels[good]
    right = np.stack([tried.head(spoilt).argmax(axis=1) == labels for spoilt in vectors])
    return card(tried.which, tried.guesses[good] == labels, right, tried.groups[good])


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
    found = (Estimate(float(v), float(low), float(high)) for v, low, high in zip(values, lows, highs, strict=True))
    return [exact(each, count) for each in found]


def of_photos(
    which: str, judge: Judge, embedder: Embedder, photo_set: PhotoSet, rows: Ints, groups: Ints
) -> Card | None:
    """The card of a judge on photos that it was not trained on; None without any.

    Args:
        which: photos they are, for the report.
        judge: what answers.
        embedder: of its network.
        photo_set: the photos (n).
        rows: indices of those to try (k,), such as :func:`drawn` gives.
        groups: twin groups (n,).

    """
    if not len(rows):
        return None
    table = photo_set.table
    guesses = judge.given(judge.probabilities(table.vectors[rows]))
    chosen = [table.rows[i] for i in rows]
    return measure(Tried(which, chosen, photo_set.labels[rows], groups[rows], guesses, embedder, judge.head))


def of_training(count: int, which: str, learned: Learned, embedder: Embedder) -> Card | None:
    """The card of a training: on the user's own split ``which``, or else on training photos of one fold.

    Args:
        count: of photos to try.
        which: the user's split to try, or the name of the result on training photos.
        learned: the judge and its evidence.
        embedder: of its network.

    """
    if not count:
        return None
    fitted, photo_set = learned.fitted, learned.fitted.photo_set
    groups, training = fitted.groups, fitted.photo_set.training
    twins = fitted.found.groups
    unleaked = ~np.isin(twins, twins[training])
    rows = np.flatnonzero((photo_set.splits == which) & (photo_set.labels >= 0) & unleaked)
    if len(rows):
        return of_photos(which, learned.judge, embedder, photo_set, drawn(rows, count), groups)
    witness = fitted.witness()
    watched = drawn(witness.watched, count)
    if not len(watched):
        return None
    said = np.zeros(len(training), np.int64)
    said[fitted.scored] = learned.guesses
    with _embedder_of(witness, embedder) as looking:
        chosen = training[watched]
        rows_tried = [photo_set.table.rows[i] for i in chosen]
        tried = Tried(
            fitted.scored_as,
            rows_tried,
            photo_set.labels[chosen],
            groups[chosen],
            said[watched],
            looking,
            witness.head,
        )
        return measure(tried)


def drawn(rows: Ints, count: int) -> Ints:
    """At most ``count`` of some rows, the same every time."""
    return rows[np.sort(np.random.default_rng(0).permutation(len(rows))[:count])]


def _embedder_of(witness: Witness, like: Embedder) -> Embedder:
    """What embeds photos for a witness; with the network of ``like`` it shares its engine and its cache."""
    same = witness.backbone == like.backbone
    return Embedder(
        witness.backbone,
        engine=like.engine if same else None,
        limits=like.limits,
        cached=same and like.cache is not None,
        progress=like.progress,
    )
