"""What people decided about photos is written in a ledger; :mod:`goodsight.catalog.replay` replays it on a catalog.

A ledger is a CSV with the columns of :data:`COLUMNS`. The newest row on a photo counts, so a decision is undone by
deleting its row or by a newer ``keep``. Where photos have several attributes, a new label says in ``attribute`` which
of them it is for, and the newest for each counts.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from goodsight.catalog.records import Record, records
from goodsight.errors import CatalogError, LedgerError, did_you_mean
from goodsight.files import refuse_existing, whole_file, write_table

COLUMNS = ("file_name", "sha256", "decision", "label", "reason", "reviewer", "time", "attribute")


DECISIONS = ("keep", "drop", "relabel")


_NEEDED = ("file_name", "sha256", "decision", "time")


_SHOWN = 5


@dataclass(frozen=True)
class Entry:
    """One row of a ledger; ``where`` names the file and line, ``label`` is '' unless it relabels.

    ``attribute`` is '' where photos have but one.
    """

    file_name: str
    sha256: str
    decision: str
    label: str
    reason: str
    reviewer: str
    time: datetime
    where: str
    attribute: str = ""

    @property
    def said(self) -> str:
        """The decision in words."""
        return f"relabel {self.attribute and self.attribute + ' '}to {self.label!r}" if self.label else self.decision


def read(path: Path) -> list[Entry]:
    """The rows of a ledger, in the order of the file.

    Raises:
        LedgerError: it is not there or no CSV, lacks a column, or a value is not allowed.

    """
    if not path.is_file():
        raise LedgerError(f"`ledger` {path}: there is no such file")
    try:
        return [_entry(record) for record in records(path, table=True)]
    except CatalogError as error:
        raise LedgerError(str(error)) from error


def merge(ledgers: Sequence[Path], out: Path, *, force: bool = False) -> int:
    """Write several ledgers as one, which replays as they do: each reviewer's last word on each photo; how many.

    Raises:
        LedgerError: a ledger cannot be read.
        FolderExistsError: ``out`` is there and ``force`` is not set.

    """
    refuse_existing(out, force=force)
    entries = sorted((entry for path in ledgers for entry in read(path)), key=lambda entry: entry.time)
    words: dict[tuple[str, str, str, str], Entry] = {}
    for entry in entries:
        # A drop and a keep are about all attributes, but what was said of one before is part of the story.
        key = (entry.file_name, entry.sha256, entry.reviewer, entry.attribute)
        # Taken out first, so that the last word also comes last.
        words.pop(key, None)
        words[key] = entry
    with whole_file(out) as part:
        write_table(part, [COLUMNS, *map(_cells, words.values())])
    return len(words)


def _cells(e: Entry) -> tuple[str, ...]:
    time = e.time.isoformat().replace("+00:00", "Z")
    return e.file_name, e.sha256, e.decision, e.label, e.reason, e.reviewer, time, e.attribute


def _entry(record: Record) -> Entry:
    for column in _NEEDED:
        if column not in record:
            raise record.lacks(column)
    where = f"{record.listed}: line {record.line}"
    value = {column: record.text(column) for column in COLUMNS} | {"file_name": str(record.values["file_name"])}
    if not value["file_name"]:
        raise LedgerError(f"{where}: the file_name is empty")
    if not re.fullmatch("[0-9a-fA-F]{64}", value["sha256"]):
        raise LedgerError(f"{where}: the sha256 {value['sha256']!r} is not 64 hexadecimal digits")
    decision = value["decision"].lower()
    if decision not in DECISIONS:
        raise LedgerError(
            f"{where}: the decision {value['decision']!r} is not one of {', '.join(DECISIONS)}."
            f"{did_you_mean(decision, DECISIONS)}"
        )
    if decision == "relabel" and not value["label"]:
        raise LedgerError(f"{where}: relabels to nothing; write the new label, or keep or drop the photo")
    return Entry(
        file_name=posixpath.normpath(value["file_name"]),
        sha256=value["sha256"].lower(),
        decision=decision,
        label=value["label"] if decision == "relabel" else "",
        reason=value["reason"],
        reviewer=value["reviewer"],
        time=_time(where, value["time"]),
        where=where,
        attribute=value["attribute"] if decision == "relabel" else "",
    )


def _time(where: str, value: str) -> datetime:
    try:
        time = datetime.fromisoformat(value)
        if time.tzinfo is None:
            raise ValueError
        return time.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise LedgerError(f"{where}: the time {value!r} is no UTC time such as 2026-01-31T12:00:00Z") from error
