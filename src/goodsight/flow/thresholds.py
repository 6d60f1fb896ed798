"""A model decides alone from other probabilities on, without a training."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from goodsight.display import Tabular
from goodsight.errors import GoodsightError, ModelError, require_between
from goodsight.files import whole_folder
from goodsight.model import folder as model_folder
from goodsight.model import surety
from goodsight.model.record import Model
from goodsight.model.surety import Surety


@dataclass(frozen=True)
class Threshold:
    """From which probability on an attribute is decided alone, before and now; infinity for never.

    ``decided`` of ``n`` photos are decided alone now, by the result that leads the report, with that share of
    ``error`` (NaN when none is).
    """

    attribute: str
    before: float
    now: float
    n: int
    decided: int
    error: float


@dataclass(frozen=True, repr=False)
class Thresholds(Tabular):
    """What :func:`set_precision` changed."""

    folder: Path
    before: float
    precision: float
    each: tuple[Threshold, ...]

    def summary(self) -> str:
        """A line for each attribute."""
        return "\n".join(
            f"{one.attribute}: wanted precision {self.precision:g}, decides alone from {one.now:.3f}, "
            f"{one.decided} of {one.n} photos"
            for one in self.each
        )

    def records(self) -> list[dict[str, Any]]:
        """One record for each attribute."""
        return [vars(one) | {"precision": self.precision} for one in self.each]


def set_precision(model: str | Path, precision: float) -> Thresholds:
    """Change the wanted precision of a model folder, and with it what the model decides alone.

    The thresholds are chosen as in training, from the answers on photos that it had not seen, which the folder keeps.
    What the report, the model card and ``metrics.json`` say of it is written anew. The folder is replaced as a whole;
    a service that runs on it loads it by itself.

    Args:
        model: a model folder.
        precision: the share of right answers wanted where no person looks, between 0.5 and 1.

    Raises:
        ModelError: the folder cannot be trusted, or an older Goodsight made it.
        GoodsightError: the precision is out of its range, or no attribute reaches it.

    """
    from goodsight.report import renewed

    require_between(0.5, 1.0, precision=precision)
    # A link to a folder stays a link: what it leads to is replaced.
    folder = Path(model).resolve()
    known, record = model_folder.read(folder)
    sureties = surety.read(folder, known.judges)
    thresholds = [each.threshold(precision) for each in sureties]
    if np.isinf(thresholds).all():
        raise GoodsightError(_too_much(known, sureties, precision))
    with whole_folder(folder, force=True) as part:
        shutil.copytree(folder, part, dirs_exist_ok=True)
        try:
            settings = renewed.renew(part, sureties, precision, thresholds)
        except ValueError as error:
            page = folder / "report.html"
            raise ModelError(
                f"{page}: an older Goodsight made it, without the answers behind it; train again"
            ) from error
        model_folder.reset(part, precision, thresholds)
        model_folder.seal(part)
    each = [
        Threshold(judge.attribute.name, judge.threshold, now, of.now.n, of.now.decided, of.now.error.value)
        for judge, now, of in zip(known.judges, thresholds, settings, strict=True)
    ]
    return Thresholds(Path(model), float(record["precision"]), precision, tuple(each))


def _too_much(model: Model, sureties: Sequence[Surety], precision: float) -> str:
    """Why a precision cannot be promised, and what can."""
    said = []
    for judge, each in zip(model.judges, sureties, strict=True):
        most = np.floor(each.most * 1000) / 1000
        said.append(
            f"{model.prefix(judge)}its {len(each.right)} answers on photos that it had not seen allow up to {most:g}"
        )
    return f"`precision` {precision:g}: cannot be promised: {'; '.join(said)}; ask for less, or train on more photos"
