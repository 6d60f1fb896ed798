"""Two models are compared on the same photos: what each class gained, and the photos that turned."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import and_
from pathlib import Path
from typing import Any

from goodsight.catalog.labels import UNSAID, Labels
from goodsight.display import Tabular
from goodsight.errors import CatalogError
from goodsight.files import refuse_folder, whole_folder
from goodsight.flow.pairing import Pairing, pair
from goodsight.flow.work import USUAL, Work, drawn, opened
from goodsight.measuring import comparison
from goodsight.measuring.comparison import Comparison
from goodsight.measuring.pairwise import Paired
from goodsight.model import testset
from goodsight.photos.limits import Limits


@dataclass(frozen=True, repr=False)
class Compared(Tabular):
    """How two models compare.

    Attributes:
        comparison: on all photos; of several attributes a photo is right when all its labels are.
        each: what both said of each attribute.
        left_out: photos that are bad, have a twin in a training, or are of a class that the first model does not know.
        folder: of the page; None without one.

    """

    comparison: Comparison
    each: tuple[Paired, ...]
    left_out: int
    folder: Path | None

    def summary(self) -> str:
        """Both accuracies and the gain."""
        found, gain = self.comparison, self.comparison.gain
        return (
            f"accuracy {found.current_accuracy:.4f} and {found.candidate_accuracy:.4f}, "
            f"gain {gain.value:+.4f} [{gain.low:+.4f}, {gain.high:+.4f}] ({found.n} photos)"
        )

    def records(self) -> list[dict[str, Any]]:
        """One record for each attribute and class."""
        return [
            {"attribute": paired.attribute, "class": one.name, "photos": one.photos, "before": one.before}
            | {"now": one.now, "gain": one.gain.value, "gain_low": one.gain.low, "gain_high": one.gain.high}
            for paired in self.each
            for one in paired.by_class()
        ]


@drawn
def compare(
    old: str | Path,
    new: str | Path,
    photos: str | Path | None = None,
    *,
    out: str | Path | None = None,
    labels: Labels = UNSAID,
    work: Work = USUAL,
) -> Compared:
    """Compare two models on photos that neither was trained on; see :mod:`goodsight.measuring.comparison`.

    Args:
        old: a model folder; its classes count.
        new: another one, that has all of these.
        photos: labelled photos; None takes the test photos (else the validation photos) that the new model's training
            saw.
        out: a folder for report.html and metrics.json, if wanted.
        labels: where the labels of ``photos`` are.
        work: how the work is done; photos are read with the limits of the old model.

    Raises:
        ModelError: a folder cannot be trusted, or the new model lacks a class of the old one.
        CatalogError: the photos cannot be used, or none is left to compare on.
        FolderExistsError: ``out`` is there and ``work.force`` is not set.

    """
    if out is not None:
        refuse_folder(Path(out), force=work.force)
    if photos is None and Path(new).is_dir() and not (Path(new) / testset.NAME).is_file():
        raise CatalogError(f"{new}: was trained without test or validation photos; give labelled photos to compare on")
    with opened(old) as current, opened(new) as candidate:
        paired = pair(current, candidate, photos, labels, work)
        limits = current.model.limits
    if not paired.photos:
        raise CatalogError(f"{paired.name}: no photo is left to compare on: all are bad or have a twin in a training")
    if out is not None:
        write_page(Path(out), paired, (str(old), str(new)), limits, work)
    return Compared(together(paired), paired.each, paired.left_out, None if out is None else Path(out))


def together(paired: Pairing) -> Comparison:
    """The comparison on all photos; of several attributes a photo is right when all its labels are."""
    outcomes = [each.outcomes() for each in paired.each]
    current, candidate = (reduce(and_, side) for side in zip(*outcomes, strict=True))
    return comparison.compare(current, candidate, paired.each[0].groups)


def write_page(out: Path, paired: Pairing, names: tuple[str, str], limits: Limits, work: Work) -> None:
    """Write the page of a comparison, and its numbers, into a new folder."""
    from goodsight.report import compared

    with whole_folder(out, force=work.force) as folder:
        work.progress("write the report", 0, 0)
        compared.write(folder, compared.Measured(names, together(paired), paired.each, paired.left_out), limits)
