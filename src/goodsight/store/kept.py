"""Photos in a folder, each under the hash of its content: no name of a client's ever reaches the disk."""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from goodsight.files import whole_file


class Photos(Protocol):
    """Where photos are kept: a folder of this machine, or what :mod:`goodsight.store.shared` reaches."""

    def put_all(self, photos: Mapping[str, bytes]) -> None:
        """Keep the bytes of photos, by their sha256; those that are there already stay as they are."""

    def get(self, sha256: str) -> bytes | None:
        """The bytes, or None when they are not kept (any more)."""

    def delete(self, sha256: str) -> None:
        """Remove the bytes; nothing happens when they are gone already."""


class KeptPhotos:
    """``folder/ab/abcdef...``, written whole. The folder may be one that several machines share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put_all(self, photos: Mapping[str, bytes]) -> None:
        """Keep the bytes of photos, by their sha256; those that are there already stay as they are."""
        for sha256, data in photos.items():
            path = self._folder / place_of(sha256)
            if not path.exists():
                with whole_file(path) as part:
                    part.write_bytes(data)

    def get(self, sha256: str) -> bytes | None:
        """The bytes, or None when they are not kept (any more)."""
        try:
            return (self._folder / place_of(sha256)).read_bytes()
        except FileNotFoundError:
            return None

    def delete(self, sha256: str) -> None:
        """Remove the bytes; nothing happens when they are gone already."""
        (self._folder / place_of(sha256)).unlink(missing_ok=True)


def place_of(sha256: str) -> str:
    """Where a photo is, below the place of all.

    Raises:
        ValueError: it is no sha256.

    """
    if not re.fullmatch("[0-9a-f]{64}", sha256):
        raise ValueError(f"not a sha256: {sha256[:80]!r}")
    return f"{sha256[:2]}/{sha256}"
