"""Probabilities and labels become a result: scores with intervals, curves, leaks, worst mistakes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from goodsight.arrays import Ints
from goodsight.catalog.rows import Row
from goodsight.embedding.photoset import PhotoSet
from goodsight.embedding.twins import Twins
from goodsight.measuring import metrics, nones
from goodsight.measuring.metrics import Scores
from goodsight.measuring.nones import Nones
from goodsight.model.learn import Learned
from goodsight.model.record import Model

SECONDS_BY_HAND = 5.0
"""What checking one photo costs a person: an assumption, stated in the report, for the minutes saved."""


@dataclass(frozen=True)
class Result:
    """Everything that is known about a model on one set of photos.

    Attributes:
        name: which photos: ``out-of-fold``, ``held-out``, ``validation``, ``test`` or ``photos``; with several
            attributes that of the attribute comes first.
        classes: in the model's order.
        scores: on all photos.
        scores_without_leaks: on photos that have no twin in training; None when none leaks.
        leaked: how many photos have a twin in training.
        reliability: bins of mean confidence, accuracy, count.
        curve: (share decided by the machine, error among them), thinned.
        decided: share of photos at or above the model's threshold.
        decided_error: error among those; NaN when none is decided.
        worst: the most confident mistakes: row, true label, given label, probability.
        nones: the errors on photos that show none of the classes, and on the others, apart; None without such a class.

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


def evaluate(
    name: str,
    rows: Sequence[Row],
    classes: tuple[str, ...],
    probabilities: npt.NDArray[np.float64],
    labels: Ints,
    groups: Ints,
    leaked: npt.NDArray[np.bool_],
    threshold: float,
    given: Ints | None = None,
) -> Result:
    """Score probabilities.

    Args:
        name: of the photos, for the report.
        rows: the photos (n).
        classes: class names.
        probabilities: shape (n, classes).
        labels: class numbers (n,).
        groups: twin groups (n,).
        leaked: whether a photo has a twin in training (n,).
        threshold: the model's decision threshold.
        given: class numbers that were answered (n,); None for the likeliest.

    Raises:
        ValueError: there is no photo.

    """
    guesses = probabilities.argmax(axis=1) if given is None else given
    confidence = probabilities[np.arange(len(rows)), guesses]
    right, decided = guesses == labels, confidence >= threshold
    shares, errors = metrics.moderation(confidence, right)
    kept = np.unique(np.linspace(0, len(shares) - 1, min(len(shares), 200)).astype(int))
    clean = ~leaked
    wrong = np.flatnonzero(~right)
    worst = wrong[np.argsort(-confidence[wrong], kind="stable")][:24]
    return Result(
        name=name,
        classes=classes,
        scores=metrics.score(probabilities, labels, groups, guesses),
        scores_without_leaks=metrics.score(probabilities[clean], labels[clean], groups[clean], guesses[clean])
        if leaked.any() and clean.any()
        else None,
        leaked=int(leaked.sum()),
        reliability=metrics.reliability(confidence, right),
        curve=[(float(shares[i]), float(errors[i])) for i in kept],
        decided=float(decided.mean()),
        decided_error=float((~right[decided]).mean()) if decided.any() else float("nan"),
        worst=[(rows[i], classes[labels[i]], classes[guesses[i]], float(confidence[i])) for i in worst],
    )


def of(
    name: str,
    model: Model,
    photo_set: PhotoSet,
    found: Twins,
    rows: Ints,
    probabilities: npt.NDArray[np.float64],
    leaked: npt.NDArray[np.bool_],
) -> Result:
    """The result on some photos of a set.

    Args:
        name: of the photos, for the report.
        model: its classes and threshold.
        photo_set: the set.
        found: the twins among its photos.
        rows: which photos (n,).
        probabilities: theirs (n, classes).
        leaked: whether they have a twin in training (n,).

    """
    chosen = [photo_set.table.rows[i] for i in rows]
    labels, groups = photo_set.labels[rows], found.groups[rows]
    given = model.given(probabilities)
    result = evaluate(name, chosen, model.classes, probabilities, labels, groups, leaked, model.threshold, given)
    if model.none_number is not None:
        result = replace(result, nones=nones.of_answers(labels, given, model.none_number))
    return result


def of_training(learned: Learned, photo_set: PhotoSet, prefix: str = "") -> list[Result]:
    """Results on the user's own splits first, then out-of-fold on the training photos.

    ``prefix`` begins their names.
    """
    results, found = [], learned.grouped.found
    groups = found.groups
    for name in ("validation", "test"):
        rows = np.flatnonzero((photo_set.splits == name) & (photo_set.labels >= 0))
        if len(rows):
            leaked = np.isin(groups[rows], groups[photo_set.training])
            probabilities = learned.model.probabilities(photo_set.table.vectors[rows])
            results.append(of(prefix + name, learned.model, photo_set, found, rows, probabilities, leaked))
    scored, none = photo_set.training[learned.scored], np.zeros(len(learned.scored), bool)
    return [
        *results,
        of(prefix + learned.scored_as, learned.model, photo_set, found, scored, learned.probabilities, none),
    ]


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
