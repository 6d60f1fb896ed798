"""Files of embeddings that are only appended to: what was cut off at the end is not there, whenever that happened.

A file begins with a line that says how wide its embeddings are; then come records of one size, each with a checksum.
A process that is killed while it appends leaves a piece of a record, which readers pass over and the next one who
appends cuts off. Files of earlier versions (``.npy``) hold the same records without the checksum, and are only read.
"""

from __future__ import annotations

import os
import uuid
import zlib
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from goodsight.arrays import Half, Pixels
from goodsight.embedding.table import THUMBNAIL
from goodsight.files import whole_file

ENDING, EARLIER = ".records", ".npy"
FULL = 1 << 28
"""Bytes from which on nothing more is appended to a file: files are what is pruned, so they must not be too large."""
_HEAD = 64
_MARK = b"goodsight embeddings 1, width "
SHARED = find_spec("fcntl") is not None
"""Whether files can be locked, so that several processes append to one; else each appends to its own."""

Prefixes = npt.NDArray[np.uint64]
"""The first eight bytes of keys."""


def record_type(width: int, *, checked: bool = True) -> np.dtype[np.void]:
    """A record: the content hash in two parts, the thumbnail, the embedding, and a checksum of all of that."""
    key = [("prefix", "<u8"), ("rest", "u1", (24,))]
    plain = [*key, ("thumbnail", "u1", (THUMBNAIL**2,)), ("vector", "<f2", (width,))]
    return np.dtype([*plain, ("sum", "<u4")] if checked else plain)


def prefix_of(key: bytes) -> np.uint64:
    """By what a key (32 bytes) is sorted."""
    return np.uint64(int.from_bytes(key[:8], "little"))


@dataclass(frozen=True)
class Records:
    """One file; one that is not what it should be has no records.

    Attributes:
        path: where it is.

    """

    path: Path

    @cached_property
    def _form(self) -> tuple[int, np.dtype[np.void]] | None:
        """Where the records begin, and what they are."""
        try:
            if self.path.suffix == EARLIER:
                mapped = np.load(self.path, mmap_mode="r", allow_pickle=False)
                width = mapped.dtype["vector"].shape[0]
                kind = record_type(width, checked=False)
                return (mapped.offset, kind) if mapped.dtype.itemsize == kind.itemsize else None
            with self.path.open("rb") as stream:
                head = stream.read(_HEAD)
            whole = len(head) == _HEAD and head.startswith(_MARK)
            return (_HEAD, record_type(int(head[len(_MARK) :]))) if whole else None
        except (ValueError, EOFError, OSError, KeyError, IndexError, AttributeError):
            # A file that cannot be read is only lost work; it stays where it is, and its photos are embedded again.
            return None

    @property
    def width(self) -> int:
        """Columns of its embeddings, 0 for a file that is none."""
        return self._form[1]["vector"].shape[0] if self._form else 0

    def count(self) -> int:
        """How many whole records it has by now."""
        if self._form is None:
            return 0
        begin, kind = self._form
        try:
            return max(0, self.path.stat().st_size - begin) // kind.itemsize
        except OSError:
            return 0

    def prefixes(self, begin: int, end: int) -> Prefixes:
        """Of the keys of the records from ``begin`` to ``end`` (end - begin,); none when it is gone meanwhile."""
        if self._form is None or end <= begin:
            return np.empty(0, np.uint64)
        offset, kind = self._form
        try:
            mapped = np.memmap(self.path, kind, "r", offset + begin * kind.itemsize, (end - begin,))
        except (OSError, ValueError):
            return np.empty(0, np.uint64)
        return np.array(mapped["prefix"])

    def read(self, number: int, key: bytes) -> tuple[Half, Pixels] | None:
        """Embedding and thumbnail of one record; None when it is not that of a key, or damaged."""
        if self._form is None:
            return None
        begin, kind = self._form
        try:
            # Read, not mapped: a map that stays open keeps every page it ever read in this process's memory.
            with self.path.open("rb") as stream:
                stream.seek(begin + number * kind.itemsize)
                data = stream.read(kind.itemsize)
        except OSError:
            return None
        if len(data) < kind.itemsize or data[:32] != key:
            return None
        record = np.frombuffer(data, kind)[0]
        if "sum" in (kind.names or ()) and zlib.crc32(data[:-4]) != record["sum"]:
            return None
        return record["vector"], record["thumbnail"]

    def append(self, records: npt.NDArray[np.void]) -> int | None:
        """Put records at the end.

        Returns:
            The number of the first, or None when the file is full, gone, in use by another process or of another form.

        Raises:
            OSError: it cannot be written, as when the disk is full.

        """
        if self.path.suffix == EARLIER or self._form is None or self._form[1] != records.dtype:
            return None
        try:
            stream = self.path.open("r+b")
        except FileNotFoundError:
            return None
        with stream:
            if not locked(stream) or not still_there(stream, self.path):
                return None
            number = self.count()
            end = _HEAD + number * records.itemsize
            if end >= FULL:
                return None
            # What a killed process left is cut off; nobody else is writing, as the file is locked.
            stream.truncate(end)
            stream.seek(end)
            stream.write(records.tobytes())
        return number

    def remove(self) -> bool:
        """Delete the file, unless a process is appending to it; whether it is gone."""
        try:
            with self.path.open("rb") as stream:
                if SHARED and not locked(stream):
                    return False
                self.path.unlink(missing_ok=True)
        except FileNotFoundError:
            return True
        except PermissionError:  # Windows, where it is open elsewhere
            return False
        return True


def begun(folder: Path, records: npt.NDArray[np.void]) -> Records:
    """A new file in a folder that holds some records; it appears whole."""
    path = folder / f"{uuid.uuid4().hex}{ENDING}"
    with whole_file(path) as part, part.open("wb") as stream:
        stream.write((_MARK + str(records.dtype["vector"].shape[0]).encode()).ljust(_HEAD - 1) + b"\n")
        stream.write(records.tobytes())
    return Records(path)


def packed(keys: list[bytes], vectors: list[Half], thumbnails: list[Pixels]) -> npt.NDArray[np.void]:
    """Records (n,) with their checksums."""
    found = np.zeros(len(keys), record_type(len(vectors[0])))
    plain = found.view(np.uint8).reshape(len(keys), -1)
    plain[:, :32] = np.frombuffer(b"".join(keys), np.uint8).reshape(len(keys), 32)
    found["thumbnail"], found["vector"] = thumbnails, vectors
    found["sum"] = [zlib.crc32(row[:-4].tobytes()) for row in plain]
    return found


def listed(folder: Path) -> list[Records]:
    """The files of a folder, in the order of their names; none when it is not there."""
    try:
        return [Records(Path(entry.path)) for entry in sorted(os.scandir(folder), key=_name) if _is_ours(entry)]
    except FileNotFoundError:
        return []


def _name(entry: os.DirEntry[str]) -> str:
    return entry.name


def _is_ours(entry: os.DirEntry[str]) -> bool:
    return not entry.name.startswith(".") and entry.name.endswith((ENDING, EARLIER))


def locked(stream: IO[Any]) -> bool:
    """Whether this process alone has the file now; the system frees it when it is closed, however the process ends."""
    if not SHARED:
        return True
    import fcntl

    try:
        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def still_there(stream: IO[Any], path: Path) -> bool:
    """Whether the open file is still the one of that name: it may have been removed before it was locked."""
    try:
        return os.path.samestat(os.fstat(stream.fileno()), path.stat())
    except OSError:
        return False
