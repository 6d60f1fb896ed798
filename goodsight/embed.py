"""Photos become embeddings: decode threads, batches, the engine, and a cache that makes a second run skip the network.

Everything between the disk and the caller is bounded, so memory does not grow with the number of photos. Results come
in the order of the photos. The cache is keyed by content, so it survives renaming, and by all that the embedding
depends on: network, resize rule, engine and precision.
"""

from __future__ import annotations

import hashlib
import os
import uuid
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

import numpy as np
import numpy.typing as npt

from goodsight import photos
from goodsight.backbones import Backbone
from goodsight.catalog import Row
from goodsight.engine import Engine
from goodsight.files import cache_folder, whole_file
from goodsight.photos import DEFAULT_LIMITS, BadPhoto, Limits
from goodsight.progress import Progress, quiet

BATCH = 16
_LARGE = 320
"""Pixels of a side beyond which a batch has a quarter of the photos: the maps of more fit in no processor's cache, and
16 photos of 416 pixels take a sixth longer in one batch than in four."""
THUMBNAIL = 16
_SHARD = 256
_DECODER = 1
"""Raised when the decoder's pixels change, so that embeddings of the older pixels are not used."""


@dataclass(frozen=True)
class Embedded:
    """One photo: its content hash ('' when not read or not asked for), and its embedding or what is wrong with it."""

    row: Row
    sha256: str = ""
    vector: npt.NDArray[np.float16] | None = None
    thumbnail: npt.NDArray[np.uint8] | None = None
    bad: BadPhoto | None = None


@dataclass(frozen=True)
class Table:
    """The good photos of a run as arrays in the order of the rows, and the bad ones with their reasons."""

    rows: tuple[Row, ...]
    sha256: tuple[str, ...]
    vectors: npt.NDArray[np.float32]
    thumbnails: npt.NDArray[np.uint8]
    bad: tuple[tuple[Row, BadPhoto], ...]

    def view(self, attribute: int) -> Table:
        """The same photos, looked at for one of their labels; see :meth:`goodsight.catalog.Catalog.view`."""
        return replace(self, rows=tuple(replace(row, label=row.labels[attribute]) for row in self.rows))

    def take(self, chosen: npt.NDArray[np.integer]) -> Table:
        """Some of the good photos, and all of the bad ones."""
        rows, digests = (tuple(column[i] for i in chosen) for column in (self.rows, self.sha256))
        return Table(rows, digests, self.vectors[chosen], self.thumbnails[chosen], self.bad)


class Cache:
    """Embeddings on disk for one network: append-only shards, each written whole, read through memory maps."""

    def __init__(self, backbone: Backbone, engine: Engine) -> None:
        parts = (
            backbone.sha256,
            str(backbone.resize.to_json()),
            str(backbone.width),
            engine.name,
            engine.precision,
            str(_DECODER),
        )
        self._folder = cache_folder() / "embeddings" / hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]
        self._type = np.dtype(
            [("key", "S32"), ("thumbnail", "u1", (THUMBNAIL**2,)), ("vector", "<f2", (backbone.width,))]
        )
        self._shards: list[tuple[Path, int]] = []
        self._place: dict[bytes, tuple[int, int]] = {}
        self._waiting: list[Embedded] = []
        for path in sorted(self._folder.glob("*.npy")):
            self._add(path)

    def _add(self, path: Path) -> None:
        try:
            shard = np.load(path, mmap_mode="r", allow_pickle=False)
            keys = shard["key"].tolist() if shard.dtype == self._type else []
        except (ValueError, EOFError, OSError, IndexError):
            # A shard that cannot be read is only lost work; it stays where it is and its photos are embedded again.
            return
        self._shards.append((path, shard.offset))
        self._place.update((key, (len(self._shards) - 1, index)) for index, key in enumerate(keys))

    def get(self, digest: str) -> tuple[npt.NDArray[np.float16], npt.NDArray[np.uint8]] | None:
        """The embedding and the thumbnail of a content hash, or None."""
        place = self._place.get(bytes.fromhex(digest).rstrip(b"\0"))
        if place is None:
            return None
        path, offset = self._shards[place[0]]
        # Read, not mapped: a map that stays open keeps every page it ever read in this process's memory.
        with path.open("rb") as stream:
            stream.seek(offset + place[1] * self._type.itemsize)
            record = np.frombuffer(stream.read(self._type.itemsize), self._type)[0]
        return record["vector"], record["thumbnail"]

    def put(self, photo: Embedded) -> None:
        """Keep a new embedding; it reaches the disk with the next full shard or at :meth:`flush`."""
        self._waiting.append(photo)
        if len(self._waiting) >= _SHARD:
            self.flush()

    def flush(self) -> None:
        """Write what is waiting as one shard."""
        if not self._waiting:
            return
        shard = np.zeros(len(self._waiting), self._type)
        for i, photo in enumerate(self._waiting):
            shard[i] = (bytes.fromhex(photo.sha256), photo.thumbnail, photo.vector)
        with whole_file(self._folder / f"{uuid.uuid4().hex}.npy") as part, part.open("wb") as stream:
            np.save(stream, shard, allow_pickle=False)
        self._waiting.clear()


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
        data = photos.read(row.path, limits)
        digest = hashlib.sha256(data).hexdigest() if hashed else ""
        known = cache.get(digest) if cache else None
        if known:
            return _Prepared(Embedded(row, digest, *known))
        return _Prepared(Embedded(row, digest), photos.decode(data, backbone.resize, limits))
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
