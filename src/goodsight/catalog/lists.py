"""A metadata.csv or .jsonl becomes rows."""

from __future__ import annotations

import csv
import json
import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from goodsight.catalog.labels import Labels
from goodsight.catalog.rows import SPLITS, Row
from goodsight.errors import CatalogError, did_you_mean
from goodsight.photos.boxes import parse

LISTS = ("metadata.csv", "metadata.jsonl")


LINE_BYTES = 2**20
"""Of a line of JSON Lines."""


def list_in(source: Path) -> Path | None:
    """The list that a source is or holds, or None."""
    if source.suffix.lower() in {".csv", ".jsonl"} and source.is_file():
        return source
    return next((source / name for name in LISTS if (source / name).is_file()), None)


def from_list(listed: Path, labels: Labels, *, boxes: bool) -> tuple[list[Row], list[tuple[str, str]]]:
    """The photos of a list, and the rows that are left out with the reason."""
    rows: dict[str, Row] = {}
    left_out: list[tuple[str, str]] = []
    missing: list[str] = []
    wanted = {
        "`attributes`" if labels.folders else "`label`": labels.names,
        "`tags`": (labels.tags,) if labels.tags else (),
    }
    for number, record in records(listed):
        name = name_of(listed, number, record)
        for option, column in ((option, column) for option, those in wanted.items() for column in those):
            if column not in record:
                others = [c for c in record if c not in {"file_name", "split"}]
                raise CatalogError(
                    f"{listed}: there is no column {column!r}; the columns are {', '.join(record)}."
                    f"{did_you_mean(column, others)} Choose one with {option}"
                )
        said = tuple(record[column].strip() for those in wanted.values() for column in those)
        row = Row(name, listed.parent / name, said, _split(listed, number, record.get("split", "")))
        if not any(said) and not labels.tags:
            left_out.append((name, "no label"))
        elif name in rows and rows[name].labels != said:
            one, two = (", ".join(given) for given in (rows[name].labels, said))
            raise CatalogError(f"{listed}: {name} is listed as {one!r} and as {two!r}; keep one of them")
        elif name in rows and rows[name].split != row.split:
            raise CatalogError(f"{listed}: {name} is listed in the splits {rows[name].split!r} and {row.split!r}")
        elif not row.path.is_file():
            missing.append(f"row {number}: {name}")
        else:
            around = parse(record.get("boxes", ""), f"{listed}: row {number}") if boxes else ()
            earlier = rows[name].boxes if name in rows else ()
            rows[name] = replace(row, boxes=tuple(dict.fromkeys(earlier + around)))
    if missing:
        shown = "; ".join(missing[:5])
        raise CatalogError(
            f"{listed}: {len(missing)} rows without a file ({shown}); file_name is relative to {listed.parent}"
        )
    return list(rows.values()), left_out


def records(listed: Path, *, table: bool = False) -> Iterator[tuple[int, Mapping[str, str]]]:
    """Each row as text by column, with its line number in the file.

    With ``table`` it is a CSV whatever its name, and bytes that are no UTF-8 text are kept, as in names of files.

    Raises:
        CatalogError: it cannot be read; of JSON Lines, a line is no JSON object, no UTF-8 text or over 1 MiB.

    """
    try:
        if not table and listed.suffix.lower() != ".csv":
            yield from _json_records(listed)
            return
        with listed.open(encoding="utf-8-sig", errors="surrogateescape" if table else "strict", newline="") as stream:
            reader = csv.DictReader(stream, restval="")
            for record in reader:
                yield reader.line_num, {str(k): str(v) for k, v in record.items() if k is not None}
    except (UnicodeDecodeError, csv.Error) as error:
        raise CatalogError(f"{listed}: cannot be read as UTF-8 text in rows: {error}") from error
    except OSError as error:
        raise CatalogError(f"{listed}: cannot be read: {error.strerror}") from error


def _json_records(listed: Path) -> Iterator[tuple[int, Mapping[str, str]]]:
    with listed.open("rb") as stream:
        # Not the stream's own lines: one without an end would fill the memory.
        for number, line in enumerate(iter(lambda: stream.readline(LINE_BYTES + 1), b""), 1):
            if len(line) > LINE_BYTES:
                raise CatalogError(f"{listed}: line {number} is over 1 MiB; shorten it or leave it out")
            try:
                text = line.decode("utf-8-sig")
            except UnicodeDecodeError as error:
                raise CatalogError(f"{listed}: line {number} is not UTF-8 text; save the file as UTF-8") from error
            if text.strip():
                yield number, _json_record(listed, number, text)


def _json_record(listed: Path, number: int, line: str) -> Mapping[str, str]:
    try:
        record = json.loads(line)
        if isinstance(record, dict):
            return {key: "" if value is None else str(value) for key, value in record.items()}
    except json.JSONDecodeError as error:
        raise CatalogError(f"{listed}: line {number} is not JSON: {error.msg}") from error
    except RecursionError as error:
        raise CatalogError(f"{listed}: line {number} has too many brackets in each other; leave it out") from error
    except ValueError as error:
        raise CatalogError(f"{listed}: line {number} has a number of too many digits; leave it out") from error
    raise CatalogError(f"{listed}: line {number} is not a JSON object")


def name_of(listed: Path, number: int, record: Mapping[str, str]) -> str:
    """The normalised ``file_name`` of a row."""
    if "file_name" not in record:
        raise CatalogError(f"{listed}: there is no column 'file_name'; the columns are {', '.join(record)}")
    name = record["file_name"].strip()
    if not name:
        raise CatalogError(f"{listed}: row {number} has an empty file_name")
    if not (listed.parent / name).exists():
        # A list made on Windows; where such a file is really there, the backslash is part of its name.
        name = name.replace("\\", "/")
    return posixpath.normpath(name)


def _split(listed: Path, number: int, value: str) -> str:
    value = value.strip().lower()
    if value and value not in SPLITS:
        raise CatalogError(
            f"{listed}: row {number} has the split {value!r}; use train, validation or test, or leave it empty."
            f"{did_you_mean(value, SPLITS)}"
        )
    return SPLITS.get(value, "")
