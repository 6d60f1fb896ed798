"""Is a candidate better than the model in use? A paired comparison on the same photos, with an interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from goodsight.arrays import Bools, Doubles, Ints
from goodsight.heads.calibrate import log_loss
from goodsight.measuring.metrics import Estimate, draws, exact

ROUNDS = 2000


@dataclass(frozen=True)
class Comparison:
    """Two models on the same ``n`` photos of ``groups`` twin groups.

    ``gain`` is the candidate's accuracy minus the current model's; ``loss_gain`` the current log loss minus the
    candidate's. Above 0 the candidate is better.
    """

    n: int
    groups: int
    current_accuracy: float
    candidate_accuracy: float
    gain: Estimate
    loss_gain: Estimate

    def to_json(self) -> dict[str, Any]:
        """Plain numbers."""
        return {
            "n": self.n,
            "twin_groups": self.groups,
            "current_accuracy": round(self.current_accuracy, 5),
            "candidate_accuracy": round(self.candidate_accuracy, 5),
            "gain": self.gain.to_json(),
            "log_loss_gain": self.loss_gain.to_json(),
        }


@dataclass(frozen=True)
class Outcome:
    """How a model did on photos (n): whether it was right, and its log loss; of several attributes in all of them."""

    right: Bools
    loss: Doubles

    @classmethod
    def of(cls, probabilities: Doubles, labels: Ints, given: Ints | None = None) -> Outcome:
        """Of probabilities (n, classes) and class numbers (n,).

        Args:
            probabilities: of each class.
            labels: what is right.
            given: the class numbers (n,) that are answered; the likeliest where there is no other rule.

        """
        answers = probabilities.argmax(axis=1) if given is None else given
        return cls(answers == labels, log_loss(probabilities, labels))

    def __and__(self, other: Outcome) -> Outcome:
        return Outcome(self.right & other.right, self.loss + other.loss)


def compare(current: Outcome, candidate: Outcome, groups: Ints, *, seed: int = 0) -> Comparison:
    """Compare two models on the same photos (n).

    The interval is a paired bootstrap over twin groups: each round draws the same groups for both models, so what
    makes a photo hard for both cancels out. Where both are right on the same photos, that says nothing, and the gain's
    interval is what such photos may hide (Clopper and Pearson 1934).

    Args:
        current: how the model in use did.
        candidate: how the other did.
        groups: twin group of each photo (n,).
        seed: of the bootstrap.

    Raises:
        ValueError: there is no photo.

    """
    n = len(groups)
    if not n:
        raise ValueError("there is no photo to compare on")
    numbers = np.unique(groups, return_inverse=True)[1]
    count = int(numbers.max()) + 1
    more_right = candidate.right.astype(float) - current.right.astype(float)
    columns = (np.ones(n), more_right, current.loss - candidate.loss)
    sums = np.stack([np.bincount(numbers, column, count) for column in columns], axis=1)
    drawn = np.concatenate(
        [sums.sum(axis=0, keepdims=True), *(weights @ sums for weights in draws(count, ROUNDS, seed))]
    )
    hidden = exact(Estimate(0.0, 0.0, 0.0), count).high
    alike = Estimate(0.0, -hidden, hidden)
    return Comparison(
        n=n,
        groups=count,
        current_accuracy=float(current.right.mean()),
        candidate_accuracy=float(candidate.right.mean()),
        gain=_estimate(drawn[:, 1] / drawn[:, 0]) if more_right.any() else alike,
        loss_gain=_estimate(drawn[:, 2] / drawn[:, 0]),
    )


def _estimate(values: Doubles) -> Estimate:
    low, high = np.percentile(values[1:], [2.5, 97.5])
    return Estimate(float(values[0]), float(low), float(high))
