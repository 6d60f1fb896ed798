"""Probabilities and labels become a result: scores with intervals, curves, leaks, worst mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from goodsight.arrays import Bools, Doubles, Ints
from goodsight.catalog.rows import Row
from goodsight.embedding.filed import taken
from goodsight.embedding.photoset import PhotoSet
from goodsight.measuring import metrics, nones
from goodsight.measuring.metrics import Scores
from goodsight.measuring.nones import Nones
from goodsight.model.learn import Learned
from goodsight.model.record import Judge
from goodsight.training.fitted import LIKE_THESE

LEAST = 100
"""Photos of a split of the user's own, for its figure to come first."""
SECONDS_BY_HAND = 5.0
"""What checking one photo costs a person: an assumption, stated in the report, for the minutes saved."""


@dataclass(frozen=True)
class Answers:
    """What was answered for each of some photos (n), for pages that show the photos behind a figure.

    Attributes:
        rows: the photos.
        labels: class numbers (n,).
        given: the class numbers that were answered (n,).
        confidence: the probabilities of these (n,).
        groups: twin groups (n,).
        leaked: whether a photo has a twin in training (n,).

    """

    rows: Sequence[Row]
    labels: Ints
    given: Ints
    confidence: Doubles
    groups: Ints
    leaked: Bools

    @property
    def right(self) -> Bools:
        """Whether each answer is the label (n,)."""
        return np.asarray(self.given == self.labels)

    @property
    def honest(self) -> Answers:
        """Those without a twin in training, if there are any; else all."""
        if not self.leaked.any() or self.leaked.all():
            return self
        return self.take(np.flatnonzero(~self.leaked))

    def take(self, chosen: Ints) -> Answers:
        """Some of them, by number (k,)."""
        return Answers(
            [self.rows[i] for i in chosen],
            self.labels[chosen],
            self.given[chosen],
            self.confidence[chosen],
            self.groups[chosen],
            self.leaked[chosen],
        )


@dataclass(frozen=True)
class Result:
    """Everything that is known about a model on one set of photos.

    Attributes:
        name: which photos: ``out-of-fold``, ``held-out``, ``validation``, ``test`` or ``photos``; with several
            attributes that of the attribute comes first.
        classes: in the model's order.
        scores: on all photos.
        scores_without_leaks: on photos that have no twin in training; None when none leaks.
        leaked: how many photos have a twin in training, or are of a group that was trained on.
        reliability: bins of mean confidence, accuracy, count.
        curve: (share decided by the machine, error among them), thinned.
        decided: share of photos at or above the model's threshold.
        decided_error: error among those; NaN when none is decided.
        worst: the most confident mistakes: row, true label, given label, probability.
        nones: the errors on photos that show none of the classes, and on the others, apart; None without such a class.
        answers: what was said of each photo.

    """

    name: str
    classes: tuple[str, ...]
    scores: Scores
    scores_without_leaks: Scores | None
    leaked: int
    reliability: list[tuple[float, float, int]]
    curve: list[tuple[float, float]]
    decided: float
    decided_error: float
    worst: list[tuple[Row, str, str, float]] = field(default_factory=list)
    nones: Nones | None = None
    answers: Answers | None = field(default=None, compare=False)

    def __repr__(self) -> str:
        return f"Result({self.summary()})"

    def summary(self) -> str:
        """The accuracy, and what can be decided without a person."""
        accuracy, sure = self.scores.accuracy, f"{self.decided:.1%} can be decided without a person"
        interval = f"[{accuracy.low:.4f}, {accuracy.high:.4f}]"
        return f"{self.name}: accuracy {accuracy.value:.4f} {interval} of {self.scores.n} photos, {sure}"

    def record(self) -> dict[str, Any]:
        """Its figures as one flat record."""
        scores = self.scores
        return {
            "photos": self.name,
            "n": scores.n,
            "accuracy": scores.accuracy.value,
            "accuracy_low": scores.accuracy.low,
            "accuracy_high": scores.accuracy.high,
            "balanced_accuracy": scores.balanced_accuracy.value,
            "log_loss": scores.log_loss.value,
            "calibration_error": scores.calibration_error.value,
            "leaked": self.leaked,
            "decided": self.decided,
            "decided_error": self.decided_error,
        }

    @property
    def honest(self) -> Scores:
        """The scores without photos that have a twin in training, if any others are left."""
        return self.scores_without_leaks or self.scores

    @property
    def minutes_saved(self) -> float:
        """Minutes of human checking saved against checking every photo by hand."""
        return self.decided * self.scores.n * SECONDS_BY_HAND / 60

    @property
    def not_measurable(self) -> list[str]:
        """Classes with too few photos (1 or 2) for any figure; of held-out photos, none at all is too few as well."""
        least = 0 if self.name.endswith("held-out") else 1
        return [c for c, n in zip(self.classes, self.scores.support, strict=True) if least <= n < 3]

    def to_json(self) -> dict[str, Any]:
        """For ``metrics.json``; what cannot be measured is null."""
        return {
            "photos": self.name,
            "n": self.scores.n,
            "twin_groups": self.scores.groups,
            "leaked": self.leaked,
            "scores": _scores_json(self.scores, self.classes),
            "scores_without_leaked_photos": self.scores_without_leaks
            and _scores_json(self.scores_without_leaks, self.classes),
            "not_measurable": self.not_measurable,
            "decided_by_machine": round(self.decided, 5),
            "error_among_decided": None if np.isnan(self.decided_error) else round(self.decided_error, 5),
            "minutes_saved": round(self.minutes_saved, 1),
            "reliability": [[round(c, 4), round(a, 4), n] for c, a, n in self.reliability],
            "moderation_curve": [[round(s, 4), round(e, 5)] for s, e in self.curve],
            "confusion": self.scores.confusion.tolist(),
            "none": self.nones and self.nones.to_json(),
            "worst": [[row.file_name, true, given, round(p, 4)] for row, true, given, p in self.worst],
        }


