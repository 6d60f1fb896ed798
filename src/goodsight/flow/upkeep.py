"""A model folder is verified, or a candidate takes its place."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from goodsight.catalog.labels import UNSAID, Labels
from goodsight.errors import CatalogError
from goodsight.files import exchange, refuse_folder
from goodsight.flow.comparing import together, write_page
from goodsight.flow.pairing import pair
from goodsight.flow.work import USUAL, Work, drawn, opened
from goodsight.measuring.comparison import Comparison
from goodsight.model import folder as model_folder

LEAST = 100
"""Photos to compare two models on, at least: on fewer, a gain that is worth a change looks like chance."""


@dataclass(frozen=True)
class Promotion:
    """Whether :func:`promote` put the candidate in place, and why.

    ``left_out`` counts test photos that are bad, have a twin in a training, or are of a class that the model in use
    does not know; ``kept`` is where the old folder is now.
    """

    comparison: Comparison
    promoted: bool
    left_out: int
    kept: Path | None


def inspect(model: str | Path) -> dict[str, Any]:
    """Verify a model folder, canaries included, and return what ``model.json`` says.

    Raises:
        ModelError: the folder is damaged, edited, newer than this version, or this machine answers differently.

    """
    _, record = model_folder.read(Path(model))
    with opened(model):
        return record


@drawn
def promote(
    candidate: str | Path,
    over: str | Path,
    *,
    test: str | Path | None = None,
    labels: Labels = UNSAID,
    min_gain: float = 0.0,
    report: str | Path | None = None,
    work: Work = USUAL,
) -> Promotion:
    """Put a candidate in the place of the model in use, if it is really better on photos that neither was trained on.

    The candidate's folder is copied, and the old one is kept beside it as ``NAME.before-DATE-TIME``. A service that
    runs on the folder loads the new model by itself. Models of several attributes are right where all labels are.

    Args:
        candidate: a model folder.
        over: the model folder in use.
        test: labelled photos; None takes the test photos (else the validation photos) that the candidate's training
            saw.
        labels: where the labels of ``test`` are.
        min_gain: what the lower end of the accuracy gain's 95 % interval must exceed.
        report: a folder for the page of :func:`goodsight.compare`, if wanted.
        work: how the work is done; photos are read with the limits of the model in use.

    Raises:
        FolderExistsError: ``report`` is there and ``work.force`` is not set.
        ModelError: a folder cannot be trusted, or the candidate lacks a class of the model in use.
        CatalogError: there are too few photos to compare on, or a test photo was changed.

    """
    if report is not None:
        refuse_folder(Path(report), force=work.force)
    with opened(over) as old, opened(candidate) as new:
        paired = pair(old, new, test, labels, work)
        limits = old.model.limits
    if paired.photos < LEAST:
        raise CatalogError(
            f"{paired.name}: {paired.photos} photos are left to compare on, of those that are good and have no twin in "
            f"a training; at least {LEAST} are needed: give more with `test`"
        )
    comparison = together(paired)
    promoted = comparison.gain.low > min_gain
    kept = exchange(Path(candidate), Path(over)) if promoted else None
    if report is not None:
        write_page(Path(report), paired, (str(over), str(candidate)), limits, work)
    return Promotion(comparison, promoted, paired.left_out, kept)
