"""A folder of photos, or a list of them, becomes rows: which photo, which labels, which split.

Three forms are read: one folder per class; ``train``, ``validation`` and ``test`` folders that each hold one folder
per class; a ``metadata.csv`` or ``metadata.jsonl`` (or any .csv or .jsonl file) with a ``file_name`` column, one or
several label columns and, if wanted, a ``split`` column and a ``boxes`` column (see :mod:`goodsight.boxes`). With
several attributes a folder's name holds one label of each (``black_jeans``), and a column of tags gives every tag an
attribute of its own, with the labels yes and no.
"""

from __future__ import annotations

import csv
import json
import os
import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from goodsight import photos
from goodsight.boxes import Box, parse
from goodsight.errors import CatalogError, did_you_mean

LISTS = ("metadata.csv", "metadata.jsonl")
LINE_BYTES = 2**20
"""Of a line of JSON Lines."""
SPLITS = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "dev": "validation",
    "test": "test",
    "testing": "test",
}

NONE = "none"
"""The class of photos of a folder that show none of the others, when the user names no class."""


TAKEN = ("file_name", "combination", "verdict", "reason")
"""Columns of results, which no attribute's may replace; nor may one end as the columns of another do."""
_ENDINGS = re.compile(r"(.+)_(?:probability|verdict|top\d+_label|top\d+_probability)")
YES, NO = "yes", "no"
"""The labels of a tag: it holds, or it does not."""


@dataclass(frozen=True)
class Attribute:
    """A named group of labels of which a photo has one at most; a ``tag`` is a group of its own, yes or no."""

    name: str
    tag: bool = False


LABEL = Attribute("label")
"""What labels are called when nobody names them."""


@dataclass(frozen=True)
class Row:
    """One photo: its name relative to its source, where it is, and what is said of it ('' for nothing).

    ``source`` numbers the folder or list it came from. With several attributes ``labels`` has one of each, and
    ``label`` says them all, until :meth:`Catalog.view` chooses one. ``boxes`` are around what the label names, where
    that is known.
    """

    file_name: str
    path: Path
    label: str = ""
    split: str = ""
    source: int = 0
    labels: tuple[str, ...] = ()
    boxes: tuple[Box, ...] = ()


@dataclass(frozen=True)
class Catalog:
    """Rows in a fixed order, the classes in the order used everywhere, and what was left out with the reason.

    ``name`` says where they came from, for messages. With several ``attributes`` the classes are combinations of
    labels, until :meth:`view` chooses one attribute.
    """

    name: str
    rows: tuple[Row, ...]
    classes: tuple[str, ...]
    left_out: tuple[tuple[str, str], ...] = ()
    attributes: tuple[Attribute, ...] = (LABEL,)

    @classmethod
    def of(
        cls, name: str, rows: Iterable[Row], left_out: Iterable[tuple[str, str]], attributes: tuple[Attribute, ...]
    ) -> Catalog:
        """A catalog of rows; with several attributes, whose labels become the row's own."""
        if len(attributes) > 1:
            rows = (replace(row, label=in_words(row.labels, attributes)) for row in rows)
        kept = tuple(rows)
        return cls(name, kept, tuple(sorted({row.label for row in kept})), tuple(left_out), attributes)

    def view(self, attribute: int) -> Catalog:
        """The same rows with the labels of one attribute, by its number; '' where a photo has none of it."""
        if len(self.attributes) == 1:
            return self
        rows = tuple(replace(row, label=row.labels[attribute]) for row in self.rows)
        classes = tuple(sorted({row.label for row in rows} - {""}))
        return replace(self, rows=rows, classes=classes)

    @property
    def has_split(self) -> bool:
        """Whether the user brought a split."""
        return any(row.split for row in self.rows)


@dataclass(frozen=True)
class Columns:
    """Where labels are: in label columns of a list, or in the names of folders; and in a column of tags ('' for none).

    ``folders`` says that a folder's name holds one label of each, as in ``black_jeans``; ``boxes`` that a list's column
    of this name is read, for what learns from boxes.
    """

    labels: tuple[str, ...] = ("label",)
    folders: bool = False
    tags: str = ""
    boxes: bool = False

    @classmethod
    def of(cls, label: str | Sequence[str] = (), attributes: Sequence[str] = (), tags: str = "") -> Columns:
        """As the user gives them: the column ``label`` when no other is named.

        Args:
            label: one label column or several.
            attributes: names of attributes, for labels in the names of folders.
            tags: the column of tags.

        Raises:
            CatalogError: a name is empty or given twice.

        """
        label = (label,) if isinstance(label, str) else label
        names = tuple(name.strip() for name in attributes) or tuple(label)
        if attributes and label:
            raise CatalogError("--attributes takes labels from folders' names, --label from columns: give one of them")
        for name in names:
            if not name.strip() or (*names, tags).count(name) > 1:
                raise CatalogError(f"{'--attributes' if attributes else '--label'} {name!r}: empty or given twice")
        return cls(names or (() if tags else ("label",)), bool(attributes), tags)


