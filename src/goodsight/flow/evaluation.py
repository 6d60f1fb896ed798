"""A model is scored on labelled photos."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from goodsight.catalog.columns import Columns
from goodsight.catalog.ledger import replay
from goodsight.catalog.read import read_catalog
from goodsight.catalog.rows import NO, Catalog
from goodsight.embedding import photoset, stream
from goodsight.embedding.cache import Cache
from goodsight.errors import CatalogError
from goodsight.files import refuse_folder, whole_folder
from goodsight.flow.answers import load
from goodsight.flow.work import Clock, leaks, paths_of, write_report
from goodsight.measuring import explained, robustness
from goodsight.measuring import result as result_step
from goodsight.measuring.measured import Findings, Part, gather
from goodsight.measuring.result import Result
from goodsight.model.record import LoadedModel
from goodsight.progress import Progress, quiet


@dataclass(frozen=True)
class Evaluation:
    """What :func:`evaluate` measured; ``folder`` holds the report when one was asked for."""

    findings: Findings
    folder: Path | None

    @property
    def result(self) -> Result:
        """Of the first attribute."""
        return self.findings.results[0]


def evaluate(
    model: str | Path | LoadedModel,
    photos: str | Path,
    *,
    out: str | Path | None = None,
    label: str | Sequence[str] = (),
    attributes: Sequence[str] = (),
    tags: str = "",
    ledger: str | Path | Sequence[str | Path] = (),
    spoilt: int = 24,
    cache: bool = True,
    force: bool = False,
    progress: Progress = quiet,
) -> Evaluation:
    """Score a model on labelled photos; those that have a twin in its training are counted and scored apart.

    Args:
        model: a model folder, or a model that :func:`load` gave.
        photos: labelled photos, in any form that :func:`train` reads; a split in it is ignored.
        out: a folder for report.html and metrics.json, if wanted.
        label: the label column of a list, or one for each attribute; what the model was trained on when nothing is
            said.
        attributes: of labels in the names of folders, as for :func:`train`.
        tags: the column of tags.
        ledger: what people decided about these photos, in one or several files.
        spoilt: how many photos the report's robustness card tries, each in 18 ways; 0 for no card.
        cache: use and fill the embedding cache.
        force: replace ``out`` if it is there.
        progress: told about every step.

    Raises:
        ModelError: the model folder cannot be trusted.
        CatalogError: the photos cannot be read, or no label is one of the model's classes.
        LedgerError: a ledger cannot be read, or does not fit the photos.
        FolderExistsError: ``out`` is there and ``force`` is not set.

    """
    if out is not None:
        refuse_folder(Path(out), force=force)
    clock = Clock()
    loaded = load(model)
    shared = loaded.models[0]
    given = read_catalog(Path(photos), columns=_columns(loaded, label, attributes, tags), ignore_split=True)
    given = _reordered(given, loaded)
    pairs = zip(given.attributes, loaded.models, strict=True)
    classes = {attribute.name: each.classes for attribute, each in pairs}
    replayed = replay(given, paths_of(ledger), classes=classes, limits=shared.limits)
    rows = replayed.catalog
    clock.lap("load the model")
    backbone, engine = shared.backbone, loaded.engine
    known = Cache(backbone, engine) if cache else None
    table = stream.table(rows.rows, backbone, engine, cache=known, limits=shared.limits, progress=progress)
    if not table.rows:
        raise CatalogError(f"{photos}: none of {len(table.bad)} photos can be used; the first: {table.bad[0][1]}")
    clock.lap("embed the photos")
    own, leaked = leaks(shared, table)
    parts = []
    for number, each in enumerate(loaded.models):
        prefix = f"{each.attribute.name}: " if len(loaded.models) > 1 else ""
        photo_set = photoset.to_score(table.view(number) if prefix else table, each.classes)
        scored = np.flatnonzero(photo_set.labels >= 0)
        if not len(scored):
            raise CatalogError(
                f"{rows.name}: {prefix}none of the labels ({', '.join(rows.view(number).classes[:10])}) is one of the "
                f"model's classes ({', '.join(each.classes[:10])})"
            )
        probabilities = each.probabilities(table.vectors[scored])
        result = result_step.of(f"{prefix}photos", each, photo_set, own, scored, probabilities, leaked[scored])
        clock.lap(f"{prefix}evaluate")
        card = None
        if out is not None and not each.attribute.tag:
            unseen = scored[~leaked[scored]]
            card = robustness.of_photos(spoilt, "photos", each, engine, known, photo_set, unseen, own.groups, progress)
            clock.lap(f"{prefix}spoil photos")
        evidence = {} if out is None else explained.of_worst(each, engine, [result])
        parts.append(Part(each, [result], photo_set, card=card, evidence=evidence))
    title = f"Evaluation report: {Path(photos).resolve().name}"
    findings = gather(title, parts, own, rows.left_out, ledger=replayed)
    if out is not None:
        with whole_folder(Path(out), force=force) as folder:
            write_report(folder, findings, clock, card=False)
    return Evaluation(findings, None if out is None else Path(out))


def _columns(loaded: LoadedModel, label: str | Sequence[str], attributes: Sequence[str], tags: str) -> Columns:
    """Where the labels of photos to be scored are: for several attributes under their own names, if nothing is said."""
    names = [model.attribute.name for model in loaded.models if not model.attribute.tag]
    if len(names) < len(loaded.models) and not tags:
        raise CatalogError(f"{loaded.folder}: answers for tags; name their column with --tags")
    if label or attributes or len(loaded.models) == 1:
        return Columns.of(label, attributes, tags)
    return Columns.of(names, (), tags)


def _reordered(given: Catalog, loaded: LoadedModel) -> Catalog:
    """The rows with the labels in the order of the model's attributes; a tag that no photo has is one that all lack.

    Raises:
        CatalogError: an attribute of the model is missing.

    """
    if len(loaded.models) == len(given.attributes) == 1 and not given.attributes[0].tag:
        return given
    numbers = {attribute.name: number for number, attribute in enumerate(given.attributes)}
    wanted = [model.attribute for model in loaded.models]
    lacking = [a.name for a in wanted if a.name not in numbers and not a.tag]
    if lacking:
        raise CatalogError(
            f"{given.name}: the model answers for {', '.join(a.name for a in wanted)}, and there are labels for "
            f"{', '.join(numbers)} only; name the others with --label or --attributes"
        )
    rows = []
    for row in given.rows:
        every = row.labels or (row.label,)
        labels = tuple(every[numbers[a.name]] if a.name in numbers else NO for a in wanted)
        rows.append(replace(row, label=labels[0], labels=labels if len(labels) > 1 else ()))
    return Catalog.of(given.name, rows, given.left_out, tuple(wanted))
