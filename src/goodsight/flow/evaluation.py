"""A model is scored on labelled photos."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from goodsight.catalog.labels import UNSAID, Labels
from goodsight.catalog.read import read_catalog
from goodsight.catalog.replay import replay
from goodsight.catalog.rows import NO, Catalog
from goodsight.display import Tabular
from goodsight.embedding import photoset
from goodsight.errors import CatalogError, require_at_least
from goodsight.files import refuse_folder, whole_folder
from goodsight.flow.work import USUAL, Clock, Work, drawn, leaks, opened, require_usable, write_report
from goodsight.measuring import measured
from goodsight.measuring.measured import Measured
from goodsight.measuring.result import Result
from goodsight.model import surety
from goodsight.model.record import LoadedModel, Model
from goodsight.photos import places
from goodsight.training.groups import units_of


@dataclass(frozen=True, repr=False)
class Evaluation(Tabular):
    """What :func:`evaluate` measured; ``folder`` holds the report when one was asked for."""

    measured: Measured
    folder: Path | None

    def summary(self) -> str:
        """A line for each result."""
        return self.measured.summary()

    def records(self) -> list[dict[str, Any]]:
        """One record for each result."""
        return self.measured.records()

    @property
    def result(self) -> Result:
        """Of the first attribute."""
        return self.measured.results[0]


@drawn
def evaluate(
    model: str | Path | LoadedModel,
    photos: str | Path,
    *,
    out: str | Path | None = None,
    labels: Labels = UNSAID,
    spoilt: int | None = None,
    work: Work = USUAL,
) -> Evaluation:
    """Score a model on labelled photos; those that have a twin in its training are counted and scored apart.

    Args:
        model: a model folder, or a model that :func:`goodsight.load` gave.
        photos: labelled photos, in any form that :func:`goodsight.train` reads; a split in it is ignored.
        out: a folder for report.html and metrics.json, if wanted.
        labels: where the labels are; under the names of the model's attributes when nothing is said.
        spoilt: how many photos the report's robustness card tries, each in 18 ways; 0 for no card; None for as many
            photos and ways as take about a tenth of the time.
        work: how the work is done; photos are read with the limits of the model.

    Raises:
        ModelError: the model folder cannot be trusted.
        CatalogError: the photos cannot be read, or no label is one of the model's classes.
        LedgerError: a ledger cannot be read, or does not fit the photos.
        FolderExistsError: ``out`` is there and ``work.force`` is not set.

    """
    require_at_least(0, spoilt=spoilt or 0)
    if out is not None:
        refuse_folder(Path(out), force=work.force)
    clock = Clock()
    with opened(model) as loaded:
        known, source = loaded.model, places.of(photos)
        given = in_order(read_catalog(source, labels=labels_for(loaded, labels), ignore_split=True), known)
        classes = {
            attribute.name: judge.classes for attribute, judge in zip(given.attributes, known.judges, strict=True)
        }
        replayed = replay(given, labels.ledgers, classes=classes, limits=known.limits)
        clock.lap("load the model")
        embedder = loaded.embedder(cached=work.cache, progress=work.progress)
        table = embedder.table(replayed.catalog.rows)
        require_usable(source, table)
        clock.lap("embed the photos")
        twins, leaked = leaks(known, table)
        units = units_of(table.rows, twins.groups)
        sets = [
            photoset.to_score(table, judge.attribute, number, judge.classes)
            for number, judge in enumerate(known.judges)
        ]
        shown = out is not None
        parts = measured.of_photos(known, sets, units, leaked, embedder, clock.lap, shown=shown, spoilt=spoilt)
        if shown:
            rests = surety.read(loaded.folder, known.judges)
            parts = tuple(replace(part, surety=each) for part, each in zip(parts, rests, strict=True))
    title = f"Evaluation report: {source.resolve().name}"
    findings = measured.gather(title, known, parts, twins, replayed.catalog.left_out, replayed)
    if out is not None:
        with whole_folder(Path(out), force=work.force) as folder:
            write_report(folder, findings, clock, card=False)
    return Evaluation(findings, None if out is None else Path(out))


def labels_for(loaded: LoadedModel, labels: Labels) -> Labels:
    """Where the labels of photos to be scored are: for several attributes under their own names, if nothing is said.

    Raises:
        CatalogError: the model answers for tags, and nobody says where they are.

    """
    attributes = loaded.model.attributes
    names = [attribute.name for attribute in attributes if not attribute.tag]
    if len(names) < len(attributes) and not labels.tags:
        raise CatalogError(f"{loaded.folder}: answers for tags; name their column with `tags`")
    if labels.label or labels.attributes or len(attributes) == 1:
        return labels
    return replace(labels, label=names)


def in_order(given: Catalog, model: Model) -> Catalog:
    """The rows with the labels in the order of the model's attributes; a tag that no photo has is one that all lack.

    A lone attribute may have another name than the model's.

    Raises:
        CatalogError: an attribute of the model is missing.

    """
    wanted = model.attributes
    if len(wanted) == len(given.attributes) == 1 and not given.attributes[0].tag:
        return given
    numbers = {attribute.name: number for number, attribute in enumerate(given.attributes)}
    lacking = [a.name for a in wanted if a.name not in numbers and not a.tag]
    if lacking:
        raise CatalogError(
            f"{given.name}: the model answers for {', '.join(a.name for a in wanted)}, and there are labels for "
            f"{', '.join(numbers)} only; name the others with `label` or `attributes`"
        )
    rows = tuple(
        replace(row, labels=tuple(row.labels[numbers[a.name]] if a.name in numbers else NO for a in wanted))
        for row in given.rows
    )
    return replace(given, rows=rows, attributes=wanted)