ONE_COLUMN = Columns()


def load(*sources: Path, columns: Columns = ONE_COLUMN, ignore_split: bool = False) -> Catalog:
    """Read labelled photos from a folder or a list, or from several as one catalog.

    With several, names begin with the source's own name, and when one has splits the photos of those without are
    training photos. A later source corrects an earlier one: :func:`goodsight.photoset.corrected` sees to that, as it
    knows which photos are the same.

    Args:
        sources: folders, or .csv or .jsonl files.
        columns: where the labels are.
        ignore_split: treat all photos alike, whatever split they came with.

    Raises:
        CatalogError: nothing there, a missing column, a row without a file, a file with two labels.

    """
    rows: list[Row] = []
    left_out: list[tuple[str, str]] = []
    read = [_read(source, columns) for source in sources]
    split_given = not ignore_split and any(row.split for found, _ in read for row in found)
    for number, ((found, without), prefix) in enumerate(zip(read, _prefixes(sources), strict=True)):
        own_split = any(row.split for row in found)
        left_out += [(prefix + name, reason) for name, reason in without]
        for row in found:
            split = "" if ignore_split else row.split
            if split_given and not split and own_split:
                left_out.append((prefix + row.file_name, "no split given"))
            else:
                split = split or ("train" if split_given else "")
                rows.append(replace(row, file_name=prefix + row.file_name, split=split, source=number))
    said = ", ".join(map(str, sources))
    if not rows:
        raise CatalogError(f"{said}: no photos with a label; {_FORMS}")
    rows, attributes = _attributed(said, rows, columns)
    return Catalog.of(said, rows, left_out, attributes)


def in_words(labels: Sequence[str], attributes: Sequence[Attribute]) -> str:
    """Labels in one phrase, such as ``black jeans``; of tags those that hold."""
    pairs = zip(labels, attributes, strict=True)
    words = (
        attribute.name if attribute.tag else label for label, attribute in pairs if label != NO or not attribute.tag
    )
    return " ".join(word for word in words if word)


def _attributed(said: str, rows: list[Row], columns: Columns) -> tuple[list[Row], tuple[Attribute, ...]]:
    """The rows with one label of each attribute, every tag being one, and the attributes."""
    attributes = [Attribute(name) for name in columns.labels]
    if columns.tags:
        found = sorted({tag for row in rows for tag in _tags(row.labels[-1])})
        if not found:
            raise CatalogError(f"{said}: the column {columns.tags!r} holds no tags; separate them by spaces or commas")
        both = next((tag for tag in found if tag in columns.labels), None)
        if both:
            raise CatalogError(f"{said}: {both!r} is both a tag and a label column; rename one of them")
        attributes += [Attribute(tag, tag=True) for tag in found]
        rows = [
            replace(row, labels=(*row.labels[:-1], *(YES if tag in given else NO for tag in found)))
            for row in rows
            for given in (_tags(row.labels[-1]),)
        ]
    names = {attribute.name for attribute in attributes}
    for name in names if len(names) > 1 else ():
        of_another = _ENDINGS.fullmatch(name)
        if name in TAKEN or (of_another and of_another[1] in names):
            raise CatalogError(
                f"{said}: {name!r} cannot be the name of an attribute, it is a column of results; rename it"
            )
    if len(attributes) == 1:
        # It needs no tuple.
        rows = [replace(row, label=row.labels[0], labels=()) for row in rows]
    return rows, tuple(attributes)


def _tags(text: str) -> set[str]:
    return set(text.replace(",", " ").split())


def _prefixes(sources: Sequence[Path]) -> list[str]:
    """What makes the names of several sources distinct: their own names, numbered where two are the same."""
    if len(sources) == 1:
        return [""]
    names = [source.resolve().name for source in sources]
    return [
        f"{name}/" if names.count(name) == 1 else f"{name} ({names[: i + 1].count(name)})/"
        for i, name in enumerate(names)
    ]


