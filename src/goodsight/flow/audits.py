"""What is wrong with photos is found before anyone trains on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from goodsight.auditing import inspection
from goodsight.auditing.findings import Audit
from goodsight.auditing.looks import look
from goodsight.backbones import by_name
from goodsight.backbones.engine import start
from goodsight.catalog.columns import Columns
from goodsight.catalog.ledger import replay
from goodsight.catalog.read import read_catalog
from goodsight.embedding import stream
from goodsight.embedding.cache import Cache
from goodsight.errors import CatalogError
from goodsight.files import refuse_folder, whole_folder
from goodsight.flow import work
from goodsight.flow.work import Clock, paths_of
from goodsight.photos.limits import DEFAULT_LIMITS, Limits
from goodsight.progress import Progress, quiet


def audit(
    photos: str | Path,
    out: str | Path | None = None,
    *,
    label: str | Sequence[str] = (),
    attributes: Sequence[str] = (),
    tags: str = "",
    ledger: str | Path | Sequence[str | Path] = (),
    limits: Limits = DEFAULT_LIMITS,
    cache: bool = True,
    force: bool = False,
    progress: Progress = quiet,
) -> Audit:
    """Find what is wrong with photos before anyone trains on them. Nothing is moved, changed or deleted.

    Args:
        photos: labelled photos, in any form that :func:`train` reads; a split in it is ignored.
        out: a folder for report.html, findings.csv, review.csv and metrics.json, if wanted.
        label: the label column of a list, or several; "label" when nothing is said.
        attributes: of labels in the names of folders, as for :func:`train`.
        tags: the column of tags.
        ledger: what people decided already; dropped photos are not looked at again, relabelled ones have their new
            label.
        limits: on bytes and pixels of a photo.
        cache: use and fill the embedding cache.
        force: replace ``out`` if it is there.
        progress: told about every step.

    Raises:
        CatalogError: the photos or labels cannot be used.
        LedgerError: a ledger cannot be read, or does not fit the photos.
        FolderExistsError: ``out`` is there and ``force`` is not set.
        EngineError: the network cannot be made or run.

    """
    if out is not None:
        refuse_folder(Path(out), force=force)
    clock = Clock()
    rows = read_catalog(Path(photos), columns=Columns.of(label, attributes, tags), ignore_split=True)
    if out is not None:
        work.require_apart(Path(out), [Path(photos)], rows.rows)
    decided = replay(rows, paths_of(ledger), limits=limits) if paths_of(ledger) else None
    rows = decided.catalog if decided else rows
    backbone = by_name.load("lite0")
    engine = start(backbone.network)
    clock.lap("load the network")
    known = Cache(backbone, engine) if cache else None
    table = stream.table(rows.rows, backbone, engine, cache=known, limits=limits, progress=progress)
    engine.close()
    clock.lap("embed the photos")
    if not table.rows:
        raise CatalogError(f"{photos}: none of {len(table.bad)} photos can be used; the first: {table.bad[0][1]}")
    looks = look(table.rows, limits, progress)
    clock.lap("look at the photos")
    name = Path(photos).resolve().name
    found = inspection.inspect(name, rows, table, looks, backbone, limits, clock.lap, progress, decided)
    found = replace(found, timings=clock.laps)
    if out is not None:
        from goodsight.report import audit as report

        with whole_folder(Path(out), force=force) as folder:
            progress("write the report", 0, 0)
            report.write(folder, found)
    return found
