"""A list of photos becomes rows: a metadata.csv, .jsonl or .parquet, or what a tar says of its own."""

from __future__ import annotations

import posixpath
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from goodsight.catalog import tars
from goodsight.catalog.labels import FOLDER, Labels
from goodsight.catalog.records import Record, records
from goodsight.catalog.rows import TAG_END, Found, Row
from goodsight.catalog.splits import SPLITS, split_of
from goodsight.errors import CatalogError, did_you_mean
from goodsight.photos import places
from goodsight.photos.boxes import parse
from goodsight.photos.find import find
from goodsight.photos.places import Address, Place, Source

LISTS = ("metadata.csv", "metadata.jsonl", "metadata.parquet")
ENDINGS = (".csv", ".jsonl", ".parquet")
OURS = ("split.json", "metrics.json")
"""What ``split`` and ``reviews export`` write beside a list."""
NO_LABEL = ("nan", "null", "n/a", "na", "#n/a", "nil", "undefined", "<na>")
"""What programs write where there is no value; in CSV it is a text like any other."""


def list_in(source: Source) -> Source | None:
    """The list that a source is, or that a folder holds; None for a folder without one that names photos.

    An address that ends like a list is one, whether it is there or not: reading it says so.
    """
    if source.suffix.lower() in ENDINGS and (isinstance(source, Address) or source.is_file()):
        return source
    return next((path for path in _held(source) if _names_photos(path)), None)


def foreign_lists(source: Source) -> list[tuple[str, str]]:
    """Lists in a folder that name no photos, with the reason why they are passed over."""
    return [
        (path.name, "has no column file_name, so it is passed over")
        for path in _held(source)
        if source.is_dir() and not _names_photos(path)
    ]


def _held(folder: Source) -> list[Source]:
    # The web has no folders: an address there is a photo, a list or a tar.
    if isinstance(folder, Address) and (folder.is_file() or tars.is_tar(folder)):
        return []
    return [folder / name for name in LISTS if (folder / name).is_file()]


def _names_photos(listed: Source) -> bool:
    """Whether a list has the column ``file_name``; one that cannot be read is read again, for its own error."""
    try:
        return all("file_name" in record for record, _ in zip(records(listed), range(1), strict=False))
    except CatalogError:
        return True


def from_list(listed: Source, labels: Labels, *, boxes: bool, whole: bool) -> Found:
    """The photos of a list, or of a tar.

    Whether a photo is there is seen now on this machine, and elsewhere when it is read.

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
    for record, name, path in _told(listed, labels):
        said = _said(record, labels)
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
        elif isinstance(path, Path) and not (there(path) and path.is_file()):
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


def _told(listed: Source, labels: Labels) -> Iterator[tuple[Record, str, Place]]:
    """Each row of a list, or photo of a tar, with its name and where it is."""
    if tars.is_tar(listed):
        for record, member in tars.labelled(listed, labels):
            yield record, member.name, member
    else:
        yield from placed(listed, records(listed))


def placed(listed: Source, told: Iterable[Record]) -> Iterator[tuple[Record, str, Place]]:
    """Each row of a list with the name of its photo, and where that is.

    An address is called what of it is no secret; where several are then called the same, the second is ``NAME (2)``.

    Raises:
        CatalogError: a row names no photo, or one that a list from elsewhere may not name.

    """
    shown: dict[str, str] = {}
    times: Counter[str] = Counter()
    for record in told:
        name = name_of(record)
        path = path_of(listed.parent, name)
        public = places.public(name) if places.is_address(name) else name
        if isinstance(listed, Address) and not _may_name(path, name):
            raise CatalogError(
                f"{listed}: line {record.line}: {public[:100]!r} is a file of this machine, or lies outside "
                f"{listed.parent}; a list from elsewhere names photos beside it, below, or by plain addresses"
            )
        if public != name and name not in shown:  # only such can look the same and be others
            times[public] += 1
            shown[name] = public if times[public] == 1 else f"{public} ({times[public]})"
        yield record, shown.get(name, public), path


def _may_name(path: Place, name: str) -> bool:
    if places.is_address(name):
        return isinstance(path, Address) and "::" not in name
    return not name.startswith(("/", "../"))


def beside(listed: Source) -> Iterator[tuple[str, Source]]:
    """Every file in the folder of a list, and below, but for lists and what we write beside: its name and path."""
    for path in find(listed.parent):
        if path.name not in LISTS + OURS and path != listed:
            yield places.below(path, listed.parent), path


def name_of(record: Record) -> str:
    """The normalised ``file_name`` of a row, or its address.

    Raises:
        CatalogError: it has none.

    """
    if "file_name" not in record:
        raise record.lacks("file_name")
    name = record.text("file_name")
    if not name:
        raise CatalogError(f"{record.listed}: line {record.line} has an empty file_name")
    if places.is_address(name):
        return name
    return posixpath.normpath(repaired(record.listed.parent, name))


def repaired(folder: Source, name: str) -> str:
    """A name that was written on Windows; where such a file is really there, the backslash is part of its name."""
    if "\\" not in name or (isinstance(folder, Path) and there(folder / name)):
        return name
    return name.replace("\\", "/")


def there(path: Source) -> bool:
    """Whether a file or folder is there; a name that no file can have, too long or with a NUL, is nowhere."""
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def path_of(folder: Source, name: str) -> Source:
    """Where a named photo is: accents may be composed in a list and decomposed on the disk, or the other way round."""
    if places.is_address(name):
        return places.named(name)
    path = folder / name
    if isinstance(folder, Address) or name.isascii() or there(path):
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
