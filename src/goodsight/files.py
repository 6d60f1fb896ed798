"""Where files go, and how they get there whole: the cache folder, atomic files, atomic folders."""

from __future__ import annotations

import os
import shutil
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from goodsight.errors import FolderExistsError

MARKS = {"metrics.json": "", "split.json": '"goodsight":'}
"""What shows that Goodsight made a folder: a file, and the text in it where others have a file of that name as well."""


def cache_folder() -> Path:
    """``GOODSIGHT_CACHE``, or the platform's user cache folder; made when it is not there."""
    chosen = os.environ.get("GOODSIGHT_CACHE")
    folder = Path(chosen) if chosen else Path(platformdirs.user_cache_dir("goodsight", appauthor=False))
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A path to write to; it becomes ``path`` when the block ends well, and vanishes when it does not."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = _beside(path)
    part.touch(exist_ok=False)
    try:
        yield part
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path, *, force: bool = False) -> Iterator[Path]:
    """A folder to fill; it becomes ``path`` when the block ends well, and vanishes when it does not.

    Raises:
        FolderExistsError: as :func:`refuse_folder`.

    """
    refuse_folder(path, force=force)
    path.parent.mkdir(parents=True, exist_ok=True)
    part, old = _beside(path), _beside(path)
    part.mkdir()
    try:
        yield part
        if path.exists():
            path.replace(old)
        part.replace(path)
        shutil.rmtree(old, ignore_errors=True)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def exchange(new: Path, path: Path) -> Path:
    """Put a copy of one folder in the place of another; where the other is kept now."""
    path = path.resolve()
    part, kept = _beside(path), path.with_name(f"{path.name}.before-{time.strftime('%Y%m%d-%H%M%S')}")
    try:
        shutil.copytree(new, part)
        path.rename(kept)
        part.rename(path)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return kept


def refuse_existing(path: Path, *, force: bool) -> None:
    """Fail before long work, not after it, when the output is taken.

    Raises:
        FolderExistsError: ``path`` is there already and ``force`` is not set.

    """
    if path.exists() and not force:
        raise FolderExistsError(f"{path} is there already: choose another `out`, or replace it with `force`")


def refuse_folder(path: Path, *, force: bool) -> None:
    """As :func:`refuse_existing`, for a folder that would be replaced as a whole: it must be one that Goodsight made.

    Raises:
        FolderExistsError: ``path`` is there and ``force`` is not set, or it is not empty and has none of
            :data:`MARKS`.

    """
    refuse_existing(path, force=force)
    if path.is_dir() and not any(_marked(path / name, text) for name, text in MARKS.items()) and any(path.iterdir()):
        raise FolderExistsError(
            f"{path} was not made by goodsight, so `force` does not delete it: choose another `out`"
        )


def _marked(path: Path, text: str) -> bool:
    return path.is_file() and (not text or text in path.read_text(encoding="utf-8", errors="replace"))


def _beside(path: Path) -> Path:
    return path.parent / f".{path.name[:80]}.{uuid.uuid4().hex}"
