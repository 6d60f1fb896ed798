"""What is behind an address as a stream that can be read at any place."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from goodsight.photos import remote

if TYPE_CHECKING:
    from _typeshed import WriteableBuffer

_MOST = 8 * 2**20
"""Bytes of one question: they come in the time that a question has."""


class Ranges(io.RawIOBase):
    """A file behind an address, read by ranges: what was not asked for does not travel.

    A read raises BadPhoto as :func:`goodsight.photos.remote.fetch` does.
    """

    def __init__(self, url: str) -> None:
        super().__init__()
        self._url, self._at = url, 0

    def readable(self) -> bool:
        """Yes."""
        return True

    def seekable(self) -> bool:
        """Yes."""
        return True

    def tell(self) -> int:
        """Where the next read begins."""
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Read on elsewhere."""
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at}.get(whence)
        self._at = max(0, (remote.size(self._url) if base is None else base) + offset)
        return self._at

    def readinto(self, buffer: WriteableBuffer) -> int:
        """The next bytes; none at the end."""
        view = memoryview(buffer).cast("B")
        data = remote.fetch(self._url, self._at, self._at + min(len(view), _MOST))
        view[: len(data)] = data
        self._at += len(data)
        return len(data)


def stream(url: str) -> io.BufferedReader:
    """A file behind an address, read in pieces of 1 MiB."""
    return io.BufferedReader(Ranges(url), remote.PAGE)
