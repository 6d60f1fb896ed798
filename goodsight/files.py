"""Where files go, and how they get there whole: the cache folder, atomic files, atomic folders."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import platformdirs

from goodsight.errors import FolderExistsError


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
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name[:80]}.")
    os.close(handle)
    part = Path(name)
    try:
        yield part
        part.chmod(0o666 & ~_umask())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def whole_folder(path: Path, *, force: bool = False) -> Iterator[Path]:
    """A folder to fill; it becomes ``path`` when the block ends well, and vanishes when it does not.

    Raises:
        FolderExistsError: ``path`` is there already and ``force`` is not set.

    """
    refuse_existing(path, force=force)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name[:80]}."))
    try:
        yield part
        part.chmod(0o777 & ~_umask())
        old = None
        if path.exists():
            old = Path(tempfile.mkdtemp(dir=path.parent, prefix=f".{path.name[:80]}.old."))
            path.replace(old / path.name)
        part.replace(path)
        if old is not None:
            shutil.rmtree(old)
    finally:
        shutil.rmtree(part, ignore_errors=True)


def refuse_existing(path: Path, *, force: bool) -> None:
    """Fail before long work, not after it, when the output folder is taken."""
    if path.exists() and not force:
        raise FolderExistsError(f"{path} is there already: choose another --out, or replace it with --force")


def _umask() -> int:
    current = os.umask(0)
    os.umask(current)
    return current
