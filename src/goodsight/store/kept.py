"""Photos in a folder, each under the hash of its content: no name of a client's ever reaches the disk."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from goodsight.files import whole_file


class KeptPhotos:
    """``folder/ab/abcdef...``, written whole."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, data: bytes, sha256: str = "") -> str:
        """Keep bytes; the sha256 they are found by, which is worked out when it is not given."""
        sha256 = sha256 or hashlib.sha256(data).hexdigest()
        path = self._path(sha256)
        if not path.exists():
            with whole_file(path) as part:
                part.write_bytes(data)
        return sha256

    def get(self, sha256: str) -> bytes | None:
        """The bytes, or None when they are not kept (any more)."""
        try:
            return self._path(sha256).read_bytes()
        except FileNotFoundError:
            return None

    def delete(self, sha256: str) -> None:
        """Remove the bytes; nothing happens when they are gone already."""
        self._path(sha256).unlink(missing_ok=True)

    def _path(self, sha256: str) -> Path:
        if not re.fullmatch("[0-9a-f]{64}", sha256):
            raise ValueError(f"not a sha256: {sha256[:80]!r}")
        return self._folder / sha256[:2] / sha256
