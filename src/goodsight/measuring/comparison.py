"""Is a candidate better than the model in use? A paired comparison on the same photos, with an interval."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from goodsight.arrays import Ints
from goodsight.heads.calibrate import log_loss
from goodsight.measuring.metrics import Estimate

ROUNDS = 2000


Array = npt.NDArray[np.float64]


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


def compare(current: Array, candidate: Array, labels: Ints, groups: Ints, *, seed: int = 0) -> Comparison:
    """Compare the probabilities of two models.

    The interval is a paired bootstrap over twin groups: each round draws the same groups for both models, so what
    makes a photo hard for both cancels out.

    Args:
        current: probabilities (n, classes) of the model in use.
        candidate: probabilities (n, classes) of the other, over the same classes.
        labels: class numbers (n,).
        groups: twin group of each photo (n,).
        seed: of the bootstrap.

    Raises:
        ValueError: there is no photo.

    """
    if not len(labels):
        raise ValueError("there is no photo to compare on")
    right = [(p.argmax(axis=1) == labels).astype(float) for p in (current, candidate)]
    numbers = np.unique(groups, return_inverse=True)[1]
    count = int(numbers.max()) + 1
    columns = (np.ones(len(labels)), right[1] - right[0], log_loss(current, labels) - log_loss(candidate, labels))
    sums = np.stack([np.bincount(numbers, column, count) for column in columns], axis=1)
    weights = np.random.default_rng(seed).multinomial(count, np.full(count, 1 / count), size=ROUNDS)
    drawn = np.concatenate([sums.sum(axis=0, keepdims=True), weights.astype(float) @ sums])
    return Comparison(
        n=len(labels),
        groups=count,
        current_accuracy=float(right[0].mean()),
        candidate_accuracy=float(right[1].mean()),
        gain=_estimate(drawn[:, 1] / drawn[:, 0]),
        loss_gain=_estimate(drawn[:, 2] / drawn[:, 0]),
    )


def _estimate(values: Array) -> Estimate:
    low, high = np.percentile(values[1:], [2.5, 97.5])
    return Estimate(float(values[0]), float(low), float(high))
