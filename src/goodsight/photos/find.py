"""Every file below a folder, in a fixed order."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import overload

from goodsight.errors import CatalogError
from goodsight.photos.places import Address, Source

logger = logging.getLogger("goodsight")


_NOT_PHOTOS = {"thumbs.db", "desktop.ini"}


@overload
def find(root: Path) -> Iterator[Path]: ...
@overload
def find(root: Source) -> Iterator[Source]: ...
def find(root: Source) -> Iterator[Source]:
    """Every file below `root`, ordered by its path relative to `root`; a name says nothing about the content.

    Behind an address a folder is listed when it is its turn, and one that cannot be listed is an error: what is in it
    would be missing without a word. Of a folder on this machine:

    Hidden names, Thumbs.db and desktop.ini are left out. Links are followed, and a folder that several ways lead to
    is searched once. A folder that cannot be read is logged as a warning. What is neither file nor folder (a broken
    link, a pipe) is included, so that `read` can say what is wrong with it.
    """
    yield from _far(root) if isinstance(root, Address) else _here(Path(root))


def folders_in(root: Source) -> list[Source]:
    """The folders directly in a folder, by name, without hidden ones.

    Raises:
        CatalogError: it cannot be read.

    """
    return [root / name for name, below in sorted(_entries(root)) if below and not name.startswith(".")]


def holds_files(folder: Source, ending: str = "") -> bool:
    """Whether files whose names end so lie directly in a folder. Raises CatalogError as `folders_in` does."""
    names = (name for name, below in _entries(folder) if not below and not name.startswith("."))
    return any(name.lower().endswith(ending) for name in names)


def _entries(folder: Source) -> list[tuple[str, bool]]:
    if isinstance(folder, Address):
        return folder.entries()
    try:
        with os.scandir(folder) as found:
            return [(entry.name, _is_folder(entry)) for entry in found]
    except OSError as error:
        raise CatalogError(f"{folder}: cannot be read: {error.strerror}") from error


def _far(root: Address) -> Iterator[Address]:
    stack = [(root, True)]
    while stack:
        place, is_folder = stack.pop()
        if is_folder:
            # A folder with :: in its name cannot be asked for, and so is a bad photo.
            stack += [(place / name, below and "::" not in name) for name, below in _in_order(place.entries())]
        else:
            yield place


def _here(root: Path) -> Iterator[Path]:
    visited: set[tuple[int, int]] = set()
    stack = [(root, True)]  # not recursion: folders can be nested deeper than Python allows calls to be
    while stack:
        path, is_folder = stack.pop()
        if not is_folder:
            yield path
            continue
        try:
            status = path.stat()
            if (status.st_dev, status.st_ino) in visited:
                continue
            visited.add((status.st_dev, status.st_ino))
            with os.scandir(path) as entries:
                inside = _in_order([(entry.name, _is_folder(entry)) for entry in entries])
        except OSError as error:
            logger.warning("folder %s is skipped: %s", path, error.strerror or error)
            continue
        stack += [(path / name, below) for name, below in inside]


def _in_order(entries: list[tuple[str, bool]]) -> list[tuple[str, bool]]:
    """What may be photos, the last first."""
    # A folder's name with its slash sorts exactly as the whole paths below it do.
    wanted = (entry for entry in entries if not _skipped(entry[0]))
    return sorted(wanted, key=lambda item: f"{item[0]}/" if item[1] else item[0], reverse=True)


def _skipped(name: str) -> bool:
    return name.startswith(".") or name.lower() in _NOT_PHOTOS


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself, or into a folder that is closed to us
        return False
