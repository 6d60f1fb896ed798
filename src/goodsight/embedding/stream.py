"""Photos become embeddings: decode threads, batches, the engine, and a cache that makes a second run skip the network.

Everything between the disk and the caller is bounded, so memory does not grow with the number of photos. Results come
in the order of the photos. The cache is keyed by content, so it survives renaming, and by all that the embedding
depends on: network, resize rule, engine and precision.
"""

from __future__ import annotations

import hashlib
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice

import numpy as np
import numpy.typing as npt

from goodsight.backbones.backbone import Backbone
from goodsight.backbones.engine import Engine
from goodsight.catalog.rows import Row
from goodsight.embedding.cache import Cache
from goodsight.embedding.table import THUMBNAIL, Embedded, Table
from goodsight.photos import decoder
from goodsight.photos.limits import DEFAULT_LIMITS, BadPhoto, Limits
from goodsight.progress import Progress, quiet

BATCH = 16


_LARGE = 320
"""Pixels of a side beyond which a batch has a quarter of the photos: the maps of more fit in no processor's cache, and
16 photos of 416 pixels take a sixth longer in one batch than in four."""


def stream(
    rows: Iterable[Row],
    backbone: Backbone,
    engine: Engine,
    *,
    cache: Cache | None = None,
    fingerprints: bool = True,
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress = quiet,
    total: int = 0,
) -> Iterator[Embedded]:
    """Embed photos in order; a bad photo comes out with its reason and stops nothing.

    Args:
        rows: the photos; read lazily.
        backbone: its resize rule and width.
        engine: runs its network.
        cache: read and filled when given.
        fingerprints: hash the bytes and make thumbnails even without a cache; twins are found by them.
        limits: on bytes and pixels of a photo.
        progress: called as ``progress("embed", done, total)``.
        total: how many photos there are, 0 when that is not known.

    """
    workers = max(2, os.cpu_count() or 2)
    fingerprints = fingerprints or cache is not None
    remaining = iter(rows)
    batch = BATCH if backbone.resize.size <= _LARGE else BATCH // 4
    done = 0
    with ThreadPoolExecutor(workers, thread_name_prefix="goodsight-decode") as pool:
        decoding: deque[Future[list[_Prepared]]] = deque()
        running: deque[tuple[list[_Prepared], Future[npt.NDArray[np.float32]] | None]] = deque()

        def feed() -> None:
            while len(decoding) < 3 * workers and (chunk := list(islice(remaining, batch))):
                decoding.append(pool.submit(_prepare_all, chunk, backbone, cache, fingerprints, limits))

        feed()
        while decoding or running:
            while decoding and len(running) < 4:
                chunk = decoding.popleft().result()
                pixels = [photo.pixels for photo in chunk if photo.pixels is not None]
                running.append((chunk, engine.submit(np.stack(pixels)) if pixels else None))
                feed()
            chunk, future = running.popleft()
            vectors = iter(() if future is None else future.result().astype(np.float16))
            for photo in chunk:
                embedded = photo.embedded
                if photo.pixels is not None:
                    thumbnail = _thumbnail(photo.pixels) if fingerprints else None
                    embedded = replace(embedded, vector=next(vectors), thumbnail=thumbnail)
                    if cache:
                        cache.put(embedded)
                yield embedded
            done += len(chunk)
            progress("embed", done, total)
    if cache:
        cache.flush()


def table(
    rows: Sequence[Row],
    backbone: Backbone,
    engine: Engine,
    *,
    cache: Cache | None = None,
    limits: Limits = DEFAULT_LIMITS,
    progress: Progress = quiet,
) -> Table:
    """Embed photos and gather the good ones as arrays: vectors (n, width) float32, thumbnails (n, 256) uint8."""
    # The values are those of the cache's float16; float32 saves converting them again at every step that follows.
    vectors = np.empty((len(rows), backbone.width), np.float32)
    thumbnails = np.empty((len(rows), THUMBNAIL**2), np.uint8)
    good: list[Embedded] = []
    bad: list[tuple[Row, BadPhoto]] = []
    for photo in stream(rows, backbone, engine, cache=cache, limits=limits, progress=progress, total=len(rows)):
        if photo.bad is not None:
            bad.append((photo.row, photo.bad))
        elif photo.vector is not None and photo.thumbnail is not None:
            vectors[len(good)], thumbnails[len(good)] = photo.vector, photo.thumbnail
            good.append(Embedded(photo.row, photo.sha256))
    n = len(good)
    return Table(tuple(p.row for p in good), tuple(p.sha256 for p in good), vectors[:n], thumbnails[:n], tuple(bad))


@dataclass(frozen=True)
class _Prepared:
    """A photo on its way: decided already (cached or bad), or with the pixels that the engine needs."""

    embedded: Embedded
    pixels: npt.NDArray[np.uint8] | None = None


def _prepare_all(
    rows: list[Row], backbone: Backbone, cache: Cache | None, hashed: bool, limits: Limits
) -> list[_Prepared]:
    return [_prepare(row, backbone, cache, hashed, limits) for row in rows]


def _prepare(row: Row, backbone: Backbone, cache: Cache | None, hashed: bool, limits: Limits) -> _Prepared:
    try:
        data = decoder.read(row.path, limits)
        digest = hashlib.sha256(data).hexdigest() if hashed else ""
        known = cache.get(digest) if cache else None
        if known:
            return _Prepared(Embedded(row, digest, *known))
        return _Prepared(Embedded(row, digest), decoder.decode(data, backbone.resize, limits))
    except BadPhoto as bad:
        return _Prepared(Embedded(row, bad=bad))


def _thumbnail(pixels: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Grey means of a 16 x 16 grid, flat, from pixels whose sides are multiples of 16; it finds twins."""
    height, width, _ = pixels.shape
    # Rows first and without floats: three times as quick as the plain mean over both axes.
    rows = pixels.reshape(THUMBNAIL, height // THUMBNAIL, width * 3).sum(axis=1, dtype=np.uint32)
    cells = rows.reshape(THUMBNAIL, THUMBNAIL, width // THUMBNAIL, 3).sum(axis=2)
    grey = cells @ np.array([77, 150, 29]) // (256 * (height // THUMBNAIL) * (width // THUMBNAIL))
    return np.asarray(grey.ravel(), np.uint8)
