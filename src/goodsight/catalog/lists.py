"""A metadata.csv or .jsonl becomes rows."""

from __future__ import annotations

import posixpath
import unicodedata
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from goodsight.catalog.labels import FOLDER, Labels
from goodsight.catalog.records import Record, records
from goodsight.catalog.rows import TAG_END, Found, Row
from goodsight.catalog.splits import SPLITS, split_of
from goodsight.errors import CatalogError, did_you_mean
from goodsight.photos.boxes import parse
from goodsight.photos.find import find

LISTS = ("metadata.csv", "metadata.jsonl")
OURS = ("split.json", "metrics.json")
"""What ``split`` and ``reviews export`` write beside a list."""
NO_LABEL = ("nan", "null", "n/a", "na", "#n/a", "nil", "undefined", "<na>")
"""What programs write where there is no value; in CSV it is a text like any other."""


def list_in(source: Path) -> Path | None:
    """The list that a source is, or that a folder holds; None for a folder without one that names photos."""
    if source.suffix.lower() in {".csv", ".jsonl"} and source.is_file():
        return source
    return next((path for path in _held(source) if _names_photos(path)), None)


def foreign_lists(source: Path) -> list[tuple[str, str]]:
    """Lists in a folder that name no photos, with the reason why they are passed over."""
    return [
        (path.name, "has no column file_name, so it is passed over")
        for path in _held(source)
        if source.is_dir() and not _names_photos(path)
    ]


def _held(folder: Path) -> list[Path]:
    return [folder / name for name in LISTS if (folder / name).is_file()]


def _names_photos(listed: Path) -> bool:
    """Whether a list has the column ``file_name``; one that cannot be read is read again, for its own error."""
    try:
        return all("file_name" in record for record, _ in zip(records(listed), range(1), strict=False))
    except CatalogError:
        return True


def from_list(listed: Path, labels: Labels, *, boxes: bool, whole: bool) -> Found:
    """The photos of a list.

    Args:
        listed: the list.
        labels: its label columns, and the column of tags.
        boxes: read the column ``boxes``.
        whole: name the photos beside it, and below, that it does not list.

    Raises:
        CatalogError: a column is missing, a value cannot be read, or a row has no file.

    """
    rows: dict[str, Row] = {}
    found = Found([], [], [])
    missing: list[str] = []
    for record in records(listed):
        name = name_of(record)
        said = _said(record, labels)
        path = path_of(listed.parent, name)
        row = Row(name, path, said, _split(record), group=_group(record, name, labels))
        if not any(said) and not labels.tags:
            found.left_out.append((name, "no label"))
        elif name in rows and rows[name].labels != said:
            one, two = (", ".join(given) for given in (rows[name].labels, said))
            raise CatalogError(f"{listed}: {name} is listed as {one!r} and as {two!r}; keep one of them")
        elif name in rows and rows[name].split != row.split:
            raise CatalogError(f"{listed}: {name} is listed in the splits {rows[name].split!r} and {row.split!r}")
        elif name in rows and rows[name].group != row.group:
            raise CatalogError(f"{listed}: {name} is listed in the groups {rows[name].group!r} and {row.group!r}")
        elif not (there(row.path) and row.path.is_file()):
            missing.append(f"line {record.line}: {name[:100]}")
        else:
            around = parse(record.boxes("boxes"), f"{listed}: line {record.line}") if boxes else ()
            earlier = rows[name].boxes if name in rows else ()
            rows[name] = replace(row, boxes=tuple(dict.fromkeys(earlier + around)))
    if missing:
        shown = "; ".join(missing[:5])
        raise CatalogError(
            f"{listed}: {len(missing)} rows without a file ({shown}); file_name is relative to {listed.parent}"
        )
    found.rows += rows.values()
    if whole:
        named = {row.path for row in found.rows} | {path_of(listed.parent, name) for name, _ in found.left_out}
        found.left_out += [(name, f"is not in {listed.name}") for name, path in beside(listed) if path not in named]
    found.notes += _doubtful(found.rows, labels)
    return found


def beside(listed: Path) -> Iterator[tuple[str, Path]]:
    """Every file in the folder of a list, and below, but for lists and what we write beside: its name and path."""
    for path in find(listed.parent):
        if path.name not in LISTS + OURS and path != listed:
            yield path.relative_to(listed.parent).as_posix(), path


def name_of(record: Record) -> str:
    """The normalised ``file_name`` of a row.

    Raises:
        CatalogError: it has none.

    """
    if "file_name" not in record:
        raise record.lacks("file_name")
    name = record.text("file_name")
    if not name:
        raise CatalogError(f"{record.listed}: line {record.line} has an empty file_name")
    return posixpath.normpath(repaired(record.listed.parent, name))


def repaired(folder: Path, name: str) -> str:
    """A name that was written on Windows; where such a file is really there, the backslash is part of its name."""
    return name if "\\" not in name or there(folder / name) else name.replace("\\", "/")


def there(path: Path) -> bool:
    """Whether a file or folder is there; a name that no file can have, too long or with a NUL, is nowhere."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def path_of(folder: Path, name: str) -> Path:
    """Where a named photo is: accents may be composed in a list and decomposed on the disk, or the other way round."""
    path = folder / name
    if name.isascii() or there(path):
        return path
    others = (folder / unicodedata.normalize(form, name) for form in ("NFC", "NFD"))
    return next((other for other in others if there(other)), path)


def _said(record: Record, labels: Labels) -> tuple[str, ...]:
    """One label of each attribute, composed as Unicode's NFC, and all tags as one text."""
    for column in labels.names:
        if column not in record:
            raise record.lacks(column, f" Choose one with `{'attributes' if labels.folders else 'label'}`")
    if labels.tags and labels.tags not in record:
        raise record.lacks(labels.tags, " Choose one with `tags`")
    said = [unicodedata.normalize("NFC", record.label(column)) for column in labels.names]
    if labels.tags:
        said.append(TAG_END.join(unicodedata.normalize("NFC", tag) for tag in record.tags(labels.tags)))
    return tuple(said)


def _split(record: Record) -> str:
    value = record.text("split")
    found = split_of(value)
    if value and not found:
        raise record.error(
            "split", f"is {value!r}; use train, validation or test, or leave it empty.{did_you_mean(value, SPLITS)}"
        )
    return found


def _group(record: Record, name: str, labels: Labels) -> str:
    if labels.group == FOLDER:
        return posixpath.dirname(name)
    column = labels.group_column
    if column and column not in record:
        raise record.lacks(column, " Choose one with `group`")
    return record.text(column) if column else ""


def _doubtful(rows: list[Row], labels: Labels) -> list[tuple[str, str]]:
    """Labels that look like no label at all."""
    counts: dict[str, int] = {}
    for row in rows:
        for label in row.labels[: len(labels.names)]:
            if label.lower() in NO_LABEL:
                counts[label] = counts.get(label, 0) + 1
    return [
        (f"label {label!r}", f"is taken for a class of {count} photos; leave the cell empty if it means no label")
        for label, count in counts.items()
    ]
