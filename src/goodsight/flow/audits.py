"""What is wrong with photos is found before anyone trains on them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from goodsight.auditing import inspection
from goodsight.auditing.findings import Audit
from goodsight.auditing.looks import look
from goodsight.backbones import by_name
from goodsight.catalog.labels import UNSAID, Labels
from goodsight.catalog.read import is_unsorted, read_catalog, read_unsorted
from goodsight.catalog.replay import replay
from goodsight.files import refuse_folder, whole_folder
from goodsight.flow.work import USUAL, Clock, Work, drawn, require_apart, require_usable
from goodsight.photos import places
from goodsight.photos.places import Source


@drawn
def audit(photos: str | Path, out: str | Path | None = None, *, labels: Labels = UNSAID, work: Work = USUAL) -> Audit:
    """Find what is wrong with photos before anyone trains on them. Nothing is moved, changed or deleted.

    Args:
        photos: labelled photos, in any form that :func:`goodsight.train` reads; a split in it is ignored. A folder of
            photos without class folders is audited for all that needs no label.
        out: a folder for report.html, findings.csv, review.csv and metrics.json, if wanted.
        labels: where the labels are, and what people decided already; dropped photos are not looked at again,
            relabelled ones have their new label.
        work: how the work is done.

    Raises:
        CatalogError: the photos or labels cannot be used.
        LedgerError: a ledger cannot be read, or does not fit the photos.
        FolderExistsError: ``out`` is there and ``work.force`` is not set.
        EngineError: the network cannot be made or run.

    """
    if out is not None:
        refuse_folder(Path(out), force=work.force)
    clock, source = Clock(), places.of(photos)
    given = (
        read_unsorted(source) if _unsorted(source, labels) else read_catalog(source, labels=labels, ignore_split=True)
    )
    if out is not None:
        require_apart(Path(out), [source], given.rows)
    replayed = replay(given, labels.ledgers, limits=work.limits)
    with work.embedder(by_name.load("lite0")) as embedder:
        clock.lap("load the network")
        table = embedder.table(replayed.catalog.rows)
    clock.lap("embed the photos")
    require_usable(source, table)
    looks = look(table.rows, work.limits, work.progress)
    clock.lap("look at the photos")
    seen = inspection.Seen(table, looks, embedder.backbone)
    found = inspection.inspect(source.resolve().name, replayed, seen, work.limits, clock.lap, work.progress)
    found = replace(found, timings=clock.laps)
    if out is not None:
        from goodsight.report import audit as report

        with whole_folder(Path(out), force=work.force) as folder:
            work.progress("write the report", 0, 0)
            report.write(folder, found)
    return found


def _unsorted(source: Source, labels: Labels) -> bool:
    """Whether there are no labels, and nobody says where they would be."""
    return labels.label == () and labels.attributes == () and not labels.tags and is_unsorted(source)
