"""Photos that are hard to see anything on: from measures to scores of 0 to 1, low is bad."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from goodsight.arrays import Doubles, Ints
from goodsight.auditing.looks import Looks


@dataclass(frozen=True)
class Check:
    """One thing to check.

    Attributes:
        score: of looks (n,), 0 to 1.
        least: a photo with a lower score is found.
        words: the evidence, with ``{}`` for the measure.
        measure: what the evidence quotes (n,).

    """

    score: Callable[[Looks], Doubles]
    least: float
    words: str
    measure: Callable[[Looks], Doubles]


def _shape(looks: Looks) -> Doubles:
    return np.asarray(looks.sizes.min(axis=1) / np.maximum(looks.sizes.max(axis=1), 1))


CHECKS = {
    "blurry": Check(lambda x: 1 - x.blur, 0.35, "blur {:.2f} of 1", lambda x: x.blur),
    "dark": Check(lambda x: x.lightest, 0.25, "95 % of it is darker than {:.0%} of white", lambda x: x.lightest),
    "overexposed": Check(
        lambda x: 1 - x.darkest, 0.1, "95 % of it is lighter than {:.0%} of white", lambda x: x.darkest
    ),
    "nearly empty": Check(
        lambda x: np.minimum(1, 10 * x.filled), 0.1, "only {:.1%} stands out from the rest", lambda x: x.filled
    ),
    "tiny": Check(
        lambda x: np.minimum(1, x.sizes.min(axis=1) / 64),
        0.5,
        "the shorter side has {:.0f} pixels",
        lambda x: x.sizes.min(axis=1).astype(float),
    ),
    "odd shape": Check(_shape, 0.25, "the shorter side is {:.0%} of the longer one", _shape),
}
"""By kind of finding. The limits are strict: on real catalogs each finds a few photos in a thousand."""


def find(looks: Looks) -> dict[str, tuple[Ints, Doubles, list[str]]]:
    """For each kind: which photos are found, worst first, their scores, and the evidence in words."""
    found: dict[str, tuple[Ints, Doubles, list[str]]] = {}
    for kind, check in CHECKS.items():
        scores, measures = check.score(looks), check.measure(looks)
        rows = np.flatnonzero((scores < check.least) & (looks.sizes > 0).all(axis=1))
        rows = rows[np.argsort(scores[rows], kind="stable")]
        found[kind] = (rows, scores[rows], [check.words.format(measures[i]) for i in rows])
    return found
