"""A tar of photos as WebDataset writes it becomes records: what stands before a name's first dot joins photo and label.

``cat/001.jpg`` with ``cat/001.cls`` beside it has the label that the latter says; a ``.txt`` says it too, and a
``.json`` is an object with the columns of a list. Without any of them the folder of the photo is its label.
"""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping
from itertools import groupby
from typing import Any

from goodsight.catalog.labels import Labels
from goodsight.catalog.records import Record
from goodsight.catalog.splits import split_of
from goodsight.errors import CatalogError
from goodsight.photos.places import Member, Source
from goodsight.photos.tars import SUFFIX, TEXT, Found, files

_PHOTOS = {"jpg", "jpeg", "png", "webp", "gif", "bmp", "tif", "tiff", "avif", "heic", "heif"}
_SAID = (".cls", ".txt", ".json")
"""What says a label, the first first."""


def is_tar(source: Source) -> bool:
    """Whether a source is called like a tar."""
    return source.suffix.lower() == SUFFIX


def members(archive: Source) -> Iterator[Member]:
    """The photos of a tar, whatever their labels, in its order.

    Raises:
        CatalogError: it cannot be read.

    """
    for _, found in groupby(files(archive), _key):
        yield from _photos(list(found))


def labelled(archive: Source, labels: Labels) -> Iterator[tuple[Record, Member]]:
    """The photos of a tar with what is said of each: as a list would, in columns. Their number is the line.

    Raises:
        CatalogError: it cannot be read, or what says a label is no text, no JSON, or over 64 KiB.

    """
    keys: dict[str, list[Found]] = {}
    for found in files(archive, _SAID):
        keys.setdefault(_key(found), []).append(found)
    number = 0
    for group in keys.values():
        photos = _photos(group)
        said = _values(archive, group, labels) if photos else {}
        for photo in photos:
            number += 1
            yield Record(archive, number, {**_by_folder(photo.name, labels), **said, "file_name": photo.name}), photo


def _key(found: Found) -> str:
    folder, name = posixpath.split(found.member.name)
    return posixpath.join(folder, name.partition(".")[0] if not name.startswith(".") else name)


def _ending(found: Found) -> str:
    return posixpath.basename(found.member.name).partition(".")[2].lower()


def _photos(group: list[Found]) -> list[Member]:
    """Of one name ``001.jpg``; else all that end like photos: ``001.image.jpg``, or names that have dots in them."""
    visible = [found for found in group if not posixpath.basename(found.member.name).startswith(".")]
    plain = [found.member for found in visible if _ending(found) in _PHOTOS]
    return plain or [found.member for found in visible if _ending(found).rpartition(".")[2] in _PHOTOS]


def _values(archive: Source, group: list[Found], labels: Labels) -> Mapping[str, Any]:
    """What stands beside a photo, as columns; empty where nothing does."""
    by_ending = {f".{_ending(found)}": found for found in group}
    for ending in _SAID:
        if found := by_ending.get(ending):
            where = f"{archive}: {found.member.name}"
            if found.member.size > TEXT:
                raise CatalogError(f"{where}: is over 64 KiB, which is no label; leave it out")
            try:
                text = found.text.decode().strip()
                values = json.loads(text) if ending == ".json" else {labels.names[0]: text} if labels.names else {}
            except (ValueError, RecursionError) as error:
                raise CatalogError(f"{where}: cannot be read as {ending[1:]}: write UTF-8 text") from error
            if not isinstance(values, dict):
                raise CatalogError(f"{where}: is no JSON object; write one with the columns of a list")
            return values
    return {}


def _by_folder(name: str, labels: Labels) -> dict[str, str]:
    """The label that the last folder says, and the split that the first one is called like."""
    *folders, _ = name.split("/")
    said = (folders or [""])[-1].split("_", len(labels.names) - 1) if labels.folders else (folders or [""])[-1:]
    values = dict(zip(labels.names, [*said, *[""] * len(labels.names)], strict=False))
    return values | ({"split": split_of(folders[0])} if len(folders) > 1 else {})
