"""What is in a tar, by its headers alone: nothing is ever unpacked, and only regular files count.

A tar may come from a stranger. Its names are only names, its links and devices are passed over, and no header may ask
for more memory than a piece.
"""

from __future__ import annotations

import io
import posixpath
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from goodsight.errors import CatalogError, GoodsightError
from goodsight.photos.limits import BadPhoto
from goodsight.photos.places import Member, Source

SUFFIX = ".tar"
TEXT = 2**16
"""Bytes of a member that says something of a photo, at most."""
_HEADER = 2**20


@dataclass(frozen=True)
class Found:
    """A file in a tar: where it is, and the first bytes of one that was asked for."""

    member: Member
    text: bytes = b""


def files(archive: Source, texts: tuple[str, ...] = ()) -> Iterator[Found]:
    """Every regular file in a tar, in its order, with the text of those whose names end in one of ``texts``.

    Raises:
        CatalogError: it is not there, cannot be read, is compressed, or is no tar.

    """
    try:
        with archive.open("rb") as stream, tarfile.open(fileobj=_Forward(stream), mode="r:", errorlevel=1) as tar:
            for info in tar:
                # What was read is kept by tarfile, all of it, in case somebody asks for it by name.
                tar.members = []  # type: ignore[attr-defined]
                if info.size < 0:
                    raise tarfile.ReadError("a file of a size below 0")
                name = posixpath.normpath(info.name.lstrip("/"))
                if not info.isreg() or info.issparse() or name.startswith(".."):
                    continue
                member = Member(archive, name, info.offset_data, info.size)
                if name.lower().endswith(texts) and info.size <= TEXT:
                    yield Found(member, _text(stream, info))
                else:
                    yield Found(member)
    except BadPhoto as bad:
        raise CatalogError(f"{archive}: {bad}") from None
    except GoodsightError:
        raise
    except OSError as error:
        raise CatalogError(f"{archive}: cannot be read: {error.strerror or error}") from error
    except RecursionError as error:  # tarfile calls itself for each header that is about the next one
        raise CatalogError(f"{archive}: is no tar that can be read: too many headers in a row say a name") from error
    except Exception as error:  # of a stranger's headers tarfile can raise nearly anything
        raise CatalogError(f"{archive}: {_said(archive, error)}") from error


def _text(stream: IO[Any], info: tarfile.TarInfo) -> bytes:
    at = stream.tell()
    stream.seek(info.offset_data)
    text: bytes = stream.read(info.size)
    stream.seek(at)
    return text


def _said(archive: Source, error: Exception) -> str:
    if isinstance(archive, Path):
        with archive.open("rb") as stream:
            if stream.read(3) in (b"\x1f\x8b\x08", b"BZh", b"\xfd7z", b"\x28\xb5\x2f"):
                return "is compressed, so no photo in it can be found by its place; write it as a plain .tar"
    return f"is no tar that can be read: {error}"


class _Forward(io.RawIOBase):
    """A stream for headers: it goes forward only, and gives a header's bytes at once only where they are few."""

    def __init__(self, stream: IO[Any]) -> None:
        super().__init__()
        self._stream = stream

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._stream.tell()

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        # A header with a negative size would lead back to itself, for ever. One byte back is tarfile's own way.
        if whence != io.SEEK_SET or offset < self._stream.tell() - 1:
            raise tarfile.ReadError("a header leads back")
        return self._stream.seek(offset)

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _HEADER:
            raise tarfile.ReadError("a header of over 1 MiB")
        data: bytes = self._stream.read(size)
        return data