def unlabelled(source: Path) -> Iterator[Row]:
    """Every photo of a file, a folder (searched recursively) or a list, whatever its labels.

    Raises:
        CatalogError: ``source`` is not there, or is a list that cannot be read.

    """
    listed = _list_in(source)
    if listed:
        for number, record in records(listed):
            name = _file_name(listed, number, record)
            yield Row(name, listed.parent / name)
    elif source.is_dir():
        for path in photos.find(source):
            yield Row(path.relative_to(source).as_posix(), path)
    elif source.exists():
        yield Row(source.name, source)
    else:
        raise CatalogError(f"{source}: there is no such photo, folder or list")


def with_none(catalog: Catalog, source: Path, name: str) -> Catalog:
    """A catalog with the photos of a folder or a list as further photos of the class ``name``, to train on.

    Photos that the catalog has under this label already are not added.

    Raises:
        CatalogError: ``source`` is not there, holds no photo, or holds photos that the catalog has under another label.

    """
    folder, split = source.resolve().name, "train" if catalog.has_split else ""
    labels = {os.path.realpath(row.path): row.label for row in catalog.rows}
    found, more, otherwise = list(unlabelled(source)), [], []
    for row in found:
        path = os.path.realpath(row.path)
        if path not in labels:
            more.append(Row(f"{folder}/{row.file_name}", row.path, name, split))
        elif labels[path] != name:
            otherwise.append(f"{row.file_name} as {labels[path]!r}")
        labels.setdefault(path, name)
    if not found:
        raise CatalogError(f"{source}: holds no photo; give a folder of photos that show none of the classes")
    if otherwise:
        raise CatalogError(
            f"--none {source}: {len(otherwise)} of its photos are labelled otherwise as well, the first "
            f"{otherwise[0]}; take them out of one of the two, or name their label with --none-class"
        )
    return replace(catalog, rows=(*catalog.rows, *more), classes=tuple(sorted({*catalog.classes, name})))


def require_none(
    said: str, classes: Sequence[str], name: str, kind: str = "photo", bad: Sequence[tuple[Row, Exception]] = ()
) -> None:
    """The class that means none of the others is there, and two others.

    Args:
        said: where the photos came from.
        classes: those that there are photos of.
        name: of the class.
        kind: of the photos.
        bad: photos that cannot be used, with the reason.

    Raises:
        CatalogError: it is not, or they are not.

    """
    first = f"; the first bad photo: {bad[0][0].file_name}: {bad[0][1]}" if bad else ""
    if name not in classes:
        raise CatalogError(
            f"{said}: no {kind} has the label {name!r}; give photos of it with --none FOLDER, or name another label "
            f"with --none-class.{did_you_mean(name, classes)}{first}"
        )
    brands = [each for each in classes if each != name]
    if len(brands) < 2:
        raise CatalogError(
            f"{said}: beside {name!r}, two brands at least must have a {kind}; "
            f"only {', '.join(map(repr, brands)) or 'none'} has{first}"
        )


def without_lone_tags(catalog: Catalog) -> Catalog:
    """A catalog without the tags that all of its training photos have, or none: there is nothing to learn of them.

    Each is named among what was left out; the last attribute stays.
    """
    trained = [row for row in catalog.rows if row.split in ("", "train")]
    kept, out = [], []
    for number, attribute in enumerate(catalog.attributes):
        found = {row.labels[number] for row in trained if row.labels}
        if attribute.tag and len(found) == 1:
            said = "all training photos have it" if found == {YES} else "no training photo has it"
            out.append((f"tag {attribute.name}", f"{said}, so there is nothing to learn"))
        else:
            kept.append(number)
    if not out or not kept:
        return catalog
    rows = [replace(row, labels=tuple(row.labels[number] for number in kept)) for row in catalog.rows]
    attributes = tuple(catalog.attributes[number] for number in kept)
    if len(kept) == 1:
        rows = [replace(row, label=row.labels[0], labels=()) for row in rows]
    return Catalog.of(catalog.name, rows, (*catalog.left_out, *out), attributes)


def require_classes(catalog: Catalog) -> None:
    """Training needs two classes at least, of each attribute.

    Raises:
        CatalogError: there is one class only.

    """
    for number, attribute in enumerate(catalog.attributes):
        classes = catalog.view(number).classes
        if len(classes) < 2:
            which = f"{attribute.name}: " if len(catalog.attributes) > 1 else ""
            if attribute.tag:
                raise CatalogError(
                    f"{catalog.name}: the tag {attribute.name!r} is {', '.join(classes)} for every photo; training "
                    "needs photos with it and without"
                )
            raise CatalogError(
                f"{catalog.name}: {which}one class only ({', '.join(classes)!r}); training needs at least two, each "
                "in its folder"
            )


