"""The bytes of files on this machine. A pipe or a device is refused, and a size is known before anything is read."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from goodsight.photos.limits import BadPhoto, Limits, check_bytes


def read(path: Path, limits: Limits) -> bytes:
    """The bytes of a regular file.

    Raises BadPhoto "empty", "too large", or "unreadable" (no permission, gone, or a folder, pipe or device).
    """
    with opened(path) as (file, size):
        check_bytes(size, limits)
        data = file.read(size)
    check_bytes(len(data), limits)
    return data


def part(path: Path, offset: int, size: int) -> bytes:
    """So many bytes of a regular file from an offset on.

    Raises BadPhoto "unreadable", also where it ends before, or where a number is below 0.
    """
    with opened(path) as (file, whole):
        if min(offset, size) < 0:
            raise BadPhoto("unreadable", "its place is below 0")
        if offset + size > whole:
            raise BadPhoto("unreadable", f"{path.name} ends before it")
        file.seek(offset)
        return file.read(size)


@contextmanager
def opened(path: Path) -> Iterator[tuple[BinaryIO, int]]:
    """A regular file to read, and its size in bytes. Raises BadPhoto "unreadable"."""
    # Without O_NONBLOCK, opening a pipe would wait for a writer for ever. The other flags exist on some systems only.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    try:
        descriptor = os.open(path, flags)
        try:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                raise BadPhoto("unreadable", "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file")
            with os.fdopen(descriptor, "rb", closefd=False) as file:
                yield file, status.st_size
        finally:
            os.close(descriptor)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the name
        raise BadPhoto("unreadable", (getattr(error, "strerror", None) or str(error)).lower()) from error
