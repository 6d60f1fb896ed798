"""Every file below a folder, in a fixed order."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from pathlib import Path

logger = logging.getLogger("goodsight")


_NOT_PHOTOS = {"thumbs.db", "desktop.ini"}


def find(root: Path) -> Iterator[Path]:
    """Every file below `root`, ordered by its path relative to `root`; a name says nothing about the content.

    Hidden names, Thumbs.db and desktop.ini are left out. Links are followed, and a folder that several ways lead to
    is searched once. A folder that cannot be read is logged as a warning. What is neither file nor folder (a broken
    link, a pipe) is included, so that `read` can say what is wrong with it.
    """
    visited: set[tuple[int, int]] = set()
    stack = [(Path(root), True)]  # not recursion: folders can be nested deeper than Python allows calls to be
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
                inside = [(entry.name, _is_folder(entry)) for entry in entries if not _skipped(entry.name)]
        except OSError as error:
            logger.warning("folder %s is skipped: %s", path, error.strerror or error)
            continue
        # A folder's name with its slash sorts exactly as the whole paths below it do.
        inside.sort(key=lambda item: f"{item[0]}/" if item[1] else item[0], reverse=True)
        stack += [(path / name, below) for name, below in inside]


def _skipped(name: str) -> bool:
    return name.startswith(".") or name.lower() in _NOT_PHOTOS


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link that leads to itself, or into a folder that is closed to us
        return False
