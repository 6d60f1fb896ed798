"""Two models on the same photos: what each class gained, and the photos on which one of them alone is right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from goodsight.arrays import Bools, Doubles, Ints
from goodsight.catalog.rows import Row
from goodsight.measuring.comparison import Comparison, Outcome, compare
from goodsight.measuring.metrics import Estimate

LEAST = 3
"""A class of fewer photos has no figure, as everywhere."""


@dataclass(frozen=True)
class Side:
    """What one model said of photos (n): class numbers, their probabilities, and its losses; each (n,)."""

    given: Ints
    confidence: Doubles
    loss: Doubles


@dataclass(frozen=True)
class ClassGain:
    """One class: its photos, the share of them that each model finds, and the gain with its interval (NaN of few)."""

    name: str
    photos: int
    before: float
    now: float
    gain: Estimate


@dataclass(frozen=True)
class Paired:
    """Two models on one attribute of the same photos (n).

    Attributes:
        attribute: its name.
        classes: of the current model.
        rows: the photos.
        labels: class numbers (n,).
        current: what the current model said.
        candidate: what the candidate said.
        groups: twin groups (n,).

    """

    attribute: str
    classes: tuple[str, ...]
    rows: Sequence[Row]
    labels: Ints
    current: Side
    candidate: Side
    groups: Ints

    @property
    def won(self) -> Bools:
        """Where the candidate alone is right (n,)."""
        return np.asarray((self.candidate.given == self.labels) & (self.current.given != self.labels))

    @property
    def lost(self) -> Bools:
        """Where the current model alone is right (n,)."""
        return np.asarray((self.candidate.given != self.labels) & (self.current.given == self.labels))

    def outcomes(self) -> tuple[Outcome, Outcome]:
        """How the current model and the candidate did."""
        current, candidate = (Outcome(side.given == self.labels, side.loss) for side in (self.current, self.candidate))
        return current, candidate

    def comparison(self) -> Comparison:
        """The gain on all photos."""
        return compare(*self.outcomes(), self.groups)

    def by_class(self) -> list[ClassGain]:
        """The gain of each class that has photos here, the worst loss first and classes of few photos last."""
        found = [self._of(number) for number in np.unique(self.labels).tolist()]
        return sorted(found, key=lambda one: (np.isnan(one.gain.value), one.gain.value, one.name))

    def _of(self, number: int) -> ClassGain:
        mine = np.flatnonzero(self.labels == number)
        before, now = (side.given[mine] == number for side in (self.current, self.candidate))
        nothing = Estimate(np.nan, np.nan, np.nan)
        losses = (self.current.loss[mine], self.candidate.loss[mine])
        gain = nothing
        if len(mine) >= LEAST:
            gain = compare(Outcome(before, losses[0]), Outcome(now, losses[1]), self.groups[mine]).gain
        return ClassGain(self.classes[number], len(mine), float(before.mean()), float(now.mean()), gain)

    def to_json(self) -> dict[str, Any]:
        """Plain numbers, and the names of the photos that turned."""
        return self.comparison().to_json() | {
            "classes": {
                one.name: {"photos": one.photos, "before": round(one.before, 5), "now": round(one.now, 5)}
                | {"gain": one.gain.to_json()}
                for one in self.by_class()
            },
            "won": [self.rows[i].file_name for i in np.flatnonzero(self.won).tolist()],
            "lost": [self.rows[i].file_name for i in np.flatnonzero(self.lost).tolist()],
        }
