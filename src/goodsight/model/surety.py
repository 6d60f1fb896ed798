"""How sure a model was of photos that it had not seen, and how often that was right: what its thresholds rest on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from goodsight.arrays import Bools, Doubles
from goodsight.errors import ModelError
from goodsight.files import read_records
from goodsight.heads.calibrate import threshold_for
from goodsight.model.learn import Learned
from goodsight.model.record import Judge

NAME = "predictions.csv"


ROUNDING = 5e-7
"""A probability there has six digits; without that much, whoever was counted in stays in."""


@dataclass(frozen=True)
class Surety:
    """Answers about photos that a head had not seen (n).

    Attributes:
        confidence: the probability of each (n,).
        right: whether it was right (n,).

    """

    confidence: Doubles
    right: Bools

    def threshold(self, precision: float) -> float:
        """The probability from which answers are right with that precision; infinity when none is.

        See :func:`goodsight.heads.calibrate.threshold_for`.
        """
        return threshold_for(self.confidence, self.right, precision)

    @property
    def most(self) -> float:
        """The highest precision for which there is a threshold."""
        order = np.argsort(-self.confidence, kind="stable")
        errors = np.cumsum(~self.right[order])
        ranked = self.confidence[order]
        last_of_ties = np.append(ranked[1:] < ranked[:-1], True)
        errors_at_most = (errors + 1) / (np.arange(1, len(order) + 1) + 1)
        return float(1 - errors_at_most[last_of_ties].min())


def of_learned(learned: Learned) -> Surety:
    """That of a training."""
    fitted, given = learned.fitted, learned.guesses
    known = fitted.photo_set.labels[fitted.photo_set.training][fitted.scored]
    return Surety(learned.probabilities[np.arange(len(given)), given], given == known)


def read(folder: Path, judges: Sequence[Judge]) -> tuple[Surety, ...]:
    """That of each judge of a model, from its folder's ``predictions.csv``.

    Raises:
        ModelError: the file is not there, or does not speak of a judge.

    """
    records = _records(folder)
    return tuple(_of(_mine(folder, judge, records)) for judge in judges)


def of_classes(folder: Path, judge: Judge, classes: Sequence[str]) -> Surety:
    """That of the answers of a judge that say one of some classes; there may be none.

    Raises:
        ModelError: as :func:`read`.

    """
    said = set(classes)
    return _of([record for record in _mine(folder, judge, _records(folder)) if record["predicted"] in said])


def _records(folder: Path) -> list[dict[str, str]]:
    path = folder / NAME
    if not path.is_file():
        raise ModelError(f"{path}: is not there, and thresholds rest on it; train the model again")
    return [record for _, record in read_records(path)]


def _mine(folder: Path, judge: Judge, records: Sequence[dict[str, str]]) -> list[dict[str, str]]:
    name = judge.attribute.name
    mine = [record for record in records if record.get("attribute", name) == name]
    if not mine:
        raise ModelError(f"{folder / NAME}: says nothing of {name}; train the model again")
    return mine


def _of(mine: Sequence[dict[str, str]]) -> Surety:
    confidence = np.array([float(record["probability"]) for record in mine]) - ROUNDING
    return Surety(confidence, np.array([record["label"] == record["predicted"] for record in mine]))
