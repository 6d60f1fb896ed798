"""A folder of photos, or a list of them, becomes rows: which photo, which labels, which split.

Four forms are read: one folder per class; ``train``, ``validation`` and ``test`` folders that each hold one folder
per class, or a list; a ``metadata.csv``, ``.jsonl`` or ``.parquet`` (or any file that ends so) with a ``file_name``
column, one or several label columns and, if wanted, a ``split`` column and a ``boxes`` column (see
:mod:`goodsight.photos.boxes`); a tar, or a folder of them (see :mod:`goodsight.catalog.tars`). Each may also lie behind
an address. With several attributes a folder's name holds one label of each (``black_jeans``), and a
column of tags gives every tag an attribute of its own, with the labels yes and no.
"""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from goodsight.catalog import tars
from goodsight.catalog.folders import FORMS, from_folders, split_folders
from goodsight.catalog.labels import FOLDER, UNSAID, Labels
from goodsight.catalog.lists import beside, foreign_lists, from_list, list_in, placed, there
from goodsight.catalog.records import records
from goodsight.catalog.rows import NO, TAG_END, TAKEN, YES, Attribute, Catalog, Found, Row
from goodsight.catalog.splits import split_of
from goodsight.errors import CatalogError
from goodsight.photos import places
from goodsight.photos.find import find, holds_files
from goodsight.photos.places import Address, Source, below
from goodsight.photos.tars import SUFFIX

_ENDINGS = re.compile(r"(.+)_(?:probability|verdict|top\d+_label|top\d+_probability)")


def read_catalog(*sources: Source, labels: Labels = UNSAID, boxes: bool = False, ignore_split: bool = False) -> Catalog:
    """Read labelled photos from a folder or a list, or from several as one catalog.

    With several, names begin with the source's own name, and when one has splits the photos of those without are
    training photos. A later source corrects an earlier one:
    :func:`goodsight.embedding.photoset.corrected` sees to that, as it knows which photos are the same.

    Args:
        sources: folders, lists or tars.
        labels: where the labels are; ledgers are replayed by :func:`goodsight.catalog.replay.replay`.
        boxes: read a list's column ``boxes``, for what learns from boxes.
        ignore_split: treat all photos alike, also where ``labels`` does not say so.

    Raises:
        CatalogError: nothing there, a missing column, a row without a file, a file with two labels.

    """
    rows: list[Row] = []
    left_out: list[tuple[str, str]] = []
    notes: list[tuple[str, str]] = []
    read = [_read(source, labels, boxes) for source in sources]
    ignore_split = ignore_split or labels.ignore_split
    split_given = not ignore_split and any(row.split for found in read for row in found.rows)
    for number, (found, prefix) in enumerate(zip(read, _prefixes(sources), strict=True)):
        own_split = any(row.split for row in found.rows)
        left_out += [(prefix + name, reason) for name, reason in found.left_out]
        notes += [(prefix + name, reason) for name, reason in found.notes]
        for row in found.rows:
            split = "" if ignore_split else row.split
            if split_given and not split and own_split:
                left_out.append((prefix + row.file_name, "no split given"))
            else:
                split = split or ("train" if split_given else "")
                rows.append(replace(row, file_name=prefix + row.file_name, split=split, source=number))
    said = ", ".join(map(str, sources))
    if not rows:
        raise CatalogError(f"{said}: no photos with a label; {FORMS}")
    if split_given and not any(row.split == "train" for row in rows):
        there = ", ".join(sorted({row.split for row in rows}))
        raise CatalogError(
            f"{said}: has photos of the splits {there} and none of train; add a folder train/ or rows of that split, "
            "or treat all photos alike with `ignore_split`"
        )
    if labels.grouping and not any(row.group for row in rows):
        reason = "no photo lies in a folder below its class" if labels.group == FOLDER else "the column is empty"
        raise CatalogError(f"{said}: `group` {labels.group}: {reason}; leave it out, or say where groups are")
    rows, attributes = _attributed(said, rows, labels)
    _require_distinct(said, rows, attributes)
    return Catalog(said, tuple(rows), attributes, tuple(left_out), tuple(notes))


def read_unsorted(source: Source) -> Catalog:
    """The photos of a folder without class folders, without a label; for what needs none.

    Raises:
        CatalogError: there is no photo.

    """
    rows = tuple(Row(below(path, source), path, ("",)) for path in find(source))
    if not rows:
        raise CatalogError(f"{source}: holds no photo")
    return Catalog(str(source), rows)


def is_unsorted(source: Source) -> bool:
    """Whether a folder holds photos and neither folders nor a list."""
    if isinstance(source, Address) and (tars.is_tar(source) or list_in(source)):
        return False
    if not source.is_dir() or list_in(source) or holds_files(source, SUFFIX):
        return False
    return not any("/" in below(path, source) for path in find(source))


def _require_distinct(said: str, rows: Sequence[Row], attributes: Sequence[Attribute]) -> None:
    """Labels that differ only in case or blanks are one label, written twice.

    Raises:
        CatalogError: there are such.

    """
    for number, attribute in enumerate(attributes):
        alike: dict[str, Counter[str]] = defaultdict(Counter)
        for row in rows:
            alike[" ".join(row.labels[number].split()).casefold()][row.labels[number]] += 1
        for labels in alike.values():
            if len(labels) > 1:
                shown = " and ".join(f"{label!r} ({count} photos)" for label, count in labels.most_common())
                raise CatalogError(
                    f"{said}: {f'{attribute.name}: ' if len(attributes) > 1 else ''}the labels {shown} differ only in "
                    "case or blanks; write them the same, or rename one"
                )


