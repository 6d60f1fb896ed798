"""How right answers on photos without labels will be, from answers whose labels are known.

What a training said of photos that it did not see tells how often an answer is right, given how sure it is and how near
the photo is to what was trained on (a logistic regression on both, as Platt 1999 on the first). Averaged over other
photos it says what to expect of these. Confidence alone, as in average confidence or average thresholded confidence
(Garg et al. 2022), does not notice that photos come from elsewhere; ``bench/elsewhere.py`` compares the three.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.optimize import minimize

from goodsight.arrays import Array, Bools, Doubles, Floats, Ints
from goodsight.measuring.metrics import Estimate

ROUNDS = 200
LEAST = 30
"""Answers with known labels that a forecast rests on, at least."""


@dataclass(frozen=True)
class Known:
    """Answers on photos (n) that the model had not seen, and what they were worth.

    Attributes:
        confidence: the probability of the answer (n,).
        nearness: the cosine of the photo to the nearest one that was trained on (n,).
        right: whether the answer was right (n,).
        units: what is drawn as one (n,): twins, and photos of one group.

    """

    confidence: Doubles
    nearness: Array
    right: Bools
    units: Ints


@dataclass(frozen=True)
class Expected:
    """What to expect of a model on ``n`` photos.

    Attributes:
        n: how many photos.
        accuracy: the share of right answers.
        decided: the share that is at or above the model's threshold.
        error: the share of wrong answers among those; NaN where there are none.
        nearness: median cosine of the photos to the nearest training photo.
        known_nearness: the same of the photos that the model was judged on.

    """

    n: int
    accuracy: Estimate
    decided: float
    error: Estimate
    nearness: float
    known_nearness: float

    @property
    def farther(self) -> bool:
        """Whether these photos are clearly farther from the training photos than those whose answers are known."""
        return self.nearness < self.known_nearness - 0.1

    def to_json(self) -> dict[str, Any]:
        """Plain numbers."""
        return {
            "n": self.n,
            "accuracy": self.accuracy.to_json(),
            "decided_by_machine": round(self.decided, 5),
            "error_among_decided": self.error.to_json(),
            "nearness": round(self.nearness, 4),
            "known_nearness": round(self.known_nearness, 4),
        }


def expect(known: Known, confidence: Floats, nearness: Array, threshold: float, *, seed: int = 0) -> Expected:
    """What to expect of answers on photos (k) whose labels nobody knows.

    Intervals are 95 % of rounds that draw the known answers by unit, learn the chances anew, and draw what is right.

    Args:
        known: answers whose labels are known (n).
        confidence: of the answers (k,).
        nearness: of the photos (k,).
        threshold: from which on answers count as decided.
        seed: of the draws.

    """
    before, now = _features(known.confidence, known.nearness), _features(confidence, nearness)
    before, now = before - before.mean(axis=0), now - before.mean(axis=0)
    chance = _chance(_learn(before, known.right), now)
    decided = np.asarray(confidence) >= threshold
    draw = np.random.default_rng(seed)
    units = np.unique(known.units, return_inverse=True)[1]
    order = np.argsort(units, kind="stable")
    parts = np.split(order, np.cumsum(np.bincount(units))[:-1])
    accuracy, error = [], []
    for _ in range(ROUNDS):
        rows = np.concatenate([parts[i] for i in draw.integers(len(parts), size=len(parts))])
        drawn = draw.random(len(now)) < _chance(_learn(before[rows], known.right[rows]), now)
        accuracy.append(drawn.mean())
        error.append(1 - drawn[decided].mean() if decided.any() else np.nan)
    wrong = float(1 - chance[decided].mean()) if decided.any() else float("nan")
    return Expected(
        len(now),
        _estimate(float(chance.mean()), accuracy),
        float(decided.mean()),
        _estimate(wrong, error),
        float(np.median(nearness)),
        float(np.median(known.nearness)),
    )


def _features(confidence: Floats, nearness: Array) -> Doubles:
    """The log-odds of the confidence and the nearness (n, 2)."""
    sure = np.clip(np.asarray(confidence, np.float64), 1e-4, 1 - 1e-4)
    return np.stack([np.log(sure / (1 - sure)), 4 * np.asarray(nearness, np.float64)], axis=1)


def _learn(features: Doubles, right: Bools) -> Doubles:
    """Bias and slopes (3,) of a logistic regression; neither being surer nor being nearer makes an answer worse."""
    signs = np.where(right, 1.0, -1.0)

    def loss(given: Doubles) -> tuple[float, Doubles]:
        odds = signs * (given[0] + features @ given[1:])
        push = -signs / (1 + np.exp(np.clip(odds, -500, 500))) / len(signs)
        # The least bit of regularisation: where all was right there is no end.
        slope = np.array([push.sum(), *(push @ features)]) + 2e-4 * given
        return float(np.logaddexp(0, -odds).mean() + 1e-4 * given @ given), slope

    bounds = [(None, None), (0, None), (0, None)]
    return np.asarray(minimize(loss, np.array([0.0, 1.0, 0.0]), jac=True, method="L-BFGS-B", bounds=bounds).x)


def _chance(learnt: Doubles, features: Doubles) -> Doubles:
    return np.asarray(1 / (1 + np.exp(-np.clip(learnt[0] + features @ learnt[1:], -500, 500))))


def _estimate(value: float, draws: list[float]) -> Estimate:
    if np.isnan(value):
        return Estimate(value, value, value)
    low, high = np.quantile(draws, [0.025, 0.975])
    return Estimate(value, min(float(low), value), max(float(high), value))
