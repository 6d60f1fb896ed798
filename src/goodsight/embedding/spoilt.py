"""Photos under every condition of :mod:`goodsight.photos.spoil` become embeddings."""

from __future__ import annotations

import hashlib
import os
import zlib
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from goodsight.backbones.backbone import Backbone
from goodsight.backbones.engine import Engine
from goodsight.catalog.rows import Row
from goodsight.embedding.cache import Cache
from goodsight.embedding.table import THUMBNAIL, Embedded
from goodsight.photos import decoder
from goodsight.photos.limits import BadPhoto, Limits
from goodsight.photos.resize import Resize
from goodsight.photos.spoil import CONDITIONS, Pixels, spoil
from goodsight.progress import Progress, quiet

_IN_FLIGHT = 4


_REVISION = 1
"""Raised when a way to spoil changes, so that embeddings of the older pixels are not used."""


def spoilt_vectors(
    rows: Sequence[Row],
    backbone: Backbone,
    engine: Engine,
    limits: Limits,
    *,
    cache: Cache | None = None,
    progress: Progress = quiet,
) -> tuple[npt.NDArray[np.float32], list[int]]:
    """Embed photos under every condition; a photo that cannot be read is left out.

    A photo is decoded once, and its seed comes from its bytes, so its pixels depend on nothing else. Besides the
    vectors, what is held does not grow with the number of photos.

    Args:
        rows: the photos (n).
        backbone: its resize rule and width.
        engine: runs its network, on one photo's conditions at a time.
        limits: on bytes and pixels of a photo.
        cache: of embeddings by this network, read and filled when given.
        progress: called as ``progress("robustness", done, n)``.

    Returns:
        Vectors (conditions, photos that could be read, width), and which of ``rows`` those photos are, ascending.

    """
    workers = os.cpu_count() or 1
    vectors = np.empty((len(CONDITIONS), len(rows), backbone.width), np.float32)
    good: list[int] = []
    remaining = iter(rows)
    decoded = finished = 0
    with ThreadPoolExecutor(workers, thread_name_prefix="goodsight-spoil") as pool:
        spoiling: deque[Future[_Spoilt | None]] = deque()
        running: deque[tuple[int, _Spoilt | None, Future[npt.NDArray[np.float32]] | None]] = deque()

        def feed() -> None:
            while len(spoiling) < 2 * workers and (row := next(remaining, None)) is not None:
                spoiling.append(pool.submit(_all_spoilt, row, backbone.resize, limits, cache))

        feed()
        while spoiling or running:
            while spoiling and len(running) < _IN_FLIGHT:
                spoilt = spoiling.popleft().result()
                running.append((decoded, spoilt, engine.submit(spoilt.pixels) if spoilt and not spoilt.known else None))
                decoded += 1
                feed()
            index, spoilt, future = running.popleft()
            if spoilt is not None:
                # Rounded as the cache's vectors are, with which these are compared.
                found = np.stack(spoilt.known) if future is None else future.result().astype(np.float16)
                vectors[:, len(good)] = found
                good.append(index)
                if cache and future is not None:
                    for digest, vector in zip(spoilt.digests, found, strict=True):
                        cache.put(Embedded(rows[index], digest, vector, np.zeros(THUMBNAIL**2, np.uint8)))
            finished += 1
            progress("robustness", finished, len(rows))
    if cache:
        cache.flush()
    return vectors[:, : len(good)], good


@dataclass(frozen=True)
class _Spoilt:
    """A photo under every condition: under which names it is cached, and its vectors if it is, else its pixels."""

    digests: tuple[str, ...]
    known: tuple[npt.NDArray[np.float16], ...]
    pixels: Pixels


def _all_spoilt(row: Row, resize: Resize, limits: Limits, cache: Cache | None) -> _Spoilt | None:
    """A photo under every condition, or None when it cannot be read."""
    try:
        data = decoder.read(row.path, limits)
        digests = _digests(data)
        found = [cache.get(digest) for digest in digests] if cache else []
        known = tuple(entry[0] for entry in found if entry)
        if len(known) == len(CONDITIONS):
            return _Spoilt(digests, known, np.empty((0, 0, 0, 3), np.uint8))
        pixels = decoder.decode(data, resize, limits)
    except BadPhoto:
        return None
    seed = zlib.crc32(data)
    return _Spoilt(digests, (), np.stack([spoil(pixels, condition, seed) for condition in CONDITIONS]))


def _digests(data: bytes) -> tuple[str, ...]:
    """A name for the photo under each condition, in the form of a content hash."""
    whole = hashlib.sha256(data).hexdigest()
    named = (f"{_REVISION} {c.kind} {c.value:g} {whole}" for c in CONDITIONS)
    return tuple(hashlib.sha256(name.encode()).hexdigest() for name in named)
