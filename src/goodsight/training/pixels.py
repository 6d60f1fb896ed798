"""Photos decoded once, to one array on disk that every epoch reads: (n, side, side, 3), uint8 RGB."""

from __future__ import annotations

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from goodsight.catalog.rows import Row
from goodsight.errors import CatalogError, EngineError
from goodsight.files import whole_file
from goodsight.photos import decoder
from goodsight.photos.limits import BadPhoto, Limits
from goodsight.photos.resize import Resize
from goodsight.progress import Progress

_CHUNK = 64


def decode(
    rows: Sequence[Row], resize: Resize, path: Path, limits: Limits, progress: Progress
) -> npt.NDArray[np.uint8]:
    """A memory map of the photos, made when it is not there yet.

    Args:
        rows: photos that were good a moment ago.
        resize: to which side, and how.
        path: an .npy file; it becomes whole or not at all.
        limits: on bytes and pixels of a photo.
        progress: told the photos.

    Raises:
        CatalogError: a photo cannot be decoded any more.
        EngineError: the disk is full.

    """
    shape = (len(rows), resize.size, resize.size, 3)
    if not path.exists() or np.load(path, mmap_mode="r").shape != shape:
        with whole_file(path) as part, ThreadPoolExecutor(thread_name_prefix="goodsight-decode") as pool:
            array = room(part, np.dtype(np.uint8), shape)
            for start in range(0, len(rows), _CHUNK):
                chunk = rows[start : start + _CHUNK]
                for i, pixels in enumerate(pool.map(lambda row: _one(row, resize, limits), chunk)):
                    array[start + i] = pixels
                progress("decode", start + len(chunk), len(rows))
            array.flush()
    return np.asarray(np.load(path, mmap_mode="r"))


def room(path: Path, kind: np.dtype[Any], shape: tuple[int, ...]) -> np.memmap[Any, Any]:
    """A memory map of a new .npy file with its place on the disk taken: a full disk shows here, not as a crash later.

    Raises:
        EngineError: the disk is full.

    """
    array = np.lib.format.open_memmap(path, "w+", kind, shape)
    if hasattr(os, "posix_fallocate"):
        try:
            with path.open("r+b") as stream:
                os.posix_fallocate(stream.fileno(), 0, path.stat().st_size)
        except OSError as error:
            raise EngineError(
                f"{path.parent}: {array.nbytes / 2**30:.1f} GiB do not fit ({error.strerror}); free some disk, or put "
                "`out` on another one"
            ) from error
    return array


def _one(row: Row, resize: Resize, limits: Limits) -> npt.NDArray[np.uint8]:
    try:
        return decoder.decode(decoder.read(row.path, limits), resize, limits)
    except BadPhoto as bad:
        raise CatalogError(f"{row.path}: was changed while the network was trained: {bad}; run it again") from bad
