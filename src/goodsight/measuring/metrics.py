"""Numbers that say how good probabilities are, each with an interval that respects twins.

Twins are not independent, so the bootstrap draws whole twin groups (cluster bootstrap, Field and Welsh 2007). Every
metric here is a function of sums over photos; the sums are made once per group, and a bootstrap round is one row of a
matrix product.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from goodsight.arrays import Floats, Ints
from goodsight.heads.calibrate import log_loss

ROUNDS = 1000


BINS = 15


Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A figure with its 95 % interval; ``low`` and ``high`` are NaN when it cannot be measured."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict[str, float | None]:
        """Plain numbers, with ``None`` for what cannot be measured."""
        pairs = {"value": self.value, "low": self.low, "high": self.high}
        return {key: None if np.isnan(number) else round(float(number), 5) for key, number in pairs.items()}


@dataclass(frozen=True)
class Scores:
    """All metrics of one set of photos; ``per_class[c]`` holds precision, recall and f1."""

    n: int
    groups: int
    accuracy: Estimate
    balanced_accuracy: Estimate
    log_loss: Estimate
    calibration_error: Estimate
    per_class: tuple[dict[str, Estimate], ...]
    support: tuple[int, ...]
    confusion: npt.NDArray[np.int64]


def score(
    probabilities: Floats,
    labels: Ints,
    groups: Ints,
    given: Ints | None = None,
    *,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Scores:
    """Accuracy, balanced accuracy, log loss, expected calibration error and per-class figures.

    Args:
        probabilities: shape (n, classes), rows sum to 1.
        labels: class numbers (n,).
        groups: twin group of each photo (n,); a group is drawn whole.
        given: class numbers that were answered (n,); None for the likeliest.
        rounds: bootstrap rounds.
        seed: of the bootstrap.

    Returns:
        Scores; a class with fewer than 3 photos has NaN figures and is left out of the balanced accuracy.

    Raises:
        ValueError: there is no photo.

    """
    n, classes = probabilities.shape
    if n == 0:
        raise ValueError("there is no photo to score")
    guesses = probabilities.argmax(axis=1) if given is None else given
    one_hot, guessed = np.eye(classes)[labels], np.eye(classes)[guesses]
    confidence, right = probabilities[np.arange(n), guesses], guesses == labels
    bins = np.eye(BINS)[np.minimum((confidence * BINS).astype(int), BINS - 1)]
    parts = (
        ("n", np.ones((n, 1))),
        ("right", right[:, None].astype(float)),
        ("loss", log_loss(probabilities, labels)[:, None]),
        ("gap", bins * (confidence - right)[:, None]),
        ("support", one_hot),
        ("guessed", guessed),
        ("hit", one_hot * guessed),
    )
    numbers = np.unique(groups, return_inverse=True)[1]
    count = int(numbers.max()) + 1
    table = np.concatenate([values for _, values in parts], axis=1)
    sums = np.stack([np.bincount(numbers, column, count) for column in table.T], axis=1)
    weights = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=rounds)
    drawn = np.concatenate([sums.sum(axis=0, keepdims=True), weights.astype(float) @ sums])
    ends = np.cumsum([values.shape[1] for _, values in parts])
    part = dict(zip([name for name, _ in parts], np.split(drawn, ends[:-1], axis=1), strict=True))
    measurable = one_hot.sum(axis=0) >= 3

    def estimate(metric: Callable[[dict[str, Array]], Array]) -> Estimate:
        with np.errstate(invalid="ignore", divide="ignore"):
            values = metric(part)
        low, high = np.nanpercentile(values[1:], [2.5, 97.5]) if np.isfinite(values[1:]).any() else (np.nan, np.nan)
        return Estimate(float(values[0]), float(low), float(high))

    def of_class(c: int, top: str, bottom: Callable[[dict[str, Array]], Array]) -> Estimate:
        if not measurable[c]:
            return Estimate(np.nan, np.nan, np.nan)
        return estimate(lambda p: p[top][:, c] / bottom(p)[:, c])

    def recalls(p: dict[str, Array]) -> Array:
        kept = p["hit"][:, measurable] / p["support"][:, measurable]
        return np.asarray(np.nanmean(kept, axis=1)) if measurable.any() else np.full(len(kept), np.nan)

    return Scores(
        n=n,
        groups=count,
        accuracy=estimate(lambda p: p["right"][:, 0] / p["n"][:, 0]),
        balanced_accuracy=estimate(recalls),
        log_loss=estimate(lambda p: p["loss"][:, 0] / p["n"][:, 0]),
        calibration_error=_around(estimate(lambda p: np.abs(p["gap"]).sum(axis=1) / p["n"][:, 0])),
        per_class=tuple(
            {
                "precision": of_class(c, "hit", lambda p: p["guessed"]),
                "recall": of_class(c, "hit", lambda p: p["support"]),
                "f1": of_class(c, "hit", lambda p: (p["support"] + p["guessed"]) / 2),
            }
            for c in range(classes)
        ),
        support=tuple(int(s) for s in one_hot.sum(axis=0)),
        confusion=(one_hot.T @ guessed).astype(np.int64),
    )


def _around(biased: Estimate) -> Estimate:
    """The same spread around the value itself: resampling noise only ever adds to a calibration error."""
    half = (biased.high - biased.low) / 2
    return Estimate(biased.value, max(0.0, biased.value - half), biased.value + half)


def reliability(confidence: Floats, right: npt.NDArray[np.bool_], bins: int = 10) -> list[tuple[float, float, int]]:
    """Mean confidence, accuracy and count of each bin of confidence that has photos, in order."""
    index = np.minimum((np.asarray(confidence) * bins).astype(int), bins - 1)
    found = [np.flatnonzero(index == b) for b in range(bins)]
    return [(float(confidence[i].mean()), float(right[i].mean()), len(i)) for i in found if len(i)]


def moderation(confidence: Floats, right: npt.NDArray[np.bool_]) -> tuple[Array, Array]:
    """The moderation curve: the share of photos that the machine decides, and its error among them.

    Photos are decided from the most to the least confident.

    Returns:
        Shares (n,) rising to 1, and errors (n,).

    """
    order = np.argsort(-np.asarray(confidence), kind="stable")
    decided = np.arange(1, len(order) + 1)
    return decided / len(order), np.cumsum(~right[order]) / decided
