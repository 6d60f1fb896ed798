"""Photos in a folder, each under the hash of its content: no name of a client's ever reaches the disk."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from goodsight.files import whole_file

_AT_ONCE = 16
"""Files that are forced to the disk at once: the file system then writes its journal once for several of them."""
_SETTLED = 60.0
"""Seconds after which whoever wrote a file has forced it to the disk."""


class Photos(Protocol):
    """Where photos are kept: a folder of this machine, or what :mod:`goodsight.store.shared` reaches."""

    def put_all(self, photos: Mapping[str, bytes]) -> None:
        """Keep the bytes of photos, by their sha256; those that are there already stay as they are."""

    def has(self, sha256: str) -> bool:
        """Whether bytes are kept."""

    def get(self, sha256: str) -> bytes | None:
        """The bytes, or None when they are not kept (any more)."""

    def delete(self, sha256: str) -> None:
        """Remove the bytes; nothing happens when they are gone already."""

    def close(self) -> None:
        """End the threads."""


class KeptPhotos:
    """``folder/ab/abcdef...``, written whole. The folder may be one that several machines share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="goodsight-sync")

    def put_all(self, photos: Mapping[str, bytes]) -> None:
        """Keep photos by their sha256: all are on the disk when this returns, files and names.

        The files are forced there together and then the folders, so that many photos take hardly longer than one.
        """
        fresh = [path for path in map(self._path, photos) if not _settled(path)]
        if not fresh:
            return
        made = {path.parent for path in fresh if not path.parent.exists()}
        # A file must be on the disk before its name is: else, after a power cut, a name may stand for nothing.
        list(self._threads.map(lambda path: _write(path, photos[path.name]), fresh))
        self._sync({path.parent for path in fresh} | ({self._folder, self._folder.parent} if made else set()))

    def _sync(self, folders: Iterable[Path]) -> None:
        list(self._threads.map(_sync, folders))

    def has(self, sha256: str) -> bool:
        """Whether bytes are kept."""
        return self._path(sha256).exists()

    def get(self, sha256: str) -> bytes | None:
        """The bytes, or None when they are not kept (any more)."""
        try:
            return self._path(sha256).read_bytes()
        except FileNotFoundError:
            return None

    def delete(self, sha256: str) -> None:
        """Remove the bytes; nothing happens when they are gone already."""
        self._path(sha256).unlink(missing_ok=True)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown()

    def _path(self, sha256: str) -> Path:
        return self._folder / place_of(sha256)


def place_of(sha256: str) -> str:
    """Where a photo is, below the place of all.

    Raises:
        ValueError: it is no sha256.

    """
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        raise ValueError(f"not a sha256: {sha256[:80]!r}")
    return f"{sha256[:2]}/{sha256}"


def _settled(path: Path) -> bool:
    """Whether a file is there and on the disk for sure; one that another process has just written may not be."""
    try:
        return time.time() - path.stat().st_mtime > _SETTLED
    except FileNotFoundError:
        return False


def _write(path: Path, data: bytes) -> None:
    """Write a file whole, or force one that is there, to the disk."""
    if path.exists():
        with suppress(FileNotFoundError):  # it has just been deleted, and is written again after the answer is
            _sync(path)
        return
    with whole_file(path) as part:
        part.write_bytes(data)
        _sync(part)


def _sync(path: Path) -> None:
    """Force a file or a folder to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