def _attributed(said: str, rows: list[Row], labels: Labels) -> tuple[list[Row], tuple[Attribute, ...]]:
    """The rows with one label of each attribute, every tag being one, and the attributes."""
    attributes = [Attribute(name) for name in labels.names]
    if labels.tags:
        found = sorted({tag for row in rows for tag in _tags(row.labels[-1])})
        if not found:
            raise CatalogError(f"{said}: the column {labels.tags!r} holds no tags; separate them by spaces or commas")
        both = next((tag for tag in found if tag in labels.names), None)
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
    return rows, tuple(attributes)


def _tags(text: str) -> set[str]:
    return set(text.split(TAG_END)) - {""}


def _prefixes(sources: Sequence[Source]) -> list[str]:
    """What makes the names of several sources distinct: their own names, numbered where two are the same."""
    if len(sources) == 1:
        return [""]
    names = [source.resolve().name for source in sources]
    return [
        f"{name}/" if names.count(name) == 1 else f"{name} ({names[: i + 1].count(name)})/"
        for i, name in enumerate(names)
    ]


def unlabelled(source: str | Path | Address) -> Iterator[Row]:
    """Every photo of a file, a folder (searched recursively), a list or a tar, whatever its labels; read lazily.

    A folder with a list gives the photos of the list first, and then those that it lacks.

    Raises:
        CatalogError: ``source`` is not there, or is a list or a tar that cannot be read.

    """
    source = places.of(source)
    listed = list_in(source)
    if listed:
        named = set()
        for _, name, path in placed(listed, records(listed, only=("file_name",))):
            if listed != source:
                named.add(path)
            yield Row(name, path)
        if listed != source:
            yield from (Row(name, path) for name, path in beside(listed) if path not in named)
    elif tars.is_tar(source) and not _is_folder(source):
        yield from (Row(member.name, member) for member in tars.members(source))
    elif source.is_dir():
        passed = {name for name, _ in foreign_lists(source)}
        for path in find(source):
            name = below(path, source)
            if tars.is_tar(path):
                yield from (Row(f"{name}/{member.name}", member) for member in tars.members(path))
            elif name not in passed:
                yield Row(name, path)
    elif there(source):
        yield Row(source.name, source)
    else:
        raise CatalogError(f"{source}: there is no such photo, folder or list")


def _is_folder(source: Source) -> bool:
    """Of an address that ends like a tar nobody asks."""
    return isinstance(source, Path) and source.is_dir()


def _read(source: Source, labels: Labels, boxes: bool) -> Found:
    listed = list_in(source)
    if not listed and not tars.is_tar(source) and not there(source):
        raise CatalogError(f"{source}: there is no such folder or list")
    if listed:
        return from_list(listed, labels, boxes=boxes, whole=listed != source)
    if tars.is_tar(source) and not _is_folder(source):
        return from_list(source, labels, boxes=boxes, whole=False)
    if not source.is_dir():
        raise CatalogError(f"{source}: not a folder, a tar, nor a .csv, .jsonl or .parquet file; {FORMS}")
    lists = {folder: inner for folder in split_folders(source) if (inner := list_in(folder))}
    if lists:
        return _from_lists(source, lists, labels, boxes)
    if holds_files(source, SUFFIX):
        return _from_tars(source, labels, boxes)
    for option, column in (("tags", labels.tags), ("group", labels.group_column)):
        if column:
            raise CatalogError(f"{source}: `{option}` {column} is a column of a list, and there is no metadata.csv")
    if len(labels.names) > 1 and not labels.folders:
        said = " and ".join(f"`label` {name}" for name in labels.names)
        raise CatalogError(
            f"{source}: {said} are columns of a list, and there is no metadata.csv; for labels in the names of folders "
            f"use `attributes` {','.join(labels.names)}"
        )
    found = from_folders(source, labels)
    passed = dict(foreign_lists(source))
    found.left_out = [(name, passed.get(name, reason)) for name, reason in found.left_out]
    return found


def _from_tars(source: Source, labels: Labels, boxes: bool) -> Found:
    """The photos of all tars below a folder."""
    every = Found()
    for path in find(source):
        name = below(path, source)
        if not tars.is_tar(path):
            every.left_out.append((name, "lies beside tars"))
            continue
        found = from_list(path, labels, boxes=boxes, whole=False)
        every.rows += [replace(row, file_name=f"{name}/{row.file_name}") for row in found.rows]
        every.left_out += [(f"{name}/{inner}", reason) for inner, reason in found.left_out]
        every.notes += found.notes
    return every


def _from_lists(source: Source, lists: dict[Source, Source], labels: Labels, boxes: bool) -> Found:
    """A list in each split folder, as Hugging Face's ``imagefolder`` has it.

    Raises:
        CatalogError: a split folder has none.

    """
    without = [folder.name for folder in split_folders(source) if folder not in lists and next(find(folder), None)]
    if without:
        there = ", ".join(f"{folder.name}/{listed.name}" for folder, listed in lists.items())
        raise CatalogError(
            f"{source}: there is {there}, and no list in {without[0]}/; put one into each split folder, or one list "
            "with a column split at the top"
        )
    every = Found()
    for folder, listed in lists.items():
        found, split = from_list(listed, labels, boxes=boxes, whole=True), split_of(folder.name)
        for row in found.rows:
            every.rows.append(replace(row, file_name=f"{folder.name}/{row.file_name}", split=split))
        every.left_out += [(f"{folder.name}/{name}", reason) for name, reason in found.left_out]
        every.notes += found.notes
    inside = tuple(f"{folder.name}/" for folder in lists)
    names = (below(path, source) for path in find(source))
    every.left_out += [(name, "lies beside the splits") for name in names if not name.startswith(inside)]
    return every