_FORMS = (
    "give one folder per class, train/validation/test folders with one folder per class in each, "
    "or a metadata.csv with the columns file_name and label"
)


def _read(source: Path, columns: Columns) -> tuple[list[Row], list[tuple[str, str]]]:
    if not source.exists():
        raise CatalogError(f"{source}: there is no such folder or list")
    listed = _list_in(source)
    if listed:
        return _from_list(listed, columns)
    if not source.is_dir():
        raise CatalogError(f"{source}: not a folder, .csv or .jsonl file; {_FORMS}")
    if columns.tags:
        raise CatalogError(f"{source}: --tags {columns.tags} is a column of a list, and there is no metadata.csv")
    if len(columns.labels) > 1 and not columns.folders:
        said = " and ".join(f"--label {name}" for name in columns.labels)
        raise CatalogError(
            f"{source}: {said} are columns of a list, and there is no metadata.csv; for labels in the names of folders "
            f"use --attributes {','.join(columns.labels)}"
        )
    return _from_folders(source, columns)


def _list_in(source: Path) -> Path | None:
    if source.suffix.lower() in {".csv", ".jsonl"} and source.is_file():
        return source
    return next((source / name for name in LISTS if (source / name).is_file()), None)


def _from_folders(root: Path, columns: Columns) -> tuple[list[Row], list[tuple[str, str]]]:
    folders = sorted(p for p in _children(root) if p.is_dir())
    split_of = {p: SPLITS.get(p.name.lower(), "") for p in folders}
    given = "train" in split_of.values() and all(split_of.values())
    rows, left_out = [], []
    for path in photos.find(root):
        name = path.relative_to(root).as_posix()
        parts = name.split("/")
        depth = 1 if given else 0
        if len(parts) < depth + 2:
            left_out.append((name, "lies in no class folder"))
            continue
        labels = tuple(parts[depth].split("_", len(columns.labels) - 1)) if columns.folders else (parts[depth],)
        if len(labels) < len(columns.labels) or not all(labels):
            wanted = "_".join(columns.labels).upper()
            left_out.append((name, f"the folder {parts[depth]!r} does not name one label of each, as {wanted} would"))
        else:
            rows.append(Row(name, path, labels[0], split_of[root / parts[0]] if given else "", labels=labels))
    if not rows:
        raise CatalogError(f"{root}: no photos in class folders; {_FORMS}")
    return rows, left_out


def _children(root: Path) -> Iterable[Path]:
    try:
        return [root / entry.name for entry in os.scandir(root) if not entry.name.startswith(".")]
    except OSError as error:
        raise CatalogError(f"{root}: cannot be read: {error.strerror}") from error


def _from_list(listed: Path, columns: Columns) -> tuple[list[Row], list[tuple[str, str]]]:
    rows: dict[str, Row] = {}
    left_out: list[tuple[str, str]] = []
    missing: list[str] = []
    wanted = {
        "--attributes" if columns.folders else "--label": columns.labels,
        "--tags": (columns.tags,) if columns.tags else (),
    }
    for number, record in records(listed):
        name = _file_name(listed, number, record)
        for option, column in ((option, column) for option, those in wanted.items() for column in those):
            if column not in record:
                others = [c for c in record if c not in {"file_name", "split"}]
                raise CatalogError(
                    f"{listed}: there is no column {column!r}; the columns are {', '.join(record)}."
                    f"{did_you_mean(column, others)} Choose one with {option}"
                )
        labels = tuple(record[column].strip() for those in wanted.values() for column in those)
        row = Row(name, listed.parent / name, labels[0], _split(listed, number, record.get("split", "")), 0, labels)
        if not any(labels) and not columns.tags:
            left_out.append((name, "no label"))
        elif name in rows and rows[name].labels != labels:
            one, two = (", ".join(given) for given in (rows[name].labels, labels))
            raise CatalogError(f"{listed}: {name} is listed as {one!r} and as {two!r}; keep one of them")
        elif name in rows and rows[name].split != row.split:
            raise CatalogError(f"{listed}: {name} is listed in the splits {rows[name].split!r} and {row.split!r}")
        elif not row.path.is_file():
            missing.append(f"row {number}: {name}")
        else:
            boxes = parse(record.get("boxes", ""), f"{listed}: row {number}") if columns.boxes else ()
            earlier = rows[name].boxes if name in rows else ()
            rows[name] = replace(row, boxes=tuple(dict.fromkeys(earlier + boxes)))
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


def _file_name(listed: Path, number: int, record: Mapping[str, str]) -> str:
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