@dataclass(frozen=True)
class Scored:
    """Photos with their true labels and what a model said of them, for :func:`of`.

    Attributes:
        rows: the photos (n).
        labels: class numbers (n,).
        probabilities: of each class (n, classes).
        groups: twin groups (n,).
        leaked: whether a photo has a twin in training (n,).

    """

    rows: Sequence[Row]
    labels: Ints
    probabilities: Doubles
    groups: Ints
    leaked: Bools


def of(name: str, judge: Judge, scored: Scored) -> Result:
    """Score what a judge said.

    Args:
        name: of the photos, for the report.
        judge: its classes and threshold.
        scored: the photos, and what it said.

    Raises:
        ValueError: there is no photo.

    """
    labels, probabilities, groups = scored.labels, scored.probabilities, scored.groups
    guesses = judge.given(probabilities)
    confidence = probabilities[np.arange(len(scored.rows)), guesses]
    right, decided = guesses == labels, confidence >= judge.threshold
    shares, errors = metrics.moderation(confidence, right)
    kept = np.unique(np.linspace(0, len(shares) - 1, min(len(shares), 200)).astype(int))
    clean = ~scored.leaked
    wrong = np.flatnonzero(~right)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:24]
    return Result(
        name=name,
        classes=judge.classes,
        scores=metrics.score(probabilities, labels, groups, guesses),
        scores_without_leaks=metrics.score(probabilities[clean], labels[clean], groups[clean], guesses[clean])
        if scored.leaked.any() and clean.any()
        else None,
        leaked=int(scored.leaked.sum()),
        reliability=metrics.reliability(confidence, right),
        curve=[(float(shares[i]), float(errors[i])) for i in kept],
        decided=float(decided.mean()),
        decided_error=float((~right[decided]).mean()) if decided.any() else float("nan"),
        worst=[
            (scored.rows[i], judge.classes[labels[i]], judge.classes[guesses[i]], float(confidence[i])) for i in worst
        ],
        nones=None if judge.none_number is None else nones.of_answers(labels, guesses, judge.none_number),
        answers=Answers(scored.rows, labels, guesses, confidence, groups, scored.leaked),
    )


def on_photos(name: str, judge: Judge, photo_set: PhotoSet, rows: Ints, groups: Ints, leaked: Bools) -> Result:
    """The result on some photos of a set that a judge was not trained on.

    Args:
        name: of the photos, for the report.
        judge: what answers.
        photo_set: the photos (n).
        rows: indices of those with a class of the judge (k,).
        groups: twin groups (n,).
        leaked: whether photos have a twin in training (n,).

    """
    table = photo_set.table
    probabilities = judge.probabilities(taken(table.filed, rows))
    chosen = [table.rows[i] for i in rows]
    return of(name, judge, Scored(chosen, photo_set.labels[rows], probabilities, groups[rows], leaked[rows]))


def of_training(learned: Learned, prefix: str = "") -> list[Result]:
    """Results on the user's own splits if they are large, then on the training photos, then on small splits.

    Of the training photos those from elsewhere come first, where groups are known. ``prefix`` begins their names.
    """
    fitted, photo_set = learned.fitted, learned.fitted.photo_set
    groups, twins = fitted.groups, fitted.found.groups
    leaked = np.isin(groups, groups[photo_set.training])
    results = []
    for name in ("validation", "test"):
        rows = np.flatnonzero((photo_set.splits == name) & (photo_set.labels >= 0))
        if len(rows):
            results.append(on_photos(prefix + name, learned.judge, photo_set, rows, groups, leaked))
    watched = photo_set.training[fitted.scored]
    chosen = [photo_set.table.rows[i] for i in watched]
    none = np.zeros(len(watched), bool)
    scored = Scored(chosen, photo_set.labels[watched], learned.probabilities, groups[watched], none)
    own = [of(prefix + fitted.scored_as, learned.judge, scored)]
    if fitted.near is not None:
        near = replace(scored, probabilities=learned.judge.calibrated(fitted.near), groups=twins[watched])
        own.append(of(prefix + LIKE_THESE, learned.judge, near))
    # A figure on a handful of photos says less than one on all that were trained on.
    large = [one for one in results if one.scores.n - one.leaked >= LEAST]
    return [*large, *own, *(one for one in results if one.scores.n - one.leaked < LEAST)]


def _scores_json(scores: Scores, classes: Sequence[str]) -> dict[str, Any]:
    return {
        "n": scores.n,
        "accuracy": scores.accuracy.to_json(),
        "balanced_accuracy": scores.balanced_accuracy.to_json(),
        "log_loss": scores.log_loss.to_json(),
        "expected_calibration_error": scores.calibration_error.to_json(),
        "per_class": {
            name: {"photos": n} | {key: value.to_json() for key, value in figures.items()}
            for name, n, figures in zip(classes, scores.support, scores.per_class, strict=True)
        },
    }
