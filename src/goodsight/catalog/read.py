"""A folder of photos, or a list of them, becomes rows: which photo, which labels, which split.

Three forms are read: one folder per class; ``train``, ``validation`` and ``test`` folders that each hold one folder
per class; a ``metadata.csv`` or ``metadata.jsonl`` (or any .csv or .jsonl file) with a ``file_name`` column, one or
several label columns and, if wanted, a ``split`` column and a ``boxes`` column (see :mod:`goodsight.photos.boxes`).
With several attributes a folder's name holds one label of each (``black_jeans``), and a column of tags gives every tag
an attribute of its own, with the labels yes and no.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from goodsight.catalog.folders import FORMS, from_folders
from goodsight.catalog.labels import UNSAID, Labels
from goodsight.catalog.lists import from_list, list_in, name_of, records
from goodsight.catalog.rows import NO, TAKEN, YES, Attribute, Catalog, Row
from goodsight.errors import CatalogError
from goodsight.photos import find

_ENDINGS = re.compile(r"(.+)_(?:probability|verdict|top\d+_label|top\d+_probability)")


def read_catalog(*sources: Path, labels: Labels = UNSAID, boxes: bool = False, ignore_split: bool = False) -> Catalog:
    """Read labelled photos from a folder or a list, or from several as one catalog.

    With several, names begin with the source's own name, and when one has splits the photos of those without are
    training photos. A later source corrects an earlier one:
    :func:`goodsight.embedding.photoset.corrected` sees to that, as it knows which photos are the same.

    Args:
        sources: folders, or .csv or .jsonl files.
        labels: where the labels are; ledgers are replayed by :func:`goodsight.catalog.replay.replay`.
        boxes: read a list's column ``boxes``, for what learns from boxes.
        ignore_split: treat all photos alike, also where ``labels`` does not say so.

    Raises:
        CatalogError: nothing there, a missing column, a row without a file, a file with two labels.

    """
    rows: list[Row] = []
    left_out: list[tuple[str, str]] = []
    read = [_read(source, labels, boxes) for source in sources]
    ignore_split = ignore_split or labels.ignore_split
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
        raise CatalogError(f"{said}: no photos with a label; {FORMS}")
    rows, attributes = _attributed(said, rows, labels)
    return Catalog(said, tuple(rows), attributes, tuple(left_out))


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
    listed = list_in(source)
    if listed:
        for number, record in records(listed):
            name = name_of(listed, number, record)
            yield Row(name, listed.parent / name)
    elif source.is_dir():
        for path in find.find(source):
            yield Row(path.relative_to(source).as_posix(), path)
    elif source.exists():
        yield Row(source.name, source)
    else:
        raise CatalogError(f"{source}: there is no such photo, folder or list")


def _read(source: Path, labels: Labels, boxes: bool) -> tuple[list[Row], list[tuple[str, str]]]:
    if not source.exists():
        raise CatalogError(f"{source}: there is no such folder or list")
    listed = list_in(source)
    if listed:
        return from_list(listed, labels, boxes=boxes)
    if not source.is_dir():
        raise CatalogError(f"{source}: not a folder, .csv or .jsonl file; {FORMS}")
    if labels.tags:
        raise CatalogError(f"{source}: `tags` {labels.tags} is a column of a list, and there is no metadata.csv")
    if len(labels.names) > 1 and not labels.folders:
        said = " and ".join(f"`label` {name}" for name in labels.names)
        raise CatalogError(
            f"{source}: {said} are columns of a list, and there is no metadata.csv; for labels in the names of folders "
            f"use `attributes` {','.join(labels.names)}"
        )
    return from_folders(source, labels)
