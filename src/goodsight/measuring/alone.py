"""What a model decides alone when some precision is wanted: how much, how wrong, and the same of each class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from goodsight.arrays import Bools, Doubles, Ints
from goodsight.measuring import metrics
from goodsight.measuring.metrics import Estimate
from goodsight.measuring.result import SECONDS_BY_HAND

STEPS = (0.8, 0.85, 0.9, 0.92, 0.94, 0.95, 0.96, 0.97, 0.98, 0.985, 0.99, 0.995, 0.998, 0.999)
"""The precisions that a report offers."""


@dataclass(frozen=True)
class Given:
    """Answers about photos (n): class numbers, probabilities, whether they are right, and twin groups; each (n,)."""

    given: Ints
    confidence: Doubles
    right: Bools
    groups: Ints


@dataclass(frozen=True)
class Said:
    """What is said alone of one class: how often it is said, how often of that alone, and the error among those."""

    said: int
    alone: int
    error: Estimate


@dataclass(frozen=True)
class Alone:
    """What is decided alone from a threshold on.

    Attributes:
        precision: that was wanted.
        threshold: the probability from which the model decides; infinity for never.
        n: photos.
        decided: how many of them are decided alone.
        error: among those, with an exact 95 % interval over twin groups; NaN when none is decided.
        classes: the same for each class that may be said.

    """

    precision: float
    threshold: float
    n: int
    decided: int
    error: Estimate
    classes: tuple[Said, ...]

    @property
    def share(self) -> float:
        """Of the photos that are decided alone."""
        return self.decided / self.n

    @property
    def minutes(self) -> float:
        """Minutes of checking by hand that this saves."""
        return self.decided * SECONDS_BY_HAND / 60

    def to_json(self) -> dict[str, Any]:
        """Plain numbers; what cannot be measured is null."""
        return {
            "precision": self.precision,
            "threshold": None if np.isinf(self.threshold) else round(self.threshold, 6),
            "n": self.n,
            "decided": self.decided,
            "error": self.error.to_json(),
            "minutes": round(self.minutes, 1),
            "classes": [[one.said, one.alone, one.error.to_json()] for one in self.classes],
        }


def measure(answers: Given, classes: int, precision: float, threshold: float) -> Alone:
    """What is decided alone of some photos.

    Args:
        answers: about the photos.
        classes: how many there are.
        precision: that is wanted.
        threshold: the probability from which the model decides.

    """
    decided = answers.confidence >= threshold
    each = []
    for number in range(classes):
        said = answers.given == number
        each.append(Said(int(said.sum()), int((said & decided).sum()), _error(answers, said & decided)))
    return Alone(precision, threshold, len(decided), int(decided.sum()), _error(answers, decided), tuple(each))


def _error(answers: Given, chosen: Bools) -> Estimate:
    return metrics.share(~answers.right[chosen], answers.groups[chosen])
